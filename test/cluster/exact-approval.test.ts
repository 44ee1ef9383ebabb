import { describe, expect, test } from 'vitest';
import { proposalIn } from './committee.ts';
import {
  call,
  createConfigMap,
  createNamespace,
  deleteConfigMap,
  getConfigMap,
  patchConfigMap,
  proposalOf,
  type ApiResult,
} from './objects.ts';
import { installMutatingWebhooks } from './mutating-webhook.ts';
import { twoApprovals } from './policies.ts';
import { ask, STRETCHES } from './stretches.ts';
import { withPlayground } from './with-playground.ts';

const NS = 'prod-shop';
const STRICT_NS = 'vault-keys';
const QUOTA_NS = 'prod-quota';
/** Everything that alice does there needs votes; what the administrator prepares does not. */
const exactNamespace = (id: string) => `exact-${id}`;
const QUOTA = `/api/v1/namespaces/${QUOTA_NS}/resourcequotas/none`;
/** Observers wait 65 s before they say "was not stored"; the other tests run meanwhile. */
const QUOTA_TIMEOUT_MS = 150_000;

let quotaProposal = 0;

const world = withPlayground({}, async ({ playground, committee }) => {
  for (const name of [NS, STRICT_NS, QUOTA_NS]) await createNamespace(playground, name);
  await committee.enforce('production', twoApprovals('prod-*'));
  await committee.enforce('vault', twoApprovals('vault-*', 'strict'));
  const { clusters, require, binding, deadlines } = twoApprovals('');
  const match = [{ namespaces: [exactNamespace('*')] }];
  await committee.enforce('exact', { clusters, match, exclude: [{ users: ['admin'] }], require, binding, deadlines });

  // Without a controller manager a quota bites when its status is written by hand.
  await setQuota(0);
  quotaProposal = proposalOf(await createConfigMap(playground, 'alice', QUOTA_NS, 'over'));
  await committee.approve(quotaProposal, ['bob', 'carol']);
});

async function setQuota(configMaps: number): Promise<void> {
  const { playground } = world;
  const hard = { 'count/configmaps': String(configMaps) };
  const quotas = QUOTA.slice(0, QUOTA.lastIndexOf('/'));
  const body = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'none' }, spec: { hard } };
  await call(playground, 'alice', quotas, { method: 'POST', body });
  const status = { status: { hard, used: { 'count/configmaps': '0' } } };
  const patched = await call(playground, 'alice', `${QUOTA}/status`, {
    method: 'PATCH',
    contentType: 'application/merge-patch+json',
    body: status,
  });
  if (patched.status !== 200) throw new Error(`quota: ${patched.status} ${patched.message}`);
}

/** Asks, has the first refusal approved by two others, asks again. */
async function withApproval(ask: () => Promise<ApiResult>): Promise<ApiResult> {
  const refused = await ask();
  await world.committee.approve(proposalOf(refused), ['bob', 'carol']);
  return ask();
}

function isRefused({ status, message }: ApiResult): boolean {
  return status === 403 && message.includes('denied the request');
}

test('P1 a quota refuses what the chain admitted', async () => {
  const { playground, committee } = world;
  const refused = await createConfigMap(playground, 'alice', QUOTA_NS, 'over');
  expect(refused.status).toBe(403);
  expect(refused.message).toContain('exceeded quota');
  const { changes } = await committee.proposal(quotaProposal);
  expect(changes.map(({ state }) => state)).toEqual(['RESERVED']);
});

describe('P1 an approval cannot be stretched', { timeout: 120_000 }, () => {
  test.each(STRETCHES)('by $what', async ({ id: name, prepare = [], approved, stretched, same, unobserved }) => {
    const { playground, committee } = world;
    const ns = exactNamespace(name);
    await createNamespace(playground, ns, 'admin');
    for (const request of prepare) expect((await ask(playground, 'admin', ns, request)).status).toBeLessThan(300);

    const refused = await ask(playground, 'alice', ns, approved);
    expect(isRefused(refused)).toBe(true);
    const id = proposalOf(refused);
    await committee.approve(id, ['bob', 'carol']);
    for (const [how, request] of Object.entries(stretched)) {
      const answer = await ask(playground, 'alice', ns, request);
      expect([how, isRefused(answer), answer.message]).toEqual([how, true, expect.stringMatching(/needs 2 more/)]);
      expect([how, proposalOf(answer)]).not.toEqual([how, id]);
    }

    const used = await ask(playground, 'alice', ns, same ?? approved);
    expect([used.status, used.message]).toEqual([expect.toSatisfy((status: number) => status < 300), '']);
    // Observers of two organisations say that exactly this was stored.
    const executed = await committee.until(id, ({ changes }) => changes[0]?.state === 'EXECUTED');
    if (unobserved !== true) expect(executed.changes[0]?.persistedBy?.length).toBeGreaterThanOrEqual(2);
  });

  test('to another object of the same name that was made later, by a DELETE', async () => {
    const { playground, committee } = world;
    const ns = exactNamespace('reborn');
    await createNamespace(playground, ns, 'admin');
    await createConfigMap(playground, 'admin', ns, 'x');
    const id = proposalOf(await deleteConfigMap(playground, 'alice', ns, 'x'));
    await committee.approve(id, ['bob', 'carol']);
    await deleteConfigMap(playground, 'admin', ns, 'x');
    await createConfigMap(playground, 'admin', ns, 'x');
    const refused = await deleteConfigMap(playground, 'alice', ns, 'x');
    expect(isRefused(refused)).toBe(true);
    expect(proposalOf(refused)).not.toBe(id);
    expect((await getConfigMap(playground, ns, 'x')).status).toBe(200);
  });

  test('by mutating webhooks: what they make of a request is what was voted for', async () => {
    const { playground, committee } = world;
    const ns = exactNamespace('mutated');
    await createNamespace(playground, ns, 'admin');
    const webhooks = await installMutatingWebhooks(playground, ns, 'one');
    const create = () => createConfigMap(playground, 'alice', ns, 'x');
    const id = proposalOf(await create());
    await committee.approve(id, ['bob', 'carol']);

    webhooks.mark = 'two';
    const other = await create();
    expect(isRefused(other)).toBe(true);
    expect(proposalOf(other)).not.toBe(id);

    webhooks.mark = 'one';
    const created = await create();
    expect(created).toMatchObject({
      status: 201,
      object: { data: { key: 'value', first: 'seen', second: 'one' } },
    });
    await committee.until(id, ({ changes }) => changes[0]?.state === 'EXECUTED');

    // Without them the same request is another change, too.
    await deleteConfigMap(playground, 'admin', ns, 'x');
    const again = proposalOf(await create());
    await committee.approve(again, ['bob', 'carol']);
    await webhooks.remove();
    const bare = await create();
    expect(isRefused(bare)).toBe(true);
    expect(proposalOf(bare)).not.toBe(again);
  });
});

describe('P1 exact approval', () => {
  test('without a vote a matched change is refused, says what is missing, and is not stored', async () => {
    const { playground } = world;
    const refused = await createConfigMap(playground, 'alice', NS, 'unvoted');
    expect(refused.status).toBe(403);
    expect(refused.message).toMatch(/needs 2 more approvals/);
    expect(refused.message).toMatch(/kubectl chain vote \d+ --approve/);
    expect(refused.causes.map(({ reason }) => reason)).toEqual(
      expect.arrayContaining(['Proposal', 'Missing', 'Command']),
    );
    expect((await getConfigMap(playground, NS, 'unvoted')).status).toBe(404);
  });

  test('one approval of two is not enough', async () => {
    const { playground, committee } = world;
    const id = proposalOf(await createConfigMap(playground, 'alice', NS, 'half'));
    await committee.approve(id, ['bob'], 'OPEN');
    expect(isRefused(await createConfigMap(playground, 'alice', NS, 'half'))).toBe(true);
    expect((await getConfigMap(playground, NS, 'half')).status).toBe(404);
  });

  test("the author's organisation does not count for its own change", async () => {
    const { playground, committee } = world;
    const id = proposalOf(await createConfigMap(playground, 'alice', NS, 'own'));
    const open = await committee.until(id, ({ deadlineVotingMs }) => deadlineVotingMs !== null);
    await expect(committee.vote('alice', open)).rejects.toMatchObject({
      payload: { code: 'GOVERNANCE_BALLOT_EXCLUDED' },
    });
    await committee.approve(id, ['dave'], 'OPEN');
    expect(isRefused(await createConfigMap(playground, 'alice', NS, 'own'))).toBe(true);
  });

  test('a change of somebody whom no organisation answers for waits for an author', async () => {
    const { playground, committee } = world;
    const id = proposalOf(await createConfigMap(playground, 'mallory', NS, 'unclaimed'));
    const open = await committee.until(id, ({ deadlineVotingMs }) => deadlineVotingMs !== null);
    for (const person of ['alice', 'bob', 'carol']) await committee.vote(person, open);
    expect((await committee.proposal(id)).state).toBe('OPEN');
    expect(isRefused(await createConfigMap(playground, 'mallory', NS, 'unclaimed'))).toBe(true);
    const claimed = await committee.submit<'claim'>('alice', { kind: 'claim', proposal: id, sequence: 1, claim: true });
    expect(claimed.decision).toBe('DONE');
    await committee.until(id, ({ state }) => state === 'APPROVED');
    expect((await createConfigMap(playground, 'mallory', NS, 'unclaimed')).status).toBe(201);
  });

  test('another value, label, annotation, key, name or namespace is another change', async () => {
    const { playground, committee } = world;
    const approved = { data: { colour: 'blue' } };
    const id = proposalOf(await createConfigMap(playground, 'alice', NS, 'exact', approved));
    await committee.approve(id, ['bob', 'carol']);
    const others = [
      await createConfigMap(playground, 'alice', NS, 'exact', { data: { colour: 'red' } }),
      await createConfigMap(playground, 'alice', NS, 'exact', { data: { colour: 'blue', more: '' } }),
      await createConfigMap(playground, 'alice', NS, 'exact', { data: { Colour: 'blue' } }),
      await createConfigMap(playground, 'alice', NS, 'exact', { ...approved, labels: { team: 'shop' } }),
      await createConfigMap(playground, 'alice', NS, 'exact', { ...approved, annotations: { note: 'x' } }),
      await createConfigMap(playground, 'alice', NS, 'exact-2', approved),
      await createConfigMap(playground, 'alice', QUOTA_NS, 'exact', approved),
    ];
    expect(others.map(({ status }) => status)).toEqual(others.map(() => 403));
    const ids = others.map(proposalOf);
    expect(ids).not.toContain(id);
    expect(new Set(ids).size).toBe(others.length);
    expect((await createConfigMap(playground, 'alice', NS, 'exact', approved)).status).toBe(201);
  });

  test('the same object by another tool is the same change, and so is another field manager', async () => {
    const { playground, committee } = world;
    const manifest = JSON.stringify({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'tool', namespace: NS },
      data: { key: 'value' },
    });
    const id = proposalOf(await createConfigMap(playground, 'alice', NS, 'tool', { query: '?fieldManager=ci' }));
    const byKubectl = await playground.kubectl('alice', ['apply', '-f', '-'], { stdin: manifest });
    expect(byKubectl.code).toBe(1);
    expect(proposalIn(byKubectl.stderr)).toBe(id);
    await committee.approve(id, ['bob', 'carol']);
    const applied = await playground.kubectl('alice', ['apply', '-f', '-'], { stdin: manifest });
    expect(applied).toMatchObject({ code: 0, stdout: 'configmap/tool created\n' });
  });

  test('a dry run is allowed with a warning, and uses nothing', async () => {
    const { playground, committee } = world;
    const dryRun = ['-n', NS, 'create', 'configmap', 'dry', '--from-literal=a=1', '--dry-run=server'];
    const shown = await playground.kubectl('alice', dryRun);
    expect(shown).toMatchObject({ code: 0 });
    expect(shown.stderr).toMatch(/Warning: .*needs 2 approvals/);
    const id = proposalOf(await createConfigMap(playground, 'alice', NS, 'dry', { data: { a: '1' } }));
    const { changes } = await committee.approve(id, ['bob', 'carol']);
    expect(changes.map(({ state }) => state)).toEqual(['READY']);
    expect(await playground.kubectl('alice', dryRun)).toMatchObject({ code: 0 });
    expect((await committee.proposal(id)).changes.map(({ state }) => state)).toEqual(['READY']);
    expect((await createConfigMap(playground, 'alice', NS, 'dry', { data: { a: '1' } })).status).toBe(201);
  });

  test('an approval is used once: after an approved delete, the same create needs a new vote', async () => {
    const { playground, committee } = world;
    const create = () => createConfigMap(playground, 'alice', NS, 'once');
    const first = proposalOf(await create());
    await committee.approve(first, ['bob', 'carol']);
    expect((await create()).status).toBe(201);
    await committee.until(first, ({ changes }) => changes[0]?.state === 'EXECUTED');

    const remove = () => deleteConfigMap(playground, 'alice', NS, 'once');
    expect(isRefused(await remove())).toBe(true);
    expect((await withApproval(remove)).status).toBe(200);

    const again = await create();
    expect(isRefused(again)).toBe(true);
    expect(proposalOf(again)).not.toBe(first);
    expect((await committee.proposal(proposalOf(again))).instance).toBe(2);
    expect((await getConfigMap(playground, NS, 'once')).status).toBe(404);
  });

  test('the approval of an update is for the object that was there, not for another of the same name', async () => {
    const { playground, committee } = world;
    const create = () => createConfigMap(playground, 'alice', NS, 'reborn');
    const update = () => patchConfigMap(playground, 'alice', NS, 'reborn', { key: 'changed' });
    expect((await withApproval(create)).status).toBe(201);
    const id = proposalOf(await update());
    await committee.approve(id, ['bob', 'carol']);

    expect((await withApproval(() => deleteConfigMap(playground, 'alice', NS, 'reborn'))).status).toBe(200);
    expect((await withApproval(create)).status).toBe(201);
    const refused = await update();
    expect(isRefused(refused)).toBe(true);
    expect(proposalOf(refused)).not.toBe(id);
  });

  test('in diff binding another field may move; in strict binding the base state is part of the approval', async () => {
    const { playground, committee } = world;
    for (const [namespace, expected] of [
      [NS, 200],
      [STRICT_NS, 403],
    ] as const) {
      const data = { one: '1', two: '2' };
      const created = await withApproval(() => createConfigMap(playground, 'alice', namespace, 'base', { data }));
      expect(created.status).toBe(201);
      const change = () => patchConfigMap(playground, 'alice', namespace, 'base', { one: 'changed' });
      const id = proposalOf(await change());
      await committee.approve(id, ['bob', 'carol']);
      const moved = await withApproval(() => patchConfigMap(playground, 'dave', namespace, 'base', { two: 'moved' }));
      expect(moved.status).toBe(200);
      expect((await change()).status).toBe(expected);
    }
  });

  test('a change refused after its admission frees its approval', { timeout: QUOTA_TIMEOUT_MS }, async () => {
    const { playground, committee } = world;
    const freed = await committee.until(
      quotaProposal,
      ({ changes }) => changes[0]?.state === 'READY',
      QUOTA_TIMEOUT_MS,
    );
    expect(freed).toMatchObject({ reserved: [], executed: 0, uncertain: 0 });
    await setQuota(1);
    expect((await createConfigMap(playground, 'alice', QUOTA_NS, 'over')).status).toBe(201);
    await committee.until(quotaProposal, ({ changes }) => changes[0]?.state === 'EXECUTED');
  });
});
