import type { Hash, LeafIndex, OrgId } from '../../types/brand.ts';
import type { ChangeState, ChangeUse, Proposal, ProposalState } from '../../types/proposal.ts';
import { ChainError } from '../../errors/chain-error.ts';
import type { ErrorCode } from '../../errors/registry.ts';
import { isUnclaimedAutomatic } from '../../governance/author.ts';
import { bodyHolders, bodyHoldersNeeded } from '../../governance/body-holders.ts';
import { electorsOf } from '../../governance/electors.ts';
import {
  checkChangeTransition,
  checkProposalTransition,
  holdsDigest,
  isLive,
  unusedCount,
} from '../../governance/transitions.ts';
import { termsHashOf } from '../terms.ts';
import { metaOf, organisations } from './committee.ts';
import type { Documents } from './documents.ts';
import { addDue, removeDue } from './due.ts';
import type { Execution } from './execution.ts';
import { noteEnded } from './retirement.ts';
import { changeUseKey, digestKey, KEY, orgOpenKey, proposalDigestsKey, proposalKey, requesterKey } from './keys.ts';

/** Bodies that nobody could fetch in ten minutes will hardly come; the requester is then told so. */
export const BODIES_WAIT_MS = 600_000;
/**
 * A runaway controller makes no more than this. As many as a release has objects: a tool that applies one over and over would otherwise put its own
 * proposals out, each time anew, before anybody has voted.
 */
export const OPEN_PER_REQUESTER_MAX = 100;
/** Also bounds the lists that are written with each proposal. */
export const OPEN_PER_ORG_MAX = 300;

/** Latest proposal for a digest, and where it stands in it. `instance` rises with each proposal that names it, while the earlier ones are in the state. */
export interface DigestDocument {
  readonly proposal: number;
  readonly instance: number;
  readonly index: number;
}

/** A proposal before it has an id. */
export type Draft = Pick<
  Proposal,
  | 'kind'
  | 'origin'
  | 'cluster'
  | 'nonce'
  | 'reason'
  | 'requester'
  | 'claims'
  | 'requirements'
  | 'details'
  | 'title'
  | 'config'
  | 'votingMs'
  | 'executionMs'
> & { readonly digests: readonly Hash[] };

export const dueId = (proposal: number, what: 'bodies' | 'voting' | 'execution' | 'configuration'): string =>
  `${proposal}/${what}`;
export const leaseId = (proposal: number, change: number): string => `${proposal}/lease/${change}`;

export function readProposal(docs: Pick<Documents, 'get'>, id: number): Proposal | undefined {
  return docs.get<Proposal>(proposalKey(id));
}

/** Throws GOVERNANCE_PROPOSAL_UNKNOWN. */
export function proposalById(x: Execution, id: number): Proposal {
  const found = readProposal(x.docs, id);
  if (found === undefined) throw new ChainError('GOVERNANCE_PROPOSAL_UNKNOWN', { proposal: id });
  return found;
}

export function liveProposalIds(docs: Pick<Documents, 'get'>): readonly number[] {
  return docs.get<readonly number[]>(KEY.liveProposals) ?? [];
}

/** The approved digests, in the order of the proposal's body. */
export function digestsOfProposal(docs: Pick<Documents, 'get'>, id: number): readonly Hash[] {
  return docs.get<{ readonly digests: readonly Hash[] }>(proposalDigestsKey(id))?.digests ?? [];
}

export function useOf(docs: Pick<Documents, 'get'>, id: number, index: number): ChangeUse | undefined {
  return docs.get<ChangeUse>(changeUseKey(id, index));
}

export function stateOfChange(docs: Pick<Documents, 'get'>, proposal: Proposal, index: number): ChangeState {
  return useOf(docs, proposal.id, index)?.state ?? proposal.unused;
}

/** Which change of which proposal a digest stands for, if one goes on for it. */
export function heldDigest(
  docs: Pick<Documents, 'get'>,
  cluster: string,
  digest: Hash,
): { readonly proposal: Proposal; readonly index: number } | undefined {
  const latest = docs.get<DigestDocument>(digestKey(cluster, digest));
  const proposal = latest === undefined ? undefined : readProposal(docs, latest.proposal);
  if (latest === undefined || proposal === undefined) return undefined;
  const { index } = latest;
  return holdsDigest(proposal, stateOfChange(docs, proposal, index)) ? { proposal, index } : undefined;
}

export function openProposal(x: Execution, leaf: LeafIndex, { digests, ...draft }: Draft): Proposal {
  makeRoom(x, draft);
  const meta = metaOf(x.docs);
  const id = meta.proposals + 1;
  x.docs.put(KEY.meta, { ...meta, proposals: id });
  const orgs = organisations(x.docs);
  const terms = {
    ...draft,
    v: 1 as const,
    id,
    instance: nextInstance(x, draft.cluster, digests),
    openedMs: x.timeMs,
    openedHeight: x.height,
    electors: electorsOf(orgs),
  };
  const opened: Proposal = {
    ...terms,
    state: 'OPEN',
    openedLeaf: leaf,
    changeCount: digests.length,
    unused: 'OPEN',
    reserved: [],
    executed: 0,
    uncertain: 0,
    withdrawnClaims: [],
    bodyHeldBy: [],
    deadlineVotingMs: null,
    deadlineExecutionMs: null,
    termsHash: termsHashOf(x.chain.sha256, x.chain.hash, terms, digests),
    votes: [],
    endCode: '',
  };
  const { cluster, instance } = opened;
  if (digests.length > 0) x.docs.put(proposalDigestsKey(id), { digests });
  digests.forEach((digest, index) =>
    x.docs.put(digestKey(cluster, digest), { proposal: id, instance, index } satisfies DigestDocument),
  );
  x.docs.put(KEY.liveProposals, [...liveProposalIds(x.docs), id]);
  for (const key of openLists(x, opened)) x.docs.put(key, [...openList(x, key), id]);
  return beginVotingIfHeld(x, opened, true);
}

/** Puts the proposal with what `change` says; keeps the lists of open and live ones true. */
export function saveProposal(x: Execution, before: Proposal, after: Proposal): Proposal {
  if (before.state !== after.state) checkProposalTransition(before.state, after.state);
  x.docs.put(proposalKey(after.id), after);
  x.changedProposals.add(after.id);
  if (before.state === 'OPEN' && after.state !== 'OPEN') {
    removeDue(x, new Set([dueId(after.id, 'bodies'), dueId(after.id, 'voting')]));
    for (const key of openLists(x, after)) {
      const left = openList(x, key).filter((id) => id !== after.id);
      if (left.length > 0) x.docs.put(key, left);
      else x.docs.delete(key);
    }
  }
  if (isLive(before) && !isLive(after)) {
    removeDue(x, new Set([dueId(after.id, 'execution'), dueId(after.id, 'configuration')]));
    const left = liveProposalIds(x.docs).filter((id) => id !== after.id);
    x.docs.put(KEY.liveProposals, left);
    noteEnded(x, after.id);
  }
  return after;
}

export function closeProposal(x: Execution, proposal: Proposal, state: ProposalState, endCode: ErrorCode): Proposal {
  return saveProposal(x, proposal, { ...proposal, state, endCode });
}

/** All changes that are in no use go on together; no document of theirs is written. */
export function withUnused(proposal: Proposal, unused: Proposal['unused']): Proposal {
  if (unusedCount(proposal) > 0) checkChangeTransition(proposal.unused, unused);
  return { ...proposal, unused };
}

/** One change comes into use, or stays in it. The caller saves the proposal that is returned. */
export function putUse(x: Execution, proposal: Proposal, index: number, use: ChangeUse): Proposal {
  const from = stateOfChange(x.docs, proposal, index);
  if (from !== use.state) checkChangeTransition(from, use.state);
  x.docs.put(changeUseKey(proposal.id, index), use);
  return { ...proposal, ...recounted(proposal, index, from, use.state) };
}

/** A reserved change becomes what those are that are in no use. */
export function dropUse(x: Execution, proposal: Proposal, index: number): Proposal {
  checkChangeTransition(stateOfChange(x.docs, proposal, index), proposal.unused);
  x.docs.delete(changeUseKey(proposal.id, index));
  return { ...proposal, ...recounted(proposal, index, 'RESERVED', proposal.unused) };
}

function recounted(
  { reserved, executed, uncertain }: Proposal,
  index: number,
  from: ChangeState,
  to: ChangeState,
): Pick<Proposal, 'reserved' | 'executed' | 'uncertain'> {
  const others = reserved.filter((other) => other !== index);
  const moved = (state: ChangeState): number => Number(to === state) - Number(from === state);
  return {
    reserved: to === 'RESERVED' ? [...others, index].sort((a, b) => a - b) : others,
    executed: executed + moved('EXECUTED'),
    uncertain: uncertain + moved('UNCERTAIN'),
  };
}

/** Voting starts when enough organisations hold the bodies; a configuration proposal carries its content itself. */
export function beginVotingIfHeld(x: Execution, proposal: Proposal, isNew = false): Proposal {
  const orgs = x.validators.map((validator) => validator.org);
  const needed = proposal.kind === 'configuration' ? 0 : bodyHoldersNeeded(proposal.requester.org, orgs);
  const begins = proposal.deadlineVotingMs === null && bodyHolders(proposal).length >= needed;
  const deadlineMs = x.timeMs + proposal.votingMs;
  if (begins) {
    removeDue(x, new Set([dueId(proposal.id, 'bodies')]));
    addDue(x, { dueMs: deadlineMs, id: dueId(proposal.id, 'voting') });
  } else if (isNew) addDue(x, { dueMs: x.timeMs + BODIES_WAIT_MS, id: dueId(proposal.id, 'bodies') });
  return saveProposal(x, proposal, begins ? { ...proposal, deadlineVotingMs: deadlineMs } : proposal);
}

/** Higher than that of every earlier proposal that named one of these changes: whoever lets one lapse does not kill the change. */
function nextInstance(x: Execution, cluster: string, digests: readonly Hash[]): number {
  const earlier = digests.map((digest) => x.docs.get<DigestDocument>(digestKey(cluster, digest))?.instance ?? 0);
  return 1 + Math.max(0, ...earlier);
}

/** Before a proposal opens: where a cap is reached, the oldest unclaimed automatic one without votes goes. Throws GOVERNANCE_PROPOSALS_CAP. */
function makeRoom(x: Execution, draft: Pick<Draft, 'cluster' | 'requester'>): void {
  const [requester, org] = openLists(x, draft);
  const caps = [
    { key: requester, max: OPEN_PER_REQUESTER_MAX, who: draft.requester.user },
    { key: org, max: OPEN_PER_ORG_MAX, who: draft.requester.org ?? 'nobody' },
  ];
  for (const { key, max, who } of caps) {
    const open = openList(x, key);
    if (open.length < max) continue;
    // Never one that somebody has voted on: whoever fills the cap must not undo a vote.
    const oldest = open
      .map((id) => proposalById(x, id))
      .find((proposal) => isUnclaimedAutomatic(proposal) && proposal.votes.length === 0);
    if (oldest === undefined) throw new ChainError('GOVERNANCE_PROPOSALS_CAP', { who, max });
    closeProposal(x, oldest, 'EXPIRED', 'GOVERNANCE_MADE_ROOM');
  }
}

function openLists(
  x: Execution,
  { cluster, requester }: Pick<Proposal, 'cluster' | 'requester'>,
): readonly [string, string] {
  const org: OrgId | null = requester.org;
  return [requesterKey(x.chain.sha256, cluster, requester.user), orgOpenKey(org)];
}

function openList(x: Execution, key: string): readonly number[] {
  return x.docs.get<readonly number[]>(key) ?? [];
}
