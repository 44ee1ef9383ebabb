import { main } from './main.ts';
import type { Terminal } from './terminal.ts';

/** One run of the plugin on the process's own terminal; the answer is its exit code. */
export function runOnTerminal(args: readonly string[]): Promise<number> {
  return main(nodeTerminal(), args);
}

function nodeTerminal(): Terminal {
  return {
    env: process.env,
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    isInteractive: process.stdin.isTTY === true && process.stderr.isTTY === true,
    isStdoutTerminal: process.stdout.isTTY === true,
    readStdin: async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks).toString('utf8');
    },
    ask,
    nowMs: () => Date.now(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    kubectl: async (args, stdin) => (await import('./kubectl-process.ts')).runKubectl(process.env, args, stdin),
    transport: async (options) => (await import('../../src/client/transport.ts')).httpsTransport(options),
  };
}

/** One line from the terminal; a secret is not echoed. */
async function ask(question: string, isSecret: boolean): Promise<string> {
  const { createInterface } = await import('node:readline/promises');
  const { Writable } = await import('node:stream');
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  process.stderr.write(question);
  const lines = createInterface({
    input: process.stdin,
    output: isSecret ? silent : process.stderr,
    terminal: isSecret,
  });
  try {
    return await new Promise((resolve, reject) => {
      lines.once('line', resolve);
      lines.once('close', () => resolve(''));
      lines.once('SIGINT', () => {
        process.exitCode = 130;
        reject(new Error('interrupted'));
        process.kill(process.pid, 'SIGINT');
      });
    });
  } finally {
    lines.close();
    if (isSecret) process.stderr.write('\n');
  }
}
