import { ChainError, isChainError } from '../../../src/errors/chain-error.ts';
import type { NodeAnswer } from '../../../src/client/reader.ts';
import { faultyMax } from '../../../src/governance/body-holders.ts';
import { clusterKey, KEY, spoolsKey } from '../../../src/ledger/execute/keys.ts';
import type { EvidenceSummary } from '../../../src/ledger/execute/evidence.ts';
import type { ClusterRecord, Validator } from '../../../src/types/chain.ts';
import type { SpoolTotals } from '../../../src/types/spool.ts';
import type { JsonObject } from '../../../src/types/json.ts';
import { documentOf } from '../document.ts';
import { describeFinding, findingLine, openFindings, type FindingJson } from '../findings.ts';
import type { ListOptions } from '../options.ts';
import { humanDuration } from '../output/age.ts';
import { isTable, printOne, type View } from '../output/print.ts';
import { printable } from '../output/printable.ts';
import { table } from '../output/table.ts';
import { durationOption, openSession, type Session } from '../session.ts';
import type { Terminal } from '../terminal.ts';
import { exitCode } from '../exit-code.ts';

export interface StatusOptions extends ListOptions {
  readonly waitFor?: string;
  readonly timeout?: string;
}

interface NodeJson {
  readonly endpoint: string;
  readonly org: string;
  readonly version: string;
  readonly reachable: boolean;
  readonly ready: boolean;
  readonly notReady: readonly string[];
  readonly height: number | null;
  readonly peers: string;
  readonly quorumReachable: boolean;
  readonly hook: string;
  readonly observer: string;
  /** Writes of the control plane that are in the node's spool and not in the log yet; null where it says nothing. */
  readonly spool: {
    readonly pending: number;
    readonly oldest: string | null;
    readonly gapSince: string | null;
    readonly lost: number;
  } | null;
  readonly error: string;
}

export interface StatusJson {
  readonly chain: string;
  readonly genesisHash: string;
  /** What the client verified; everything of the nodes is their own word. */
  readonly height: number | null;
  readonly time: string | null;
  readonly logSize: number;
  readonly logRoot: string;
  readonly fresh: boolean;
  readonly freshTime: string | null;
  readonly freshReason: string;
  readonly validators: number;
  readonly quorum: number;
  readonly openProposals: number;
  /** What went around the log and is neither repaired nor ratified. */
  readonly findings: readonly FindingJson[];
  /** What the record hook's nodes brought into the log, and what they say there that they could not take. */
  readonly records: readonly ({ readonly node: string } & SpoolTotals)[];
  /** Validators of which the log holds two conflicting signatures for one step; kept for ever. */
  readonly doubleSigners: readonly {
    readonly validator: string;
    readonly count: number;
    readonly signedHeight: number;
    readonly recordedHeight: number;
  }[];
  readonly clusters: readonly { readonly name: string; readonly hooks: number; readonly observers: number }[];
  /** `healthy`: every node that is asked is ready; `degraded`: a quorum still decides; else `unavailable`. */
  readonly health: 'healthy' | 'degraded' | 'unavailable';
  readonly healthy: boolean;
  readonly warnings: readonly string[];
  readonly liars: readonly { readonly endpoint: string; readonly code: string }[];
  readonly nodes: readonly NodeJson[];
}

const pollEveryMs = 500;
const watchEveryMs = 2_000;
const timeoutDefaultMs = 60_000;

const view: View<StatusJson> = {
  kind: 'Status',
  name: ({ chain }) => `chain/${chain}`,
  columns: [
    { header: 'CHAIN', cell: ({ chain }) => chain },
    { header: 'HEALTH', cell: ({ health }) => health },
    { header: 'HEIGHT', cell: ({ height }) => String(height ?? 0) },
    {
      header: 'AGE',
      cell: ({ time }, nowMs) => (time === null ? '' : humanDuration(Math.max(0, nowMs - Date.parse(time)))),
    },
    { header: 'FRESH', cell: ({ fresh }) => String(fresh) },
    { header: 'QUORUM', cell: ({ quorum, validators }) => `${quorum}/${validators}` },
    { header: 'OPEN', cell: ({ openProposals }) => String(openProposals) },
    { header: 'FINDINGS', cell: ({ findings }) => String(findings.length) },
  ],
};

/** Returns the exit code: 3 if no quorum decides. */
export async function status(terminal: Terminal, options: StatusOptions): Promise<number> {
  if (options.waitFor !== undefined && options.waitFor !== 'healthy')
    throw new ChainError('CLI_USAGE', { problem: `--wait-for=${options.waitFor}: only healthy can be waited for` });
  const deadline = terminal.nowMs() + durationOption('--timeout', options.timeout, timeoutDefaultMs);
  for (;;) {
    // A new session each time: what lied or was unreachable before may be well now.
    const session = await openSession(terminal, options);
    const found = await examine(session)
      .catch((error: unknown) => {
        // While somebody waits for the chain, that nobody is there is not the end.
        if (options.waitFor === undefined || !isAbsence(error) || terminal.nowMs() >= deadline) throw error;
        return undefined;
      })
      .finally(() => session.reader.close());
    if (found === undefined) {
      await terminal.sleep(pollEveryMs);
      continue;
    }
    const isWaiting = options.waitFor !== undefined && !found.healthy;
    if (isWaiting && terminal.nowMs() < deadline) {
      await terminal.sleep(pollEveryMs);
      continue;
    }
    await show(terminal, options, found);
    if (isWaiting)
      throw new ChainError('CLI_WAIT_TIMEOUT', {
        what: 'chain',
        state: found.warnings[0] ?? found.health,
        seconds: Math.round(durationOption('--timeout', options.timeout, timeoutDefaultMs) / 1_000),
      });
    if (options.watch !== true) return found.health === 'unavailable' ? exitCode.noQuorum : exitCode.ok;
    await terminal.sleep(watchEveryMs);
  }
}

async function examine(session: Session): Promise<StatusJson> {
  const { reader, chain } = session;
  const answers = await reader.statuses();
  // Nobody there: say so in the words of the reader, with its exit code.
  const { genesis } = await reader.genesis();
  const { validators } = genesis;
  const quorum = Math.floor((2 * validators.length) / 3) + 1;
  const base = { chain: chain.name, genesisHash: chain.genesisHash, validators: validators.length, quorum };
  const nodes = answers.map(nodeJson);
  const proven = await provenPart(session, validators);
  const warnings = [...proven.warnings, ...nodes.flatMap(nodeWarnings)];
  const isDeciding = nodes.some((node) => node.quorumReachable) && (proven.height === null || proven.fresh);
  const isHealthy = isDeciding && nodes.every((node) => node.ready) && reader.liars.length === 0;
  const health = isHealthy ? 'healthy' : isDeciding ? 'degraded' : 'unavailable';
  const liars = reader.liars.map(({ endpoint, code }) => ({ endpoint, code }));
  return { ...base, ...proven, health, healthy: isHealthy, warnings, liars, nodes };
}

type Proven = Pick<
  StatusJson,
  | 'height'
  | 'time'
  | 'logSize'
  | 'logRoot'
  | 'fresh'
  | 'freshTime'
  | 'freshReason'
  | 'openProposals'
  | 'findings'
  | 'records'
  | 'doubleSigners'
  | 'clusters'
  | 'warnings'
>;

async function provenPart({ reader }: Session, validators: readonly Validator[]): Promise<Proven> {
  const nothing: Proven = {
    height: null,
    time: null,
    logSize: 0,
    logRoot: '',
    fresh: false,
    freshTime: null,
    freshReason: 'the chain has no block yet',
    openProposals: 0,
    findings: [],
    records: [],
    doubleSigners: [],
    clusters: [],
    warnings: [],
  };
  if ((await reader.head()) === undefined) return nothing;
  const freshness = await reader.freshness();
  const { values } = await reader.state([KEY.liveProposals, KEY.clusters, KEY.evidence]);
  const names = documentOf<string[]>(values, KEY.clusters) ?? [];
  const state = names.length === 0 ? undefined : await reader.state(names.map(clusterKey));
  const records = names.flatMap((name) =>
    state === undefined ? [] : (documentOf<ClusterRecord>(state.values, clusterKey(name)) ?? []),
  );
  const findings = (await openFindings(reader, names)).map(describeFinding);
  const spools = await reader.state(validators.map(({ id }) => spoolsKey(id)));
  const totals = validators.flatMap(({ id }) => {
    const found = documentOf<SpoolTotals>(spools.values, spoolsKey(id));
    return found === undefined ? [] : [{ node: id as string, ...found }];
  });
  const doubleSigners = describeEvidence(documentOf<EvidenceSummary>(values, KEY.evidence) ?? {});
  const head = await reader.head();
  return {
    height: head?.header.height ?? null,
    time: head === undefined ? null : new Date(head.header.timeMs).toISOString(),
    logSize: head?.state.logSize ?? 0,
    logRoot: head?.state.logRoot ?? '',
    fresh: freshness.isFresh,
    freshTime: freshness.timeMs === null ? null : new Date(freshness.timeMs).toISOString(),
    freshReason: freshness.reason,
    openProposals: documentOf<number[]>(values, KEY.liveProposals)?.length ?? 0,
    findings,
    records: totals,
    doubleSigners,
    clusters: records.map(({ name, hooks, observers }) => ({ name, hooks: hooks.length, observers: observers.length })),
    warnings: [
      ...(freshness.isFresh ? [] : [`not proven fresh: ${freshness.reason}`]),
      ...findings.map(findingLine),
      ...totals.flatMap(spoolWarning),
      ...doubleSigners.map(
        ({ validator, count, signedHeight, recordedHeight }) =>
          `${validator} signed two different votes at height ${signedHeight} (${count} ${count === 1 ? 'proof' : 'proofs'} on the log, the last in block ${recordedHeight})`,
      ),
      ...records.flatMap((record) => clusterWarnings(record, validators.length)),
    ],
  };
}

/** Gaps stand in the log for ever: what the control plane wrote in them is known to the API server's audit log alone. */
function spoolWarning({ node, gaps, lost, openSinceMs }: SpoolTotals & { readonly node: string }): readonly string[] {
  if (gaps === 0) return [];
  const open = openSinceMs === null ? '' : `, the last one open since ${new Date(openSinceMs).toISOString()}`;
  return [
    `records of the control plane have ${gaps} ${gaps === 1 ? 'gap' : 'gaps'} at ${node}: ${lost} writes are not in the log${open}; kubectl chain audit --actor=${node}`,
  ];
}

function describeEvidence(all: EvidenceSummary): StatusJson['doubleSigners'] {
  return Object.entries(all).map(([validator, { count, signedHeight, height }]) => ({
    validator,
    count,
    signedHeight,
    recordedHeight: height,
  }));
}

/** Fewer witnesses or observers than f+1: what the promises P1, P2 and P4 then rest on (admission.md). */
function clusterWarnings({ name, hooks, observers }: ClusterRecord, validators: number): readonly string[] {
  const needed = faultyMax(validators) + 1;
  return [
    ...(hooks.length < needed
      ? [`cluster ${name} has ${hooks.length} hooks; with ${needed} no ${needed - 1} lying nodes could admit a change`]
      : []),
    ...(observers.length < needed
      ? [
          `cluster ${name} has ${observers.length} observers; with ${needed} a bypass would be found although ${needed - 1} of them lie`,
        ]
      : []),
  ];
}

function nodeJson({ endpoint, status: said, error }: NodeAnswer): NodeJson {
  if (said === null) {
    return {
      endpoint,
      org: '',
      version: '',
      reachable: false,
      ready: false,
      notReady: [],
      height: null,
      peers: '',
      quorumReachable: false,
      hook: '',
      observer: '',
      spool: null,
      error,
    };
  }
  const cluster = said['cluster'] as JsonObject | null | undefined;
  const peers = (Array.isArray(said['peers']) ? said['peers'] : []) as JsonObject[];
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  return {
    endpoint,
    org: text(said['org']),
    version: text(said['version']),
    reachable: true,
    ready: said['ready'] === true,
    notReady: [
      ...((Array.isArray(said['notReady']) ? said['notReady'] : []) as unknown[]).map(text),
      ...(typeof said['halted'] === 'string' ? [said['halted']] : []),
    ],
    height: typeof said['height'] === 'number' ? said['height'] : null,
    peers: `${peers.filter((peer) => peer['connected'] === true).length}/${peers.length}`,
    quorumReachable: said['quorumReachable'] === true,
    hook: text(cluster?.['hook']),
    observer: text(cluster?.['observer']),
    spool: spoolJson(cluster?.['spool'] as JsonObject | null | undefined),
    error: '',
  };
}

function spoolJson(said: JsonObject | null | undefined): NodeJson['spool'] {
  if (said === null || said === undefined) return null;
  const time = (value: unknown): string | null => (typeof value === 'number' ? new Date(value).toISOString() : null);
  const count = (value: unknown): number => (typeof value === 'number' ? value : 0);
  return {
    pending: count(said['pending']),
    oldest: time(said['oldestMs']),
    gapSince: time(said['gapSinceMs']),
    lost: count(said['lost']),
  };
}

function nodeWarnings({ endpoint, org, reachable, ready, notReady, spool, error }: NodeJson): readonly string[] {
  if (!reachable) return [`${endpoint} cannot be reached: ${error}`];
  return [
    // Of a ready node it is what it lacks: signatures that it may not give yet, history that it still fetches.
    ...(ready
      ? notReady.map((lack) => `${org}: ${lack}`)
      : [`${org} is not ready: ${notReady.join('; ') || 'no reason given'}`]),
    ...(spool === null || spool.gapSince === null
      ? []
      : [
          `the spool of ${org} takes nothing since ${spool.gapSince}: ${spool.lost} writes of the control plane are not recorded`,
        ]),
  ];
}

async function show(terminal: Terminal, options: StatusOptions, found: StatusJson): Promise<void> {
  for (const { endpoint, code } of found.liars)
    terminal.stderr(`warning: ${endpoint} gave an answer that does not verify [${code}]\n`);
  if (!isTable(options)) return printOne(terminal, options, view, found);
  await printOne(terminal, options, view, found);
  const headers = ['NODE', 'ORG', 'READY', 'HEIGHT', 'PEERS', 'HOOK', 'SPOOL', 'OBSERVER', 'VERSION'];
  const rows = found.nodes.map((node) => [
    node.endpoint, node.org, node.reachable ? String(node.ready) : 'unreachable', node.height === null ? '' : String(node.height), node.peers, node.hook, spoolCell(node.spool), node.observer, node.version,
  ]); // prettier-ignore
  terminal.stdout(`\n${table(headers, rows, options.headers !== false)}`);
  for (const warning of found.warnings) terminal.stderr(`warning: ${printable(warning)}\n`);
}

function spoolCell(spool: NodeJson['spool']): string {
  return spool === null ? '' : String(spool.pending);
}

/** True for errors that only say that nobody is there yet. */
function isAbsence(error: unknown): boolean {
  return (
    isChainError(error, 'CLIENT_UNREACHABLE') ||
    isChainError(error, 'CLIENT_BEHIND') ||
    isChainError(error, 'CLIENT_REFUSED')
  );
}
