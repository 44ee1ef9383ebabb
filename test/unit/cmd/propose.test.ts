import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { KubectlResult } from '../../../cmd/kubectl-chain/terminal.ts';
import { openRequest } from '../../../src/client/signed-request.ts';
import { decodeDetails } from '../../../src/ledger/details.ts';
import type { Hash, OrgId } from '../../../src/types/brand.ts';
import type { Json, JsonObject } from '../../../src/types/json.ts';
import { AUDIENCE, FakeTransport, tampering, type FakeNode } from '../client/fake-node.ts';
import type { TestChain } from '../ledger/test-chain.ts';
import { cleanUp, keyFile, newWorld, pin, type World } from './fake-terminal.ts';
import { attested, deployment, newChain, updateRequest } from './world.ts';

const endpoint = 'https://a.example';
cleanUp();

let world: World;
let made: { chain: TestChain; node: FakeNode };
/** What the cluster holds, by path. */
let stored: Map<string, JsonObject>;
const path = '/apis/apps/v1/namespaces/prod-web/deployments/web';

beforeEach(() => {
  world = newWorld();
  made = newChain();
  stored = new Map([[path, deployment('v1')]]);
  world.transport = new FakeTransport().add(endpoint, made.node);
  world.nowMs = () => made.chain.nowMs;
  pin(world, made.chain, [endpoint]);
  world.kubectl = kubectl;
  made.node.onCanonicalize = (envelope) => {
    const { app, nowMs } = made.chain;
    const trust = {
      chain: app.genesisHash,
      nowMs,
      audiences: [AUDIENCE],
      member: (org: OrgId, name: string) => app.organisation(org)?.members.find((member) => member.name === name),
    };
    return attested(openRequest(envelope, 'canonicalize-request', trust).content.request);
  };
});

/** As kubectl answers: discovery, an object, who asks, and a dry run that gives back what apply would leave. */
function kubectl(args: readonly string[], stdin: string | undefined): KubectlResult {
  const json = (value: unknown): KubectlResult => ({ code: 0, stdout: Buffer.from(JSON.stringify(value)), stderr: '' });
  const notFound: KubectlResult = {
    code: 1,
    stdout: Buffer.alloc(0),
    stderr: 'Error from server (NotFound): not found',
  };
  const words = args.filter((arg) => !arg.startsWith('--context'));
  if (words[0] === 'auth')
    return json({ status: { userInfo: { username: 'ann@alpha', groups: ['system:authenticated'] } } });
  if (words[0] === 'apply') {
    const wanted = JSON.parse(stdin ?? '') as JsonObject;
    if ((wanted['metadata'] as { namespace: string }).namespace === 'nowhere')
      return { ...notFound, stderr: 'Error from server (NotFound): namespaces "nowhere" not found' };
    return json(wanted);
  }
  const asked = words.at(-1) ?? '';
  if (asked === '/apis/apps') return json({ preferredVersion: { groupVersion: 'apps/v1' } });
  if (asked === '/apis/apps/v1')
    return json({
      resources: [
        { name: 'deployments', kind: 'Deployment', namespaced: true },
        { name: 'deployments/scale', kind: 'Scale', namespaced: true },
      ],
    });
  const found = stored.get(asked);
  return found === undefined ? notFound : json(found);
}

const propose = (...flags: string[]) =>
  world.run('propose', 'change', '-f=-', '--key', keyFile(world, 'bob of alpha'), ...flags);

describe('propose change', () => {
  test('asks for exactly the change that apply will ask the API server for', async () => {
    world.stdin = JSON.stringify(deployment('v2'));
    const { code, out, err } = await propose('--yes', '--reason=release');
    expect(err).toContain(
      'UPDATE deployments.apps prod-web/web\n@@ /spec/template/spec/containers/[name=web]/image\n- v1\n+ v2\n',
    );
    expect({ code, out }).toEqual({ code: 0, out: 'proposal/1 proposed\n' });
    const { changes, requester, reason } = made.chain.proposal(1);
    expect({ requester, reason }).toMatchObject({ requester: { org: 'alpha', member: 'bob' }, reason: 'release' });
    const review = attested(updateRequest('v1', 'v2', 'somebody else')).change;
    expect(changes.map(({ digest }) => digest)).toEqual([review.digest.diff]);
  });

  test('asks for it as the tool will that applies it, and what was asked for can be told from what the server chose', async () => {
    world.stdin = JSON.stringify(deployment('v2'));
    const asked: (readonly string[])[] = [];
    world.kubectl = (args, stdin) => {
      asked.push(args);
      return kubectl(args, stdin);
    };
    const tool = ['--server-side', '--force-conflicts', '--field-manager=argocd-controller'];
    expect((await propose('--yes', ...tool)).code).toBe(0);
    const apply = asked.find((args) => args.includes('apply'));
    expect(apply).toEqual(expect.arrayContaining([...tool, '--dry-run=server', '--show-managed-fields']));
  });

  test('of an object that is not there yet is a creation', async () => {
    stored.clear();
    world.stdin = JSON.stringify(deployment('v2', ''));
    await propose('--yes');
    expect(made.chain.proposal(1).title).toBe('CREATE deployments.apps prod-web/web');
  });

  test('of what the cluster already holds proposes nothing', async () => {
    world.stdin = JSON.stringify(deployment('v1'));
    const { code, out, err } = await propose('--yes');
    // A pipeline runs again when nothing has changed.
    expect({ code, out }).toEqual({ code: 0, out: '' });
    expect(err).toContain('deployments/web unchanged\nnothing of it needs a vote');
    expect(made.chain.app.proposal(1)).toBeUndefined();
  });

  test('again, while the first waits for votes or is approved, is the same proposal', async () => {
    world.stdin = JSON.stringify(deployment('v2'));
    await propose('--yes');
    expect(await propose('--yes')).toMatchObject({ code: 0, out: 'proposal/1 unchanged\n' });
    made.chain.held(1);
    for (const org of ['beta', 'gamma']) made.chain.vote(org, 1);
    expect(made.chain.proposal(1).state).toBe('APPROVED');
    expect((await propose('--yes', '-o=jsonpath={.proposal}')).out).toBe('1');
    made.chain.review(attested(updateRequest('v1', 'v2')).change, ['alpha']);
    expect(made.chain.proposal(1).reserved).toEqual([0]);
    expect((await propose('--yes')).out).toBe('proposal/1 unchanged\n');
    expect(made.chain.app.proposal(2)).toBeUndefined();
    world.stdin = JSON.stringify(deployment('v3'));
    expect((await propose('--yes')).out).toBe('proposal/2 proposed\n');
  });

  test('in a namespace that does not exist is refused with that reason', async () => {
    world.stdin = JSON.stringify(deployment('v1', '1', 'nowhere'));
    expect(await propose('--yes')).toMatchObject({
      code: 1,
      err: expect.stringContaining('namespaces "nowhere" not found') as string,
    });
  });

  test('with --dry-run signs nothing', async () => {
    world.stdin = JSON.stringify(deployment('v2'));
    expect((await propose('--dry-run')).out).toBe(
      'proposal for 1 change of prod would be made as alpha/bob (dry run)\n',
    );
    expect(made.chain.app.proposal(1)).toBeUndefined();
  });

  test('never signs what the node made of another object', async () => {
    world.stdin = JSON.stringify(deployment('v2'));
    made.node.onCanonicalize = () => attested(updateRequest('v1', 'v3', 'ann@alpha'));
    const { code, err } = await propose('--yes');
    expect(code).toBe(4);
    expect(err).toContain('CLI_CANONICAL');
    expect(made.chain.app.proposal(1)).toBeUndefined();
  });

  test('never signs a change of another target, though its content is what was sent', async () => {
    world.stdin = JSON.stringify(deployment('v2'));
    made.node.onCanonicalize = () =>
      attested({
        ...(updateRequest('v1', 'v2', 'ann@alpha') as JsonObject),
        namespace: 'dev',
        object: deployment('v2', '1', 'dev'),
        oldObject: deployment('v1', '1', 'dev'),
      } as Json);
    expect((await propose('--yes')).code).toBe(4);
  });

  test('never signs a change that another user is said to have asked for', async () => {
    world.stdin = JSON.stringify(deployment('v2'));
    made.node.onCanonicalize = () => attested(updateRequest('v1', 'v2', 'mallory'));
    const { code, err } = await propose('--yes');
    expect(code).toBe(4);
    expect(err).toContain('its attributes differs');
  });

  test("P5: is shown to no other organisation's node in clear, whatever that says of itself", async () => {
    world.stdin = JSON.stringify(deployment('v2'));
    const transport = new FakeTransport().add(
      endpoint,
      made.node,
      tampering('/v1/status', (json: object) => ({ ...json, org: 'beta' })),
    );
    world.transport = transport;
    const { err } = await world.run('propose', 'change', '-f=-', '--yes', '--key', keyFile(world, 'bob of beta'));
    expect(err).toContain('[CLI_OWN_NODE]');
    expect(transport.asked.some((asked) => asked.includes('/v1/canonicalize'))).toBe(false);
  });
});

describe('propose delete', () => {
  test('asks for the deletion that kubectl delete will ask for', async () => {
    const { out } = await world.run(
      'propose',
      'delete',
      'deploy/web',
      '-n=prod-web',
      '--yes',
      '--key',
      keyFile(world, 'bob of alpha'),
    );
    expect(out).toBe('proposal/1 proposed\n');
    const body = await made.node.details(made.chain.proposal(1).details as Hash);
    expect(decodeDetails(body as Uint8Array).changes[0]).toMatchObject({
      operation: 'DELETE',
      uid: 'uid-1',
      options: '{"propagationPolicy":"Background"}',
    });
  });

  test('of what is not there is refused', async () => {
    expect(
      await world.run(
        'propose',
        'delete',
        'deploy/none',
        '-n=prod-web',
        '--yes',
        '--key',
        keyFile(world, 'bob of alpha'),
      ),
    ).toMatchObject({ code: 1 });
  });
});

describe('propose for the configuration', () => {
  const file = (name: string, text: string): string => {
    const path = join(world.home, name);
    writeFileSync(path, text);
    return path;
  };
  const policy = (approvals: number): string =>
    `apiVersion: kubectl-chain.dev/v1alpha1\nkind: ChangePolicy\nmetadata: {name: dev}\nspec:\n  clusters: ["*"]\n  match: [{namespaces: [dev]}]\n  require: {approvals: ${approvals}}\n`;
  const ask = (...args: string[]) => world.run('propose', ...args, '--yes', '--key', keyFile(world, 'bob of alpha'));

  test('puts a policy to the vote, names the version it replaces, and knows one that is in force', async () => {
    expect((await ask('policy', '-f', file('p.yaml', policy(2)))).out).toBe('proposal/1 proposed\n');
    for (const org of ['alpha', 'beta', 'gamma']) made.chain.vote(org, 1);
    expect((await world.run('policies', '-o', 'name')).out).toBe('policy/dev\npolicy/production\n');
    expect((await ask('policy', '-f', file('p.yaml', policy(2)))).err).toContain('[CLI_NOTHING]');
    expect((await ask('policy', '-f', file('p.yaml', policy(3)), '--delete', 'production')).code).toBe(0);
    const digest = (await world.run('policies', 'dev', '-o=jsonpath={.digest}')).out;
    expect(made.chain.proposal(2).config).toMatchObject([
      { type: 'policy-put', name: 'dev', replaces: digest },
      { type: 'policy-delete', name: 'production' },
    ]);
  });

  test.each([
    [
      'policy',
      'apiVersion: kubectl-chain.dev/v1alpha1\nkind: ChangePolicy\nmetadata: {name: dev}\nspec: {clusters: ["*"], match: [{}], require: {approvals: 1}, extra: 1}\n',
      'extra',
    ],
    ['policy', 'kind: [\n', '[CLI_CONFIG]'],
    [
      'cluster',
      'apiVersion: kubectl-chain.dev/v1alpha1\nkind: Cluster\nmetadata: {name: prod}\nspec: {hooks: [], observers: [], more: 1}\n',
      'more',
    ],
  ])('of a %s with a mistake is refused: nothing unknown is ignored', async (what, text, named) => {
    const { code, err } = await ask(what, '-f', file('x.yaml', text));
    expect(code).toBe(1);
    expect(err).toContain(named);
  });

  test.each([
    [
      ['binding', '--kube-user=ci', '--member=beta'],
      { type: 'binding-put', binding: { user: 'ci', org: 'beta', member: null }, replaces: null },
    ],
    [['binding', '--kube-user=ann@beta', '--delete'], { type: 'binding-delete', user: 'ann@beta' }],
    [['member', '--delete=beta/eve'], { type: 'member-delete', org: 'beta', name: 'eve' }],
  ])('%j', async (args, expected) => {
    expect((await ask(...args)).out).toBe('proposal/1 proposed\n');
    expect(made.chain.proposal(1).config).toMatchObject([expected]);
  });

  test('P5: erases what records contained, once each, and what contains nothing is refused', async () => {
    const index = made.chain.review(attested(updateRequest('v1', 'v2', 'ann@alpha', 'dev')).change).leaf;
    expect((await ask('erasure', String(index), `record/${index}`)).out).toBe('proposal/1 proposed\n');
    expect(made.chain.proposal(1).config).toMatchObject([{ type: 'tombstone', replaces: null }]);
    expect((await ask('erasure', String(index + 2))).err).toContain('is no change that has contents');
    expect((await ask('erasure', 'seven')).err).toContain('is no record');
  });

  test('changes a single parameter and keeps the others', async () => {
    await ask(
      'params',
      '-f',
      file('params.yaml', 'apiVersion: kubectl-chain.dev/v1alpha1\nkind: ChainParams\nspec: {precisionMs: 700}\n'),
    );
    expect(made.chain.proposal(1).config).toMatchObject([
      { type: 'params-put', params: { ...made.chain.genesis.params, precisionMs: 700 } },
    ]);
  });
});
