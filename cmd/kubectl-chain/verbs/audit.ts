import type { VerifiedRecord } from '../../../src/client/answer.ts';
import type { RecordQuery } from '../../../src/client/history.ts';
import { recordOf } from '../../../src/client/answer.ts';
import { nativeBackend } from '../../../src/crypto/index.ts';
import { ChainError } from '../../../src/errors/chain-error.ts';
import { auditKey } from '../../../src/ledger/audit-index.ts';
import { namespaceKey, objectKey } from '../../../src/ledger/execute/keys.ts';
import type { ClusterId } from '../../../src/types/brand.ts';
import type { ChangeAttributes } from '../../../src/types/change.ts';
import type { ListOptions } from '../options.ts';
import { parseDuration } from '../output/age.ts';
import { printList, printOne } from '../output/print.ts';
import { describeRecords, folded, recordView, type RecordJson } from '../record.ts';
import { resourceType, typeAndName, type ResourceType } from '../resource-types.ts';
import { clusterNameOf, reading, type Session } from '../session.ts';
import type { Terminal } from '../terminal.ts';

export interface AuditOptions extends ListOptions {
  readonly actor?: string;
  readonly operation?: string;
  readonly decision?: string;
  /** yes, no or unknown. */
  readonly persisted?: string;
  readonly proposal?: string;
  readonly findings?: boolean;
  readonly since?: string;
  readonly until?: string;
  readonly limit?: string;
  readonly follow?: boolean;
  /** Every record as it stands in the log, also what nodes do for themselves. */
  readonly raw?: boolean;
}

const limitDefault = 50;
const limitMax = 100_000;
/** Records asked for at once while lines are looked for. */
const pageMax = 500;
const followEveryMs = 2_000;

export async function audit(terminal: Terminal, words: readonly string[], options: AuditOptions): Promise<void> {
  await reading(terminal, options, async (session) => {
    const [first = ''] = words;
    const place = placeIn(first);
    if (place !== null) return auditOne(session, place, options);
    const query = await queryOf(session, words, options);
    const found = await find(session, query, limitOf(options), options);
    await show(session, found, options);
    if (options.follow === true || options.watch === true) await follow(session, query, found, options);
  });
}

async function auditOne(session: Session, place: Place, options: AuditOptions): Promise<void> {
  const described = linesAt(await describeRecords(session.reader, [await oneRecord(session, place.index)]), place);
  const [only] = described;
  if (only !== undefined && described.length === 1) return printOne(session.terminal, options, recordView, only);
  await printList(session.terminal, options, recordView, described);
}

/** `17`, or `17.3`: one entry of a record of many. */
export interface Place {
  readonly index: number;
  readonly entry: number | null;
}

export function placeIn(text: string): Place | null {
  const found = /^(\d{1,15})(?:\.(\d{1,3}))?$/.exec(text);
  if (found === null) return null;
  return { index: Number(found[1]), entry: found[2] === undefined ? null : Number(found[2]) };
}

/** The lines of one record that are meant. Throws CLI_NOT_FOUND for an entry that it does not have. */
export function linesAt(described: readonly RecordJson[], { index, entry }: Place): readonly RecordJson[] {
  const meant = entry === null ? described : described.filter((line) => line.entry === entry);
  if (meant.length === 0) throw new ChainError('CLI_NOT_FOUND', { what: `record ${index}.${entry}` });
  return meant;
}

/** One record by index, with what observers said of it. Throws CLI_NOT_FOUND for the leaf of a block or beyond the log. */
export async function oneRecord({ reader }: Session, index: number): Promise<VerifiedRecord> {
  const head = await reader.head();
  const missing = new ChainError('CLI_NOT_FOUND', { what: `record ${index}` });
  if (head === undefined || index >= head.state.logSize) throw missing;
  const [leaf] = await reader.leaves([index]);
  if (leaf?.decoded.kind !== 'transaction') throw missing;
  const record = recordOf(leaf);
  if (record.transaction.payload.kind !== 'mutation') return record;
  // The page that holds it brings the observations along.
  const kind = record.transaction.payload.kind;
  const page = await reader.records({ kind, before: String(index + 1), limit: '1' });
  return page.records.find((candidate) => candidate.index === index) ?? record;
}

interface Query {
  /** One object or namespace, whose history is proven complete; else a list by one index of the node. */
  readonly chain: { readonly by: 'object' | 'namespace'; readonly key: string; readonly latestKey: string } | null;
  readonly api: RecordQuery;
  readonly fits: (record: RecordJson) => boolean;
}

interface Found {
  readonly lines: readonly RecordJson[];
  readonly isProvenComplete: boolean;
  /** Proven to leave nothing out between the newest and the oldest line. */
  readonly isChained: boolean;
  readonly hasMore: boolean;
  readonly newest: number;
}

/** What the arguments ask for. Filters that one index of the node cannot answer are applied here. */
async function queryOf(session: Session, words: readonly string[], options: AuditOptions): Promise<Query> {
  const now = session.terminal.nowMs();
  const sinceMs = timeOption('--since', options.since, now);
  const untilMs = timeOption('--until', options.until, now);
  const operation = options.operation?.toUpperCase();
  const decision = options.decision?.toUpperCase();
  const persisted = persistedOption(options);
  const { type, name } = words.length === 0 ? { type: null, name: null } : typeAndName(words);
  const resource = type === null ? null : resourceType(type);
  const namespace = namespaceOf(session, resource, options);
  const fits = (record: RecordJson): boolean =>
    (resource === null || (record.group === resource.group && record.resource === resource.resource)) &&
    (name === null || record.name === name) &&
    (namespace === null || record.namespace === namespace) &&
    (options.actor === undefined || record.actor === options.actor) &&
    (operation === undefined || record.operation === operation) &&
    (decision === undefined || record.decision === decision) &&
    (options.proposal === undefined || String(record.proposal) === proposalNumber(options.proposal)) &&
    (options.findings !== true || isFinding(record)) &&
    (persisted === null || (record.decision === 'ADMITTED' && persistedWord(record) === persisted)) &&
    (sinceMs === null || Date.parse(record.time) >= sinceMs) &&
    (untilMs === null || Date.parse(record.time) <= untilMs);
  const chain = resource === null && namespace === null ? null : await chainOf(session, resource, name, namespace);
  const bounds = {
    ...(sinceMs === null ? {} : { since: String(sinceMs) }),
    ...(untilMs === null ? {} : { until: String(untilMs) }),
  };
  return { chain, api: { ...indexFor(options, operation, decision), ...bounds }, fits };
}

/** The most selective index of the node. */
function indexFor(options: AuditOptions, operation: string | undefined, decision: string | undefined): RecordQuery {
  // Only what was admitted could be stored.
  if (options.persisted !== undefined && options.proposal === undefined && options.actor === undefined)
    return { decision: decision ?? 'ADMITTED' };
  if (options.proposal !== undefined) return { proposal: proposalNumber(options.proposal) };
  if (options.actor !== undefined) return { actor: options.actor };
  if (decision !== undefined) return { decision };
  if (operation !== undefined && ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'].includes(operation)) return { operation };
  return {};
}

async function chainOf(
  session: Session,
  resource: ResourceType | null,
  name: string | null,
  namespace: string | null,
): Promise<Query['chain']> {
  const { sha256 } = nativeBackend;
  if (resource !== null && name !== null && (namespace !== null || !resource.isNamespaced)) {
    const cluster = await clusterNameOf(session);
    // The API server reviews a Namespace as being in itself.
    const own = resource.group === '' && resource.resource === 'namespaces' ? name : '';
    const object = { cluster, group: resource.group, resource: resource.resource, namespace: namespace ?? own, name };
    return { by: 'object', key: auditKey.object(object), latestKey: objectKey(sha256, object as ChangeAttributes) };
  }
  if (namespace === null || namespace === '') return null;
  const cluster = await clusterNameOf(session);
  return {
    by: 'namespace',
    key: auditKey.namespace(cluster, namespace),
    latestKey: namespaceKey(sha256, { cluster: cluster as ClusterId, namespace } as ChangeAttributes),
  };
}

/** Namespace to look in, null for all. Without a type everything is meant; with one, the kube context's namespace, as in kubectl. */
function namespaceOf(
  session: Session,
  resource: ResourceType | null,
  { namespace, allNamespaces }: AuditOptions,
): string | null {
  if (allNamespaces === true) return null;
  if (resource === null) return namespace ?? null;
  if (!resource.isNamespaced) return null;
  return namespace ?? session.context.namespace;
}

async function find({ reader }: Session, query: Query, limit: number, options: AuditOptions): Promise<Found> {
  const { chain } = query;
  const lines: RecordJson[] = [];
  let newest = -1;
  if (chain !== null) {
    // A line may take a record of each witness. All of it at once: a longer page of the same chain starts at its head again.
    const history = await reader.history(chain.by, chain.key, chain.latestKey, chainLength(limit, options));
    const described = await describe(reader, history.records, options);
    lines.push(...described.filter(query.fits));
    newest = history.records[0]?.index ?? -1;
    return {
      lines: lines.slice(0, limit),
      isProvenComplete: history.isProvenComplete,
      isChained: true,
      hasMore: lines.length > limit || history.next !== null,
      newest,
    };
  }
  let before: number | null = null;
  do {
    const page = await reader.records({
      ...query.api,
      blocks: '1',
      limit: String(Math.min(pageMax, 4 * limit + 16)),
      ...(before === null ? {} : { before: String(before) }),
    });
    if (newest < 0) newest = page.records[0]?.index ?? -1;
    lines.push(...(await describe(reader, page.records, options)).filter(query.fits));
    before = page.next;
  } while (before !== null && lines.length < limit);
  return {
    lines: lines.slice(0, limit),
    isProvenComplete: false,
    isChained: false,
    hasMore: lines.length > limit || before !== null,
    newest,
  };
}

function chainLength(limit: number, { since, until, operation, decision, actor, persisted }: AuditOptions): number {
  const isFiltered = [since, until, operation, decision, actor, persisted].some((filter) => filter !== undefined);
  return isFiltered ? limitMax : 3 * limit + 16;
}

async function describe(
  reader: Session['reader'],
  records: readonly VerifiedRecord[],
  options: AuditOptions,
): Promise<readonly RecordJson[]> {
  return describeRecords(reader, options.raw === true ? records : folded(records), records);
}

async function show(session: Session, found: Found, options: AuditOptions): Promise<void> {
  const { terminal } = session;
  const { lines, isProvenComplete, hasMore, isChained } = found;
  await printList(terminal, options, recordView, lines, { provenComplete: isProvenComplete });
  if (hasMore)
    terminal.stderr(
      `note: the newest ${lines.length} are shown${isChained ? ', without a gap' : ''}; --limit shows more\n`,
    );
  if (!isChained) terminal.stderr('note: not proven complete: only the history of one object or namespace can be\n');
}

/** Prints what is newer than what was shown, until it is interrupted. */
async function follow(session: Session, query: Query, found: Found, options: AuditOptions): Promise<never> {
  let { newest } = found;
  for (;;) {
    await session.terminal.sleep(followEveryMs);
    const next = await find(session, query, pageMax, options);
    const fresh = next.lines.filter(({ index }) => index > newest);
    if (fresh.length > 0) await printList(session.terminal, { ...options, headers: false }, recordView, fresh);
    newest = Math.max(newest, next.newest);
  }
}

/**
 * What needs a look: what went around the log, double signing, and what was approved, admitted and not stored. Of what no policy held back that is ordinary: a quota,
 * another webhook, a lost round of a conflict; `--persisted no` lists it.
 */
function isFinding({ type, persisted, decision, proposal }: RecordJson): boolean {
  return (
    type === 'finding' || type === 'evidence' || (decision === 'ADMITTED' && persisted === false && proposal !== null)
  );
}

function persistedWord({ persisted }: RecordJson): string {
  if (persisted === null) return 'unknown';
  return persisted ? 'yes' : 'no';
}

function persistedOption({ persisted }: AuditOptions): string | null {
  if (persisted === undefined || ['yes', 'no', 'unknown'].includes(persisted)) return persisted ?? null;
  throw new ChainError('CLI_USAGE', { problem: `--persisted ${persisted}: must be yes, no or unknown` });
}

function limitOf({ limit }: AuditOptions): number {
  if (limit === undefined) return limitDefault;
  const value = Number(limit);
  if (!/^\d+$/.test(limit) || value < 1 || value > limitMax)
    throw new ChainError('CLI_USAGE', { problem: `--limit ${limit}: must be from 1 to ${limitMax}` });
  return value;
}

/** `7` or `proposal/7`. Throws CLI_USAGE. */
export function proposalNumber(text: string): string {
  const number = /^(?:proposals?\/)?([1-9]\d{0,14})$/.exec(text)?.[1];
  if (number === undefined)
    throw new ChainError('CLI_USAGE', { problem: `"${text}" is no proposal: write proposal/7 or 7` });
  return number;
}

/** A duration before now, or an RFC 3339 time. */
function timeOption(flag: string, text: string | undefined, nowMs: number): number | null {
  if (text === undefined) return null;
  const duration = parseDuration(text);
  if (duration !== undefined) return nowMs - duration;
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time))
    throw new ChainError('CLI_USAGE', {
      problem: `${flag} ${text}: must be a duration such as 30m, or a time such as 2026-11-24T06:00:00Z`,
    });
  return time;
}
