#!/usr/bin/env node
/** kubectl chain: reads and verifies, proposes, signs and votes. Trusts no node. */
import { main } from './kubectl-chain/main.ts';
import { exitCode } from './kubectl-chain/exit-code.ts';
import { nodeTerminal } from './kubectl-chain/node-terminal.ts';

// A reader that went away (| head) is no error; an interrupt is 130, as of any command.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCode.ok);
});
process.on('SIGINT', () => process.exit(exitCode.interrupted));
process.exitCode = await main(nodeTerminal(), process.argv.slice(2));
