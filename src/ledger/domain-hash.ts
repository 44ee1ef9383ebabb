import type { Hash } from '../types/brand.ts';
import type { Sha256 } from '../ports/crypto.ts';
import { toHex, utf8Encode } from '../codec/index.ts';

/**
 * Everything hashed outside the RFC 6962 tree is separated by what it is:
 *   SHA-256( "kubectl-chain/<what>/v1" || 0x00 || bytes )
 * The name holds the version: another layout gets another name, never another meaning.
 */
export type HashDomain =
  | 'genesis'
  | 'header'
  | 'certificate'
  | 'validators'
  | 'params'
  | 'app'
  | 'tx'
  | 'state-bucket'
  | 'state-node'
  | 'state-key'
  | 'pair'
  | 'natural-key'
  | 'terms'
  | 'policy'
  | 'version'
  | 'finding'
  | 'spool';

const prefixes = new Map<HashDomain, Uint8Array>();

/** The domain's prefix bytes, encoded once. */
function hashPrefix(domain: HashDomain): Uint8Array {
  let prefix = prefixes.get(domain);
  if (prefix === undefined) {
    prefix = utf8Encode(`kubectl-chain/${domain}/v1\0`);
    prefixes.set(domain, prefix);
  }
  return prefix;
}

/** 32 bytes. */
export function domainHash(sha256: Sha256, domain: HashDomain, ...parts: readonly Uint8Array[]): Uint8Array {
  return sha256(hashPrefix(domain), ...parts);
}

export function domainHashHex(sha256: Sha256, domain: HashDomain, ...parts: readonly Uint8Array[]): Hash {
  return toHex(domainHash(sha256, domain, ...parts)) as Hash;
}

/** Stands where there is no hash: no last certificate, an empty bucket. */
export const ZERO_HASH = '0'.repeat(64) as Hash;
