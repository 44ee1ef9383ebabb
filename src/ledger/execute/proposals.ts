import type { Hash, LeafIndex, OrgId } from '../../types/brand.ts';
import type { ChangeState, Proposal, ProposalChange, ProposalState } from '../../types/proposal.ts';
import { ChainError } from '../../errors/chain-error.ts';
import type { ErrorCode } from '../../errors/registry.ts';
import { isUnclaimedAutomatic } from '../../governance/author.ts';
import { bodyHolders, bodyHoldersNeeded } from '../../governance/body-holders.ts';
import { electorsOf } from '../../governance/electors.ts';
import { checkChangeTransition, checkProposalTransition, isLive } from '../../governance/transitions.ts';
import { termsHashOf } from '../terms.ts';
import { metaOf, organisations } from './committee.ts';
import type { Documents } from './documents.ts';
import { addDue, removeDue } from './due.ts';
import type { Execution } from './execution.ts';
import { digestKey, KEY, orgOpenKey, proposalKey, requesterKey } from './keys.ts';

/** Bodies that nobody could fetch in ten minutes will hardly come; the requester is then told so. */
export const BODIES_WAIT_MS = 600_000;
/** A person reads no more than this; a runaway controller makes no more than this. */
export const OPEN_PER_REQUESTER_MAX = 20;
/** Also bounds the lists that are written with each proposal. */
export const OPEN_PER_ORG_MAX = 100;

/** Latest proposal for a digest. `instance` rises with each proposal that names it. */
export interface DigestDocument {
  readonly proposal: number;
  readonly instance: number;
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
  | 'binding'
  | 'requirements'
  | 'config'
  | 'votingMs'
  | 'executionMs'
> & { readonly changes: readonly ProposalChange[] };

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

/** The digest that a change is approved by. */
export function boundDigest(change: Pick<ProposalChange, 'digest' | 'binding'>): Hash {
  return change.digest[change.binding];
}

export function openProposal(x: Execution, leaf: LeafIndex, draft: Draft): Proposal {
  makeRoom(x, draft);
  const meta = metaOf(x.docs);
  const id = meta.proposals + 1;
  x.docs.put(KEY.meta, { ...meta, proposals: id });
  const orgs = organisations(x.docs);
  const terms = {
    ...draft,
    v: 1 as const,
    id,
    instance: nextInstance(x, draft),
    openedMs: x.timeMs,
    electors: electorsOf(orgs),
  };
  const opened: Proposal = {
    ...terms,
    state: 'OPEN',
    openedLeaf: leaf,
    withdrawnClaims: [],
    bodyHeldBy: [],
    deadlineVotingMs: null,
    deadlineExecutionMs: null,
    termsHash: termsHashOf(x.chain.sha256, x.chain.hash, terms),
    votes: [],
    endCode: '',
  };
  for (const change of opened.changes) {
    x.docs.put(digestKey(opened.cluster, boundDigest(change)), {
      proposal: id,
      instance: opened.instance,
    } satisfies DigestDocument);
  }
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
  }
  return after;
}

export function closeProposal(x: Execution, proposal: Proposal, state: ProposalState, endCode: ErrorCode): Proposal {
  return saveProposal(x, proposal, { ...proposal, state, endCode });
}

/** One change of the proposal goes on; the others stay. */
export function withChange(
  proposal: Proposal,
  index: number,
  state: ChangeState,
  more: Partial<ProposalChange>,
): Proposal {
  const changes = proposal.changes.map((change, i) => {
    if (i !== index) return change;
    if (change.state !== state) checkChangeTransition(change.state, state);
    return { ...change, ...more, state };
  });
  return { ...proposal, changes };
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
function nextInstance(x: Execution, draft: Draft): number {
  const earlier = draft.changes.map(
    (change) => x.docs.get<DigestDocument>(digestKey(draft.cluster, boundDigest(change)))?.instance ?? 0,
  );
  return 1 + Math.max(0, ...earlier);
}

/** Before a proposal opens: where a cap is reached, the oldest unclaimed automatic one without votes goes. Throws GOVERNANCE_PROPOSALS_CAP. */
function makeRoom(x: Execution, draft: Draft): void {
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
