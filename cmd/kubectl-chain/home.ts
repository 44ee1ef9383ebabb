import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { isMap, isScalar, isSeq, LineCounter, parseDocument, stringify, type Document } from 'yaml';
import { ChainError } from '../../src/errors/chain-error.ts';
import type { Hash } from '../../src/types/brand.ts';
import type { Terminal } from './terminal.ts';

/** A chain whose genesis is pinned here. */
export interface PinnedChain {
  readonly name: string;
  readonly genesisHash: Hash;
  /** Base URLs of nodes, in the order of preference. */
  readonly endpoints: readonly string[];
  /** Of endpoints written as {url, caBundle}: authorities that count for this endpoint only, and no others do. */
  readonly caBundles?: Readonly<Record<string, string>>;
  /** CA certificates in PEM, or the path of a file with them; empty for the system's. */
  readonly caBundle: string;
  readonly kubeContexts: readonly string[];
  /** Registered cluster that is meant when none is named. */
  readonly cluster?: string;
}

export interface HomeConfig {
  readonly chains: readonly PinnedChain[];
  readonly defaultKey: string;
}

export function homeFolder(env: Terminal['env']): string {
  const set = env['KUBECTL_CHAIN_HOME'];
  return set !== undefined && set !== '' ? set : join(env['HOME'] ?? homedir(), '.kube', 'chain');
}

export const configFile = (home: string): string => join(home, 'config.yaml');
export const keysFolder = (home: string): string => join(home, 'keys');
export const genesisFile = (home: string, hash: Hash): string => join(home, 'genesis', `${hash}.json`);
export const lastSeenFile = (home: string, hash: Hash): string => join(home, 'last-seen', `${hash}.json`);

/** Text of a file, undefined if there is none. Throws CLI_FILE. */
export function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new ChainError('CLI_FILE', { file, reason: (cause as Error).message }, { cause });
  }
}

/** Nothing is pinned if there is no file. Throws CLI_CONFIG with line and column of the first mistake. */
export function readHomeConfig(home: string): HomeConfig {
  const file = configFile(home);
  const text = readIfThere(file);
  return text === undefined ? { chains: [], defaultKey: '' } : parseHomeConfig(file, text);
}

/** Written whole and moved into place. */
export function writeHomeConfig(home: string, config: HomeConfig): void {
  writePrivately(
    configFile(home),
    stringify({
      chains: config.chains.map(written),
      ...(config.defaultKey === '' ? {} : { defaultKey: config.defaultKey }),
    }),
  );
}

/** Endpoints with an authority of their own are written as they are read. */
function written({ caBundles = {}, ...chain }: PinnedChain): object {
  const endpoints = chain.endpoints.map((url) => {
    const caBundle = caBundles[url];
    return caBundle === undefined ? url : { url, caBundle };
  });
  return { ...chain, endpoints };
}

export function writePrivately(file: string, content: string | Uint8Array): void {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const temporary = `${file}.${process.pid}`;
    writeFileSync(temporary, content, { mode: 0o600 });
    chmodSync(temporary, 0o600);
    renameSync(temporary, file);
  } catch (cause) {
    throw new ChainError('CLI_FILE', { file, reason: (cause as Error).message }, { cause });
  }
}

type Path = readonly (string | number)[];
type Fail = (path: Path, problem: string) => never;

export function parseHomeConfig(file: string, text: string): HomeConfig {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, uniqueKeys: true });
  const syntax = document.errors[0];
  if (syntax !== undefined) {
    const { line, col } = counter.linePos(syntax.pos[0]);
    throw new ChainError('CLI_CONFIG', {
      file,
      line,
      column: col,
      problem: syntax.message.split('\n')[0] ?? 'not YAML',
    });
  }
  const fail: Fail = (path, problem) => {
    throw new ChainError('CLI_CONFIG', {
      file,
      ...placeOf(document, counter, path),
      problem: `${nameOf(path)}${problem}`,
    });
  };
  const top = fieldsOf((document.toJS() as unknown) ?? {}, [], ['chains', 'defaultKey'], fail);
  const chains = listOf(top['chains'] ?? [], ['chains'], fail).map((chain, i) => chainOf(chain, ['chains', i], fail));
  const twice = chains.findIndex(({ name }, i) => chains.some((other, j) => j < i && other.name === name));
  if (twice >= 0) fail(['chains', twice, 'name'], 'another chain has this name');
  return { chains, defaultKey: textOf(top['defaultKey'] ?? '', ['defaultKey'], fail) };
}

function chainOf(value: unknown, path: Path, fail: Fail): PinnedChain {
  const known = ['name', 'genesisHash', 'endpoints', 'caBundle', 'kubeContexts', 'cluster'];
  const fields = fieldsOf(value, path, known, fail);
  const text = (key: string, fallback?: string): string => {
    const found = fields[key] ?? fallback;
    if (found === undefined) return fail(path, `${key} is missing`);
    return textOf(found, [...path, key], fail);
  };
  const texts = (key: string): readonly string[] => {
    const at = [...path, key];
    return listOf(fields[key] ?? [], at, fail).map((item, i) => textOf(item, [...at, i], fail));
  };
  const genesisHash = text('genesisHash');
  if (!/^[0-9a-f]{64}$/.test(genesisHash)) fail([...path, 'genesisHash'], 'must be 64 lowercase hexadecimal digits');
  const caBundles: Record<string, string> = {};
  const endpoints = listOf(fields['endpoints'] ?? [], [...path, 'endpoints'], fail).map((item, i) => {
    const at = [...path, 'endpoints', i];
    if (typeof item === 'string') return item;
    const own = fieldsOf(item, at, ['url', 'caBundle'], fail);
    const url = textOf(own['url'] ?? '', [...at, 'url'], fail);
    caBundles[url] = textOf(own['caBundle'] ?? '', [...at, 'caBundle'], fail);
    return url;
  });
  for (const [i, endpoint] of endpoints.entries()) {
    if (!isEndpoint(endpoint)) fail([...path, 'endpoints', i], 'must be an https URL');
  }
  const cluster = text('cluster', '');
  return {
    name: text('name'),
    genesisHash: genesisHash as Hash,
    endpoints,
    ...(Object.keys(caBundles).length === 0 ? {} : { caBundles }),
    caBundle: text('caBundle', ''),
    kubeContexts: texts('kubeContexts'),
    ...(cluster === '' ? {} : { cluster }),
  };
}

export function isEndpoint(text: string): boolean {
  return URL.canParse(text) && new URL(text).protocol === 'https:';
}

function fieldsOf(value: unknown, path: Path, known: readonly string[], fail: Fail): Readonly<Record<string, unknown>> {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return fail(path, 'must be a mapping');
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) fail([...path, unknown], 'unknown field');
  return value as Readonly<Record<string, unknown>>;
}

function listOf(value: unknown, path: Path, fail: Fail): readonly unknown[] {
  return Array.isArray(value) ? value : fail(path, 'must be a list');
}

function textOf(value: unknown, path: Path, fail: Fail): string {
  return typeof value === 'string' ? value : fail(path, 'must be text');
}

function nameOf(path: Path): string {
  return path.length === 0
    ? ''
    : `${path.map((step, i) => (typeof step === 'number' ? `[${step}]` : `${i === 0 ? '' : '.'}${step}`)).join('')}: `;
}

function placeOf(document: Document, counter: LineCounter, path: Path): { line: number; column: number } {
  let node: unknown = document.contents;
  let offset = 0;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && item.key.value === step);
      if (pair === undefined) break;
      if (isScalar(pair.key) && pair.key.range) offset = pair.key.range[0];
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      const range = (node as { range?: readonly number[] } | undefined)?.range;
      if (range?.[0] !== undefined) offset = range[0];
    } else break;
  }
  const { line, col } = counter.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}
