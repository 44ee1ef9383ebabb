import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { CommandResult } from '../playground/run-command.ts';
import { proposalIn } from './committee.ts';
import { Deployer, type Synced } from './deployer.ts';
import { mutationsOn, type LogEntry } from './log-of.ts';
import { createNamespace } from './objects.ts';
import { withPlayground } from './with-playground.ts';

const NS = 'prod-shop';
const RELEASE_NS = 'prod-release';
const TIMEOUT_MS = 180_000;
/** More than twenty: each is a proposal of its own until somebody proposes them together. */
const CONFIG_MAPS = 22;
/** Between two looks of the tool; real ones wait minutes. */
const PERIOD_MS = 200;

/** Two votes for whatever anybody does there, the administrator left out, who prepares. */
const policy = {
  clusters: ['*'],
  match: [{ operations: ['CREATE', 'UPDATE', 'DELETE'], namespaces: ['prod-*'] }],
  exclude: [{ users: ['admin'] }],
  require: { approvals: 2, requiredOrgs: [], veto: [], excludeAuthor: 'org' },
  binding: 'diff',
  deadlines: { voting: '24h', execution: '1h' },
} as const;

let tool: Deployer;

const world = withPlayground({}, async ({ playground, committee }) => {
  tool = await Deployer.install(playground);
  for (const name of [NS, RELEASE_NS]) await createNamespace(playground, name, 'admin');
  await committee.enforce('production', policy);
});

const chain = (person: string, args: readonly string[], stdin?: string): Promise<CommandResult> =>
  world.playground.chain(person, [...args, `--context=${person}`], {
    timeoutMs: TIMEOUT_MS,
    ...(stdin === undefined ? {} : { stdin }),
  });

const configMap = (name: string, data: Readonly<Record<string, string>>, namespace = NS): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace },
  data,
});

/** Decisions about one object on a node that has executed everything up to now, oldest first. */
async function decisionsOf(name: string, namespace = NS): Promise<LogEntry[]> {
  const { height } = (await world.committee.head()).header;
  await expect
    .poll(async () => (await world.committee.reader.statuses())[0]?.status?.['height'], { timeout: TIMEOUT_MS })
    .toBeGreaterThanOrEqual(height);
  const entries = await mutationsOn(world.playground, 0, namespace);
  return entries
    .filter(({ decision, payload }) => decision !== 'WAITING' && payload.attestation.attributes.name === name)
    .toReversed();
}

const summary = (entries: readonly LogEntry[]): string[] =>
  entries.map(({ decision, payload }) => {
    const { operation, user } = payload.attestation.attributes;
    return `${decision} ${operation} ${user === Deployer.user ? 'tool' : user}`;
  });

/** The tool's own rhythm goes on until everything of a round is as the source says: a node may be a block behind the votes. */
async function untilSynced(): Promise<Synced> {
  const deadline = performance.now() + TIMEOUT_MS;
  for (;;) {
    const synced = await tool.sync();
    const isDone = [synced.applied, ...synced.pruned.values()].every(({ code }) => code === 0);
    if (isDone || performance.now() > deadline) return synced;
    await sleep(PERIOD_MS);
  }
}

const dataOf = async (name: string, namespace = NS): Promise<unknown> => {
  const found = await world.playground.kubectl('admin', [
    'get',
    'configmap',
    name,
    `--namespace=${namespace}`,
    '-o=jsonpath={.data}',
  ]);
  return found.code === 0 ? (JSON.parse(found.stdout) as unknown) : undefined;
};

describe('P1 one service account applies for everybody, again and again', { timeout: TIMEOUT_MS }, () => {
  test('what it applies waits as one proposal, is claimed and voted for, and then goes in with nobody at a keyboard', async () => {
    const { committee, playground } = world;
    tool.source.set(`configmaps/${NS}/settings`, configMap('settings', { a: '1', b: '1' }));
    const first = await tool.sync();
    expect([first.dryRun.code, first.dryRun.stderr]).toEqual([
      0,
      expect.stringMatching(/needs 2 approvals.*kubectl chain propose change/) as string,
    ]);
    expect(first.applied.code).toBe(1);
    const id = proposalIn(first.applied.stderr);
    expect(first.applied.stderr).toContain(`the author: kubectl chain claim ${id}`);

    for (let i = 0; i < 3; i += 1) {
      const again = await tool.sync();
      expect([again.applied.code, proposalIn(again.applied.stderr)]).toEqual([1, id]);
      // The tool's own log of a dry run says who has to do what.
      expect([again.dryRun.code, again.dryRun.stderr]).toEqual([
        0,
        expect.stringContaining(`proposal/${id} is OPEN; the author: kubectl chain claim ${id};`) as string,
      ]);
    }
    expect(await dataOf('settings')).toBeUndefined();

    expect(await chain('alice', ['claim', String(id), '--yes'])).toMatchObject({
      code: 0,
      stdout: `proposal/${id} claimed\n`,
    });
    await committee.approve(id, ['bob', 'carol']);
    const { applied } = await untilSynced();
    expect(applied.code, applied.stderr).toBe(0);
    expect(await dataOf('settings')).toEqual({ a: '1', b: '1' });
    await committee.until(id, ({ changes }) => changes[0]?.state === 'EXECUTED', TIMEOUT_MS);

    // Nothing has changed since: no votes, no warning, nothing on the log.
    const later = await tool.sync();
    expect([later.applied.code, later.applied.stderr, later.dryRun.stderr]).toEqual([0, '', '']);
    expect((await tool.kubectl(['diff', ...Deployer.applyFlags, '--filename=-'], tool.rendered)).code).toBe(0);
    const decisions = await decisionsOf('settings');
    expect(summary(decisions)).toEqual(['REFUSED CREATE tool', 'ADMITTED CREATE tool']);
    const shown = await playground.kubectl('admin', [
      'get',
      'configmap',
      'settings',
      `--namespace=${NS}`,
      '-o=jsonpath={.metadata.uid}',
    ]);
    expect(decisions[1]?.payload.attestation.attributes.uid).toBe(shown.stdout);
  });

  test('kubectl diff shows the difference, says what it needs, and records nothing', async () => {
    const wanted = JSON.stringify(configMap('settings', { a: '2', b: '1' }));
    const before = (await decisionsOf('settings')).length;
    for (const diff of [
      await tool.kubectl(['diff', ...Deployer.applyFlags, '--filename=-'], wanted),
      await world.playground.kubectl('alice', ['diff', '--filename=-'], { stdin: wanted }),
    ]) {
      // 1 says that there is a difference, more than 1 that kubectl or diff failed.
      expect([diff.code, diff.stdout]).toEqual([1, expect.stringMatching(/^-\s+a: "1"$[^]*^\+\s+a: "2"$/m) as string]);
      expect(diff.stderr).toContain('needs 2 approvals (production)');
    }
    expect(await decisionsOf('settings')).toHaveLength(before);
    const open = await world.committee.liveProposals();
    for (const id of open) expect((await world.committee.proposal(id)).requester.user).not.toBe('alice');
  });

  test('a whole release that a member proposes takes the place of all that the tool had opened, in the form that the tool asks for', async () => {
    const { committee } = world;
    // A field less, which only the tool's own field manager takes away, and a Service whose address the server chooses.
    tool.source.set(`configmaps/${NS}/settings`, configMap('settings', { a: '2' }));
    const labels = { app: 'web' };
    const metadata = { name: 'web', namespace: RELEASE_NS };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'v1' }] } };
    const spec = { replicas: 1, selector: { matchLabels: labels }, template };
    tool.source.set(`deployments/${RELEASE_NS}/web`, { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec });
    const service = { type: 'NodePort', selector: labels, ports: [{ port: 80 }] };
    tool.source.set(`services/${RELEASE_NS}/web`, { apiVersion: 'v1', kind: 'Service', metadata, spec: service });
    for (let i = 0; i < CONFIG_MAPS; i += 1)
      tool.source.set(`configmaps/${RELEASE_NS}/part-${i}`, configMap(`part-${i}`, { i: `${i}` }, RELEASE_NS));
    const size = tool.source.size;

    const refused = await tool.sync();
    const opened = idsIn(refused.applied.stderr);
    expect(opened).toHaveLength(size);
    // However many they are, none puts another one out.
    expect(idsIn((await tool.sync()).applied.stderr)).toEqual(opened);

    const propose = (): Promise<CommandResult> =>
      chain('alice', ['propose', 'change', ...Deployer.applyFlags, '--filename=-', '--yes'], tool.rendered);
    const proposed = await propose();
    expect(proposed.code, proposed.stderr).toBe(0);
    const id = proposalIn(proposed.stdout);
    expect((await committee.proposal(id)).changeCount).toBe(size);
    expect(await committee.liveProposals()).toEqual([id]);
    // The pipeline runs once more.
    expect(await propose()).toMatchObject({ code: 0, stdout: `proposal/${id} unchanged\n` });
    expect(idsIn((await untilRefusedBy(id)).applied.stderr)).toEqual([id]);

    await committee.approve(id, ['bob', 'carol']);
    const { applied } = await untilSynced();
    expect(applied.code, applied.stderr).toBe(0);
    await committee.until(id, ({ executed }) => executed === size, TIMEOUT_MS);
    expect(await dataOf('settings')).toEqual({ a: '2' });
    const nothing = await propose();
    expect([nothing.code, nothing.stdout, nothing.stderr]).toEqual([
      0,
      '',
      expect.stringContaining('nothing of it needs a vote') as string,
    ]);
  });

  test('drift is refused to whoever makes it; where somebody may, the tool puts it back only with votes', async () => {
    const { committee, playground } = world;
    const drift = [
      'patch',
      'configmap',
      'settings',
      `--namespace=${NS}`,
      '--type=merge',
      '--patch={"data":{"a":"drifted"}}',
    ];
    const refused = await playground.kubectl('alice', drift);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('needs 2 more approvals') as string]);
    expect((await tool.sync()).applied).toMatchObject({ code: 0, stderr: '' });

    expect((await playground.kubectl('admin', drift)).code).toBe(0);
    const correcting = await tool.sync();
    expect(correcting.applied.code).toBe(1);
    const id = proposalIn(correcting.applied.stderr);
    expect(id).not.toBe(proposalIn(refused.stderr));
    expect(await dataOf('settings')).toEqual({ a: 'drifted' });
    expect((await chain('alice', ['claim', String(id), '--yes'])).code).toBe(0);
    await committee.approve(id, ['bob', 'carol']);
    expect((await untilSynced()).applied.code).toBe(0);
    expect(await dataOf('settings')).toEqual({ a: '2' });
    await committee.until(id, ({ changes }) => changes[0]?.state === 'EXECUTED', TIMEOUT_MS);
  });

  test('what the source has no more is removed only with votes, and one command claims several', async () => {
    const { committee } = world;
    const removed = [`configmaps/${NS}/settings`, `configmaps/${RELEASE_NS}/part-0`];
    for (const key of removed) tool.source.delete(key);
    const first = await tool.sync();
    const ids = removed.map((key) => proposalIn(first.pruned.get(key)?.stderr ?? ''));
    const again = await tool.sync();
    expect(removed.map((key) => proposalIn(again.pruned.get(key)?.stderr ?? ''))).toEqual(ids);
    expect(await dataOf('settings')).toEqual({ a: '2' });

    const claimed = await chain('dave', ['claim', ...ids.map(String), '--yes']);
    expect([claimed.code, claimed.stdout]).toEqual([0, ids.map((id) => `proposal/${id} claimed\n`).join('')]);
    for (const id of ids) await committee.approve(id, ['bob', 'carol']);
    const { pruned } = await untilSynced();
    expect([...pruned.values()].map(({ code }) => code)).toEqual([0, 0]);
    for (const id of ids) await committee.until(id, ({ changes }) => changes[0]?.state === 'EXECUTED', TIMEOUT_MS);
    expect([await dataOf('settings'), await dataOf('part-0', RELEASE_NS)]).toEqual([undefined, undefined]);
    expect((await tool.sync()).pruned.size).toBe(0);
  });

  test('a pipeline proposes, waits for the votes, and applies', async () => {
    const { committee } = world;
    const wanted = JSON.stringify(configMap('pipeline', { a: '1' }));
    const flags = ['--filename=-', '--yes', '-o=jsonpath={.proposal}'];
    const proposed = await chain('alice', ['propose', 'change', ...flags], wanted);
    const id = Number(proposed.stdout);
    const waiting = chain('alice', ['wait', `proposal/${id}`, '--for=approved', '--timeout=120s']);
    await committee.approve(id, ['bob', 'carol']);
    expect((await waiting).code).toBe(0);
    await expect
      .poll(async () => (await tool.kubectl(['apply', '--filename=-'], wanted)).code, { timeout: TIMEOUT_MS })
      .toBe(0);
    await committee.until(id, ({ changes }) => changes[0]?.state === 'EXECUTED', TIMEOUT_MS);
  });
});

/** Proposals that refusals name, in order, each once. */
function idsIn(text: string): number[] {
  const ids = [...text.matchAll(/proposal\/(\d+) is/g)].map(([, id]) => Number(id));
  return [...new Set(ids)].toSorted((a, b) => a - b);
}

/** A node that is a block behind still names what was there before. */
async function untilRefusedBy(id: number): Promise<Synced> {
  const deadline = performance.now() + TIMEOUT_MS;
  for (;;) {
    const synced = await tool.sync();
    const ids = idsIn(synced.applied.stderr);
    if ((ids.length === 1 && ids[0] === id) || performance.now() > deadline) return synced;
    await sleep(PERIOD_MS);
  }
}
