import type { Hash, OrgId } from '../types/brand.ts';
import type { ConfigPolicy, Organisation } from '../types/chain.ts';
import type { BindingMode } from '../types/change.ts';
import type { Requirement } from '../types/proposal.ts';
import { durationMs } from './duration.ts';
import { CONFIGURATION_POLICY, type Policy } from './policy.ts';

/** What the policies that match a proposal's changes ask for: each policy once, by name; all must be met. */
export function requirementsOf(matched: readonly Policy[]): readonly Requirement[] {
  const byName = new Map(matched.map((policy) => [policy.name, policy]));
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1)).map(requirementOf);
}

function requirementOf(policy: Policy): Requirement {
  const { require, binding } = policy.spec;
  return {
    policy: policy.name,
    policyDigest: policy.digest,
    approvals: require.approvals,
    requiredOrgs: require.requiredOrgs,
    veto: require.veto,
    excludeAuthor: require.excludeAuthor,
    binding,
  };
}

export function strictest(modes: readonly BindingMode[]): BindingMode {
  return modes.includes('strict') ? 'strict' : 'diff';
}

/** The shortest of the voting and of the execution times that the policies give. Both in milliseconds. */
export function deadlinesOf(matched: readonly Policy[]): { readonly votingMs: number; readonly executionMs: number } {
  const shortest = (which: 'voting' | 'execution'): number =>
    Math.min(...matched.map((policy) => durationMs(policy.spec.deadlines[which]) ?? 0));
  return { votingMs: shortest('voting'), executionMs: shortest('execution') };
}

/** True if every policy that matches now was voted on as it is now. */
export function coversPolicies(requirements: readonly Requirement[], matched: readonly Policy[]): boolean {
  return matched.every((policy) =>
    requirements.some((r) => r.policy === policy.name && r.policyDigest === policy.digest),
  );
}

/**
 * How the committee of n organisations decides on its own configuration. Every rule keeps the floor: a majority, and two organisations
 * where there are three or more. Proposing is not voting, and nobody is excluded.
 */
export function configurationRequirement(
  policy: ConfigPolicy,
  policyDigest: Hash,
  orgs: readonly Pick<Organisation, 'name'>[],
  removed: readonly OrgId[],
): Requirement {
  // Whoever is to leave has no say in it, and two thirds of the others are needed.
  const others = orgs.filter(({ name }) => !removed.includes(name)).length;
  const approvals = configurationApprovals(policy.rule, others);
  return {
    policy: CONFIGURATION_POLICY,
    policyDigest,
    approvals: others === orgs.length ? approvals : Math.max(approvals, Math.ceil((2 * others) / 3)),
    ...(others === orgs.length ? {} : { excludedOrgs: removed }),
    requiredOrgs: [],
    veto: [],
    excludeAuthor: 'none',
    binding: 'strict',
  };
}

export function configurationApprovals(rule: ConfigPolicy['rule'], n: number): number {
  switch (rule) {
    case 'majority':
      return Math.floor(n / 2) + 1;
    case 'two-thirds':
      return Math.floor((2 * n) / 3) + 1;
    case 'all':
      return n;
  }
}
