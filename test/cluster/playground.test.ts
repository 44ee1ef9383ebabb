import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { identify } from '../control-plane/process.ts';
import { NODE, ROOT } from '../playground/paths.ts';
import { runCommand, type CommandResult } from '../playground/run-command.ts';

const TIMEOUT_MS = 240_000;
const root = mkdtempSync(join(tmpdir(), 'kubectl-chain-playground-'));
const dir = join(root, 'p');

interface Env {
  readonly [key: string]: unknown;
  readonly kubeconfig: string;
  readonly kubectl: string;
  readonly plugin: string;
  readonly chainHome: string;
  readonly adminContext: string;
  readonly nodes: readonly {
    readonly pid: number;
    readonly dataDir: string;
    readonly configFile: string;
    readonly logFile: string;
  }[];
  readonly members: readonly { readonly keyFile: string; readonly passphraseFile: string }[];
  readonly controlPlane: readonly { readonly pid: number }[];
}

function playground(...args: string[]): Promise<CommandResult> {
  return runCommand(NODE, [join(ROOT, 'test', 'playground', 'main.ts'), ...args], { timeoutMs: TIMEOUT_MS });
}

function env(): Env {
  return JSON.parse(readFileSync(join(dir, 'env.json'), 'utf8')) as Env;
}

function runs(pid: number): boolean {
  return identify(pid) !== undefined;
}

/** kubectl as somebody who has read env.json only. */
function kubectl(...args: string[]): Promise<CommandResult> {
  const { kubeconfig, chainHome, kubectl: program, plugin } = env();
  const path = `${plugin.slice(0, plugin.lastIndexOf('/'))}:/usr/bin:/bin`;
  return runCommand(program, args, { env: { KUBECONFIG: kubeconfig, KUBECTL_CHAIN_HOME: chainHome, PATH: path } });
}

afterAll(async () => {
  await playground('down', '--dir', dir);
  rmSync(root, { recursive: true, force: true });
}, TIMEOUT_MS);

test(
  'a playground comes up detached, obeys its commands from other processes, goes down, and goes on',
  { timeout: TIMEOUT_MS },
  async () => {
    expect(await playground('up', '--dir', dir, '--orgs', '1')).toMatchObject({ code: 0 });
    const first = env();
    expect(Object.keys(first)).toEqual([
      'version',
      'kubeconfig',
      'adminContext',
      'kubectl',
      'plugin',
      'chainHome',
      'profile',
      'cluster',
      'nodes',
      'members',
      'users',
      'unboundUser',
      'hooks',
      'webhookUrls',
      'etcd',
      'auditLog',
      'controlPlane',
    ]);
    const [node] = first.nodes;
    if (node === undefined) throw new Error('no node');
    const files = [
      first.kubeconfig,
      first.kubectl,
      first.plugin,
      first.chainHome,
      node.dataDir,
      node.configFile,
      node.logFile,
    ];
    expect(files.filter((file) => !isAbsolute(file) || !existsSync(file))).toEqual([]);
    expect((await playground('status', '--dir', dir)).code).toBe(0);

    // A change goes through the gate, and the plugin shows it to somebody whose PATH has no Node.
    expect(await kubectl('create', 'configmap', 'seen', '-n', 'default')).toMatchObject({ code: 0 });
    const audit = await kubectl('chain', 'audit', 'configmap/seen', '-n', 'default');
    expect(audit).toMatchObject({ code: 0 });
    expect(audit.stdout).toMatch(/CREATE.*seen.*ADMITTED/);

    // A second start is refused and disturbs nothing.
    const again = await playground('up', '--dir', dir, '--orgs', '1');
    expect(again.code).toBe(1);
    expect(again.stderr).toContain('down --dir');
    expect(runs(node.pid)).toBe(true);

    expect((await playground('kill', '--dir', dir, '--node', '0')).code).toBe(0);
    expect(runs(node.pid)).toBe(false);
    expect((await playground('status', '--dir', dir)).code).toBe(1);
    expect((await playground('start', '--dir', dir, '--node', '0')).code).toBe(0);
    const restarted = env().nodes[0]?.pid ?? -1;
    expect(restarted).not.toBe(node.pid);
    expect(runs(restarted)).toBe(true);
    expect((await playground('stop', '--dir', dir, '--node', '0')).code).toBe(0);
    expect(runs(restarted)).toBe(false);
    expect((await playground('kill', '--dir', dir, '--node', '1')).code).toBe(2);

    expect((await playground('down', '--dir', dir)).code).toBe(0);
    const pids = [...env().nodes, ...env().controlPlane].map(({ pid }) => pid);
    expect(pids.filter(runs)).toEqual([]);
    expect((await playground('down', '--dir', dir)).code).toBe(0);

    expect(await playground('up', '--dir', dir)).toMatchObject({ code: 0 });
    const still = await kubectl('chain', 'audit', 'configmap/seen', '-n', 'default');
    expect(still.stdout).toMatch(/CREATE.*seen.*ADMITTED/);
    expect(await kubectl('create', 'configmap', 'after', '-n', 'default')).toMatchObject({ code: 0 });
  },
);

test('wrong options are named, and nothing starts', { timeout: TIMEOUT_MS }, async () => {
  const elsewhere = join(root, 'never');
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [['up', '--dir', elsewhere, '--orgs', '9'], /--orgs must be a whole number up to 8/],
    [['up', '--dir', elsewhere, '--profile', 'strict'], /--profile must be one of witnessed, single/],
    [['up', '--dir', elsewhere, '--control-plane', 'all'], /--control-plane must be one of api, full/],
    [['up'], /--dir is needed/],
    [['fly', '--dir', elsewhere], /unknown command "fly"/],
  ];
  for (const [args, message] of wrong) {
    const { code, stderr } = await playground(...args);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  }
  expect(existsSync(elsewhere)).toBe(false);
});
