import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { getApi } from '../playground/node-process.ts';
import { Committee } from './committee.ts';
import { fsck } from './fsck.ts';
import { mutationsOn } from './log-of.ts';
import { createConfigMap, createNamespace, getConfigMap, proposalOf } from './objects.ts';
import { twoApprovals } from './policies.ts';
import { withPlayground } from './with-playground.ts';

const NS = 'prod-shop';
const TIMEOUT_MS = 180_000;
/** The two of hook a's group. */
const [ALPHA, BETA] = [0, 1];
const HONEST = [1, 2, 3];

const world = withPlayground({}, async ({ playground, committee }) => {
  for (const name of ['dev', NS]) await createNamespace(playground, name);
  await committee.enforce('production', twoApprovals('prod-*'));
});

const ALLOW_EVERYTHING = ['--import', import.meta.resolve('./patches/allow-everything.ts')];
const MATCH_NO_POLICY = ['--import', import.meta.resolve('./patches/match-no-policy.ts')];

/** What a node's webhook answers to the API server about a ConfigMap, asked directly with the API server's certificate. */
function askWebhook(node: number, name: string): Promise<boolean> {
  const { playground } = world;
  const { org = '', ports } = playground.state.nodes[node] ?? {};
  const pki = join(playground.layout.clusterDir, 'pki');
  const review = {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: '0d6e1c4c-6f0e-4c6c-9a55-2f1b6a6f7d10',
      kind: { group: '', version: 'v1', kind: 'ConfigMap' },
      resource: { group: '', version: 'v1', resource: 'configmaps' },
      requestKind: { group: '', version: 'v1', kind: 'ConfigMap' },
      requestResource: { group: '', version: 'v1', resource: 'configmaps' },
      name,
      namespace: NS,
      operation: 'CREATE',
      userInfo: { username: 'alice', groups: ['alpha'] },
      object: {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name, namespace: NS, uid: 'a-uid' },
        data: { key: 'value' },
      },
      oldObject: null,
      dryRun: false,
      options: { apiVersion: 'meta.k8s.io/v1', kind: 'CreateOptions' },
    },
  };
  return new Promise((resolve, reject) => {
    const call = request(
      `https://127.0.0.1:${ports?.webhook}/admit?timeout=10s`,
      {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        ca: readFileSync(join(playground.layout.org(org).nodeDir, 'tls', 'webhook-ca.crt')),
        cert: readFileSync(join(pki, 'webhook-client.crt')),
        key: readFileSync(join(pki, 'webhook-client.key')),
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.on('end', () => {
          resolve((JSON.parse(text) as { response: { allowed: boolean } }).response.allowed);
        });
      },
    );
    call.on('error', reject);
    call.end(JSON.stringify(review));
  });
}

describe('P1 exact approval, although an organisation lies', () => {
  test('a node that answers "allowed" to everything gets no change in alone', { timeout: TIMEOUT_MS }, async () => {
    const { playground, committee } = world;
    expect(await askWebhook(ALPHA, 'asked-honest')).toBe(false);
    await playground.stopNode(ALPHA);
    await playground.startNode(ALPHA, { nodeArgs: ALLOW_EVERYTHING });
    // The failover keeps to the node that answers: without beta that is alpha.
    await playground.stopNode(BETA);
    await playground.waitUntilHooked();
    expect(await askWebhook(ALPHA, 'asked-liar')).toBe(true);

    const since = performance.now();
    const governed = await createConfigMap(playground, 'alice', NS, 'smuggled');
    expect(performance.now() - since).toBeLessThan(10_500);
    expect(governed.status).toBeGreaterThanOrEqual(400);
    expect((await getConfigMap(playground, NS, 'smuggled')).status).toBe(404);
    // Where no policy matches it is the same: nothing is stored that the quorum has not recorded.
    const ungoverned = await createConfigMap(playground, 'alice', 'dev', 'unrecorded');
    expect(ungoverned.status).toBeGreaterThanOrEqual(400);
    expect((await getConfigMap(playground, 'dev', 'unrecorded')).status).toBe(404);
    const entries = [...(await mutationsOn(playground, 2, NS)), ...(await mutationsOn(playground, 2, 'dev'))];
    const smuggled = entries.filter(({ payload }) =>
      ['smuggled', 'unrecorded'].includes(payload.attestation.attributes.name),
    );
    expect(smuggled.map(({ decision }) => decision)).not.toContain('ADMITTED');

    // Back to the honest program: everything is as before.
    await playground.stopNode(ALPHA);
    for (const node of [ALPHA, BETA]) await playground.startNode(node);
    await playground.waitUntilHooked();
    const id = proposalOf(await createConfigMap(playground, 'alice', NS, 'honest'));
    await committee.approve(id, ['bob', 'carol']);
    expect((await createConfigMap(playground, 'alice', NS, 'honest')).status).toBe(201);
  });

  test(
    'a node that computes another result is outvoted, stops signing, and says so',
    { timeout: TIMEOUT_MS },
    async () => {
      const { playground } = world;
      // What the dishonest node certifies is true but old; nobody is bound to ask it.
      const committee = new Committee(playground, HONEST);
      await playground.stopNode(ALPHA);
      await playground.startNode(ALPHA, { nodeArgs: MATCH_NO_POLICY });
      await playground.waitUntilHooked();

      const refused = await createConfigMap(playground, 'alice', NS, 'outvoted');
      expect(refused.status).toBeGreaterThanOrEqual(400);
      expect((await getConfigMap(playground, NS, 'outvoted')).status).toBe(404);
      const alpha = playground.state.nodes[ALPHA];
      if (alpha === undefined) throw new Error('there is no first node');
      const deadline = performance.now() + 30_000;
      let said = '';
      while (!said.includes('STATE_DIVERGENCE') && performance.now() < deadline) {
        said = (await getApi(playground.layout, alpha, '/readyz')).text;
        await sleep(100);
      }
      expect(said).toContain('STATE_DIVERGENCE');

      // The other three decide on, and alpha's place in the hook is taken by the next of its group.
      await playground.waitUntilHooked();
      const id = proposalOf(await createConfigMap(playground, 'alice', NS, 'outvoted'));
      await committee.approve(id, ['bob', 'carol']);
      expect((await createConfigMap(playground, 'alice', NS, 'outvoted')).status).toBe(201);

      // What it has on disk is what a quorum decided: with the honest program it goes on from there.
      await playground.stopNode(ALPHA);
      expect((await fsck(playground, ALPHA)).problems).toEqual([]);
      await playground.startNode(ALPHA);
      committee.close();
    },
  );
});
