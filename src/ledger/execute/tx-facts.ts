import { changeDigests } from '../../codec/change-digest.ts';
import type { Sha256 } from '../../ports/crypto.ts';
import type { Hash } from '../../types/brand.ts';
import type { ChangeAttestation, PerBinding } from '../../types/change.ts';
import type { Payload, SpooledRecordPayload } from '../../types/transaction.ts';
import { naturalKeyHash } from './natural-key.ts';
import { pairHashOf } from './pairing.ts';

/**
 * What follows from a decoded transaction alone, whatever the state: computed once, though the transaction is checked, perhaps proposed, and executed. Kept as long as the
 * decoded transaction itself.
 */
export class TxFacts {
  readonly #sha256: Sha256;
  readonly #naturalKeys = new WeakMap<Payload, Hash>();
  readonly #digests = new WeakMap<ChangeAttestation, PerBinding>();
  readonly #pairs = new WeakMap<ChangeAttestation, Hash>();

  constructor(sha256: Sha256) {
    this.#sha256 = sha256;
  }

  naturalKey(payload: Exclude<Payload, SpooledRecordPayload>): Hash {
    return remembered(this.#naturalKeys, payload, () => naturalKeyHash(this.#sha256, payload));
  }

  /** The digests that the attestation must name. */
  digests(attestation: ChangeAttestation): PerBinding {
    const { attributes, commitment } = attestation;
    return remembered(this.#digests, attestation, () => changeDigests(this.#sha256, attributes, commitment));
  }

  pairHash(attestation: ChangeAttestation): Hash {
    return remembered(this.#pairs, attestation, () => pairHashOf(this.#sha256, attestation));
  }
}

function remembered<K extends object, V>(known: WeakMap<K, V>, key: K, compute: () => V): V {
  const found = known.get(key);
  if (found !== undefined) return found;
  const value = compute();
  known.set(key, value);
  return value;
}
