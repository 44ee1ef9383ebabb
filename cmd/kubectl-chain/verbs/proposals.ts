import { ChainError } from '../../../src/errors/chain-error.ts';
import { identityOf, type Identity } from '../identity.ts';
import type { KeyOptions, ListOptions } from '../options.ts';
import { isTable, printList, printOne } from '../output/print.ts';
import { awaits, openProposal, openProposals, proposalIds, terminalStates, type Opened } from '../proposal.ts';
import { describeProposal } from '../proposal-json.ts';
import { proposalView } from '../proposal-view.ts';
import { reading, type Session } from '../session.ts';
import type { Terminal } from '../terminal.ts';
import { proposalNumber } from './audit.ts';

export interface ProposalsOptions extends ListOptions, KeyOptions {
  readonly state?: string;
  readonly mine?: boolean;
  readonly awaitingMe?: boolean;
  readonly limit?: string;
}

const limitDefault = 50;
const watchEveryMs = 2_000;

export async function proposals(
  terminal: Terminal,
  words: readonly string[],
  options: ProposalsOptions,
): Promise<void> {
  await reading(terminal, options, async (session) => {
    const [word] = words;
    // A table needs neither bodies nor what became of each change.
    const inFull = !isTable(options);
    if (word !== undefined) {
      const id = Number(proposalNumber(word));
      await printOne(terminal, options, proposalView, describeProposal(await openProposal(session.reader, id)));
      if (options.watch === true) await watch(session, options, () => openProposals(session.reader, [id], inFull));
      return;
    }
    const limit = limitOf(options.limit);
    const fits = await filterOf(session, options);
    const found = await find(session, limit, inFull, fits);
    await printList(terminal, options, proposalView, found.map(describeProposal));
    if (found.length === limit) terminal.stderr(`note: the newest ${limit} are shown; --limit shows more\n`);
    if (options.watch === true) await watch(session, options, () => find(session, limit, inFull, fits));
  });
}

/** Newest first. The state names the last id and holds or lacks each, by proof; those that left it after their end come from the nodes' archives. */
async function find(
  { reader }: Session,
  limit: number,
  inFull: boolean,
  fits: (opened: Opened) => boolean,
): Promise<readonly Opened[]> {
  const { last } = await proposalIds(reader);
  const found: Opened[] = [];
  for (let top = last; top > 0 && found.length < limit; top -= limitDefault) {
    const ids = Array.from({ length: Math.min(limitDefault, top) }, (_, i) => top - i);
    found.push(...(await openProposals(reader, ids, inFull)).filter(fits));
  }
  return found.slice(0, limit);
}

async function filterOf(session: Session, options: ProposalsOptions): Promise<(opened: Opened) => boolean> {
  const states = options.state?.toUpperCase().split(',');
  const unknown = states?.find((state) => state !== 'OPEN' && state !== 'APPROVED' && !terminalStates.has(state));
  if (unknown !== undefined)
    throw new ChainError('CLI_USAGE', {
      problem: `--state ${unknown}: must be OPEN, APPROVED or one of ${[...terminalStates].join(', ')}`,
    });
  const me = options.mine === true || options.awaitingMe === true ? await identityOf(session, options) : undefined;
  return ({ proposal }) =>
    (states === undefined || states.includes(proposal.state)) &&
    (options.mine !== true || me === undefined || isMine(proposal, me)) &&
    (options.awaitingMe !== true || me === undefined || awaits(proposal, { org: me.org, member: me.member.name }));
}

function isMine({ requester, claims }: Opened['proposal'], { org, member }: Identity): boolean {
  const isMe = (person: { readonly org: string | null; readonly member: string | null }): boolean =>
    person.org === org && person.member === member.name;
  return isMe(requester) || claims.some(isMe);
}

async function watch(
  session: Session,
  options: ProposalsOptions,
  load: () => Promise<readonly Opened[]>,
): Promise<never> {
  const shown = new Map<number, string>();
  for (let isFirst = true; ; isFirst = false) {
    const changed = (await load()).map(describeProposal).filter((item) => shown.get(item.id) !== JSON.stringify(item));
    for (const item of changed) shown.set(item.id, JSON.stringify(item));
    if (!isFirst && changed.length > 0)
      await printList(session.terminal, { ...options, headers: false }, proposalView, changed);
    await session.terminal.sleep(watchEveryMs);
  }
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return limitDefault;
  if (!/^[1-9]\d{0,5}$/.test(text))
    throw new ChainError('CLI_USAGE', { problem: `--limit ${text}: must be a whole number above 0` });
  return Number(text);
}
