import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { findingKey, openFindingsKey } from '../../src/ledger/execute/keys.ts';
import type { Finding } from '../../src/types/finding.ts';
import { installArguments } from '../playground/hooks.ts';
import { reviewsAnswered } from '../playground/node-process.ts';
import { call, createConfigMap, createNamespace, getConfigMap, proposalOf, type ApiResult } from './objects.ts';
import { twoApprovals } from './policies.ts';
import { withPlayground } from './with-playground.ts';

const CLUSTER = 'main';
const NS = 'prod-shop';
const TIMEOUT_MS = 180_000;
/** On a quiet machine it takes two or three seconds. */
const FOUND_WITHIN_MS = 10_000;
const LIAR = 0;
const ALL = [0, 1, 2, 3];
const HOOK = 0;
const ATTEST_OTHER = ['--import', import.meta.resolve('./patches/attest-other.ts')];

const ADMISSION = '/apis/admissionregistration.k8s.io/v1';
const HOOKS = `${ADMISSION}/validatingwebhookconfigurations/kubectl-chain`;
const BINDING = `${ADMISSION}/validatingadmissionpolicybindings/kubectl-chain-guard`;

const guarded = {
  ...twoApprovals('*'),
  match: [{ resources: [{ group: 'admissionregistration.k8s.io', resource: '*' }] }],
  binding: 'strict',
};

/** One hook, which any organisation's node answers alone; the API server reads static webhook configurations too. */
const world = withPlayground({ profile: 'single', staticGuard: true }, async ({ playground, committee }) => {
  await createNamespace(playground, NS);
  await committee.enforce('production', twoApprovals('prod-*'));
});

async function openFindings(): Promise<readonly Finding[]> {
  const read = async <T>(key: string): Promise<T | undefined> => {
    const bytes = (await world.committee.reader.state([key])).values.get(key);
    return bytes === undefined ? undefined : (JSON.parse(Buffer.from(bytes).toString('utf8')) as T);
  };
  const ids = (await read<{ open: readonly number[] }>(openFindingsKey(CLUSTER)))?.open ?? [];
  return (await Promise.all(ids.map((id) => read<Finding>(findingKey(CLUSTER, id))))).flatMap((found) => found ?? []);
}

const remove = (path: string): Promise<ApiResult> => call(world.playground, 'alice', path, { method: 'DELETE' });

describe('P4 no silent bypass where one node answers alone', () => {
  test('the one asked node attests what was approved and lets something else in: observers of the others find it', { timeout: TIMEOUT_MS }, async () => {
    const { playground, committee } = world;
    await playground.stopNode(LIAR);
    await playground.startNode(LIAR, { nodeArgs: ATTEST_OTHER });
    await playground.onlyAsk(HOOK, [LIAR]);
    await playground.waitUntilHooked();
    const node = playground.state.nodes[LIAR];
    if (node === undefined) throw new Error('there is no such node');
    const asked = await reviewsAnswered(node);
    const id = proposalOf(await createConfigMap(playground, 'alice', NS, 'swapped', { data: { key: 'approved' } }));
    expect(await reviewsAnswered(node)).toBeGreaterThan(asked);
    await committee.approve(id, ['bob', 'carol'], 'APPROVED');
    expect((await createConfigMap(playground, 'alice', NS, 'swapped', { data: { key: 'something else' } })).status).toBe(201);
    expect((await getConfigMap(playground, NS, 'swapped')).object['data']).toEqual({ key: 'something else' });
    const liar = node.org;
    const found = async (): Promise<readonly string[]> =>
      (await openFindings())
        .filter(({ kind, state }) => kind === 'unattributed' && state === 'CONFIRMED')
        .flatMap(({ objects, reports }) => objects.map(({ name, reason, by }) => `${name} ${reason} ${by.filter((org) => org !== liar).length >= 2 && reports.length >= 2}`));
    await expect.poll(found, { timeout: FOUND_WITHIN_MS, interval: 200 }).toEqual(['swapped other-content true']);
    await playground.stopNode(LIAR);
    await playground.startNode(LIAR);
    await playground.onlyAsk(HOOK, ALL);
    await playground.waitUntilHooked();
  }); // prettier-ignore

  test('with a static guard neither the gate nor what guards it is removed without votes', { timeout: TIMEOUT_MS }, async () => {
    const { playground, committee } = world;
    const file = join(playground.layout.staticDir, 'kubectl-chain.yaml');
    const install = [...installArguments(playground.layout, playground.state), '--guard', '--static-guard', file];
    const { code, stderr } = await playground.kubectl('admin', install);
    expect(code).toBe(0);
    expect(stderr).toContain(`staticManifestsDir: ${playground.layout.staticDir}`);
    expect(existsSync(file)).toBe(true);
    expect(readFileSync(file, 'utf8')).toContain('name: kubectl-chain.static.k8s.io');
    // Nobody sees it, and nobody can remove it.
    expect((await call(playground, 'admin', `${ADMISSION}/validatingwebhookconfigurations/kubectl-chain.static.k8s.io`)).status).toBe(404);
    // Each refusal comes through the static entry: the API server shows these objects to no other webhook.
    await committee.enforce('guard', guarded);
    const refused = async (path: string): Promise<number> => {
      const answer = await remove(path);
      expect(answer).toMatchObject({ status: 403 });
      expect(answer.message).toContain('a.guard.kubectl-chain.dev');
      return proposalOf(answer);
    };
    await expect.poll(async () => (await call(playground, 'admin', `${BINDING}?dryRun=All`, { method: 'DELETE' })).status, { timeout: 15_000 }).toBe(200);
    const ofBinding = await refused(BINDING);
    expect((await remove(HOOKS)).status).toBeGreaterThanOrEqual(400);
    expect((await call(playground, 'admin', BINDING)).status).toBe(200);
    await committee.approve(ofBinding, ['bob', 'carol'], 'APPROVED');
    expect((await remove(BINDING)).status).toBe(200);
    // The policy goes on for a moment after its binding is gone; then the gate itself waits for votes.
    await expect.poll(async () => (await remove(HOOKS)).message, { timeout: 20_000, interval: 500 }).toContain('a.guard.kubectl-chain.dev');
    expect((await call(playground, 'admin', HOOKS)).status).toBe(200);
    await sleep(1_000);
    // The observers find even what was voted for, until a vote accepts that the guard is gone.
    expect((await openFindings()).map(({ kind }) => kind)).toContain('guard');
  }); // prettier-ignore
});
