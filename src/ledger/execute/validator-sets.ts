import type { Hash, LeafIndex, ValidatorId } from '../../types/brand.ts';
import type { AppState, Validator, ValidatorSet } from '../../types/chain.ts';
import { ChainError } from '../../errors/chain-error.ts';
import { setChangeProblem } from '../../governance/set-change.ts';
import { appHashOf } from '../header.ts';
import { VALIDATORS_MAX } from '../limits.ts';
import { listOf } from './committee.ts';
import type { Documents } from './documents.ts';
import type { Execution } from './execution.ts';
import { appHashKey, KEY, liveKey, setKey } from './keys.ts';

type Read = Pick<Documents, 'get'>;

/**
 * A validator counts as live for so many blocks after it proposed one or signed the certificate that one carries. Each proposer puts its own signature into
 * the certificate, so whoever is reached at all shows within a turn or two.
 */
export const LIVE_BLOCKS = 200;
/** Written down only so often: nobody needs it to the block. */
const LIVE_STEP_BLOCKS = 16;
/** App hashes that are kept for joiners: a node in sync answers within some blocks. */
export const APP_HASHES_KEPT = 256;

export function newestSet(docs: Read): ValidatorSet {
  const { n } = docs.get<{ readonly n: number }>(KEY.set) as { n: number };
  return docs.get<ValidatorSet>(setKey(n)) as ValidatorSet;
}

export function setNumber(docs: Read, n: number): ValidatorSet | undefined {
  return docs.get<ValidatorSet>(setKey(n));
}

/** The set that decides a height, up to the one after the last block; undefined below 1. */
export function setAt(docs: Read, height: number): ValidatorSet | undefined {
  let set: ValidatorSet | undefined = newestSet(docs);
  while (set !== undefined && set.fromHeight > height) set = setNumber(docs, set.n - 1);
  return set;
}

export function validatorsAt(docs: Read, height: number): readonly Validator[] {
  return setAt(docs, height)?.validators ?? [];
}

/** True until the last change is handed over: the next one waits. */
export function isHandoverPending(docs: Read): boolean {
  const set = newestSet(docs);
  return set.n > 0 && set.handover === null;
}

export function writeFirstSet(docs: Documents, validators: readonly Validator[]): void {
  docs.put(KEY.validators, validators);
  docs.put(KEY.set, { n: 0 });
  docs.put(setKey(0), { n: 0, fromHeight: 1, validators, checkpoint: null, handover: null } satisfies ValidatorSet);
  docs.put(KEY.joiners, []);
  for (const { id } of validators) docs.put(liveKey(id), { height: 0 });
}

/**
 * The set that is active at the next height. `changed` validators come, go, or get another key to vote with: none where only other keys rotate.
 * Throws GOVERNANCE_SET_PENDING, GOVERNANCE_SET_CHANGE.
 */
export function changeSet(x: Execution, validators: readonly Validator[], changed: readonly ValidatorId[]): void {
  const before = newestSet(x.docs);
  if (isHandoverPending(x.docs)) throw new ChainError('GOVERNANCE_SET_PENDING', { set: before.n });
  if (changed.length > 0) {
    const live = validators.filter(({ id }) => isLive(x, id, before, changed)).length;
    const problem = setChangeProblem({
      before: before.validators.length,
      after: validators.length,
      changed: changed.length,
      live,
      max: VALIDATORS_MAX,
    });
    if (problem !== undefined) throw new ChainError('GOVERNANCE_SET_CHANGE', { reason: problem });
  }
  const set = { n: before.n + 1, fromHeight: x.height + 1, validators, checkpoint: null, handover: null };
  x.docs.put(setKey(set.n), set satisfies ValidatorSet);
  x.docs.put(KEY.set, { n: set.n });
  x.docs.put(KEY.validators, validators);
}

export function completeHandover(x: Execution, set: ValidatorSet, leaf: LeafIndex): void {
  x.docs.put(setKey(set.n), { ...set, handover: leaf } satisfies ValidatorSet);
}

/** First in each block: what only the block before can say. */
export function noteLastBlock(
  x: Execution,
  last: { readonly state: AppState; readonly seen: readonly ValidatorId[] },
): void {
  const set = newestSet(x.docs);
  if (set.n > 0 && set.fromHeight === x.height) {
    const { logSize: size, logRoot: root } = last.state;
    x.docs.put(setKey(set.n), { ...set, checkpoint: { size, root } } satisfies ValidatorSet);
  }
  for (const id of new Set(last.seen)) noteLive(x, id);
  if (listOf(x.docs, KEY.joiners).length === 0) return;
  const height = x.height - 1;
  x.docs.put(appHashKey(height % APP_HASHES_KEPT), { height, appHash: appHashOf(last.state, x.chain.sha256) });
}

/** What the block of a recent height says; undefined if that is not known any more. Kept only while somebody joins. */
export function appHashAt(docs: Read, height: number): Hash | undefined {
  const known = docs.get<{ readonly height: number; readonly appHash: Hash }>(appHashKey(height % APP_HASHES_KEPT));
  return known?.height === height ? known.appHash : undefined;
}

export function noteLive(x: Execution, id: ValidatorId): void {
  const seen = x.docs.get<{ readonly height: number }>(liveKey(id))?.height;
  if (seen === undefined || x.height - seen >= LIVE_STEP_BLOCKS) x.docs.put(liveKey(id), { height: x.height });
}

/** One that joins has just shown that it is there; of a key that replaces another nothing is known yet. */
function isLive(x: Execution, id: ValidatorId, before: ValidatorSet, changed: readonly ValidatorId[]): boolean {
  const isMember = before.validators.some((validator) => validator.id === id);
  if (changed.includes(id)) return !isMember;
  const seen = x.docs.get<{ readonly height: number }>(liveKey(id))?.height;
  return seen !== undefined && x.height - seen < LIVE_BLOCKS + LIVE_STEP_BLOCKS;
}
