import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'kubectl-chain-cli-'));
const startTimeoutMs = 240_000;

interface Env {
  readonly kubeconfig: string;
  readonly adminContext: string;
  readonly kubectl: string;
  readonly plugin: string;
  readonly chainHome: string;
  readonly members: readonly {
    readonly name: string;
    readonly org: string;
    readonly keyFile: string;
    readonly passphraseFile?: string;
  }[];
  readonly users: readonly { readonly org: string; readonly kubeconfigContext: string }[];
}

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

let env: Env;

function exec(file: string, args: readonly string[], stdin = ''): Promise<Ran> {
  const environment =
    env === undefined
      ? process.env
      : {
          ...process.env,
          PATH: `${dirname(env.plugin)}:${process.env['PATH']}`,
          KUBECONFIG: env.kubeconfig,
          KUBECTL_CHAIN_HOME: env.chainHome,
        };
  return new Promise((resolve) => {
    const child = execFile(
      file,
      args,
      { cwd: folder, env: environment, maxBuffer: 64 * 1024 * 1024 },
      (error, out, err) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), out, err });
      },
    );
    child.stdin?.end(stdin);
  });
}

const playground = (command: string): Promise<Ran> =>
  exec(process.execPath, [
    join(root, 'test/playground/main.ts'),
    command,
    '--dir',
    join(folder, 'playground'),
    ...(command === 'up' ? ['--control-plane', 'api'] : []),
  ]);
const kubectl = (...args: string[]): Promise<Ran> => exec(env.kubectl, args);
/** As a member of the organisation, with its key; `kubectl` dispatches to the plugin. */
function chainAs(org: string, ...args: string[]): Promise<Ran> {
  const member = env.members.find((candidate) => candidate.org === org);
  if (member === undefined) throw new Error(`no member of ${org}`);
  const passphrase = member.passphraseFile === undefined ? [] : [`--passphrase-file=${member.passphraseFile}`];
  return kubectl('chain', ...args, `--key=${member.keyFile}`, ...passphrase);
}
const contextOf = (org: string): string =>
  `--context=${env.users.find((user) => user.org === org)?.kubeconfigContext ?? ''}`;

beforeAll(async () => {
  const up = await playground('up');
  if (up.code !== 0) throw new Error(`the playground did not start: ${up.err}`);
  env = JSON.parse(readFileSync(join(folder, 'playground', 'env.json'), 'utf8')) as Env;
}, startTimeoutMs);

afterAll(async () => {
  await playground('down');
  rmSync(folder, { recursive: true, force: true });
}, startTimeoutMs);

const policy = `apiVersion: kubectl-chain.dev/v1alpha1
kind: ChangePolicy
metadata: {name: shop}
spec:
  clusters: ["*"]
  match: [{namespaces: [shop], resources: [{group: "", resource: configmaps}]}]
  require: {approvals: 2}
`;
const configMap = (value: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: prices, namespace: shop}\ndata: {apple: "${value}"}\n`;

describe('kubectl chain, as kubectl starts it, against a real API server with four organisations', () => {
  test('waits until the chain is healthy', async () => {
    const { code, out } = await kubectl(
      'chain',
      'status',
      '--wait-for=healthy',
      '--timeout=60s',
      '-o=jsonpath={.health}',
    );
    expect({ code, out }).toEqual({ code: 0, out: 'healthy' });
  });

  test('puts a policy to the vote, and the committee puts it in force', async () => {
    writeFileSync(join(folder, 'policy.yaml'), policy);
    expect(await chainAs('alpha', 'propose', 'policy', '-f=policy.yaml', '--yes')).toMatchObject({
      code: 0,
      out: 'proposal/1 proposed\n',
    });
    for (const org of ['alpha', 'beta', 'gamma'])
      expect(await chainAs(org, 'vote', '1', '--approve', '--yes')).toMatchObject({
        code: 0,
        out: 'proposal/1 voted\n',
      });
    expect(await kubectl('chain', 'wait', 'proposal/1', '--for=executed', '--timeout=30s')).toMatchObject({
      code: 0,
      out: 'proposal/1 condition met\n',
    });
    expect((await kubectl('chain', 'policies', '-o', 'name')).out).toBe('policy/shop\n');
  });

  test('has a refused change voted on, from the diff of the very bytes, and then lets exactly it in', async () => {
    expect((await kubectl('create', 'namespace', 'shop', `--context=${env.adminContext}`)).code).toBe(0);
    writeFileSync(join(folder, 'one.yaml'), configMap('1'));
    const refused = await kubectl('apply', '-f', 'one.yaml', contextOf('alpha'));
    expect(refused.code).toBe(1);
    expect(refused.err).toContain('proposal/2');
    for (const org of ['beta', 'gamma']) {
      const voted = await chainAs(org, 'vote', '2', '--approve', '--yes');
      expect(voted.err).toContain('CREATE configmaps shop/prices');
      expect(voted.err).toContain('+   apple: "1"\n');
      expect(voted).toMatchObject({ code: 0, out: 'proposal/2 voted\n' });
    }
    writeFileSync(join(folder, 'other.yaml'), configMap('100'));
    expect((await kubectl('apply', '-f', 'other.yaml', contextOf('alpha'))).code).toBe(1);
    expect(await kubectl('apply', '-f', 'one.yaml', contextOf('alpha'))).toMatchObject({
      code: 0,
      out: 'configmap/prices created\n',
    });
    expect((await kubectl('chain', 'wait', 'proposal/2', '--for=executed', '--timeout=30s')).code).toBe(0);
  });

  test('proposes what apply will do before anybody is refused', async () => {
    writeFileSync(join(folder, 'two.yaml'), configMap('2'));
    const proposed = await chainAs('alpha', 'propose', 'change', '-f', 'two.yaml', '--yes', contextOf('alpha'));
    expect(proposed.err).toContain('@@ /data/apple\n- "1"\n+ "2"\n');
    const id = /^proposal\/(\d+) proposed\n$/.exec(proposed.out)?.[1] ?? '';
    for (const org of ['beta', 'delta']) expect((await chainAs(org, 'vote', id, '--approve', '--yes')).code).toBe(0);
    expect(await kubectl('apply', '-f', 'two.yaml', contextOf('alpha'))).toMatchObject({
      code: 0,
      out: 'configmap/prices configured\n',
    });
    expect((await kubectl('chain', 'wait', `proposal/${id}`, '--for=executed', '--timeout=30s')).code).toBe(0);
  });

  test('shows the history of the object, complete by proof, and that the cluster still holds it', async () => {
    const { out, err } = await kubectl(
      'chain',
      'audit',
      'cm/prices',
      '-n=shop',
      '--no-headers',
      '-o=custom-columns=O:.operation,D:.decision,P:.persisted,W:.witnesses[*].org',
    );
    expect(err).toBe('');
    const lines = out
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ {3,}/));
    expect(lines.map((line) => line.slice(0, 3))).toEqual([
      ['UPDATE', 'ADMITTED', 'true'],
      ['CREATE', 'ADMITTED', 'true'],
      ['CREATE', 'REFUSED', 'null'],
      ['CREATE', 'REFUSED', 'null'],
    ]);
    for (const line of lines) expect(line[3]?.split(',')).toHaveLength(2);
    expect(await chainAs('beta', 'verify', 'cm/prices', '-n', 'shop', '-o=jsonpath={.outcome}')).toMatchObject({
      code: 0,
      out: 'MATCH',
    });
  });

  test('names a key that may not vote, and an endpoint that is not there', async () => {
    expect((await chainAs('alpha', 'vote', '99', '--approve', '--yes')).err).toContain('[CLI_NOT_FOUND]');
    const gone = await kubectl('chain', 'audit', '--endpoint=https://127.0.0.1:1');
    expect(gone.code).toBe(3);
    expect(gone.err).toContain('[CLIENT_UNREACHABLE]');
  });
});
