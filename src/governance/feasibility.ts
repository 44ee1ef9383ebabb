import { ChainError } from '../errors/chain-error.ts';
import type { OrgId } from '../types/brand.ts';
import type { Organisation } from '../types/chain.ts';
import { canVote, voters } from './electors.ts';
import type { PolicySpec, ResourcePattern, Selector } from './policy.ts';

/** What no webhook is ever asked about (facts of the API server, admission.md): `*` takes the whole group. */
const NEVER_REVIEWED: readonly ResourcePattern[] = [
  { group: 'coordination.k8s.io', resource: 'leases' },
  { group: 'coordination.k8s.io', resource: '*' },
  { group: '', resource: 'events' },
  { group: 'events.k8s.io', resource: '*' },
  { group: 'events.k8s.io', resource: 'events' },
  { group: 'authentication.k8s.io', resource: '*' },
  { group: 'authentication.k8s.io', resource: 'tokenreviews' },
  { group: 'authentication.k8s.io', resource: 'selfsubjectreviews' },
  { group: 'authorization.k8s.io', resource: '*' },
  { group: 'authorization.k8s.io', resource: 'subjectaccessreviews' },
  { group: 'authorization.k8s.io', resource: 'localsubjectaccessreviews' },
  { group: 'authorization.k8s.io', resource: 'selfsubjectaccessreviews' },
  { group: 'authorization.k8s.io', resource: 'selfsubjectrulesreviews' },
];

/**
 * Refuses a policy that no committee of these organisations could ever meet, or that matches nothing that is ever asked about. Checked when it
 * is proposed, when it takes effect, and whenever organisations change. Throws GOVERNANCE_POLICY_NEVER_MET or _NEVER_MATCHES.
 */
export function checkFeasible(name: string, spec: PolicySpec, orgs: readonly Organisation[]): void {
  const able = orgs.filter(canVote);
  const isElector = (org: OrgId): boolean => able.some((other) => other.name === org);
  for (const org of [...spec.require.requiredOrgs, ...spec.require.veto]) {
    if (!isElector(org)) throw neverMet(name, `${org} is no organisation with enough members who vote`);
  }
  const most = eligibleMax(spec, able);
  if (spec.require.approvals > most) {
    throw neverMet(
      name,
      `it asks for ${spec.require.approvals} approvals, and at most ${most} organisations can be eligible`,
    );
  }
  if (spec.match.every(neverReviewed)) {
    throw new ChainError('GOVERNANCE_POLICY_NEVER_MATCHES', {
      policy: name,
      reason: 'it names only what the gate never sees',
    });
  }
  if (spec.exclude.some((selector) => Object.keys(selector).length === 0)) {
    throw new ChainError('GOVERNANCE_POLICY_NEVER_MATCHES', {
      policy: name,
      reason: 'an empty entry excludes everything',
    });
  }
}

/** The most organisations that can be eligible for one proposal: its author's own may be taken out. */
function eligibleMax(spec: PolicySpec, able: readonly Organisation[]): number {
  const all = able.length;
  // The only organisation there is decides alone; see author.ts.
  if (all <= 1) return all;
  if (spec.require.excludeAuthor === 'org') return all - 1;
  if (spec.require.excludeAuthor === 'none') return all;
  const someoneCanStepAside = able.some((org) => voters(org).length > org.votesRequired);
  return someoneCanStepAside ? all : all - 1;
}

function neverReviewed(selector: Selector): boolean {
  return selector.resources?.every((pattern) => NEVER_REVIEWED.some((never) => sameResource(never, pattern))) ?? false;
}

function sameResource(never: ResourcePattern, pattern: ResourcePattern): boolean {
  return never.group === pattern.group && never.resource === pattern.resource.split('/')[0];
}

function neverMet(policy: string, reason: string): ChainError<'GOVERNANCE_POLICY_NEVER_MET'> {
  return new ChainError('GOVERNANCE_POLICY_NEVER_MET', { policy, reason });
}
