import type { ChainReader } from '../../src/client/reader.ts';
import { utf8Encode } from '../../src/codec/index.ts';
import { nativeBackend } from '../../src/crypto/index.ts';
import { ChainError } from '../../src/errors/chain-error.ts';
import { isOrgExcluded, isUnclaimed } from '../../src/governance/author.ts';
import { countRequirement } from '../../src/governance/tally.ts';
import { strictest } from '../../src/governance/requirement.ts';
import { unusedCount } from '../../src/governance/transitions.ts';
import { openDescriptor } from '../../src/ledger/descriptor.ts';
import { changesOf, digestsOf } from '../../src/ledger/details.ts';
import { changeUseKey, KEY, orgKey, proposalKey } from '../../src/ledger/execute/keys.ts';
import { termsHashOf } from '../../src/ledger/terms.ts';
import type { Hash } from '../../src/types/brand.ts';
import type { Organisation } from '../../src/types/chain.ts';
import type { ChangeUse, Proposal, ProposalDetails, Requirement } from '../../src/types/proposal.ts';
import type { ConfigChange } from '../../src/types/transaction.ts';
import { documentOf } from './document.ts';
import { ageOf, humanDuration } from './output/age.ts';
import type { View } from './output/print.ts';

export const terminalStates: ReadonlySet<string> = new Set([
  'REJECTED',
  'WITHDRAWN',
  'EXPIRED',
  'SUPERSEDED',
  'UNAVAILABLE',
  'EXECUTED',
  'FAILED',
]);

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

/** A proposal with the organisations that vote on it. */
export interface Opened {
  readonly proposal: Proposal;
  readonly orgs: ReadonlyMap<string, Organisation>;
  /** Its body; undefined if it was not asked for, or nobody has it. */
  readonly details: ProposalDetails | undefined;
  /** By index; undefined where a change is in no use, or was not asked for. */
  readonly uses: readonly (ChangeUse | undefined)[];
  /** When it was last in the state, if it left it. */
  readonly lastInState: { readonly height: number; readonly timeMs: number } | null;
}

/** In full. Throws CLI_NOT_FOUND if it was proven that there is none. */
export async function openProposal(reader: ChainReader, id: number): Promise<Opened> {
  const [opened] = await openProposals(reader, [id], true);
  if (opened === undefined) throw new ChainError('CLI_NOT_FOUND', { what: `proposal/${id}` });
  return opened;
}

/** What a list shows needs neither bodies nor what became of each change; `inFull` asks for these too. */
export async function openProposals(
  reader: ChainReader,
  ids: readonly number[],
  inFull: boolean,
): Promise<readonly Opened[]> {
  if (ids.length === 0) return [];
  const { values } = await reader.state([...ids.map(proposalKey), KEY.meta]);
  const last = documentOf<{ proposals: number }>(values, KEY.meta)?.proposals ?? 0;
  const gone = ids.filter((id) => id > 0 && id <= last && values.get(proposalKey(id)) === undefined);
  const archived = new Map((gone.length === 0 ? [] : await reader.archived(gone)).map((past) => [past.proposal, past]));
  const found = ids.flatMap((id) => {
    const past = archived.get(id);
    const proposal = documentOf<Proposal>(past?.values ?? values, proposalKey(id));
    return proposal === undefined ? [] : [{ proposal, lastInState: past ?? null }];
  });
  const orgs = await organisationsOf(reader, [...new Set(found.flatMap(({ proposal }) => proposal.electors))]);
  return Promise.all(
    found.map(async ({ proposal, lastInState }) => ({
      proposal,
      orgs,
      lastInState,
      details: inFull && proposal.details !== '' ? await reader.details(proposal.details) : undefined,
      uses: inFull && lastInState === null ? await usesOf(reader, proposal) : [],
    })),
  );
}

async function organisationsOf(
  reader: ChainReader,
  names: readonly string[],
): Promise<ReadonlyMap<string, Organisation>> {
  if (names.length === 0) return new Map();
  const { values } = await reader.state(names.map(orgKey));
  return new Map(
    names.flatMap((name) => {
      const org = documentOf<Organisation>(values, orgKey(name));
      return org === undefined ? [] : [[name, org] as const];
    }),
  );
}

async function usesOf(reader: ChainReader, proposal: Proposal): Promise<Opened['uses']> {
  if (unusedCount(proposal) === proposal.changeCount) return [];
  const keys = Array.from({ length: proposal.changeCount }, (_, index) => changeUseKey(proposal.id, index));
  const { values } = await reader.state(keys);
  return keys.map((key) => documentOf<ChangeUse>(values, key));
}

/** Id of the newest proposal and those about which something can still change. */
export async function proposalIds(
  reader: ChainReader,
): Promise<{ readonly last: number; readonly live: readonly number[] }> {
  const { values } = await reader.state([KEY.meta, KEY.liveProposals]);
  return {
    last: documentOf<{ proposals: number }>(values, KEY.meta)?.proposals ?? 0,
    live: documentOf<number[]>(values, KEY.liveProposals) ?? [],
  };
}

/**
 * What a ballot signs, computed from what was read and from the digests of the body that is shown. Throws CLI_TERMS if the chain has another hash for it:
 * then what it approves is not what the body says.
 */
export function checkedTerms(chain: Hash, proposal: Proposal, details: ProposalDetails | undefined): Hash {
  const digests = details === undefined ? [] : digestsOf(details, nativeBackend.sha256);
  const hash = termsHashOf(nativeBackend.sha256, chain, proposal, digests);
  if (hash !== proposal.termsHash) throw new ChainError('CLI_TERMS', { proposal: proposal.id });
  return hash;
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

/** True if this member's organisation may vote and the member has not. */
export function awaits(proposal: Proposal, who: { readonly org: string; readonly member: string }): boolean {
  const org = proposal.electors.find((elector) => elector === who.org);
  if (proposal.state !== 'OPEN' || org === undefined) return false;
  const isExcluded = proposal.requirements.every((requirement) => isOrgExcluded(proposal, requirement, org));
  return !isExcluded && !proposal.votes.some((vote) => vote.org === who.org && vote.member === who.member);
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

/** Whom a descriptor is of; what it says is checked where it is put to the vote. */
function descriptorOrg(line: string): string {
  try {
    return openDescriptor(utf8Encode(line), nativeBackend).org;
  } catch (error) {
    return (error as Error).message;
  }
}

export function configTitle(change: ConfigChange): string {
  switch (change.type) {
    case 'policy-put':
    case 'policy-delete':
      return `${change.type} ${change.name}`;
    case 'cluster-put':
      return `${change.type} ${change.cluster.name}`;
    case 'binding-put':
      return `${change.type} ${change.binding.cluster}/${change.binding.user}`;
    case 'binding-delete':
      return `${change.type} ${change.cluster}/${change.user}`;
    case 'member-put':
      return `${change.type} ${change.org}/${change.member.name}`;
    case 'member-delete':
      return `${change.type} ${change.org}/${change.name}`;
    case 'validator-join':
    case 'validator-replace':
      return `${change.type} ${descriptorOrg(change.descriptor)}`;
    case 'validator-remove':
      return `${change.type} ${change.org}`;
    case 'guard-put':
      return `${change.type} ${change.cluster}/${change.hook}`;
    case 'tombstone':
      return `${change.type} ${change.body}`;
    case 'finding-ratify':
      return `${change.type} ${change.cluster}/${change.finding}`;
    case 'params-put':
    case 'config-policy-put':
      return change.type;
  }
}

function changesCell({ title, changeCount, config }: ProposalJson): string {
  const count = changeCount + config.length;
  const [first] = config;
  const shown = first === undefined ? title : configTitle(first);
  return count > 1 ? `${shown} (+${count - 1})` : shown;
}

function missingCell({ state, missing }: ProposalJson): string {
  if (state !== 'OPEN') return '';
  const parts = [
    ...(missing.claim ? ['author'] : []),
    ...(missing.body ? ['body'] : []),
    ...(missing.approvals > 0 ? [`${missing.approvals} of ${missing.notVoted.join(',') || 'nobody'}`] : []),
    ...(missing.requiredOrgs.length > 0 ? [`required ${missing.requiredOrgs.join(',')}`] : []),
  ];
  return parts.join('; ');
}

/** What ends next: the vote, or the time in which the approval may be used. */
function deadlineCell({ state, execution, deadlineVoting, deadlineExecution }: ProposalJson, nowMs: number): string {
  const isUsable = state === 'APPROVED' && execution.includes('READY');
  const deadline = state === 'OPEN' ? deadlineVoting : isUsable ? deadlineExecution : null;
  if (deadline === null) return '';
  const left = Date.parse(deadline) - nowMs;
  return left < 0 ? 'over' : humanDuration(left);
}

export const proposalView: View<ProposalJson> = {
  kind: 'Proposal',
  name: ({ id }) => `proposal/${id}`,
  columns: [
    { header: 'ID', cell: ({ id }) => String(id) },
    { header: 'STATE', cell: ({ state }) => state },
    { header: 'EXECUTION', cell: (proposal) => (proposal.state === 'APPROVED' ? proposal.execution : '') },
    { header: 'AGE', cell: ({ opened }, nowMs) => ageOf(opened, nowMs) },
    { header: 'AUTHOR', cell: ({ author }) => author },
    { header: 'CHANGE', cell: changesCell },
    { header: 'POLICY', cell: ({ policy }) => policy },
    { header: 'VOTES', cell: ({ votes }) => votes.map(({ org, choice }) => `${org}:${choice}`).join(',') },
    { header: 'MISSING', cell: missingCell },
    { header: 'DEADLINE', cell: deadlineCell },
    { header: 'CLAIMED-BY', cell: ({ claimedBy }) => claimedBy.join(','), isWide: true },
    { header: 'END-CODE', cell: ({ endCode }) => endCode, isWide: true },
    { header: 'CLUSTER', cell: ({ cluster }) => cluster, isWide: true },
    { header: 'DIGEST', cell: ({ digest }) => digest.slice(0, 16), isWide: true },
  ],
};
