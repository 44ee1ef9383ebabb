import { installMutatingWebhooks } from '../../mutating-webhook.ts';
import type { Row } from '../row.ts';
import { has } from '../stage.ts';
import { configMap, JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH } from './manifests.ts';

const CM = '/api/v1/namespaces/$/configmaps';
const created = { operation: 'CREATE', resource: 'v1/configmaps' } as const;
const updated = { operation: 'UPDATE', resource: 'v1/configmaps' } as const;
const deleted = { operation: 'DELETE', resource: 'v1/configmaps' } as const;

/** The verbs that write whole objects, on ConfigMaps: the same for every kind. */
export const WRITING: readonly Row[] = [
  {
    id: 'create',
    voted: true,
    what: '`kubectl create`',
    change: async (s) => [await s.kubectl(['create', 'configmap', 'x', '--from-literal=a=1'])],
    records: [created],
  },
  {
    id: 'generate-name',
    what: '`create` with `generateName`',
    change: async (s) => [
      await s.given(['create', '-f', '-'], { apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'x-' } }),
    ],
    records: [{ ...created, name: 'x-*' }],
    note: 'the digest holds a placeholder for the end that the server makes up',
  },
  {
    id: 'apply-new',
    what: '`kubectl apply` of a new object',
    change: async (s) => [await s.given(['apply', '-f', '-'], configMap('x', { a: '1' }))],
    records: [created],
  },
  {
    id: 'apply',
    voted: true,
    what: '`kubectl apply` of a change',
    prepare: async (s) => void (await s.admin(['apply', '-f', '-'], JSON.stringify(configMap('x', { a: '1' })))),
    change: async (s) => [await s.given(['apply', '-f', '-'], configMap('x', { a: '2' }))],
    records: [updated],
  },
  {
    id: 'apply-same',
    what: '`kubectl apply` of what is there',
    prepare: async (s) => void (await s.admin(['apply', '-f', '-'], JSON.stringify(configMap('x', { a: '1' })))),
    change: async (s) => [await s.given(['apply', '-f', '-'], configMap('x', { a: '1' }))],
    records: [],
    note: 'kubectl asks for nothing',
  },
  {
    id: 'ssa-new',
    what: '`kubectl apply --server-side` of a new object',
    change: async (s) => [await s.given(['apply', '--server-side', '-f', '-'], configMap('x', { a: '1' }))],
    records: [created],
  },
  {
    id: 'ssa-force',
    voted: true,
    what: '`kubectl apply --server-side --force-conflicts`',
    prepare: (s) => s.make(configMap('x', { a: '1' })),
    change: async (s) => [
      await s.given(
        ['apply', '--server-side', '--force-conflicts', '--field-manager=other', '-f', '-'],
        configMap('x', { a: '2' }),
      ),
    ],
    records: [updated],
  },
  {
    id: 'ssa-conflict',
    what: '`kubectl apply --server-side` of a field that another manager owns',
    prepare: (s) => s.make(configMap('x', { a: '1' })),
    change: async (s) => [
      await s.given(['apply', '--server-side', '--field-manager=other', '-f', '-'], configMap('x', { a: '2' })),
    ],
    records: [],
    ends: /conflict/,
    note: 'the API server refuses it before it asks a webhook',
  },
  {
    id: 'ssa-same',
    what: '`kubectl apply --server-side` of what is there',
    prepare: (s) => s.make(configMap('x', { a: '1' })),
    change: async (s) => [
      await s.given(['apply', '--server-side', '-f', '-'], configMap('x', { a: '1' })),
      // Stored, but only the managed fields differ.
      await s.given(['apply', '--server-side', '--field-manager=other', '-f', '-'], configMap('x', { a: '1' })),
    ],
    records: [],
    note: 'an empty difference: allowed without a vote and counted, not recorded; also for another field manager',
  },
  ...[
    { type: 'json', contentType: JSON_PATCH, body: '[{"op":"replace","path":"/data/a","value":"2"}]' },
    { type: 'merge', contentType: MERGE_PATCH, body: '{"data":{"a":"2"}}' },
    { type: 'strategic', contentType: STRATEGIC_PATCH, body: '{"data":{"a":"2"}}' },
  ].map(({ type, body }): Row => ({
    id: `patch-${type}`,
    what: `\`kubectl patch --type=${type}\``,
    prepare: (s) => s.make(configMap('x', { a: '1' })),
    change: async (s) => [await s.kubectl(['patch', 'configmap', 'x', `--type=${type}`, '--patch', body])],
    records: [updated],
  })),
  {
    id: 'patch-same',
    what: 'a patch and a PUT that change nothing',
    prepare: (s) => s.make(configMap('x', { a: '1' })),
    change: async (s) => [
      await s.raw('PATCH', `${CM}/x`, { contentType: MERGE_PATCH, body: { data: { a: '1' } } }),
      await s.raw('PUT', `${CM}/x`, { body: configMap('x', { a: '1' }) }),
    ],
    records: [],
    note: 'an empty difference',
  },
  {
    id: 'replace',
    voted: true,
    what: '`kubectl replace`',
    prepare: (s) => s.make(configMap('x', { a: '1' })),
    change: async (s) => [await s.given(['replace', '-f', '-'], configMap('x', { b: '2' }))],
    records: [updated],
  },
  {
    id: 'replace-forced',
    what: '`kubectl replace --force`',
    prepare: (s) => s.make(configMap('x', { a: '1' })),
    change: async (s) => [
      await s.kubectl([
        'replace',
        '--force',
        `--filename=${s.folder({ 'x.json': JSON.stringify(configMap('x', { b: '2' })) })}/x.json`,
      ]),
    ],
    records: [deleted, created],
    refused: [deleted],
    note: 'two requests; the second has another uid',
  },
  {
    id: 'edit',
    voted: true,
    what: '`kubectl edit`',
    prepare: (s) => s.make(configMap('x', { a: 'before' })),
    change: async (s) => {
      const dir = s.folder({ 'editor.sh': '#!/bin/sh\nsed -i s/before/after/ "$1"\n' });
      return [await s.kubectl(['edit', 'configmap', 'x'], { env: { KUBE_EDITOR: `${dir}/editor.sh` } })];
    },
    records: [updated],
  },
  {
    id: 'label',
    voted: true,
    what: '`kubectl label`',
    prepare: (s) => s.make(configMap('x')),
    change: async (s) => [await s.kubectl(['label', 'configmap', 'x', 'team=shop'])],
    records: [updated],
  },
  {
    id: 'annotate',
    what: '`kubectl annotate`',
    prepare: (s) => s.make(configMap('x')),
    change: async (s) => [await s.kubectl(['annotate', 'configmap', 'x', 'note=moved'])],
    records: [updated],
  },
  {
    id: 'owner',
    voted: true,
    what: 'an owner reference added',
    prepare: (s) => s.make(configMap('owner'), configMap('x')),
    change: async (s) => {
      const uid = (await s.get(`${CM}/owner`))?.metadata?.uid;
      const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid }];
      return [await s.raw('PATCH', `${CM}/x`, { contentType: MERGE_PATCH, body: { metadata: { ownerReferences } } })];
    },
    records: [updated],
  },
  {
    id: 'big',
    what: 'an object of 1 MiB, made and changed',
    change: async (s) => {
      const text = '<'.repeat(1_048_000);
      return [
        await s.raw('POST', CM, { body: configMap('x', { text }) }),
        await s.raw('PUT', `${CM}/x`, { body: configMap('x', { text: `${text}>` }) }),
      ];
    },
    records: [created, updated],
    refused: [created],
    note: 'the reviews have 6 and 12 MiB, because `<` arrives as six bytes',
  },
  {
    id: 'dry-run',
    what: '`--dry-run=server`, `kubectl diff`',
    prepare: async (s) => void (await s.admin(['apply', '-f', '-'], JSON.stringify(configMap('y', { a: '1' })))),
    change: async (s) => {
      // Exit 1 means that there is a difference.
      const { said } = await s.given(['diff', '-f', '-'], configMap('y', { a: '2' }));
      return [
        await s.kubectl(['create', 'configmap', 'x', '--dry-run=server']),
        await s.kubectl(['delete', 'configmap', 'y', '--dry-run=server']),
        { ok: /^\+ +a: "2"$/m.test(said), said },
      ];
    },
    records: [],
    note: 'evaluated and allowed; a warning says what the real request will need',
  },
  {
    id: 'dry-run-client',
    what: '`--dry-run=client`',
    change: async (s) => [await s.kubectl(['create', 'configmap', 'x', '--dry-run=client'])],
    records: [],
    note: 'no request that writes',
  },
  {
    id: 'exists',
    what: 'creating what is there',
    prepare: (s) => s.make(configMap('x')),
    change: async (s) => [await s.kubectl(['create', 'configmap', 'x'])],
    records: [{ ...created, uid: 'unstored' }],
    ends: /already exists/,
    note: 'reviewed before the API server looks: admitted, not stored',
  },
  {
    id: 'never-asked',
    what: 'a stale PUT, an object that is not there, an invalid one, a namespace that is not there',
    prepare: (s) => s.make(configMap('x')),
    change: async (s) => [
      await s.raw('PUT', `${CM}/x`, { body: { ...configMap('x'), metadata: { name: 'x', resourceVersion: '1' } } }),
      await s.raw('PATCH', `${CM}/none`, { contentType: MERGE_PATCH, body: { data: { a: '1' } } }),
      await s.raw('DELETE', `${CM}/none`),
      await s.raw('POST', CM, { body: configMap('Not_A_Name') }),
      await s.raw('POST', '/api/v1/namespaces/$-none/configmaps', { body: configMap('x') }),
    ],
    records: [],
    ends: /modified|not found|invalid/i,
    note: 'the API server refuses these before it asks a webhook',
  },
  {
    id: 'documents',
    what: '`kubectl apply` of several documents',
    change: async (s) => {
      const documents = ['x', 'y', 'z'].map((name) => JSON.stringify(configMap(name, { a: '1' }))).join('\n---\n');
      return [await s.kubectl(['apply', '-f', '-'], { stdin: documents })];
    },
    records: ['x', 'y', 'z'].map((name) => ({ ...created, name })),
  },
  {
    id: 'kustomize',
    what: '`kubectl apply -k`',
    change: async (s) => {
      const dir = s.folder({
        'kustomization.yaml':
          'resources: [x.json]\nnamePrefix: pre-\nconfigMapGenerator: [{name: made, literals: [a=1]}]\n',
        'x.json': JSON.stringify(configMap('x', { a: '1' })),
      });
      return [await s.kubectl(['apply', '-k', dir])];
    },
    records: [
      { ...created, name: 'pre-x' },
      { ...created, name: 'pre-made-*' },
    ],
  },
  {
    id: 'prune',
    what: '`kubectl apply --prune`',
    prepare: async (s) => {
      const both = ['x', 'y'].map((name) => ({ ...configMap(name, { a: '1' }, { set: 'one' }) }));
      await s.admin(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: both }));
    },
    change: async (s) => [
      await s.given(
        ['apply', '--prune', '--selector=set=one', '--prune-allowlist=core/v1/ConfigMap', '-f', '-'],
        configMap('y', { a: '1' }, { set: 'one' }),
      ),
    ],
    records: [deleted],
  },
  {
    id: 'mutated',
    voted: true,
    what: 'an object that two mutating webhooks change, the first of which is asked again',
    prepare: async (s) => void (await installMutatingWebhooks(s.playground, s.ns, 'mark')),
    change: async (s) => {
      const attempt = await s.given(['create', '-f', '-'], configMap('x', { a: '1' }));
      await s.effect(`${CM}/x`, has({ a: '1', first: 'seen', second: 'mark' }, 'data'));
      return [attempt];
    },
    records: [created],
    note: 'they run before ours: recorded and voted for as it is stored',
  },
  {
    id: 'helm',
    what: 'a release as Helm makes it: objects, and Secrets that hold the release',
    change: async (s) => [
      await s.given(['create', '-f', '-'], release('1', 'pending-install')),
      await s.given(['create', '-f', '-'], configMap('x', { a: '1' })),
      await s.given(['replace', '-f', '-'], release('1', 'deployed')),
    ],
    records: [
      { operation: 'CREATE', resource: 'v1/secrets', name: 'sh.helm.release.v1.x.v1' },
      created,
      { operation: 'UPDATE', resource: 'v1/secrets', name: 'sh.helm.release.v1.x.v1' },
    ],
    refused: [{ operation: 'CREATE', resource: 'v1/secrets', name: 'sh.helm.release.v1.x.v1' }, created],
  },
  {
    id: 'helm-upgrade',
    what: 'its upgrade: an object changed, a Secret for the new release, the old one superseded',
    prepare: (s) => s.make(release('1', 'deployed'), configMap('x', { a: '1' })),
    change: async (s) => [
      await s.given(['create', '-f', '-'], release('2', 'pending-upgrade')),
      await s.raw('PATCH', `${CM}/x`, { contentType: MERGE_PATCH, body: { data: { a: '2' } } }),
      await s.given(['replace', '-f', '-'], release('1', 'superseded')),
    ],
    records: [
      { operation: 'CREATE', resource: 'v1/secrets', name: 'sh.helm.release.v1.x.v2' },
      updated,
      { operation: 'UPDATE', resource: 'v1/secrets', name: 'sh.helm.release.v1.x.v1' },
    ],
  },
  {
    id: 'helm-uninstall',
    what: 'its removal',
    prepare: (s) => s.make(release('1', 'deployed'), configMap('x', { a: '1' })),
    change: async (s) => [
      await s.raw('DELETE', `${CM}/x`),
      await s.raw('DELETE', '/api/v1/namespaces/$/secrets/sh.helm.release.v1.x.v1'),
    ],
    records: [deleted, { operation: 'DELETE', resource: 'v1/secrets', name: 'sh.helm.release.v1.x.v1' }],
  },
];

function release(version: string, status: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'helm.sh/release.v1',
    metadata: { name: `sh.helm.release.v1.x.v${version}`, labels: { owner: 'helm', name: 'x', status, version } },
    data: { release: Buffer.from(JSON.stringify({ status, chart: 'x'.repeat(2_000) })).toString('base64') },
  };
}
