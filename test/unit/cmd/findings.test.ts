import { beforeEach, describe, expect, test } from 'vitest';
import { hookEntryHash, webhookConfiguration } from '../../../src/change/index.ts';
import { nativeBackend } from '../../../src/crypto/index.ts';
import type { ValidatorId } from '../../../src/types/brand.ts';
import type { JsonObject } from '../../../src/types/json.ts';
import { FakeTransport } from '../client/fake-node.ts';
import { findingAt, findingBy, found } from '../ledger/findings.ts';
import { CLUSTER } from '../ledger/test-chain.ts';
import { cleanUp, keyFile, newWorld, pin, type World } from './fake-terminal.ts';
import { newChain } from './world.ts';

cleanUp();
const endpoint = 'https://a.example';
let world: World;
let made: ReturnType<typeof newChain>;

/** Entries as the API server shows them. */
const { webhooks } = webhookConfiguration({
  name: 'kubectl-chain',
  hooks: [{ name: 'hook-0', url: 'https://east.example/admit', caBundle: 'AAAA' }],
  record: { name: 'record', url: 'https://east.example/record', caBundle: 'AAAA' },
}) as unknown as { webhooks: JsonObject[] };
const cluster = new Map<string, object>();
/** Whether the API server has the static guard. */
let isStatic = false;

beforeEach(() => {
  world = newWorld();
  made = newChain();
  world.transport = new FakeTransport().add(endpoint, made.node);
  world.nowMs = () => made.chain.nowMs;
  pin(world, made.chain, [endpoint]);
  const hooks = ['hook-0', 'record'].map((name, i) => {
    const hash = hookEntryHash(webhooks[i] as JsonObject, nativeBackend.sha256);
    return { name, hash, client: hash };
  });
  for (const node of ['alpha', 'beta'])
    made.chain.run({
      kind: 'guard-seen',
      node: node as ValidatorId,
      cluster: CLUSTER,
      sequence: 0,
      hooks,
      throughVersion: '9',
    });
  cluster.clear();
  isStatic = false;
  const admission = '/apis/admissionregistration.k8s.io/v1';
  cluster.set(`${admission}/validatingwebhookconfigurations`, { items: [{ webhooks }] });
  cluster.set('/apis/rbac.authorization.k8s.io/v1/clusterroles', { items: [
    { metadata: { name: 'cluster-admin' }, rules: [{ verbs: ['*'], resources: ['*'], apiGroups: ['*'] }] },
    { metadata: { name: 'view' }, rules: [{ verbs: ['get'], resources: ['*'], apiGroups: ['*'] }] },
  ] }); // prettier-ignore
  cluster.set('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', { items: [
    { roleRef: { kind: 'ClusterRole', name: 'cluster-admin' }, subjects: [{ kind: 'Group', name: 'system:masters' }, { kind: 'User', name: 'alice' }] },
    { roleRef: { kind: 'ClusterRole', name: 'view' }, subjects: [{ kind: 'User', name: 'bob' }] },
  ] }); // prettier-ignore
  world.kubectl = (args) => {
    if (args[0] === 'create') return { code: isStatic ? 1 : 0, stdout: new Uint8Array(), stderr: isStatic ? 'admission webhook "hook-0.guard.kubectl-chain.dev" denied the request: canary' : '' };
    const answer = cluster.get(args.at(-1) ?? '');
    if (answer === undefined) return { code: 1, stdout: new Uint8Array(), stderr: 'Error from server (NotFound): not found' };
    return { code: 0, stdout: Buffer.from(JSON.stringify(answer)), stderr: '' };
  }; // prettier-ignore
});

const smuggled = {
  finding: 'unattributed' as const,
  subject: 'objects',
  detail: 'objects without a record',
  objects: [found('smuggled')],
  objectCount: 1,
  throughVersion: '44',
  coverage: { sinceMs: 1_760_000_000_000, compared: 2_113 },
};

describe('what went around the log (P4)', () => {
  beforeEach(() => {
    for (const node of ['alpha', 'beta']) made.chain.run(findingBy(node, smuggled));
  });

  test('is a line of status, with what to do about it', async () => {
    const { out, err } = await world.run('status');
    expect(out).toMatch(/FINDINGS/);
    expect(err).toContain(
      'finding/1 of cluster prod is CONFIRMED: unattributed objects: objects without a record (1 objects)',
    );
    expect(err).toContain('kubectl chain propose ratify 1');
    const json = JSON.parse((await world.run('status', '-o=json')).out) as { findings: object[] };
    expect(json.findings).toMatchObject([
      { id: 1, type: 'unattributed', state: 'CONFIRMED', objectCount: 1, compared: 2_113 },
    ]);
  });

  test('is in audit --findings, one record for each observer that signed it', async () => {
    const { out } = await world.run('audit', '--findings', '-o=json');
    const { items } = JSON.parse(out) as { items: object[] };
    expect(items).toMatchObject([
      {
        type: 'finding',
        actor: 'beta',
        operation: 'FIND',
        resource: 'unattributed',
        name: 'objects',
        reason: 'objects without a record',
      },
      { type: 'finding', actor: 'alpha' },
    ]);
  });

  test('is shown in full, with its objects and what was compared', async () => {
    const { out } = await world.run('show', 'finding/1');
    expect(out).toContain('configmaps prod-web/smuggled: no-record (alpha,beta)');
    expect(out).toContain('watched since 2025-10-09T08:53:20.000Z, 2113 objects compared');
    expect((await world.run('show', 'finding/2')).code).toBe(1);
  });

  test('is ratified by a proposal that names exactly what was found', async () => {
    const proposed = await world.run('propose', 'ratify', '1', '--yes', '--key', keyFile(world, 'ann of alpha'));
    expect(proposed).toMatchObject({ code: 0, out: 'proposal/1 proposed\n' });
    expect(proposed.err).toContain('configmaps prod-web/smuggled: no-record');
    for (const org of ['alpha', 'beta', 'gamma']) made.chain.vote(org, 1);
    expect(findingAt(made.chain, 1)?.state).toBe('RATIFIED');
    expect((await world.run('status')).err).not.toContain('finding/1');
  });

  test('makes check fail', async () => {
    const { code, err } = await world.run('check');
    expect(code).toBe(1);
    expect(err).toContain('findings: finding/1 of cluster prod');
  });
});

interface Layer {
  readonly layer: string;
  readonly state: string;
  readonly found: string;
  readonly notCovered: string;
}
const layersOf = async (): Promise<ReadonlyMap<string, Layer>> => {
  const { out } = await world.run('check', '-o=json');
  return new Map((JSON.parse(out) as { items: Layer[] }).items.map((layer) => [layer.layer, layer]));
};

describe('check', () => {
  test('explains each layer and what it does not cover', async () => {
    const layers = await layersOf();
    expect([...layers.keys()]).toEqual(['webhook hook-0', 'record hook', 'caller', 'witnesses', 'observers', 'canaries', 'audit stream', 'templates', 'impersonation', 'webhook rights', 'system:masters', 'guard policy', 'static guard', 'findings']);
    for (const { notCovered } of layers.values()) expect(notCovered).not.toBe('');
    expect(layers.get('webhook hook-0')?.state).toBe('ok');
    expect(layers.get('record hook')?.state).toBe('ok');
    expect(layers.get('findings')?.state).toBe('ok');
    expect(layers.get('guard policy')?.found).toContain('install --guard');
  }); // prettier-ignore

  test('names who may impersonate or change the gate, besides those who pass every authorizer', async () => {
    const layers = await layersOf();
    expect(layers.get('impersonation')?.found).toBe('may impersonate: User alice');
    expect(layers.get('webhook rights')?.found).toBe(
      'may change webhook configurations or admission policies: User alice',
    );
    expect(layers.get('system:masters')).toMatchObject({
      state: 'unknown',
      found: expect.stringContaining('O=system:masters') as string,
    });
  });

  test('counts a right over the controllers’ ServiceAccounts that a binding of kube-system gives', async () => {
    cluster.set('/apis/rbac.authorization.k8s.io/v1/rolebindings', { items: ['kube-system', 'dev'].map((namespace) => (
      { metadata: { namespace }, roleRef: { kind: 'ClusterRole', name: 'cluster-admin' }, subjects: [{ kind: 'ServiceAccount', namespace, name: 'ci' }] }
    )) }); // prettier-ignore
    expect((await layersOf()).get('impersonation')?.found).toBe(
      'may impersonate: ServiceAccount kube-system/ci, User alice',
    );
  });

  test('asks for the static guard, which nobody can see', async () => {
    expect((await layersOf()).get('static guard')).toMatchObject({ state: 'missing' });
    isStatic = true;
    expect((await layersOf()).get('static guard')).toMatchObject({ state: 'ok' });
  });

  test.each<[string, object, string]>([
    ['is gone', { items: [] }, 'it is not installed'],
    ['is narrower', { items: [{ webhooks: [{ ...webhooks[0], failurePolicy: 'Ignore' }] }] }, 'failurePolicy'],
  ])('fails where a hook %s', async (_what, answer, says) => {
    cluster.set('/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations', answer);
    expect((await layersOf()).get('webhook hook-0')).toMatchObject({ state: 'missing', found: expect.stringContaining(says) as string });
    expect((await world.run('check')).code).toBe(1);
  }); // prettier-ignore

  test.each<[string, object, string]>([
    ['is gone', { items: [{ webhooks: [webhooks[0]] }] }, 'it is not installed'],
    ['asks about less', { items: [{ webhooks: [webhooks[0], { ...webhooks[1], matchConditions: [] }] }] }, 'not the expected entry'],
  ])('fails where the record hook %s', async (_what, answer, says) => {
    cluster.set('/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations', answer);
    expect((await layersOf()).get('record hook')).toMatchObject({ state: 'missing', found: expect.stringContaining(says) as string });
    expect((await world.run('check')).code).toBe(1);
  }); // prettier-ignore
});
