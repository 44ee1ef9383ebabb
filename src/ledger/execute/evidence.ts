import type { EvidencePayload } from '../../types/transaction.ts';
import { fromBase64 } from '../../codec/index.ts';
import { ChainError } from '../../errors/chain-error.ts';
import { validatorById } from './committee.ts';
import { validatorsAt } from './validator-sets.ts';
import { KEY } from './keys.ts';
import { putExpiring } from './expiry.ts';
import { done, type Execution, type Outcome } from './execution.ts';
import { readSignedVote, type SignedVote } from './signed-vote.ts';

/** By validator: how many proofs there are, and of the last one the height that was signed twice and that of its record. */
export type EvidenceSummary = Readonly<
  Record<string, { readonly count: number; readonly signedHeight: number; readonly height: number }>
>;

/** The leaf stays for ever; that the same act must not be written down again is remembered so long. */
const KNOWN_MS = 400 * 86_400_000;

/** Two conflicting signatures of one validator for one step, verified. Throws LEDGER_EVIDENCE. */
export function executeEvidence(x: Execution, { validator, first, second }: EvidencePayload): Outcome {
  const refuse = (reason: string): ChainError => new ChainError('LEDGER_EVIDENCE', { validator, reason });
  const [a, b] = [first, second].map(({ bytes, signature }): SignedVote => {
    const signed = fromBase64(bytes);
    const vote = readSignedVote(signed);
    if (vote === undefined || vote.chain !== x.chain.hash) throw refuse('the bytes are no vote of this chain');
    // The key of that height: it may have been replaced since, and what it signed then still counts.
    const { voteKey } = validatorById(validatorsAt(x.docs, vote.height), validator);
    if (!x.chain.verifyEd25519(voteKey, signed, fromBase64(signature))) throw refuse('a signature does not verify');
    return vote;
  }) as [SignedVote, SignedVote];
  if (a.type !== b.type || a.height !== b.height || a.round !== b.round)
    throw refuse('the votes are for different steps');
  if (a.content === b.content) throw refuse('the votes agree');
  const key = `evidence/${validator}/${a.height}/${a.round}/${a.type}`;
  if (x.docs.get(key) !== undefined) throw refuse('it is known');
  putExpiring(x, key, { untilMs: x.timeMs + KNOWN_MS });
  const all = x.docs.get<EvidenceSummary>(KEY.evidence) ?? {};
  x.docs.put(KEY.evidence, {
    ...all,
    [validator]: { count: (all[validator]?.count ?? 0) + 1, signedHeight: a.height, height: x.height },
  });
  return done();
}
