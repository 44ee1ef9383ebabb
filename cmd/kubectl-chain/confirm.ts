import { ChainError } from '../../src/errors/chain-error.ts';
import type { Terminal } from './terminal.ts';

/** Asks before anything is signed. Throws CLI_DECLINED, and CLI_CONFIRM where nobody can be asked. */
export async function confirm(terminal: Terminal, options: { readonly yes?: boolean }, what: string): Promise<void> {
  if (options.yes === true) return;
  if (!terminal.isInteractive) throw new ChainError('CLI_CONFIRM', { what });
  const reply = await terminal.ask(`${what}? [y/N] `, false);
  if (!/^y(es)?$/i.test(reply.trim())) throw new ChainError('CLI_DECLINED', { what });
}
