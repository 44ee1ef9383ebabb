import type { Hash } from '../types/brand.ts';
import type { ChainParams, ConfigPolicy, Binding, ClusterRecord, Member, Validator } from '../types/chain.ts';
import type { Sha256 } from '../ports/crypto.ts';
import type { ExpectedHook } from '../types/finding.ts';
import type { PolicySpec } from '../governance/policy.ts';
import { canonicalJson } from '../codec/index.ts';
import { domainHashHex } from './domain-hash.ts';

/**
 * What `replaces` of a configuration change names (compare-and-swap): the version that was read before the vote.
 * A policy is named by its digest, everything else by SHA-256("kubectl-chain/version/v1" 0x00 RFC 8785 of the thing itself).
 */
export function versionHash(
  sha256: Sha256,
  thing: ClusterRecord | Binding | Member | ChainParams | ConfigPolicy | ExpectedHook | Validator,
): Hash {
  return domainHashHex(sha256, 'version', canonicalJson(thing));
}

/** Digest of a policy: its name and its canonical spec (`parsePolicySpec`), so that the same rule under another name is another policy. */
export function policyDigest(sha256: Sha256, name: string, spec: PolicySpec): Hash {
  return domainHashHex(sha256, 'policy', canonicalJson({ name, spec }));
}
