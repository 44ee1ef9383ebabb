import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { FakeTransport } from '../client/fake-node.ts';
import { cleanUp, newWorld, pin, type World } from './fake-terminal.ts';
import { newChain } from './world.ts';

cleanUp();
const made = newChain({ hooks: 2 });
const endpoint = 'https://a.example';
const hooks = ['--hook', 'hook-0=https://192.0.2.1:8443/admit', '--hook=hook-1=https://192.0.2.2:8443/admit'];
let world: World;
let applied: { args: readonly string[]; stdin: string | undefined }[];
let ca: string;

beforeEach(() => {
  world = newWorld();
  world.transport = new FakeTransport().add(endpoint, made.node);
  world.nowMs = () => made.chain.nowMs;
  pin(world, made.chain, [endpoint]);
  applied = [];
  world.kubectl = (args, stdin) => {
    applied.push({ args, stdin });
    return { code: 0, stdout: Buffer.from('done\n'), stderr: '' };
  };
  ca = join(world.home, 'ca.crt');
  writeFileSync(ca, '-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n');
});

describe('install', () => {
  test('makes one Fail entry for each hook of the cluster record, and reading roles for observers', async () => {
    const { code, out, err } = await world.run('install', ...hooks, '--webhook-ca', ca, '--dry-run', '-o=json');
    expect(code).toBe(0);
    expect(applied).toEqual([]);
    const { items } = JSON.parse(out) as {
      items: {
        kind: string;
        webhooks?: { name: string; failurePolicy: string; clientConfig: { url: string } }[];
        rules?: { verbs: string[]; resourceNames?: string[] }[];
      }[];
    };
    expect(items.map(({ kind }) => kind)).toEqual([
      'ClusterRole',
      'ClusterRoleBinding',
      'Role',
      'RoleBinding',
      // Last, so that the rest need not pass a gate that is not ready yet.
      'ValidatingWebhookConfiguration',
    ]);
    expect(
      items[4]?.webhooks?.map(({ name, failurePolicy, clientConfig }) => [name, failurePolicy, clientConfig.url]),
    ).toEqual([
      ['hook-0.gate.kubectl-chain.dev', 'Fail', 'https://192.0.2.1:8443/admit'],
      ['hook-1.gate.kubectl-chain.dev', 'Fail', 'https://192.0.2.2:8443/admit'],
      ['record.kubectl-chain.dev', 'Ignore', 'https://192.0.2.1:8443/record'],
    ]);
    expect(items[0]?.rules).toEqual([
      { apiGroups: ['*'], resources: ['*'], verbs: ['list', 'watch'] },
      { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create'] },
    ]);
    // Nothing is written but the canaries, which are never stored.
    expect(items[2]?.rules).toMatchObject([
      { resourceNames: ['kubectl-chain-canary-hook-0', 'kubectl-chain-canary-hook-1'], verbs: ['create', 'patch'] },
    ]);
    expect(err).toContain('kind: WebhookAdmissionConfiguration');
    expect(err).toContain('name: 192.0.2.1:8443');
  });

  test('in the profile strict nothing goes on without the record hook', async () => {
    const strict = ['--profile=strict', '--record-hook=https://192.0.2.9/record/secret'];
    const { out } = await world.run('install', ...hooks, ...strict, '--webhook-ca', ca, '--dry-run', '-o=json');
    const { items } = JSON.parse(out) as { items: { webhooks?: object[] }[] };
    expect(items[4]?.webhooks?.at(-1)).toMatchObject({
      failurePolicy: 'Fail',
      timeoutSeconds: 2,
      clientConfig: { url: 'https://192.0.2.9/record/secret' },
    });
  });

  test.each([
    [['--profile=lax'], 'must be standard or strict'],
    [['--record-hook=http://192.0.2.9/'], 'must be https'],
  ])('refuses %s', async (given, named) => {
    const { code, err } = await world.run('install', ...hooks, ...given, '--webhook-ca', ca, '--yes');
    expect(code).toBe(1);
    expect(err).toContain(named);
  });

  test('asks for the address of the record hook where it does not follow from that of the first', async () => {
    const other = ['--hook', 'hook-0=https://192.0.2.1:8443/hook', hooks[2] ?? ''];
    const { code, err } = await world.run('install', ...other, '--webhook-ca', ca, '--yes');
    expect(code).toBe(1);
    expect(err).toContain('--record-hook');
  });

  test('with --guard makes the admission policy that keeps them from being changed', async () => {
    const { out } = await world.run('install', ...hooks, '--webhook-ca', ca, '--guard', '--dry-run', '-o=json');
    const { items } = JSON.parse(out) as { items: { kind: string }[] };
    expect(items.slice(-2).map(({ kind }) => kind)).toEqual([
      'ValidatingAdmissionPolicy',
      'ValidatingAdmissionPolicyBinding',
    ]);
  });

  test('applies them with kubectl, in the kube context that was named', async () => {
    const { out } = await world.run('install', ...hooks, '--webhook-ca', ca, '--yes', '--context=admin');
    expect(out).toBe('done\n');
    expect(applied[0]?.args.slice(0, 3)).toEqual(['--context=admin', 'apply', '--server-side']);
    expect(applied[0]?.stdin).toContain('kind: ValidatingWebhookConfiguration');
  });

  test.each([
    [[hooks[0], hooks[1]], '--hook hook-1=URL is missing'],
    [[...hooks, '--hook=hook-2=https://192.0.2.3/'], 'and no other'],
    [['--hook=hook-0=http://192.0.2.1/', hooks[2]], 'must be NAME=https'],
  ])('refuses hooks that are not those of the record', async (given, named) => {
    const { code, err } = await world.run('install', ...(given as string[]), '--webhook-ca', ca, '--yes');
    expect(code).toBe(1);
    expect(err).toContain(named);
    expect(applied).toEqual([]);
  });

  test('changes nothing without a yes', async () => {
    expect((await world.run('install', ...hooks, '--webhook-ca', ca)).err).toContain('[CLI_CONFIRM]');
    expect((await world.run('uninstall')).err).toContain('[CLI_CONFIRM]');
    expect(applied).toEqual([]);
    await world.run('uninstall', '--yes');
    // The guard would refuse the rest.
    expect(applied[0]?.args).toContain('validatingadmissionpolicybinding/kubectl-chain-guard');
    expect(applied[1]?.args).toContain('validatingwebhookconfiguration/kubectl-chain');
  });
});
