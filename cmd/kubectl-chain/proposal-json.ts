import { nativeBackend } from '../../src/crypto/index.ts';
import { isUnclaimed } from '../../src/governance/author.ts';
import { strictest } from '../../src/governance/requirement.ts';
import { countRequirement } from '../../src/governance/tally.ts';
import { unusedCount } from '../../src/governance/transitions.ts';
import { changesOf, digestsOf } from '../../src/ledger/details.ts';
import type { Proposal, Requirement } from '../../src/types/proposal.ts';
import type { ConfigChange } from '../../src/types/transaction.ts';
import type { Opened } from './proposal.ts';

/** A proposal as scripts read it; fields are only ever added. */
export interface ProposalJson {
  readonly id: number;
  readonly instance: number;
  readonly type: Proposal['kind'];
  readonly origin: Proposal['origin'];
  readonly state: Proposal['state'];
  readonly endCode: string;
  readonly cluster: string;
  readonly opened: string;
  readonly record: number;
  /** Kubernetes user of the refused request, or `org/member` of who proposed. */
  readonly author: string;
  readonly authorOrg: string;
  readonly claimedBy: readonly string[];
  readonly reason: string;
  readonly binding: string;
  /** The first change in words, and how many there are. */
  readonly title: string;
  readonly changeCount: number;
  /** How far the changes have come, in words. */
  readonly execution: string;
  /** Empty where the proposal's body could not be had. */
  readonly changes: readonly ChangeJson[];
  readonly config: readonly ConfigChange[];
  /** Names of the policies that must be met, with commas between. */
  readonly policy: string;
  readonly requirements: readonly RequirementJson[];
  readonly electors: readonly string[];
  readonly votes: readonly {
    readonly org: string;
    readonly member: string;
    readonly choice: string;
    readonly reason: string;
    readonly time: string;
    readonly record: number;
    readonly sequence: number;
  }[];
  readonly missing: {
    /** Approvals that are still needed by the policy that needs most. */
    readonly approvals: number;
    readonly requiredOrgs: readonly string[];
    /** Organisations that may vote and have not. */
    readonly notVoted: readonly string[];
    /** True while nobody answers for the author: until then no count ends. */
    readonly claim: boolean;
    /** True while too few organisations hold the content. */
    readonly body: boolean;
  };
  readonly bodyHeldBy: readonly string[];
  readonly deadlineVoting: string | null;
  readonly deadlineExecution: string | null;
  /** Approved digest of the first change; empty for a configuration, and where the body could not be had. */
  readonly digest: string;
  /** Hash of the proposal's body; empty for a configuration. */
  readonly details: string;
  readonly termsHash: string;
  /** Of one that left the state after its end: where and when it last stood there. */
  readonly lastInState: { readonly height: number; readonly time: string } | null;
}

export interface ChangeJson {
  readonly operation: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly user: string;
  readonly paths: readonly string[];
  readonly binding: string;
  readonly digest: string;
  readonly bodyHash: string;
  readonly state: string;
  readonly decision: number | null;
  readonly persistedBy: readonly string[];
}

interface RequirementJson extends Requirement {
  readonly approvedBy: readonly string[];
  readonly met: boolean;
}

const time = (ms: number): string => new Date(ms).toISOString();
const timeOrNull = (ms: number | null): string | null => (ms === null ? null : time(ms));

export function authorOf({ requester }: Pick<Proposal, 'requester'>): string {
  return requester.user !== '' ? requester.user : `${requester.org ?? ''}/${requester.member ?? ''}`;
}

export function describeProposal(opened: Opened): ProposalJson {
  const { proposal, orgs, details, lastInState } = opened;
  const { requester, requirements } = proposal;
  const counts = requirements.map((requirement) => ({
    requirement,
    count: countRequirement(proposal, requirement, (org) => orgs.get(org)?.votesRequired ?? 1),
  }));
  const excludesAuthor = requirements.some((requirement) => requirement.excludeAuthor !== 'none');
  const undecided = new Set<string>(counts.flatMap(({ count }) => count.undecided));
  return {
    id: proposal.id,
    instance: proposal.instance,
    type: proposal.kind,
    origin: proposal.origin,
    state: proposal.state,
    endCode: proposal.endCode,
    cluster: proposal.cluster,
    opened: time(proposal.openedMs),
    record: proposal.openedLeaf,
    author: authorOf(proposal),
    authorOrg: requester.org ?? '',
    claimedBy: proposal.claims.map(({ org, member }) => `${org}/${member}`),
    reason: proposal.reason,
    binding: strictest(details?.changes.map(({ binding }) => binding) ?? requirements.map(({ binding }) => binding)),
    title: proposal.title,
    changeCount: proposal.changeCount,
    execution: executionOf(proposal),
    changes: changesJson(opened),
    config: proposal.config,
    policy: requirements.map(({ policy }) => policy).join(','),
    requirements: counts.map(({ requirement, count }) => ({
      ...requirement,
      approvedBy: count.approvedBy,
      met: count.met,
    })),
    electors: proposal.electors,
    votes: proposal.votes.map(({ org, member, choice, reason, atMs, leaf, sequence }) => ({
      org,
      member,
      choice,
      reason,
      time: time(atMs),
      record: leaf,
      sequence,
    })),
    missing: {
      approvals: Math.max(
        0,
        ...counts.map(({ requirement, count }) => requirement.approvals - count.approvedBy.length),
      ),
      requiredOrgs: [...new Set(counts.flatMap(({ count }) => count.missingOrgs))],
      notVoted: [...undecided].sort(),
      claim: proposal.state === 'OPEN' && excludesAuthor && proposal.electors.length > 1 && isUnclaimed(proposal),
      body: proposal.state === 'OPEN' && proposal.kind === 'change' && proposal.deadlineVotingMs === null,
    },
    bodyHeldBy: proposal.bodyHeldBy,
    deadlineVoting: timeOrNull(proposal.deadlineVotingMs),
    deadlineExecution: timeOrNull(proposal.deadlineExecutionMs),
    digest: details === undefined ? '' : (digestsOf(details, nativeBackend.sha256)[0] ?? ''),
    details: proposal.details,
    termsHash: proposal.termsHash,
    lastInState: lastInState === null ? null : { height: lastInState.height, time: time(lastInState.timeMs) },
  };
}

function changesJson({ proposal, details, uses }: Opened): readonly ChangeJson[] {
  if (details === undefined) return [];
  return changesOf(details, nativeBackend.sha256).map((change, index) => {
    const { operation, group, version, resource, subresource, namespace, name, uid, user, paths } = change.attributes;
    const use = uses[index];
    return {
      operation,
      group,
      version,
      resource,
      subresource,
      namespace,
      name,
      uid,
      user,
      paths,
      binding: change.binding,
      digest: change.digest[change.binding],
      bodyHash: change.bodyHash,
      state: use?.state ?? proposal.unused,
      decision: use?.decision ?? null,
      persistedBy: use?.persistedBy ?? [],
    };
  });
}

/** How far the changes have come: `READY 3, EXECUTED 2`, or one state that says it all. */
export function executionOf(
  proposal: Pick<Proposal, 'changeCount' | 'unused' | 'reserved' | 'executed' | 'uncertain'>,
): string {
  const counts = [
    [proposal.unused, unusedCount(proposal)],
    ['RESERVED', proposal.reserved.length],
    ['EXECUTED', proposal.executed],
    ['UNCERTAIN', proposal.uncertain],
  ] as const;
  const states = counts.filter(([, count]) => count > 0);
  return states.length === 1 ? (states[0]?.[0] ?? '') : states.map(([state, count]) => `${state} ${count}`).join(', ');
}
