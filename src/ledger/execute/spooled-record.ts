import type { Hash, LeafIndex } from '../../types/brand.ts';
import type { SpooledRecordPayload, SpoolEntry } from '../../types/transaction.ts';
import type { SpoolHead, SpoolTotals } from '../../types/spool.ts';
import type { Sha256 } from '../../ports/crypto.ts';
import { canonicalJson, utf8Encode } from '../../codec/index.ts';
import { ChainError } from '../../errors/chain-error.ts';
import { domainHashHex } from '../domain-hash.ts';
import type { DecodedTransaction } from '../transaction.ts';
import { clusterRecord, validatorById } from './committee.ts';
import type { Documents } from './documents.ts';
import { NO_PREV, verdict, type Execution, type Outcome } from './execution.ts';
import { spoolKey, spoolsKey } from './keys.ts';
import { chainLeaf, checkKeyId } from './mutation.ts';

export const NO_TOTALS: SpoolTotals = { records: 0, gaps: 0, lost: 0, openSinceMs: null };

/** Hash of a spool up to and with this entry. */
export function spoolHash(sha256: Sha256, previous: Hash | '', entry: SpoolEntry): Hash {
  return domainHashHex(sha256, 'spool', utf8Encode(previous), canonicalJson(entry));
}

/**
 * The next entries of a node's spool. They were acknowledged, so they have no deadline; what is anchored already is told as such, and one that leaves out
 * anything waits for it. Throws LEDGER_CLUSTER_UNKNOWN, _NOT_A_HOOK, _CLUSTER_KEY, _DUPLICATE, _SPOOL.
 */
export function executeSpooledRecord(
  x: Execution,
  tx: DecodedTransaction,
  payload: SpooledRecordPayload,
  leaf: LeafIndex,
): Outcome {
  const { node, cluster: name, keyId, spool, first, previous, entries } = payload;
  const cluster = clusterRecord(x.docs, name);
  if (cluster === undefined) throw new ChainError('LEDGER_CLUSTER_UNKNOWN', { cluster: name });
  const { org } = validatorById(x.validators, node);
  if (!cluster.hooks.some(({ orgs }) => orgs.includes(org)))
    throw new ChainError('LEDGER_NOT_A_HOOK', { cluster: name, node });
  checkSpoolPlace(x.docs, tx, payload);
  checkKeyId(x.docs, name, keyId);
  const prevs = entries.map((entry) => ('gap' in entry ? NO_PREV : chainLeaf(x, entry.attributes, leaf)));
  const hash = entries.reduce<Hash | ''>((before, entry) => spoolHash(x.chain.sha256, before, entry), previous);
  const head: SpoolHead = { next: first + entries.length, hash: hash as Hash, tx: tx.hash, leaf };
  x.docs.put(spoolKey(node, spool), head);
  const before = x.docs.get<SpoolTotals>(spoolsKey(node)) ?? NO_TOTALS;
  x.docs.put(spoolsKey(node), entries.reduce(counted, before));
  return { result: verdict('RECORDED', 'OK'), prev: { ...NO_PREV, entries: prevs } };
}

/** Throws LEDGER_DUPLICATE for the same bytes, LEDGER_SPOOL for anything else that is not the next. */
export function checkSpoolPlace(
  docs: Pick<Documents, 'get'>,
  tx: DecodedTransaction,
  { node, spool, first, previous }: SpooledRecordPayload,
): void {
  const head = docs.get<SpoolHead>(spoolKey(node, spool));
  if (head?.tx === tx.hash) throw new ChainError('LEDGER_DUPLICATE', { tx: tx.hash, leaf: head.leaf });
  const next = head?.next ?? 0;
  if (first !== next || previous !== (head?.hash ?? ''))
    throw new ChainError('LEDGER_SPOOL', { node, next, found: first });
}

function counted(totals: SpoolTotals, entry: SpoolEntry): SpoolTotals {
  if (!('gap' in entry)) return { ...totals, records: totals.records + 1 };
  if (entry.gap === 'open') return { ...totals, gaps: totals.gaps + 1, openSinceMs: entry.atMs };
  return { ...totals, lost: totals.lost + (entry.count ?? 0), openSinceMs: null };
}
