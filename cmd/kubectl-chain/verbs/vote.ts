import { renderDiff, type VerifiedBody } from '../../../src/change/index.ts';
import { changeTitle } from '../../../src/codec/change-title.ts';
import { nativeBackend } from '../../../src/crypto/index.ts';
import { ChainError, isChainError } from '../../../src/errors/chain-error.ts';
import { changesOf, checkDetails, digestsOf } from '../../../src/ledger/details.ts';
import type { BallotChoice } from '../../../src/types/transaction.ts';
import { allBodies } from '../bodies.ts';
import { confirm } from '../confirm.ts';
import { act, identityOf, type Identity } from '../identity.ts';
import type { SigningOptions } from '../options.ts';
import { policiesInForce } from '../policies-in-force.ts';
import { checkedTerms, openProposal, type Opened } from '../proposal.ts';
import { describeProposal } from '../proposal-json.ts';
import { proposalReview, shownDiffs } from '../review.ts';
import { answer } from '../answer.ts';
import { withSession, type Session } from '../session.ts';
import type { Terminal } from '../terminal.ts';
import { proposalNumber } from './audit.ts';

export interface VoteOptions extends SigningOptions {
  readonly approve?: boolean;
  readonly reject?: boolean;
  readonly abstain?: boolean;
  /** Shows every diff, however many there are. */
  readonly full?: boolean;
}

/** Shows each proposal from the very bytes that it is about, asks, and signs a ballot. */
export async function vote(terminal: Terminal, words: readonly string[], options: VoteOptions): Promise<void> {
  const choice = choiceOf(options);
  const ids = words.map((word) => Number(proposalNumber(word)));
  await withSession(terminal, options, async (session) => {
    const identity = await identityOf(session, options);
    for (const id of ids) await voteOn(session, identity, id, choice, options);
  });
}

async function voteOn(
  session: Session,
  identity: Identity,
  id: number,
  choice: BallotChoice,
  options: VoteOptions,
): Promise<void> {
  const { terminal, reader, chain } = session;
  const opened = await openProposal(reader, id);
  const { proposal } = opened;
  if (opened.lastInState !== null)
    throw new ChainError('GOVERNANCE_PROPOSAL_CLOSED', { proposal: id, state: proposal.state });
  if (proposal.kind === 'change' && opened.details === undefined)
    throw new ChainError('CLI_BODY', {
      proposal: id,
      object: proposal.title,
      reason: 'no node shows the body of the proposal',
    });
  const termsHash = checkedTerms(chain.genesisHash, proposal, opened.details);
  terminal.stderr(await reviewFor(session, identity, opened, choice, options.full === true));
  const { org, member } = identity;
  if (options.dryRun === true)
    return answer(terminal, options, `proposal/${id}`, `would be voted ${choice} as ${org}/${member.name} (dry run)`);
  await confirm(terminal, options, `${choice} proposal/${id} as ${org}/${member.name}`);
  const mine = proposal.votes.filter((ballot) => ballot.org === org && ballot.member === member.name);
  const sequence = 1 + Math.max(0, ...mine.map((ballot) => ballot.sequence));
  const { index } = await act(session, identity, {
    kind: 'ballot',
    proposal: id,
    sequence,
    choice,
    reason: options.reason ?? '',
    termsHash,
  });
  await answer(terminal, options, `proposal/${id}`, 'voted', {
    proposal: id,
    choice,
    org,
    member: member.name,
    sequence,
    record: index,
  });
}

/** Whoever rejects or abstains may do so without the content; nobody approves what was not shown, or is not what the chain says of it. */
async function reviewFor(
  session: Session,
  identity: Identity,
  opened: Opened,
  choice: BallotChoice,
  isFull: boolean,
): Promise<string> {
  const { terminal } = session;
  const described = describeProposal(opened);
  try {
    const bodies = await verifiedBodies(session, identity, opened);
    const { diffs, note } = shownDiffs(bodies.map(renderDiff), isFull);
    return `${proposalReview(terminal, described, diffs)}\n${note}`;
  } catch (error) {
    const isContent = isChainError(error, 'CLI_BODY') || isChainError(error, 'GOVERNANCE_DETAILS');
    if (choice === 'approve' || !isContent) throw error;
    return `${proposalReview(terminal, described, [])}\nwarning: ${error.message}\n`;
  }
}

/** Everything that the proposer stated is computed again: digests, binding, title and policies from the body, and each change from its own. */
async function verifiedBodies(
  session: Session,
  identity: Identity,
  { proposal, details }: Opened,
): Promise<readonly VerifiedBody[]> {
  if (details === undefined) return [];
  const { sha256 } = nativeBackend;
  checkDetails(proposal, digestsOf(details, sha256), details, await policiesInForce(session), sha256);
  const changes = changesOf(details, sha256).map((change) => ({ ...change, title: changeTitle(change.attributes) }));
  return allBodies(session, identity, proposal.id, changes);
}

function choiceOf({ approve, reject, abstain }: VoteOptions): BallotChoice {
  const chosen = [
    ...(approve ? (['approve'] as const) : []),
    ...(reject ? (['reject'] as const) : []),
    ...(abstain ? (['abstain'] as const) : []),
  ];
  const [choice] = chosen;
  if (choice === undefined || chosen.length > 1)
    throw new ChainError('CLI_USAGE', { problem: 'give exactly one of --approve, --reject and --abstain' });
  return choice;
}
