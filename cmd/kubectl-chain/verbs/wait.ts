import { ChainError } from '../../../src/errors/chain-error.ts';
import { isLive } from '../../../src/governance/transitions.ts';
import type { Proposal } from '../../../src/types/proposal.ts';
import { answer } from '../answer.ts';
import type { GlobalOptions } from '../options.ts';
import { openProposals, terminalStates } from '../proposal.ts';
import { durationOption, withSession } from '../session.ts';
import type { Terminal } from '../terminal.ts';
import { proposalNumber } from './audit.ts';

export interface WaitOptions extends GlobalOptions {
  readonly for: string;
  readonly timeout?: string;
  readonly output?: string;
}

const pollEveryMs = 500;
const timeoutDefaultMs = 30_000;
/** States that came after the one that is waited for also show that it was reached. */
const reachedBy: Readonly<Record<string, readonly string[]>> = { APPROVED: ['APPROVED', 'EXECUTED'] };
/** An approved proposal is executed when each of its changes is. */
function stateOf({ state, kind, changeCount, executed }: Proposal): string {
  return state === 'APPROVED' && kind === 'change' && executed === changeCount ? 'EXECUTED' : state;
}

export async function wait(terminal: Terminal, word: string, options: WaitOptions): Promise<void> {
  const id = Number(proposalNumber(word));
  const wanted = options.for.replace(/^condition=/, '').toUpperCase();
  if (wanted !== 'OPEN' && wanted !== 'APPROVED' && !terminalStates.has(wanted))
    throw new ChainError('CLI_USAGE', {
      problem: `--for=${options.for}: must be the state of a proposal, such as approved`,
    });
  const timeoutMs = durationOption('--timeout', options.timeout, timeoutDefaultMs);
  const deadline = terminal.nowMs() + timeoutMs;
  await withSession(terminal, options, async ({ reader }) => {
    for (;;) {
      const [opened] = await openProposals(reader, [id], false);
      if (opened === undefined) throw new ChainError('CLI_NOT_FOUND', { what: `proposal/${id}` });
      const { proposal } = opened;
      const state = stateOf(proposal);
      const what = `proposal/${id}`;
      if ((reachedBy[wanted] ?? [wanted]).includes(state))
        return answer(terminal, options, what, 'condition met', { state });
      if (!isLive(proposal)) throw new ChainError('CLI_WAIT_ENDED', { what, state, wanted });
      if (terminal.nowMs() >= deadline)
        throw new ChainError('CLI_WAIT_TIMEOUT', {
          what,
          state: `it is ${state}`,
          seconds: Math.round(timeoutMs / 1_000),
        });
      await terminal.sleep(pollEveryMs);
    }
  });
}
