import { ChainError } from '../errors/chain-error.ts';
import { toHex, utf8Encode } from '../codec/index.ts';
import type { HmacSha256, Sha256 } from '../ports/crypto.ts';
import type { Hash } from '../types/brand.ts';

export const CLUSTER_KEY_BYTES = 32;

/** What is derived from K_cluster for one purpose each, so that no value of one purpose says anything about another. */
export interface ClusterKeys {
  /** Public id of K_cluster, as it stands on the chain. */
  readonly keyId: Hash;
  /** Salts of commitments. */
  readonly salt: Uint8Array;
  /** Redaction of Secret values, tokens and command lines. */
  readonly redaction: Uint8Array;
}

/** SHA-256("kubectl-chain/cluster-key/v1" || 0x00 || K_cluster): says which key, not what it is. */
export function clusterKeyId(key: Uint8Array, sha256: Sha256): Hash {
  return toHex(sha256(utf8Encode('kubectl-chain/cluster-key/v1\0'), key)) as Hash;
}

/** By the very array that holds the key: each review asks for the same one. */
const derived = new WeakMap<Uint8Array, ClusterKeys>();

/** Sub-keys are HMAC-SHA-256(K_cluster, label); the label holds the version. `key` must not be changed afterwards. */
export function deriveClusterKeys(key: Uint8Array, sha256: Sha256, hmacSha256: HmacSha256): ClusterKeys {
  const known = derived.get(key);
  if (known !== undefined) return known;
  if (key.length !== CLUSTER_KEY_BYTES) {
    throw new ChainError('CHANGE_CLUSTER_KEY', { bytes: key.length, wanted: CLUSTER_KEY_BYTES });
  }
  const keys = {
    keyId: clusterKeyId(key, sha256),
    salt: hmacSha256(key, utf8Encode('kubectl-chain/commitment-salt/v1')),
    redaction: hmacSha256(key, utf8Encode('kubectl-chain/redaction/v1')),
  };
  derived.set(key, keys);
  return keys;
}
