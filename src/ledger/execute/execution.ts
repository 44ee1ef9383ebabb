import type { Hash, LeafIndex, PublicKeyHex } from '../../types/brand.ts';
import type { Validator } from '../../types/chain.ts';
import type { Sha256, VerifyEd25519 } from '../../ports/crypto.ts';
import type { ExecutedBlock } from '../../ports/application.ts';
import type { Policy } from '../../governance/policy.ts';
import type { Leaf, TxResult } from '../../types/transaction.ts';
import type { DecodedTransaction } from '../transaction.ts';
import type { Documents } from './documents.ts';
import type { TxFacts } from './tx-facts.ts';

/** What stays the same over the life of an application. */
export interface Chain {
  readonly hash: Hash;
  /** Name of the log in checkpoints. */
  readonly origin: string;
  readonly appVersion: number;
  readonly sha256: Sha256;
  readonly verifyEd25519: VerifyEd25519;
  readonly isRegistrableKey: (key: PublicKeyHex) => boolean;
  /** Throws unless the envelope is signed with this key; each signature is computed once. */
  readonly verifyTx: (tx: DecodedTransaction, key: PublicKeyHex) => void;
  readonly facts: TxFacts;
}

/** One block in execution. Handlers read and write through it and nothing else. */
export interface Execution {
  readonly chain: Chain;
  readonly docs: Documents;
  readonly height: number;
  /** Block time, milliseconds. */
  readonly timeMs: number;
  readonly validators: readonly Validator[];
  /** Policies in force, compiled; refreshed when one changes. */
  policies: readonly Policy[] | undefined;
  /** What other parts of the node want to hear of the block. */
  readonly changedProposals: Set<number>;
  readonly decisions: ExecutedBlock['decisions'][number][];
  /** Due transitions that ran at the start of this block: what a tick may ask for. */
  readonly ranDue: Set<string>;
  /** Proposals that left the state at the start of this block. */
  readonly retired: number[];
  /** Keys that this block put and that expire. */
  readonly expiring: { readonly untilMs: number; readonly key: string }[];
}

/** What a handler hands back when its transaction took effect. */
export interface Outcome {
  readonly result: TxResult;
  readonly prev: Leaf['prev'];
}

/**
 * Runs `body`; if it throws, nothing of it is left: neither in the state nor in what the block remembers. A proposer leaves out transactions that others then never
 * see, so anything that one left behind would split them.
 */
export function attempt<T>(x: Execution, body: () => T): T {
  const expiring = x.expiring.length;
  const decisions = x.decisions.length;
  try {
    return x.docs.atomically(body);
  } catch (error) {
    x.expiring.length = expiring;
    x.decisions.length = decisions;
    x.policies = undefined;
    throw error;
  }
}

export const NO_PREV = { object: null, namespace: null } as const;

export function done(proposal: number | null = null): Outcome {
  return {
    result: { decision: 'DONE', code: 'OK', proposal, witnesses: [], binding: null, original: null },
    prev: NO_PREV,
  };
}

export function verdict(decision: TxResult['decision'], code: string, more: Partial<TxResult> = {}): TxResult {
  return {
    decision,
    code,
    proposal: null,
    witnesses: [] as readonly LeafIndex[],
    binding: null,
    original: null,
    ...more,
  };
}
