import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { CommandResult } from '../playground/run-command.ts';
import { proposalIn } from './committee.ts';
import { createNamespace } from './objects.ts';
import { twoApprovals } from './policies.ts';
import { withPlayground } from './with-playground.ts';

const NS = 'prod-release';
/** `BUNDLE_OBJECTS=500` is the most that one proposal holds. */
const OBJECTS = Number(process.env['BUNDLE_OBJECTS'] ?? 60);
const TIMEOUT_MS = 600_000;
const folder = mkdtempSync(join(tmpdir(), 'kubectl-chain-bundle-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const world = withPlayground({}, async ({ playground, committee }) => {
  for (const name of [NS, 'prod-kustom', 'prod-helm', 'dev']) await createNamespace(playground, name);
  await committee.enforce('production', twoApprovals('prod-*'));
});

/** The plugin as this person, with key and Kubernetes user. */
async function chain(person: string, args: readonly string[], stdin?: string): Promise<CommandResult> {
  return world.playground.chain(person, [...args, `--context=${person}`], {
    timeoutMs: TIMEOUT_MS,
    ...(stdin === undefined ? {} : { stdin }),
  });
}

async function approve(id: number): Promise<void> {
  for (const voter of ['bob', 'carol']) {
    const voted = await chain(voter, ['vote', String(id), '--approve', '--yes']);
    expect(voted).toMatchObject({ code: 0, stdout: `proposal/${id} voted\n` });
  }
}

async function propose(args: readonly string[], stdin?: string): Promise<number> {
  const proposed = await chain('alice', ['propose', 'change', ...args, '--yes'], stdin);
  expect(proposed.stderr).not.toContain('error:');
  return proposalIn(proposed.stdout);
}

const configMap = (name: string, value: string, namespace = NS): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data: { value } });

/** Folders of files, a tenth of them Deployments. */
function writeRelease(name: string, version: string): string {
  const root = join(folder, name);
  for (let i = 0; i < OBJECTS; i++) {
    const dir = join(root, `part-${i % 7}`);
    mkdirSync(dir, { recursive: true });
    const object = i % 10 === 0 ? deployment(`web-${i}`, version) : configMap(`settings-${i}`, version);
    writeFileSync(join(dir, `${i}.json`), object);
  }
  return root;
}

const deployment = (name: string, image: string): string =>
  JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: NS },
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'web', image }] } },
    },
  });

const apply = (args: readonly string[], stdin?: string): Promise<CommandResult> =>
  world.playground.kubectl('alice', ['apply', ...args], {
    timeoutMs: TIMEOUT_MS,
    ...(stdin === undefined ? {} : { stdin }),
  });

describe(`one proposal of ${OBJECTS} objects: one review, one vote of each organisation`, () => {
  test(
    'and kubectl applies all of it, in any order, with retries, each approval once',
    { timeout: TIMEOUT_MS },
    async () => {
      const { committee, playground } = world;
      const root = writeRelease('release', 'v1');
      const refused = await apply(['-f', join(root, 'part-3', '3.json')]);
      expect(refused.code).toBe(1);
      const clock = performance.now();
      const seconds = (): string => ((performance.now() - clock) / 1_000).toFixed(1);
      const id = await propose(['-f', root, '-R']);
      const proposedS = seconds();
      // What the refusal had opened gives way: alice is its author.
      expect((await committee.proposal(id)).changeCount).toBe(OBJECTS);
      await approve(id);
      const votedS = seconds();
      // The last part first, one object twice, then everything.
      const [once, again] = [await apply(['-f', join(root, 'part-6')]), await apply(['-f', join(root, 'part-6')])];
      expect([once.code, again.code], once.stderr + again.stderr).toEqual([0, 0]);
      const all = await apply(['-f', root, '-R']);
      expect(all.code, all.stderr).toBe(0);
      const appliedS = seconds();
      const done = await committee.until(id, ({ executed }) => executed === OBJECTS, TIMEOUT_MS);
      expect(done).toMatchObject({ reserved: [], uncertain: 0 });
      process.stderr.write(
        `${JSON.stringify({ objects: OBJECTS, proposedS, votedS, appliedS, executedS: seconds() })}\n`,
      );
      const stored = await playground.kubectl('admin', ['-n', NS, 'get', 'configmaps,deployments', '-o', 'name']);
      // kube-root-ca.crt is there only where a controller manager runs.
      expect(stored.stdout.split('\n').filter((line) => /settings-|web-/.test(line))).toHaveLength(OBJECTS);

      const { stdout: name } = await playground.kubectl('alice', ['-n', NS, 'delete', 'configmap', 'settings-1']);
      expect(name).toBe('');
      const removal = await chain('alice', ['propose', 'delete', 'configmap/settings-1', `-n=${NS}`, '--yes']);
      await approve(proposalIn(removal.stdout));
      const deleted = await playground.kubectl('alice', ['-n', NS, 'delete', 'configmap', 'settings-1']);
      expect(deleted.code, deleted.stderr).toBe(0);
      const stolen = await apply(['-f', join(root, 'part-1', '1.json')]);
      expect(stolen.code).toBe(1);
      expect(proposalIn(stolen.stderr)).not.toBe(id);
    },
  );

  test(
    'a voter sees one line a change, or all diffs with --full; scripts see each change',
    { timeout: TIMEOUT_MS },
    async () => {
      const shown = await chain('bob', ['proposals', '--state=approved', '-o=json']);
      const { items } = JSON.parse(shown.stdout) as { items: { changeCount: number; changes: { name: string }[] }[] };
      const [release] = items.filter(({ changeCount }) => changeCount === OBJECTS);
      expect(release?.changes.map(({ name }) => name)).toContain('settings-1');
      const table = await chain('bob', ['proposals']);
      expect(table.stdout).toContain(`(+${OBJECTS - 1})`);
    },
  );
});

describe('a proposal is what apply will ask for', () => {
  test('of a kustomization', { timeout: TIMEOUT_MS }, async () => {
    const root = join(folder, 'kustom');
    mkdirSync(root);
    writeFileSync(join(root, 'one.json'), configMap('one', '1', 'prod-kustom'));
    writeFileSync(
      join(root, 'kustomization.yaml'),
      'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: prod-kustom\nresources: [one.json]\nconfigMapGenerator: [{name: made, literals: [a=b]}]\n',
    );
    await approve(await propose(['-k', root]));
    const applied = await apply(['-k', root]);
    expect(applied.code, applied.stderr).toBe(0);
  });

  test(
    'of a rendered release on standard input, Secret included; what needs no vote is left out',
    { timeout: TIMEOUT_MS },
    async () => {
      const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'sh.release.v1', namespace: 'prod-helm' } };
      const rendered = [
        configMap('chart', '1', 'prod-helm'),
        JSON.stringify({ ...secret, type: 'helm.sh/release.v1', stringData: { release: 'H4sIAAAA' } }),
        configMap('free', '1', 'dev'),
      ].join('\n---\n');
      const proposed = await chain('alice', ['propose', 'change', '-f', '-', '--yes'], rendered);
      expect(proposed.stderr).toContain('configmaps/free needs no vote');
      const id = proposalIn(proposed.stdout);
      expect((await world.committee.proposal(id)).changeCount).toBe(2);
      await approve(id);
      const applied = await apply(['-f', '-'], rendered);
      expect(applied.code, applied.stderr).toBe(0);
    },
  );
});

describe('P5: what a vote erases', () => {
  test('can be read of no node any more; that it happened stays proven', { timeout: TIMEOUT_MS }, async () => {
    const { playground, committee } = world;
    const name = 'personal';
    const created = await playground.kubectl('alice', [
      'create', 'configmap', name, '-n', 'dev', '--from-literal=data=a-name-and-an-address',
    ]); // prettier-ignore
    expect(created.code, created.stderr).toBe(0);
    const audit = await playground.kubectl('alice', [
      'chain', 'audit', `configmaps/${name}`, '-n', 'dev', '-o', 'jsonpath={.items[0].index}',
    ]); // prettier-ignore
    const index = audit.stdout.trim();
    const shown = await chain('bob', ['show', index]);
    expect(shown.stdout, `${audit.stderr}${shown.stderr}`).toContain('a-name-and-an-address');
    const proposed = await chain('alice', ['propose', 'erasure', index, '--yes']);
    expect(proposed.stderr).toContain(`record ${index}: CREATE configmaps dev/${name}`);
    await committee.approve(proposalIn(proposed.stdout), ['alice', 'bob', 'carol'], 'EXECUTED');

    // Each node deletes its copy when it has the block.
    const said = async (person: string): Promise<string> => {
      const { stdout, stderr } = await chain(person, ['show', index]);
      return `${stdout}${stderr}`;
    };
    for (const person of ['alice', 'bob', 'carol', 'dave']) {
      await expect.poll(() => said(person), { timeout: 60_000 }).toContain('BODY_ERASED');
      expect(await said(person)).not.toContain('a-name-and-an-address');
    }
    const verified = await chain('alice', ['verify', `configmaps/${name}`, '-n', 'dev']);
    expect([verified.code, verified.stdout]).toEqual([2, expect.stringContaining('BODY_ERASED')]);
    expect((await chain('alice', ['verify', '--record', index])).code).toBe(0);
    expect((await chain('alice', ['propose', 'erasure', index, '--yes'])).stderr).toContain('CLI_NOTHING');
  });
});
