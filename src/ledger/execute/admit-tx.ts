import type { PublicKeyHex, OrgId } from '../../types/brand.ts';
import type { Joiner, Validator } from '../../types/chain.ts';
import type { Payload, PayloadKind } from '../../types/transaction.ts';
import { ChainError } from '../../errors/chain-error.ts';
import type { DecodedTransaction } from '../transaction.ts';
import { memberOf, validatorById } from './committee.ts';
import type { Documents } from './documents.ts';
import type { Chain } from './execution.ts';
import { joinerKey, naturalKeyKey } from './keys.ts';
import type { NaturalKeyDocument } from './natural-key.ts';
import type { Hash } from '../../types/brand.ts';

/** A webhook answers within 10 s; a minute covers clocks that are apart. It bounds how long a natural key must be kept. */
export const MUTATION_HORIZON_MS = 60_000;
export const HORIZON_MS = 86_400_000;
/**
 * What expired on its way is still written down for so long after; later it has no place in a block, so that nobody fills blocks with what expired long ago.
 */
export const EXPIRED_RECORDED_MS = 60_000;

/** Kinds that a person signs: a refusal is written down, so that it can be shown. The others are a node's, which only leaves them out. */
const PERSONAL: readonly PayloadKind[] = ['proposal', 'claim', 'ballot', 'withdrawal', 'member-key'];

export function isPersonal(kind: PayloadKind): boolean {
  return PERSONAL.includes(kind);
}

export interface TxSigner {
  readonly org: OrgId;
  readonly key: PublicKeyHex;
}

/** The registered signer. Throws LEDGER_SIGNER_UNKNOWN. */
export function signerOf(docs: Pick<Documents, 'get'>, validators: readonly Validator[], payload: Payload): TxSigner {
  if (payload.kind === 'validator-join') {
    const joiner = docs.get<Joiner>(joinerKey(payload.node));
    if (joiner === undefined) throw new ChainError('LEDGER_SIGNER_UNKNOWN', { signer: payload.node });
    return { org: joiner.validator.org, key: joiner.validator.txKey };
  }
  if ('node' in payload) {
    const { org, txKey } = validatorById(validators, payload.node);
    return { org, key: txKey };
  }
  return { org: payload.org, key: memberOf(docs, payload.org, payload.member).key };
}

/** Throws LEDGER_TX_CHAIN, LEDGER_NOT_AFTER_TOO_FAR or, when it has no place in a block any more, LEDGER_EXPIRED. */
export function checkTerms(chain: Chain, payload: Payload, timeMs: number, expiredRecordedMs: number): void {
  if (payload.chain !== chain.hash)
    throw new ChainError('LEDGER_TX_CHAIN', { expected: chain.hash, found: payload.chain });
  if (payload.kind === 'spooled-record') return;
  const { notAfterMs, kind } = payload;
  const horizonMs = kind === 'mutation' ? MUTATION_HORIZON_MS : HORIZON_MS;
  if (notAfterMs > timeMs + horizonMs)
    throw new ChainError('LEDGER_NOT_AFTER_TOO_FAR', { notAfterMs, maxMs: timeMs + horizonMs });
  if (notAfterMs + expiredRecordedMs < timeMs) throw new ChainError('LEDGER_EXPIRED', { notAfterMs, timeMs });
}

/** Throws LEDGER_DUPLICATE for the same bytes, LEDGER_CONFLICT for others under the same natural key. */
export function checkNaturalKey(
  docs: Pick<Documents, 'get'>,
  tx: DecodedTransaction,
  natural: Hash,
  timeMs: number,
): void {
  const known = docs.get<NaturalKeyDocument>(naturalKeyKey(natural));
  if (known === undefined || known.untilMs < timeMs) return;
  if (known.tx === tx.hash) throw new ChainError('LEDGER_DUPLICATE', { tx: tx.hash, leaf: known.leaf });
  throw new ChainError('LEDGER_CONFLICT', { tx: tx.hash, leaf: known.leaf });
}
