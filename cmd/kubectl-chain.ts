#!/usr/bin/env node
/** kubectl chain: reads and verifies, proposes, signs and votes. Trusts no node. */
import { existsSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

// Compiled code is kept in the user's own folder: whoever could write it would run as the user. As homeFolder, without its imports.
const home = process.env['KUBECTL_CHAIN_HOME'] ?? join(homedir(), '.kube', 'chain');
if (home !== '' && existsSync(home)) enableCompileCache(join(home, 'cache'));

// A reader that went away (| head) is no error; an interrupt is 130, as of any command.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
});
process.on('SIGINT', () => process.exit(130));

const { runOnTerminal } = await import('./kubectl-chain/node-terminal.ts');
process.exitCode = await runOnTerminal(process.argv.slice(2));
