import type { Row } from '../row.ts';
import { pod } from './manifests.ts';

/** What src/change/exclusions.ts leaves out, asked for by a person, alone or under a name of the control plane. */
export const EXCLUDED: readonly Row[] = [
  {
    id: 'lease',
    what: 'a Lease made, changed and removed',
    change: async (s) => [
      await s.given(['create', '-f', '-'], {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name: 'x' },
        spec: { holderIdentity: 'me' },
      }),
      await s.kubectl(['label', 'lease', 'x', 'a=b']),
      await s.kubectl(['delete', 'lease', 'x']),
    ],
    records: [],
    note: 'heartbeats and leader election, many a second',
  },
  {
    id: 'event',
    what: 'an Event of either group',
    change: async (s) => [
      await s.raw('POST', '/api/v1/namespaces/$/events', {
        body: {
          apiVersion: 'v1',
          kind: 'Event',
          metadata: { name: 'x' },
          involvedObject: { kind: 'Pod', name: 'x', namespace: s.ns },
        },
      }),
      await s.raw('POST', '/apis/events.k8s.io/v1/namespaces/$/events', {
        body: {
          apiVersion: 'events.k8s.io/v1',
          kind: 'Event',
          metadata: { name: 'y' },
          eventTime: '2026-01-01T00:00:00.000000Z',
          action: 'a',
          reason: 'r',
          reportingController: 'example.org/c',
          reportingInstance: 'i',
          type: 'Normal',
          regarding: { kind: 'Pod', name: 'x', namespace: s.ns },
        },
      }),
    ],
    records: [],
    note: 'messages about changes, not changes',
  },
  {
    id: 'question',
    what: '`kubectl auth can-i`, `whoami`, a TokenReview',
    change: async (s) => [
      await s.kubectl(['auth', 'can-i', 'get', 'pods']),
      await s.kubectl(['auth', 'whoami']),
      await s.raw('POST', '/apis/authentication.k8s.io/v1/tokenreviews', {
        body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token: 'none' } },
      }),
    ],
    records: [],
    note: 'questions; nothing is stored',
  },
  {
    id: 'reading',
    what: 'get, list, watch',
    change: async (s) => [
      await s.kubectl(['get', 'configmaps,secrets,pods']),
      await s.kubectl(['get', 'configmaps', '--watch', '--request-timeout=1s', '--ignore-not-found']),
    ],
    records: [],
    note: 'reading is not asked about',
  },
  {
    id: 'as-binder',
    what: 'a binding under the name of the scheduler',
    prepare: (s) => s.make(pod('x', { schedulerName: 'nobody' })),
    change: async (s) => {
      const body = {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { name: 'x', namespace: s.ns },
        target: { apiVersion: 'v1', kind: 'Node', name: 'node-1' },
      };
      const file = `${s.folder({ 'binding.json': JSON.stringify(body) })}/binding.json`;
      return [
        await s.kubectl([
          ...['create', `--raw=/api/v1/namespaces/${s.ns}/pods/x/binding`, `--filename=${file}`],
          ...['--as=system:kube-scheduler', '--as-group=system:masters'],
        ]),
      ];
    },
    records: [],
    note: 'what the scheduler must do on its own, and so whoever may take its name: found out, not prevented',
  },
  {
    id: 'as-kubelet',
    what: "a node's own status under its name",
    change: async (s) => {
      const as = ['--as=system:node:node-1', '--as-group=system:nodes', '--as-group=system:masters'];
      const patch = '{"status":{"nodeInfo":{"bootID":"x"}}}';
      return [
        await s.kubectl(['patch', 'node', 'node-1', '--subresource=status', '--type=merge', '--patch', patch, ...as]),
      ];
    },
    records: [],
    note: 'heartbeats',
  },
];
