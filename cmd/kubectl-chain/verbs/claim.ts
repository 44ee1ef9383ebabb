import { answer } from '../answer.ts';
import { confirm } from '../confirm.ts';
import { act, identityOf, type Identity } from '../identity.ts';
import type { SigningOptions } from '../options.ts';
import { checkedTerms, openProposal } from '../proposal.ts';
import { describeProposal } from '../proposal-json.ts';
import { proposalReview } from '../review.ts';
import { withSession, type Session } from '../session.ts';
import type { Terminal } from '../terminal.ts';
import { proposalNumber } from './audit.ts';

export interface ClaimOptions extends SigningOptions {
  /** Takes an earlier claim back. */
  readonly withdraw?: boolean;
}

/** "I am the author": the claimant's organisation answers for the changes, and votes no more. Each is shown before it is claimed. */
export async function claim(terminal: Terminal, words: readonly string[], options: ClaimOptions): Promise<void> {
  const ids = words.map((word) => Number(proposalNumber(word)));
  await withSession(terminal, options, async (session) => {
    const identity = await identityOf(session, options);
    for (const id of ids) await claimOne(session, identity, id, options);
  });
}

async function claimOne(session: Session, identity: Identity, id: number, options: ClaimOptions): Promise<void> {
  const { terminal } = session;
  const opened = await openProposal(session.reader, id);
  const { proposal } = opened;
  if (opened.details !== undefined) checkedTerms(session.chain.genesisHash, proposal, opened.details);
  const { org, member } = identity;
  const isClaim = options.withdraw !== true;
  const what = `${isClaim ? 'claim' : 'take back the claim of'} proposal/${id} as ${org}/${member.name}`;
  if (isClaim) terminal.stderr(`${proposalReview(terminal, describeProposal(opened), [])}\n`);
  if (options.dryRun === true)
    return answer(
      terminal,
      options,
      `proposal/${id}`,
      `would be ${isClaim ? 'claimed' : 'unclaimed'} as ${org}/${member.name} (dry run)`,
    );
  await confirm(terminal, options, what);
  const own = [...proposal.claims, ...proposal.withdrawnClaims].filter(
    (mark) => mark.org === org && mark.member === member.name,
  );
  const sequence = 1 + Math.max(0, ...own.map((mark) => mark.sequence));
  const { index } = await act(session, identity, { kind: 'claim', proposal: id, sequence, claim: isClaim });
  await answer(terminal, options, `proposal/${id}`, isClaim ? 'claimed' : 'unclaimed', {
    proposal: id,
    org,
    member: member.name,
    record: index,
  });
}

export async function withdraw(terminal: Terminal, word: string, options: SigningOptions): Promise<void> {
  const id = Number(proposalNumber(word));
  await withSession(terminal, options, async (session) => {
    const identity = await identityOf(session, options);
    await openProposal(session.reader, id);
    const { org, member } = identity;
    if (options.dryRun === true)
      return answer(terminal, options, `proposal/${id}`, `would be withdrawn as ${org}/${member.name} (dry run)`);
    await confirm(terminal, options, `withdraw proposal/${id} as ${org}/${member.name}`);
    const { index } = await act(session, identity, { kind: 'withdrawal', proposal: id });
    await answer(terminal, options, `proposal/${id}`, 'withdrawn', {
      proposal: id,
      org,
      member: member.name,
      record: index,
    });
  });
}
