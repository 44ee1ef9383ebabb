import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { getApi } from '../playground/node-process.ts';
import { createdOn, mutationsOn, readerOf } from './log-of.ts';
import { call, createConfigMap, createNamespace, getConfigMap, proposalOf } from './objects.ts';
import { twoApprovals } from './policies.ts';
import { contentsOfStore, filesWith, formsOf, isIn } from './search.ts';
import { withPlayground } from './with-playground.ts';

const NS = 'dev';
const NODE_USER = 'system:node:n1';
/** An API server waits this long for a hook; nothing may take longer. */
const REFUSED_WITHIN_MS = 10_000;
/** The tests that stop nodes wait for real timeouts. */
const OUTAGE_TIMEOUT_MS = 120_000;

const world = withPlayground({}, async ({ playground, committee }) => {
  for (const name of [NS, 'prod-shop']) await createNamespace(playground, name);
  await committee.enforce('production', twoApprovals('prod-*'));
});

interface AuditEvent {
  readonly verb: string;
  readonly objectRef?: { readonly resource?: string; readonly name?: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

function auditEvents(): AuditEvent[] {
  const text = readFileSync(world.playground.cluster.auditLog, 'utf8');
  return text
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line) as AuditEvent);
}

/** Nodes of both groups go on, but no quorum is left. */
async function withPaused(nodes: readonly number[], body: () => Promise<void>): Promise<void> {
  const { playground } = world;
  for (const node of nodes) playground.pause(node);
  try {
    await body();
  } finally {
    for (const node of nodes) playground.resume(node);
    await Promise.all(playground.state.nodes.map((_, i) => playground.waitUntilReady(i)));
  }
}

/** After an outage the failovers need a probe or two. */
async function untilAdmitted(name: string): Promise<void> {
  const { playground } = world;
  const deadline = performance.now() + 30_000;
  for (let attempt = 0; ; attempt += 1) {
    const { status, message } = await createConfigMap(playground, 'alice', NS, `${name}-${attempt}`);
    if (status === 201) return;
    if (performance.now() > deadline) throw new Error(`still ${status}: ${message}`);
    await sleep(200);
  }
}

describe('P2 recorded before admitted', () => {
  test('when kubectl returns, a node of each hook shows the record, certified by a quorum', async () => {
    const { playground } = world;
    const created = await playground.kubectl('bob', [
      '-n',
      NS,
      'create',
      'configmap',
      'recorded',
      '--from-literal=a=1',
    ]);
    expect(created).toMatchObject({ code: 0 });
    // Asked at once and once; the reader verifies the signatures of a quorum over what it gets.
    const shownBy = await Promise.all([0, 1, 2, 3].map((node) => createdOn(playground, node, NS)));
    const groups = playground.state.hooks.map(({ orgs }) =>
      playground.state.nodes.some(({ org }, i) => orgs.includes(org) && shownBy[i]?.has('recorded')),
    );
    expect(groups).toEqual([true, true]);
  });

  test('every admission carries height and record in the audit log of the API server, and they are those of the log', async () => {
    const { playground } = world;
    const names = Array.from({ length: 10 }, (_, i) => `joined-${i}`);
    const statuses = await Promise.all(names.map((name) => createConfigMap(playground, 'alice', NS, name)));
    expect(statuses.map(({ status }) => status)).toEqual(names.map(() => 201));
    const entries = await mutationsOn(playground, 0, NS);
    const joined = auditEvents().filter(
      ({ objectRef, verb }) => verb === 'create' && names.includes(objectRef?.name ?? ''),
    );
    expect(joined).toHaveLength(names.length);
    for (const { annotations = {}, objectRef } of joined) {
      for (const { name: hook } of playground.state.hooks) {
        const leaf = Number(annotations[`${hook}.gate.kubectl-chain.dev/leaf`]);
        const entry = entries.find(({ index }) => index === leaf);
        expect(entry?.payload.attestation.attributes.name).toBe(objectRef?.name);
        expect(entry?.height).toBe(Number(annotations[`${hook}.gate.kubectl-chain.dev/height`]));
      }
    }
  });

  test('each decision has witnesses of both groups', async () => {
    const { playground, committee } = world;
    const { records } = await committee.records({ object: `main//configmaps/${NS}/recorded` });
    const entries = (await mutationsOn(playground, 2, NS)).filter(
      ({ payload }) => payload.attestation.attributes.name === 'recorded',
    );
    expect(records).toHaveLength(2);
    expect(entries.map(({ decision }) => decision).toSorted()).toEqual(['ADMITTED', 'WAITING']);
    const groupOf = (org: string) => playground.state.hooks.find(({ orgs }) => orgs.includes(org))?.name;
    expect(new Set(entries.map(({ payload }) => groupOf(payload.node)))).toEqual(new Set(['a', 'b']));
  });
});

describe('P5 no secrets', () => {
  const canary = `canary-${'x'.repeat(8)}-4711-do-not-keep`;
  /** Must be found, or the search finds nothing at all. */
  const control = 'control-4712-may-be-kept';
  const answers: string[] = [];

  beforeAll(async () => {
    const { playground, committee } = world;
    const secret = (name: string, content: object) => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name },
      ...content,
    });
    const base64 = Buffer.from(canary).toString('base64');
    const secrets = (namespace: string) => `/api/v1/namespaces/${namespace}/secrets`;
    const say = async (path: string, body: unknown, method = 'POST', contentType = 'application/json') => {
      const { status, message, causes } = await call(playground, 'alice', path, { method, body, contentType });
      answers.push(`${status} ${message} ${JSON.stringify(causes)}`);
      return status;
    };
    expect(await say(secrets(NS), secret('data', { data: { token: base64 } }))).toBe(201);
    expect(await say(secrets(NS), secret('string', { stringData: { password: canary } }))).toBe(201);
    const merge = 'application/merge-patch+json';
    expect(await say(`${secrets(NS)}/data`, { stringData: { more: canary } }, 'PATCH', merge)).toBe(200);
    // kubectl keeps the whole Secret in last-applied-configuration.
    const applied = await playground.kubectl('alice', ['apply', '-f', '-'], {
      stdin: JSON.stringify({
        ...secret('applied', { stringData: { key: canary } }),
        metadata: { name: 'applied', namespace: NS },
      }),
    });
    expect(applied).toMatchObject({ code: 0 });
    // Refused by policy: kept for the voters, and shown in the refusal.
    const refused = await call(playground, 'alice', secrets('prod-shop'), {
      method: 'POST',
      body: secret('voted', { stringData: { password: canary } }),
    });
    answers.push(`${refused.message} ${JSON.stringify(refused.causes)}`);
    await committee.until(proposalOf(refused), ({ deadlineVotingMs }) => deadlineVotingMs !== null);
    // No such Pod: the review comes before anybody looks.
    const exec = `/api/v1/namespaces/${NS}/pods/none/exec?command=echo&command=${canary}&stdout=true`;
    answers.push(JSON.stringify(await call(playground, 'alice', exec, { method: 'POST' })));
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'robot' } };
    expect(await say(`/api/v1/namespaces/${NS}/serviceaccounts`, account)).toBe(201);
    const tokens = `/api/v1/namespaces/${NS}/serviceaccounts/robot/token`;
    const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences: ['x'] } };
    expect(await say(tokens, { ...request, status: { token: canary, expirationTimestamp: null } })).toBe(201);
    const open = await call(playground, 'alice', `/api/v1/namespaces/prod-shop/configmaps`, {
      method: 'POST',
      body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'open' }, data: { text: control } },
    });
    await committee.until(proposalOf(open), ({ deadlineVotingMs }) => deadlineVotingMs !== null);
  });

  test('what holds secrets did reach the log: Secrets, an exec and a token', async () => {
    const entries = await mutationsOn(world.playground, 0, NS);
    const kinds = entries.map(({ payload }) => {
      const { resource, subresource } = payload.attestation.attributes;
      return subresource === '' ? resource : `${resource}/${subresource}`;
    });
    expect(kinds).toEqual(expect.arrayContaining(['secrets', 'pods/exec', 'serviceaccounts/token']));
  });

  test('a secret is in no file, log or store of any node', async () => {
    const { layout, state } = world.playground;
    const forms = formsOf(canary);
    expect(filesWith(layout.orgsDir, forms)).toEqual([]);
    expect(filesWith(layout.hooksDir, forms)).toEqual([]);
    for (const { org } of state.nodes) {
      const contents = await contentsOfStore(layout.org(org).dataDir);
      expect(contents.filter(({ bytes }) => isIn(bytes, forms)).map(({ where }) => `${org}: ${where}`)).toEqual([]);
      expect(contents.length).toBeGreaterThan(50);
    }
  });

  test('the search finds what may be kept: the content of a ConfigMap that waits for votes', async () => {
    const { layout, state } = world.playground;
    const forms = formsOf(control);
    for (const { org } of state.nodes) {
      const contents = await contentsOfStore(layout.org(org).dataDir);
      expect(contents.filter(({ bytes }) => isIn(bytes, forms)).some(({ where }) => where.startsWith('body '))).toBe(
        true,
      );
    }
    expect(filesWith(layout.orgsDir, forms)).not.toEqual([]);
  });

  test('a secret is in no metric, message, Event or answer of the API', async () => {
    const { playground } = world;
    const forms = formsOf(canary);
    const seen = [...answers];
    for (const [i, node] of playground.state.nodes.entries()) {
      seen.push(await (await fetch(`http://127.0.0.1:${node.ports.metrics}/metrics`)).text());
      for (const path of [
        '/v1/status',
        '/v1/records?limit=500',
        '/v1/blocks?from=1&limit=100',
        '/v1/state?key=proposals/live',
      ]) {
        const { status, text } = await getApi(playground.layout, node, path, 10_000);
        expect(`${path} ${status}`).toBe(`${path} 200`);
        seen.push(text);
      }
      const reader = readerOf(playground, i);
      const { records } = await reader.records({ limit: '500' });
      seen.push(...records.map(({ bytes }) => Buffer.from(bytes).toString('utf8')));
      reader.close();
    }
    seen.push((await playground.kubectl('admin', ['get', 'events', '-A', '-o', 'json'])).stdout);
    expect(seen.filter((text) => isIn(text, forms))).toEqual([]);
  });
});

describe('P6 never brick the cluster', () => {
  const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
  const lease = (name: string) => ({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name },
    spec: { holderIdentity: 'n1' },
  });
  const merge = 'application/merge-patch+json';

  beforeAll(async () => {
    const { playground } = world;
    await playground.cluster.addUser({ name: NODE_USER, groups: ['system:nodes'] });
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } };
    expect((await call(playground, 'admin', '/api/v1/nodes', { method: 'POST', body: node })).status).toBe(201);
    expect((await call(playground, 'admin', leases, { method: 'POST', body: lease('n1') })).status).toBe(201);
  });

  test(
    'heartbeats, leases, events and access reviews pass while every node is stopped; everything else is refused in time',
    { timeout: OUTAGE_TIMEOUT_MS },
    async () => {
      const { playground } = world;
      await withPaused([0, 1, 2, 3], async () => {
        const heartbeat = {
          status: { conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: new Date().toISOString() }] },
        };
        const event = {
          apiVersion: 'v1',
          kind: 'Event',
          metadata: { name: 'e1', namespace: NS },
          involvedObject: { kind: 'Pod', namespace: NS, name: 'p' },
          reason: 'Test',
          type: 'Normal',
        };
        const newEvent = {
          apiVersion: 'events.k8s.io/v1',
          kind: 'Event',
          metadata: { name: 'e2', namespace: NS },
          eventTime: new Date().toISOString().replace('Z', '000Z'),
          reportingController: 'test.example/test',
          reportingInstance: 'test-1',
          action: 'Testing',
          reason: 'Test',
          type: 'Normal',
          regarding: { kind: 'Pod', namespace: NS, name: 'p' },
        };
        const review = {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SelfSubjectAccessReview',
          spec: { resourceAttributes: { verb: 'get', resource: 'pods' } },
        };
        const pass = [
          await call(playground, NODE_USER, '/api/v1/nodes/n1/status', {
            method: 'PATCH',
            contentType: merge,
            body: heartbeat,
          }),
          await call(playground, NODE_USER, `${leases}/n1`, {
            method: 'PATCH',
            contentType: merge,
            body: { spec: { renewTime: new Date().toISOString().replace('Z', '000Z') } },
          }),
          await call(playground, 'admin', leases, { method: 'POST', body: lease('n2') }),
          await call(playground, 'admin', `${leases}/n2`, { method: 'DELETE' }),
          await call(playground, 'admin', `/api/v1/namespaces/${NS}/events`, { method: 'POST', body: event }),
          await call(playground, 'admin', `/apis/events.k8s.io/v1/namespaces/${NS}/events`, {
            method: 'POST',
            body: newEvent,
          }),
          await call(playground, 'alice', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
            method: 'POST',
            body: review,
          }),
        ];
        expect(pass.map(({ status, message }) => `${status} ${message}`)).toEqual([
          '200 ',
          '200 ',
          '201 ',
          '200 ',
          '201 ',
          '201 ',
          '201 ',
        ]);

        const since = performance.now();
        const refused = await Promise.all([
          createConfigMap(playground, 'alice', NS, 'while-stopped'),
          // The name alone leaves nothing out: an administrator may take it.
          call(playground, 'admin', '/api/v1/nodes/n1/status', {
            method: 'PATCH',
            contentType: merge,
            body: heartbeat,
          }),
          call(playground, 'admin', '/api/v1/nodes/n1', {
            method: 'PATCH',
            contentType: merge,
            body: { metadata: { labels: { a: 'b' } } },
          }),
        ]);
        const ms = performance.now() - since;
        expect(refused.map(({ status }) => status >= 400)).toEqual([true, true, true]);
        expect(refused[0]?.message).toContain('failed calling webhook');
        expect(ms).toBeLessThan(REFUSED_WITHIN_MS + 500);
      });
      await untilAdmitted('after-stop');
      expect((await getConfigMap(playground, NS, 'while-stopped')).status).toBe(404);
    },
  );
});

describe('P8 every acknowledgement is true', () => {
  for (const [title, paused] of [
    ['one of each group', [1, 3]],
    ['both of one group', [2, 3]],
  ] as const) {
    test(
      `with two of four nodes stopped (${title}) no change is allowed, and each is told so in time`,
      { timeout: OUTAGE_TIMEOUT_MS },
      async () => {
        const { playground } = world;
        const names = Array.from({ length: 6 }, (_, i) => `two-stopped-${paused.join('')}-${i}`);
        await withPaused(paused, async () => {
          const since = performance.now();
          const results = await Promise.all(names.map((name) => createConfigMap(playground, 'alice', NS, name)));
          expect(performance.now() - since).toBeLessThan(REFUSED_WITHIN_MS + 500);
          expect(results.filter(({ status }) => status < 400)).toEqual([]);
          for (const { message } of results)
            expect(message).toMatch(/not recorded|outcome unknown|failed calling webhook/);
          // Reads go on.
          expect((await mutationsOn(playground, 0, NS)).length).toBeGreaterThan(0);
        });
        await untilAdmitted(`again-${paused.join('')}`);
        const found = await Promise.all(names.map((name) => getConfigMap(playground, NS, name)));
        expect(found.map(({ status }) => status)).toEqual(names.map(() => 404));
      },
    );
  }

  test(
    'what was answered while the quorum was lost and came back is true, one by one',
    { timeout: OUTAGE_TIMEOUT_MS },
    async () => {
      const { playground } = world;
      const names = Array.from({ length: 60 }, (_, i) => `burst-${i}`);
      const statuses = new Map<string, number>();
      const writer = async (mine: readonly string[]) => {
        for (const name of mine) statuses.set(name, (await createConfigMap(playground, 'alice', NS, name)).status);
      };
      const writing = Promise.all([0, 1, 2, 3].map((w) => writer(names.filter((_, i) => i % 4 === w))));
      await sleep(300);
      await withPaused([1, 3], () => sleep(1_500));
      await writing;
      const recorded = await createdOn(playground, 0, NS);
      for (const name of names) {
        const { status } = await getConfigMap(playground, NS, name);
        const isCreated = statuses.get(name) === 201;
        expect(`${name} stored ${status === 200}`).toBe(`${name} stored ${isCreated}`);
        if (isCreated) expect(`${name} recorded ${recorded.has(name)}`).toBe(`${name} recorded true`);
      }
      expect([...statuses.values()].filter((status) => status === 201).length).toBeGreaterThan(0);
    },
  );
});
