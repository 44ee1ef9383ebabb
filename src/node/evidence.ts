import { toBase64 } from '../codec/index.ts';
import { signBytes, type Equivocation } from '../consensus/index.ts';
import type { Hash, ValidatorId } from '../types/brand.ts';
import type { EvidencePayload } from '../types/transaction.ts';

/** What a node submits when a validator signed two conflicting messages: both signed byte strings, for everybody to verify. */
export function evidenceOf(
  chain: Hash,
  validator: ValidatorId,
  { first, second }: Equivocation,
): Pick<EvidencePayload, 'kind' | 'validator' | 'first' | 'second'> {
  const signed = (message: Equivocation['first']) => ({
    bytes: toBase64(signBytes(chain, message.kind === 'vote' ? message : { ...message, type: 'proposal' })),
    signature: toBase64(message.signature),
  });
  return { kind: 'evidence', validator, first: signed(first), second: signed(second) };
}
