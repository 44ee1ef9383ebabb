import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { main } from '../../../cmd/kubectl-chain/main.ts';
import type { KubectlResult, Terminal } from '../../../cmd/kubectl-chain/terminal.ts';
import type { Transport } from '../../../src/client/transport.ts';
import { encodePrivateKeyPem } from '../../../src/crypto/index.ts';
import { sha256, type TestChain } from '../ledger/test-chain.ts';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface World {
  readonly home: string;
  readonly env: Record<string, string | undefined>;
  /** What a person types when asked; undefined: nobody is there. */
  replies: string[] | undefined;
  stdin: string;
  nowMs: () => number;
  transport: Transport | undefined;
  kubectl: (args: readonly string[], stdin: string | undefined) => KubectlResult;
  readonly run: (...args: readonly string[]) => Promise<Ran>;
}

const folders: string[] = [];

/** A folder of its own as home, and the plugin run in this process. */
export function newWorld(): World {
  const home = mkdtempSync(join(tmpdir(), 'kubectl-chain-cmd-'));
  folders.push(home);
  const world: World = {
    home,
    env: { HOME: home, KUBECTL_CHAIN_HOME: join(home, 'chain') },
    replies: undefined,
    stdin: '',
    nowMs: () => 1_760_000_000_000,
    transport: undefined,
    kubectl: () => ({ code: 1, stdout: new Uint8Array(), stderr: 'no kubectl in this test' }),
    run: (...args) => run(world, args),
  };
  return world;
}

async function run(world: World, args: readonly string[]): Promise<Ran> {
  let [out, err] = ['', ''];
  const terminal: Terminal = {
    env: world.env,
    stdout: (text) => {
      out += text;
    },
    stderr: (text) => {
      err += text;
    },
    isInteractive: world.replies !== undefined,
    isStdoutTerminal: false,
    readStdin: async () => world.stdin,
    ask: async (question) => {
      err += question;
      return world.replies?.shift() ?? '';
    },
    nowMs: () => world.nowMs(),
    sleep: async () => undefined,
    kubectl: async (given, stdin) => world.kubectl(given, stdin),
    transport: async () => world.transport ?? { get: never, post: never, certificate: never, close: () => undefined },
  };
  return { code: await main(terminal, args), out, err };
}

const never = (): Promise<never> => Promise.reject(new Error('no transport in this test'));

/** Removes what the tests of a file made. */
export function cleanUp(): void {
  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });
}

/** Pins the chain for the endpoints, for every kube context. */
export function pin({ home }: World, chain: TestChain, endpoints: readonly string[]): void {
  const folder = join(home, 'chain');
  mkdirSync(folder, { recursive: true });
  const config = { chains: [{ name: 'demo', genesisHash: chain.app.genesisHash, endpoints }] };
  writeFileSync(join(folder, 'config.yaml'), JSON.stringify(config));
}

/** Key file of a member of the test chain, such as `ann of beta`. */
export function keyFile({ home }: World, name: string, passphrase: string | null = null): string {
  const file = join(home, `${name.replaceAll(' ', '-')}.pem`);
  writeFileSync(file, encodePrivateKeyPem(sha256(new TextEncoder().encode(`seed of ${name}`)), passphrase), {
    mode: 0o600,
  });
  return file;
}
