import { readFileSync } from 'node:fs';
import { fileLastSeen } from '../../src/client/last-seen.ts';
import { ChainReader } from '../../src/client/reader.ts';
import { utf8Encode } from '../../src/codec/index.ts';
import { ChainError } from '../../src/errors/chain-error.ts';
import { clusterKey, KEY } from '../../src/ledger/execute/keys.ts';
import type { ClusterId } from '../../src/types/brand.ts';
import type { ClusterRecord } from '../../src/types/chain.ts';
import {
  genesisFile,
  homeFolder,
  isEndpoint,
  lastSeenFile,
  readHomeConfig,
  readIfThere,
  type HomeConfig,
  type PinnedChain,
} from './home.ts';
import { kubeContext, type KubeContext } from './kubeconfig.ts';
import type { GlobalOptions } from './options.ts';
import { parseDuration } from './output/age.ts';
import { printable } from './output/printable.ts';
import type { Terminal } from './terminal.ts';
import { documentOf } from './document.ts';

const requestTimeoutDefaultMs = 15_000;
const maxAgeDefaultMs = 60_000;

/** One chain, opened for one command. */
export interface Session {
  readonly terminal: Terminal;
  readonly options: GlobalOptions;
  readonly home: string;
  readonly config: HomeConfig;
  readonly chain: PinnedChain;
  readonly context: KubeContext;
  readonly reader: ChainReader;
}

/**
 * Finds the pinned chain: named by --chain, or that of the kube context, or the only one that is for any context. --endpoint only says which
 * nodes to ask, never whom to trust. Throws CLIENT_NO_TRUST.
 */
export async function openSession(terminal: Terminal, options: GlobalOptions): Promise<Session> {
  const home = homeFolder(terminal.env);
  const config = readHomeConfig(home);
  const context = kubeContext(terminal.env, options);
  const chain = chainFor(config, context, options);
  const timeoutMs = durationOption('--request-timeout', options.requestTimeout, requestTimeoutDefaultMs);
  const wrong = options.endpoint?.find((endpoint) => !isEndpoint(endpoint));
  if (wrong !== undefined) throw new ChainError('CLI_USAGE', { problem: `--endpoint ${wrong}: must be an https URL` });
  const kept = readIfThere(genesisFile(home, chain.genesisHash));
  const warn = (message: string): void => terminal.stderr(`warning: ${message}\n`);
  const reader = new ChainReader({
    genesisHash: chain.genesisHash,
    ...(kept === undefined ? {} : { genesisBytes: utf8Encode(kept) }),
    endpoints: options.endpoint ?? chain.endpoints,
    transport: await terminal.transport({
      caBundle: caBundleOf(options.caBundle ?? chain.caBundle),
      caBundles: new Map(
        Object.entries(options.caBundle === undefined ? (chain.caBundles ?? {}) : {}).map(([url, own]) => [
          url,
          caBundleOf(own),
        ]),
      ),
      timeoutMs: timeoutMs === 0 ? 24 * 3_600_000 : timeoutMs,
    }),
    lastSeen: fileLastSeen(lastSeenFile(home, chain.genesisHash), warn),
    nowMs: terminal.nowMs,
    maxAgeMs: durationOption('--max-age', options.maxAge, maxAgeDefaultMs),
  });
  return { terminal, options, home, config, chain, context, reader };
}

/** Runs `body` with a session; names liars at the end, whatever the outcome. */
export async function withSession<T>(
  terminal: Terminal,
  options: GlobalOptions,
  body: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await openSession(terminal, options);
  try {
    return await body(session);
  } finally {
    for (const { endpoint, code, message } of session.reader.liars) {
      terminal.stderr(`warning: ${endpoint} gave an answer that does not verify: ${printable(message)} [${code}]\n`);
    }
    session.reader.close();
  }
}

/** The same, for what only reads: first asks a quorum whether what will be shown is the newest, and says so if it does not know. */
export function reading<T>(
  terminal: Terminal,
  options: GlobalOptions,
  body: (session: Session) => Promise<T>,
): Promise<T | undefined> {
  return withSession(terminal, options, async (session) => {
    const { reader } = session;
    const { isFresh, reason } = await reader.freshness();
    // What was called fresh has a block.
    if (!isFresh && (await reader.head()) === undefined) {
      terminal.stderr('note: the chain has no block yet\nNo resources found\n');
      return undefined;
    }
    if (!isFresh) terminal.stderr(`note: not proven fresh: ${printable(reason)}\n`);
    return body(session);
  });
}

/** Name of the registered cluster that is meant. Throws CLI_CLUSTER if it is not clear. */
export async function clusterNameOf(session: Session): Promise<ClusterId> {
  const { values } = await session.reader.state([KEY.clusters]);
  const names = documentOf<ClusterId[]>(values, KEY.clusters) ?? [];
  const asked = session.options.clusterName ?? session.chain.cluster;
  const name = asked === undefined && names.length === 1 ? names[0] : names.find((each) => each === asked);
  const clusters = names.join(', ') || 'none';
  if (name !== undefined) return name;
  const problem = asked === undefined ? 'it is not clear which cluster is meant' : `no cluster ${asked} is registered`;
  throw new ChainError('CLI_CLUSTER', { problem, clusters });
}

/** Its record. Throws CLI_CLUSTER. */
export async function clusterOf(session: Session): Promise<ClusterRecord> {
  const name = await clusterNameOf(session);
  const { values } = await session.reader.state([clusterKey(name)]);
  const found = documentOf<ClusterRecord>(values, clusterKey(name));
  if (found === undefined)
    throw new ChainError('CLI_CLUSTER', { problem: `no cluster ${name} is registered`, clusters: name });
  return found;
}

function chainFor({ chains }: HomeConfig, context: KubeContext, { chain: name }: GlobalOptions): PinnedChain {
  if (name !== undefined) {
    const named = chains.find((chain) => chain.name === name);
    if (named === undefined) throw new ChainError('CLIENT_TRUST_UNKNOWN', { name });
    return named;
  }
  const found = chains.find((chain) => chain.kubeContexts.includes(context.name));
  if (found !== undefined) return found;
  const anywhere = chains.filter((chain) => chain.kubeContexts.length === 0);
  const [only] = anywhere;
  if (only === undefined || anywhere.length > 1)
    throw new ChainError('CLIENT_NO_TRUST', { context: context.name === '' ? '(none)' : context.name });
  return only;
}

export function caBundleOf(text: string): string {
  if (text === '' || text.includes('-----BEGIN ')) return text;
  try {
    return readFileSync(text, 'utf8');
  } catch (cause) {
    throw new ChainError('CLI_FILE', { file: text, reason: (cause as Error).message }, { cause });
  }
}

/** Milliseconds. Throws CLI_USAGE. */
export function durationOption(flag: string, text: string | undefined, fallbackMs: number): number {
  if (text === undefined) return fallbackMs;
  const ms = parseDuration(text);
  if (ms === undefined)
    throw new ChainError('CLI_USAGE', { problem: `${flag} ${text}: must be a duration such as 30s, 5m or 2h` });
  return ms;
}
