import { ChainError } from '../../../src/errors/chain-error.ts';
import type { ChangeState, Proposal } from '../../../src/types/proposal.ts';
import { answer } from '../answer.ts';
import type { GlobalOptions } from '../options.ts';
import { openProposal, terminalStates } from '../proposal.ts';
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
/** States of a change from which nothing follows. */
const endedChange: ReadonlySet<ChangeState> = new Set(['EXECUTED', 'UNCERTAIN', 'LAPSED', 'REVOKED', 'STALE']);

/** An approved proposal is executed when each of its changes is. */
function stateOf({ state, changes }: Proposal): string {
  const isExecuted =
    state === 'APPROVED' && changes.length > 0 && changes.every((change) => change.state === 'EXECUTED');
  return isExecuted ? 'EXECUTED' : state;
}

function isOver({ state, changes }: Proposal): boolean {
  return (
    terminalStates.has(state) ||
    (state === 'APPROVED' && changes.length > 0 && changes.every((change) => endedChange.has(change.state)))
  );
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
      const { proposal } = await openProposal(reader, id);
      const state = stateOf(proposal);
      const what = `proposal/${id}`;
      if ((reachedBy[wanted] ?? [wanted]).includes(state))
        return answer(terminal, options, what, 'condition met', { state });
      if (isOver(proposal)) throw new ChainError('CLI_WAIT_ENDED', { what, state, wanted });
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
