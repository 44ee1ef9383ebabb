import type { ChainReader } from '../../src/client/reader.ts';
import { nativeBackend } from '../../src/crypto/index.ts';
import { findingKey, findingOfKey, openFindingsKey } from '../../src/ledger/execute/keys.ts';
import type { Finding } from '../../src/types/finding.ts';
import { ChainError } from '../../src/errors/chain-error.ts';
import { documentOf } from './document.ts';
import { ageOf } from './output/age.ts';
import type { View } from './output/print.ts';
import { printable } from './output/printable.ts';
import type { RecordJson } from './record.ts';

/** Findings read at once: a node answers for so many keys. */
const pageMax = 50;

/** A finding as scripts read it; fields are only ever added. */
export interface FindingJson {
  readonly id: number;
  readonly cluster: string;
  readonly type: Finding['kind'];
  readonly subject: string;
  readonly episode: number;
  readonly state: Finding['state'];
  readonly opened: string;
  readonly closed: string | null;
  readonly detail: string;
  readonly observers: readonly { readonly org: string; readonly record: number; readonly holds: boolean }[];
  readonly objectCount: number;
  readonly objects: Finding['objects'];
  /** What the observer that compared most had compared, and since when it followed the cluster without a gap. */
  readonly compared: number | null;
  readonly watchedSince: string | null;
}

export function describeFinding(finding: Finding): FindingJson {
  const { id, cluster, kind, subject, episode, state, openedMs, closedMs, detail, reports, objects } = finding;
  const coverages = reports.flatMap(({ coverage }) => coverage ?? []).sort((a, b) => b.compared - a.compared);
  return {
    id,
    cluster,
    type: kind,
    subject,
    episode,
    state,
    opened: new Date(openedMs).toISOString(),
    closed: closedMs === null ? null : new Date(closedMs).toISOString(),
    detail,
    observers: reports.map(({ org, leaf, holds }) => ({ org, record: leaf, holds })),
    objectCount: Math.max(0, ...reports.map(({ objectCount }) => objectCount)),
    objects,
    compared: coverages[0]?.compared ?? null,
    watchedSince: coverages[0] === undefined ? null : new Date(coverages[0].sinceMs).toISOString(),
  };
}

/** Open findings of these clusters, all proven. */
export async function openFindings(reader: ChainReader, clusters: readonly string[]): Promise<readonly Finding[]> {
  if (clusters.length === 0) return [];
  const { values } = await reader.state(clusters.map(openFindingsKey));
  const keys = clusters.flatMap((cluster) =>
    (documentOf<{ open: readonly number[] }>(values, openFindingsKey(cluster))?.open ?? []).map((id) =>
      findingKey(cluster, id),
    ),
  );
  const found: Finding[] = [];
  for (let from = 0; from < keys.length; from += pageMax) {
    const page = keys.slice(from, from + pageMax);
    const state = await reader.state(page);
    found.push(...page.flatMap((key) => documentOf<Finding>(state.values, key) ?? []));
  }
  return found;
}

/** What observers found of who really asked for a recorded change, from the API server's audit log; undefined if nothing. */
export async function impersonationOf(
  reader: ChainReader,
  record: Pick<RecordJson, 'type' | 'cluster' | 'actor' | 'group' | 'resource' | 'namespace' | 'name'>,
): Promise<FindingJson | undefined> {
  if (record.type !== 'mutation' || record.actor === '') return undefined;
  const key = findingOfKey(nativeBackend.sha256, record.cluster, 'impersonation', record.actor);
  const id = documentOf<{ readonly id: number }>((await reader.state([key])).values, key)?.id;
  if (id === undefined) return undefined;
  const finding = await findingById(reader, record.cluster, id);
  const isOfIt = ({ group, resource, namespace, name }: Finding['objects'][number]): boolean =>
    group === record.group && resource === record.resource && namespace === record.namespace && name === record.name;
  return finding.objects.some(isOfIt) ? describeFinding(finding) : undefined;
}

/** Throws CLI_NOT_FOUND. */
export async function findingById(reader: ChainReader, cluster: string, id: number): Promise<Finding> {
  const key = findingKey(cluster, id);
  const { values } = await reader.state([key]);
  const found = documentOf<Finding>(values, key);
  if (found === undefined) throw new ChainError('CLI_NOT_FOUND', { what: `finding/${id} of cluster ${cluster}` });
  return found;
}

/** `7` or `finding/7`. Throws CLI_USAGE. */
export function findingNumber(text: string): number {
  const number = /^(?:findings?\/)?([1-9]\d{0,14})$/.exec(text)?.[1];
  if (number === undefined)
    throw new ChainError('CLI_USAGE', { problem: `"${text}" is no finding: write finding/7 or 7` });
  return Number(number);
}

/** One line for people. */
export function findingLine(finding: FindingJson): string {
  const { id, cluster, type, subject, state, detail, objectCount } = finding;
  const count = objectCount === 0 ? '' : ` (${objectCount} objects)`;
  return `finding/${id} of cluster ${cluster} is ${state}: ${type} ${subject}: ${detail}${count}; repair it, or: kubectl chain propose ratify ${id}`;
}

export const findingView: View<FindingJson> = {
  kind: 'Finding',
  name: ({ id }) => `finding/${id}`,
  columns: [
    { header: 'ID', cell: ({ id }) => String(id) },
    { header: 'AGE', cell: ({ opened }, nowMs) => ageOf(opened, nowMs) },
    { header: 'CLUSTER', cell: ({ cluster }) => cluster },
    { header: 'TYPE', cell: ({ type }) => type },
    { header: 'SUBJECT', cell: ({ subject }) => subject },
    { header: 'STATE', cell: ({ state }) => state },
    { header: 'OBSERVERS', cell: ({ observers }) => observers.map(({ org, holds }) => (holds ? org : `${org}(repaired)`)).join(',') },
    { header: 'OBJECTS', cell: ({ objectCount }) => String(objectCount) },
    { header: 'DETAIL', cell: ({ detail }) => detail },
  ],
}; // prettier-ignore

/** Everything of a finding, for people. */
export function findingText(finding: FindingJson): string {
  const { compared, watchedSince, objects, objectCount, observers } = finding;
  const lines = [
    `Finding:    ${finding.id} (${finding.type} ${finding.subject}, episode ${finding.episode})`,
    `Cluster:    ${finding.cluster}`,
    `State:      ${finding.state}`,
    `Opened:     ${finding.opened}`,
    `Detail:     ${finding.detail}`,
    ...observers.map(({ org, record, holds }) => `Observer:   ${org} ${holds ? 'sees it' : 'sees it repaired'} (record ${record})`),
    ...(watchedSince === null ? [] : [`Coverage:   watched since ${watchedSince}, ${compared ?? 0} objects compared`]),
    ...(objectCount === 0 ? [] : [`Objects:    ${objectCount}, ${objects.length} listed`]),
    ...objects.map(({ group, resource, namespace, name, reason, by }) => `  ${resource}${group === '' ? '' : `.${group}`} ${namespace === '' ? '' : `${namespace}/`}${name}: ${reason} (${by.join(',')})`),
  ]; // prettier-ignore
  return `${lines.map(printable).join('\n')}\n`;
}
