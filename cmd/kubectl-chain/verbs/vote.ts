import { ChainError } from '../../../src/errors/chain-error.ts';
import type { BallotChoice } from '../../../src/types/transaction.ts';
import { allDiffs } from '../bodies.ts';
import { confirm } from '../confirm.ts';
import { act, identityOf, type Identity } from '../identity.ts';
import type { SigningOptions } from '../options.ts';
import { changeTitle, checkedTerms, describeProposal, openProposal, type Opened } from '../proposal.ts';
import { proposalReview } from '../review.ts';
import { answer } from '../answer.ts';
import { withSession, type Session } from '../session.ts';
import type { Terminal } from '../terminal.ts';
import { proposalNumber } from './audit.ts';

export interface VoteOptions extends SigningOptions {
  readonly approve?: boolean;
  readonly reject?: boolean;
  readonly abstain?: boolean;
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
  const termsHash = checkedTerms(chain.genesisHash, proposal);
  terminal.stderr(await reviewFor(session, identity, opened, choice));
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

/** Whoever rejects or abstains may do so without the content; nobody approves what was not shown. */
async function reviewFor(session: Session, identity: Identity, opened: Opened, choice: BallotChoice): Promise<string> {
  const described = describeProposal(opened);
  const changes = opened.proposal.changes.map((attested, i) => ({
    title: changeTitle(described.changes[i] ?? attested.attributes),
    attested,
  }));
  try {
    const diffs = await allDiffs(session, identity, described.id, changes);
    return `${proposalReview(session.terminal, described, diffs)}\n`;
  } catch (error) {
    if (choice === 'approve' || !(error instanceof ChainError) || error.code !== 'CLI_BODY') throw error;
    return `${proposalReview(session.terminal, described, [])}\nwarning: ${error.message}\n`;
  }
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
