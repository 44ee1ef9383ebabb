import { setTimeout as sleep } from 'node:timers/promises';
import { parseJson } from '../../../src/codec/index.ts';
import { proposalKey } from '../../../src/ledger/execute/keys.ts';
import { readerOf } from '../log-of.ts';
import { call, type KubeObject } from '../objects.ts';
import type { Proposal } from '../../../src/types/proposal.ts';
import type { SeenProposal } from '../committee.ts';
import type { Committee } from '../committee.ts';
import type { Playground } from '../../playground/playground.ts';
import type { MutationLeaf, MutationLog } from './mutation-log.ts';
import { inScope, type Recorded, type Row } from './row.ts';
import { Stage, type Attempt } from './stage.ts';

export interface World {
  readonly playground: Playground;
  readonly committee: Committee;
  readonly log: MutationLog;
}

/** Who prepares; the suite's policy leaves this user out, and records of it belong to no row. */
export const PREPARER = 'admin';

/** One half of a row, played. */
export interface Played {
  readonly ns: string;
  readonly attempts: readonly Attempt[];
  /** The objects that the row's records are about, as they were before and as they are afterwards, by their path. */
  readonly before: ReadonlyMap<string, Seen>;
  readonly after: ReadonlyMap<string, Seen>;
}

/** Undefined if the object is not there. */
export interface Seen {
  readonly uid: string | undefined;
  /** Without status and bookkeeping, which controllers write at any time. */
  readonly content: string | undefined;
  readonly object: KubeObject | undefined;
}

/** The governed half of a row, voted for and asked for again. */
export interface Voted {
  readonly attempts: readonly Attempt[];
  readonly proposals: readonly SeenProposal[];
  /** What the chain decided afterwards. */
  readonly decisions: readonly MutationLeaf[];
}

const EVERYWHERE_TIMEOUT_MS = 120_000;
const SETTLED_TIMEOUT_MS = 120_000;
const POLL_INTERVAL_MS = 50;
/** Others than alice's organisation. */
const VOTERS = ['bob', 'carol'];

/** Returns when observers have said what became of it. */
export async function voteAndRepeat(world: World, row: Row, { ns }: Played): Promise<Voted> {
  const { committee, log, playground } = world;
  const before = decisionsOf(log, ns);
  const ids = new Set(before.flatMap(({ result }) => result.proposal ?? []));
  for (const id of ids) {
    await committee.approve(id, VOTERS);
    await approvedEverywhere(playground, id);
  }
  // Not governed: what follows from the change is waited for.
  const attempts = await row.change(new Stage(playground, ns, false, touchedBy(row, ns)));
  // A node that is behind still shows it as READY.
  const isSettled = ({ changes }: SeenProposal) => changes.every(({ state }) => state === 'EXECUTED');
  const proposals = await Promise.all([...ids].map((id) => committee.until(id, isSettled, SETTLED_TIMEOUT_MS)));
  await log.catchUp();
  const decisions = decisionsOf(log, ns).filter(({ index }) => !before.some((earlier) => earlier.index === index));
  return { attempts, proposals, decisions };
}

/** A node that is a block behind would still refuse, from what it has committed. */
async function approvedEverywhere(playground: Playground, id: number): Promise<void> {
  const deadline = performance.now() + EVERYWHERE_TIMEOUT_MS;
  for (const node of playground.state.nodes.keys()) {
    const reader = readerOf(playground, node);
    try {
      for (;;) {
        const bytes = (await reader.state([proposalKey(id)])).values.get(proposalKey(id));
        if (bytes !== undefined && (parseJson(bytes) as unknown as Proposal).state === 'APPROVED') break;
        if (performance.now() > deadline) throw new Error(`node ${node} does not hear that proposal/${id} is approved`);
        await sleep(POLL_INTERVAL_MS);
      }
    } finally {
      reader.close();
    }
  }
}

/** No name of one is the beginning of another's. */
export function namespaceOf(row: Row, isGoverned: boolean): string {
  return `${isGoverned ? 'p' : 'm'}-${row.id}-0`;
}

/** Prepares and changes; the namespace is there. */
export async function play(world: World, row: Row, isGoverned: boolean): Promise<Played> {
  const ns = namespaceOf(row, isGoverned);
  const stage = new Stage(world.playground, ns, isGoverned, touchedBy(row, ns));
  await row.prepare?.(stage);
  const paths = [...row.records, ...(row.refused ?? [])].flatMap((record) => pathOf(record, ns) ?? []);
  const before = await see(world, paths);
  const attempts = await row.change(stage);
  await world.log.catchUp();
  const recorded = decisionsOf(world.log, ns).flatMap(({ attributes }) => pathOfTarget(attributes) ?? []);
  const after = await see(world, [...paths, ...recorded]);
  return { ns, attempts, before, after };
}

/** What the chain decided about the row's own objects, oldest first; what the preparer did is left out. */
export function decisionsOf(log: MutationLog, ns: string): MutationLeaf[] {
  return log.leaves.filter(
    ({ attributes, result }) =>
      attributes.user !== PREPARER && result.decision !== 'WAITING' && belongsTo(attributes, ns),
  );
}

export function belongsTo({ namespace, name }: MutationLeaf['attributes'], ns: string): boolean {
  return namespace === ns || namespace.startsWith(`${ns}-`) || name.includes(ns);
}

/** Paths for `cached`: the objects that the row's records are about, or the collection where no name is known beforehand. */
function touchedBy({ records, refused = [] }: Row, ns: string): string[] {
  // What a CREATE makes is read from no cache; a subresource that is created changes its object.
  const stored = [...records, ...refused].filter(
    ({ operation, resource }) =>
      operation === 'UPDATE' ||
      operation === 'DELETE' ||
      (operation === 'CREATE' && partsOf(resource).subresource !== ''),
  );
  const paths = stored.map((record) => {
    const { group, version, resource } = partsOf(inScope(record.resource, ns));
    const name = inScope(record.name ?? 'x', ns);
    const namespace = inScope(record.namespace ?? '$', ns);
    return pathOfTarget({ group, version, resource, namespace, name: name.endsWith('*') ? '' : name });
  });
  // Rows without a record are about ConfigMaps, but for those that change nothing that is stored.
  return [...new Set([...paths, `/api/v1/namespaces/${ns}/configmaps/x`])];
}

/** Path of the object that a record is about, which for a subresource is its parent; undefined where no name is known beforehand. */
export function pathOf(record: Recorded, ns: string): string | undefined {
  const { group, version, resource } = partsOf(inScope(record.resource, ns));
  const name = inScope(record.name ?? 'x', ns);
  if (name.endsWith('*') || record.uid === 'none') return undefined;
  return pathOfTarget({ group, version, resource, name, namespace: inScope(record.namespace ?? '$', ns) });
}

export function pathOfTarget({ group, version, resource, namespace, name }: Target): string {
  // A Namespace is in itself only for a review.
  const within = namespace === '' || resource === 'namespaces' ? '' : `/namespaces/${namespace}`;
  return `${group === '' ? '/api' : `/apis/${group}`}/${version}${within}/${resource}/${encodeURIComponent(name)}`;
}

type Target = Pick<MutationLeaf['attributes'], 'group' | 'version' | 'resource' | 'namespace' | 'name'>;

export function partsOf(resource: string): { group: string; version: string; resource: string; subresource: string } {
  const parts = resource.split('/');
  const at = parts.findIndex((part) => /^v\d+((alpha|beta)\d+)?$/.test(part));
  const [version = '', name = '', subresource = ''] = parts.slice(at);
  return { group: parts.slice(0, at).join('/'), version, resource: name, subresource };
}

async function see({ playground }: World, paths: Iterable<string>): Promise<Map<string, Seen>> {
  const seen = new Map<string, Seen>();
  for (const path of new Set(paths)) {
    const { object, status } = await call(playground, PREPARER, path);
    seen.set(path, status === 200 ? seenOf(object) : { uid: undefined, content: undefined, object: undefined });
  }
  return seen;
}

function seenOf(object: KubeObject): Seen {
  const {
    managedFields: _1,
    resourceVersion: _2,
    generation: _3,
    ...metadata
  } = (object.metadata ?? {}) as Record<string, unknown>;
  const { status: _4, ...rest } = object;
  return { uid: object.metadata?.uid, content: JSON.stringify({ ...rest, metadata }), object };
}
