import type { Hash } from '../../types/brand.ts';
import type { ClusterRecord } from '../../types/chain.ts';
import type { Finding, FindingFacts, FindingKind } from '../../types/finding.ts';
import type { Sha256 } from '../../ports/crypto.ts';
import { canonicalJson } from '../../codec/index.ts';
import { faultyMax } from '../../governance/body-holders.ts';
import { domainHashHex } from '../domain-hash.ts';

/** Organisations of which at least one is honest; all observers where there are fewer (P4 is then reduced, which `status` says). */
export function observersNeeded(validators: number, cluster: Pick<ClusterRecord, 'observers'>): number {
  return Math.max(1, Math.min(faultyMax(validators) + 1, cluster.observers.length));
}

export function isOpen({ state }: Pick<Finding, 'state'>): boolean {
  return state === 'SEEN' || state === 'CONFIRMED';
}

/** What happened once cannot be made undone; only people can close it. */
export function isRepairable(kind: FindingKind): boolean {
  return kind !== 'failed-open' && kind !== 'impersonation';
}

/**
 * The part of a finding that does not rest on the word of fewer than `needed` organisations: what a ratification accepts. Numbers are the highest that so many
 * reach: at least one honest observer then says as much, and counted everything below.
 */
export function factsOf(finding: Finding, observers: ClusterRecord['observers'], needed: number): FindingFacts {
  const { id, cluster, kind, subject, episode } = finding;
  const reports = finding.reports.filter(({ org, holds }) => holds && observers.includes(org));
  const values = [...new Set(reports.map(({ value }) => value))].sort();
  const nth = <T>(sorted: readonly T[]): T | undefined => sorted[needed - 1];
  return {
    id,
    cluster,
    kind,
    subject,
    episode,
    value: values.find((value) => reports.filter((report) => report.value === value).length >= needed) ?? '',
    objectCount: nth(reports.map(({ objectCount }) => objectCount).sort((a, b) => b - a)) ?? 0,
    throughVersion: nth(reports.map(({ throughVersion }) => throughVersion).sort(higherFirst)) ?? '',
    objects: finding.objects
      .filter(({ by }) => by.filter((org) => observers.includes(org)).length >= needed)
      .map(({ by: _by, ...object }) => object),
  };
}

/** What `replaces` of a finding-ratify names. */
export function factsHash(sha256: Sha256, facts: FindingFacts): Hash {
  return domainHashHex(sha256, 'finding', canonicalJson(facts));
}

/** Decimal numbers as text, an empty one last. */
export function higherFirst(a: string, b: string): number {
  if (a.length !== b.length) return b.length - a.length;
  return a < b ? 1 : a > b ? -1 : 0;
}
