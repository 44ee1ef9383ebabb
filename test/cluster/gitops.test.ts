import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import type { CommandResult } from '../playground/run-command.ts';
import { proposalIn } from './committee.ts';
import { Deployer, type Synced } from './deployer.ts';
import { mutationsOn, type LogEntry } from './log-of.ts';
import { pod, signingRequest, workload } from './mutations/rows/manifests.ts';
import { createNamespace } from './objects.ts';
import { withPlayground } from './with-playground.ts';

const NS = 'prod-shop';
const RELEASE_NS = 'prod-release';
const ONCE_NS = 'prod-once';
const TIMEOUT_MS = 240_000;
const WAIT_MS = 90_000;
/** Each is a proposal of its own until somebody proposes them together. */
const CONFIG_MAPS = 8;
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
    .poll(async () => (await world.committee.reader.statuses())[0]?.status?.['height'], { timeout: WAIT_MS })
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
async function untilSynced(tool: Deployer): Promise<Synced> {
  const deadline = performance.now() + WAIT_MS;
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

    for (let i = 0; i < 2; i += 1) {
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
    const { applied } = await untilSynced(tool);
    expect(applied.code, applied.stderr).toBe(0);
    expect(await dataOf('settings')).toEqual({ a: '1', b: '1' });
    await committee.until(id, ({ changes }) => changes[0]?.state === 'EXECUTED', WAIT_MS);

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
    const release = tool.another();
    // A field less, which only the tool's own field manager takes away, and a Service whose address the server chooses.
    const settings = configMap('settings', { a: '2' });
    for (const { source } of [tool, release]) source.set(`configmaps/${NS}/settings`, settings);
    const labels = { app: 'web' };
    const metadata = { name: 'web', namespace: RELEASE_NS };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'v1' }] } };
    const spec = { replicas: 1, selector: { matchLabels: labels }, template };
    release.source.set(`deployments/${RELEASE_NS}/web`, { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec });
    const service = { type: 'NodePort', selector: labels, ports: [{ port: 80 }] };
    release.source.set(`services/${RELEASE_NS}/web`, { apiVersion: 'v1', kind: 'Service', metadata, spec: service });
    for (let i = 0; i < CONFIG_MAPS; i += 1)
      release.source.set(`configmaps/${RELEASE_NS}/part-${i}`, configMap(`part-${i}`, { i: `${i}` }, RELEASE_NS));
    const size = release.source.size;

    const refused = await release.sync();
    const opened = idsIn(refused.applied.stderr);
    expect(opened).toHaveLength(size);
    // However many they are, none puts another one out.
    expect(idsIn((await release.sync()).applied.stderr)).toEqual(opened);

    const propose = (): Promise<CommandResult> =>
      chain('alice', ['propose', 'change', ...Deployer.applyFlags, '--filename=-', '--yes'], release.rendered);
    const proposed = await propose();
    expect(proposed.code, proposed.stderr).toBe(0);
    const id = proposalIn(proposed.stdout);
    expect((await committee.proposal(id)).changeCount).toBe(size);
    expect(await committee.liveProposals()).toEqual([id]);
    // The pipeline runs once more.
    expect(await propose()).toMatchObject({ code: 0, stdout: `proposal/${id} unchanged\n` });
    expect(idsIn((await untilRefusedBy(release, id)).applied.stderr)).toEqual([id]);

    await committee.approve(id, ['bob', 'carol']);
    const { applied } = await untilSynced(release);
    expect(applied.code, applied.stderr).toBe(0);
    await committee.until(id, ({ executed }) => executed === size, WAIT_MS);
    expect(await dataOf('settings')).toEqual({ a: '2' });
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
    expect((await untilSynced(tool)).applied.code).toBe(0);
    expect(await dataOf('settings')).toEqual({ a: '2' });
    await committee.until(id, ({ changes }) => changes[0]?.state === 'EXECUTED', WAIT_MS);
  });

  test('a pipeline proposes, waits for the votes, and applies', async () => {
    const { committee, playground } = world;
    for (const name of ['pipeline', 'passing'])
      tool.source.set(`configmaps/${NS}/${name}`, configMap(name, { a: '1' }));
    const flags = [...Deployer.applyFlags, '--filename=-', '--yes', '-o=jsonpath={.proposal}'];
    const proposed = await chain('alice', ['propose', 'change', ...flags], tool.rendered);
    const id = Number(proposed.stdout);
    const waiting = playground.chain(null, [
      'wait',
      `proposal/${id}`,
      '--for=approved',
      '--timeout=170s',
      '--context=alice',
    ]);
    await committee.approve(id, ['bob', 'carol']);
    const waited = await waiting;
    expect(waited.code, waited.stderr).toBe(0);
    expect((await untilSynced(tool)).applied.code).toBe(0);
    await committee.until(id, ({ executed }) => executed === 2, WAIT_MS);
  });

  test('what the source has no more is removed only with votes, and one command claims several', async () => {
    const { committee } = world;
    const removed = [`configmaps/${NS}/settings`, `configmaps/${NS}/passing`];
    for (const key of removed) tool.source.delete(key);
    const first = await tool.sync();
    const ids = removed.map((key) => proposalIn(first.pruned.get(key)?.stderr ?? ''));
    const again = await tool.sync();
    expect(removed.map((key) => proposalIn(again.pruned.get(key)?.stderr ?? ''))).toEqual(ids);
    expect(await dataOf('settings')).toEqual({ a: '2' });

    const claimed = await chain('dave', ['claim', ...ids.map(String), '--yes']);
    expect([claimed.code, claimed.stdout]).toEqual([0, ids.map((id) => `proposal/${id} claimed\n`).join('')]);
    for (const id of ids) await committee.approve(id, ['bob', 'carol']);
    const { pruned } = await untilSynced(tool);
    expect([...pruned.values()].map(({ code }) => code)).toEqual([0, 0]);
    for (const id of ids) await committee.until(id, ({ changes }) => changes[0]?.state === 'EXECUTED', WAIT_MS);
    expect([await dataOf('settings'), await dataOf('passing')]).toEqual([undefined, undefined]);
    expect((await tool.sync()).pruned.size).toBe(0);
  });
});

/** Commands whose repetition would be another change, or is none that can be sent for somebody. */
const ONCE: readonly {
  readonly what: string;
  /** In the namespace of the row. */
  readonly command: readonly string[];
  /** What the refusal says of the way on. */
  readonly says: RegExp;
  /** True if asking again with the same command is another change. */
  readonly isAnother: boolean;
  /** What the API server must show afterwards, as `kubectl get` arguments and output. */
  readonly leaves: readonly [args: readonly string[], shows: RegExp];
}[] = [
  {
    what: 'kubectl rollout restart',
    command: ['rollout', 'restart', 'deployment/web'],
    says: /once approved, instead of the command, which writes the time .*: kubectl chain apply \d+/,
    isAnother: true,
    leaves: [['deployment', 'web', '-o=jsonpath={.spec.template.metadata.annotations}'], /restartedAt/],
  },
  {
    what: 'kubectl certificate approve',
    command: ['certificate', 'approve', ONCE_NS],
    says: /once approved, instead of the command, which writes the time .*: kubectl chain apply \d+/,
    isAnother: true,
    leaves: [['csr', ONCE_NS, '-o=jsonpath={.status.conditions[*].type}'], /^Approved$/],
  },
  {
    what: 'kubectl debug, without a name for its container',
    command: ['debug', 'web', '--image=second'],
    says: /once approved, instead of the command, which writes a random name .*: kubectl chain apply \d+/,
    isAnother: true,
    leaves: [['pod', 'web', '-o=jsonpath={.spec.ephemeralContainers[*].name}'], /^debugger-.....$/],
  },
  {
    what: 'kubectl debug --copy-to',
    command: ['debug', 'web', '--image=second', '--copy-to=copy'],
    says: /once approved, where a repeated command would differ: kubectl chain apply \d+/,
    isAnother: true,
    leaves: [['pod', 'copy', '-o=jsonpath={.spec.containers[*].image}'], /^first second$/],
  },
  {
    what: 'an eviction',
    command: ['create', `--raw=/api/v1/namespaces/${ONCE_NS}/pods/evicted/eviction`, '--filename=-'],
    says: /once approved, where a repeated command would differ: kubectl chain apply \d+/,
    isAnother: false,
    leaves: [['pods', '--field-selector=metadata.name=evicted', '-o=name'], /^$/],
  },
];

describe(
  'P1 what was approved of a command that never repeats itself is sent by kubectl chain apply',
  { timeout: TIMEOUT_MS },
  () => {
    beforeAll(async () => {
      const { playground, committee } = world;
      await createNamespace(playground, ONCE_NS, 'admin');
      // The request for a certificate is in no namespace.
      await committee.enforce('certificates', { ...policy, match: [{ names: [ONCE_NS] }] });
      const made = [
        workload('Deployment', 'web', { replicas: 0 }),
        pod('web'),
        pod('evicted'),
        { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'robot' } },
        await signingRequest(ONCE_NS),
      ];
      const manifest = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: made });
      const { code, stderr } = await playground.kubectl('admin', ['apply', `--namespace=${ONCE_NS}`, '-f', '-'], {
        stdin: manifest,
      });
      if (code !== 0) throw new Error(stderr);
    }, TIMEOUT_MS);

    const asked = (command: readonly string[]): Promise<CommandResult> => {
      const [verb = '', ...rest] = command;
      const stdin = JSON.stringify({
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { name: 'evicted', namespace: ONCE_NS },
      });
      return world.playground.kubectl('alice', [verb, `--namespace=${ONCE_NS}`, ...rest], {
        stdin,
        timeoutMs: WAIT_MS,
      });
    };

    test.each(ONCE)('$what', async ({ command, says, isAnother, leaves: [args, shows] }) => {
      const { committee, playground } = world;
      const refused = await asked(command);
      expect(refused.stderr).toMatch(says);
      const id = proposalIn(refused.stderr);
      if (isAnother) {
        // The time has whole seconds.
        await sleep(1_100);
        expect(proposalIn((await asked(command)).stderr)).not.toBe(id);
      }
      await committee.approve(id, ['bob', 'carol']);
      const applied = await untilApplied(id);
      expect([applied.code, applied.stdout, applied.stderr]).toEqual([
        0,
        expect.stringMatching(/ applied\n$/) as string,
        expect.any(String) as string,
      ]);
      await committee.until(id, ({ changes }) => changes[0]?.state === 'EXECUTED', WAIT_MS);
      const shown = await playground.kubectl('admin', ['get', ...args, `--namespace=${ONCE_NS}`]);
      expect(shown.stdout).toMatch(shows);
    });

    test('before the votes, and a second time, it sends nothing', async () => {
      const { committee } = world;
      const apply = (): Promise<CommandResult> => chain('alice', ['apply', String(id), '--yes']);
      const id = proposalIn((await asked(['rollout', 'restart', 'deployment/web'])).stderr);
      const early = await apply();
      expect([early.code, early.stdout, early.stderr]).toEqual([
        1,
        '',
        expect.stringContaining('it is OPEN') as string,
      ]);
      await committee.approve(id, ['bob', 'carol']);
      expect((await untilApplied(id)).code).toBe(0);
      await committee.until(id, ({ changes }) => changes[0]?.state === 'EXECUTED', WAIT_MS);
      const again = await apply();
      expect([again.code, again.stdout, again.stderr]).toEqual([
        1,
        '',
        expect.stringContaining('no approval of it is left') as string,
      ]);
    });

    test('but a token is for whoever asks: kubectl create token is repeated, and is the same change', async () => {
      const { committee } = world;
      const command = ['create', 'token', 'robot'];
      const refused = await asked(command);
      expect([refused.code, refused.stdout]).toEqual([1, '']);
      expect(refused.stderr).not.toContain('kubectl chain apply');
      const id = proposalIn(refused.stderr);
      await committee.approve(id, ['bob', 'carol']);
      const applied = await chain('alice', ['apply', String(id), '--yes']);
      expect([applied.code, applied.stdout, applied.stderr]).toEqual([
        1,
        '',
        expect.stringContaining('repeat the command itself') as string,
      ]);
      await expect
        .poll(async () => (await asked(command)).stdout, { timeout: WAIT_MS })
        .toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\s*$/);
      expect(proposalIn((await asked(command)).stderr)).not.toBe(id);
    });
  },
);

/** A node may be a block behind the votes. */
async function untilApplied(id: number): Promise<CommandResult> {
  const deadline = performance.now() + WAIT_MS;
  for (;;) {
    const applied = await chain('alice', ['apply', String(id), '--yes']);
    if (applied.code === 0 || performance.now() > deadline) return applied;
    await sleep(PERIOD_MS);
  }
}

/** Proposals that refusals name, in order, each once. */
function idsIn(text: string): number[] {
  const ids = [...text.matchAll(/proposal\/(\d+) is/g)].map(([, id]) => Number(id));
  return [...new Set(ids)].toSorted((a, b) => a - b);
}

/** A node that is a block behind still names what was there before. */
async function untilRefusedBy(tool: Deployer, id: number): Promise<Synced> {
  const deadline = performance.now() + WAIT_MS;
  for (;;) {
    const synced = await tool.sync();
    const ids = idsIn(synced.applied.stderr);
    if ((ids.length === 1 && ids[0] === id) || performance.now() > deadline) return synced;
    await sleep(PERIOD_MS);
  }
}
