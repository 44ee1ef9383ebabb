import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';
import { ChainError } from '../../src/errors/chain-error.ts';
import type { KubectlResult, Terminal } from './terminal.ts';

/**
 * KUBECTL_CHAIN_KUBECTL, the PATH, the kubectl that started this plugin (a shell leaves its path in `_`), or one beside the plugin.
 * Throws CLI_KUBECTL_MISSING.
 */
export function findKubectl(env: Terminal['env']): string {
  const named = env['KUBECTL_CHAIN_KUBECTL'];
  const onPath = (env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, 'kubectl'));
  const starter = env['_'];
  const candidates = [
    ...(named === undefined || named === '' ? [] : [named]),
    ...onPath,
    ...(starter !== undefined && basename(starter) === 'kubectl' ? [starter] : []),
    join(dirname(process.argv[1] ?? ''), 'kubectl'),
  ];
  const found = candidates.find((file) => statSync(file, { throwIfNoEntry: false })?.isFile() === true);
  if (found === undefined) throw new ChainError('CLI_KUBECTL_MISSING', {});
  return found;
}

export function runKubectl(
  env: Terminal['env'],
  args: readonly string[],
  stdin: string | undefined,
): Promise<KubectlResult> {
  const file = findKubectl(env);
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.on('error', reject);
    child.on('close', (code) =>
      resolve({ code: code ?? 1, stdout: Buffer.concat(out), stderr: Buffer.concat(err).toString('utf8') }),
    );
    // kubectl may end without having read its input.
    child.stdin.on('error', () => undefined);
    child.stdin.end(stdin ?? '');
  });
}
