import { expect, test } from 'vitest';
import { comparable } from '../../../src/cluster/comparable.ts';
import type { Json } from '../../../src/types/json.ts';

const same = (a: Json, b: Json): boolean => JSON.stringify(comparable(a)) === JSON.stringify(comparable(b));
const job = (labels: Json | undefined, template: Json = { app: 'x' }): Json => ({
  kind: 'Job',
  metadata: { name: 'j', ...(labels === undefined ? {} : { labels }) },
  spec: { template: { metadata: { labels: template } } },
});
const scaler = (apiVersion: string, annotations: Json | undefined): Json => ({
  apiVersion,
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'h', ...(annotations === undefined ? {} : { annotations }) },
  spec: {},
});

test.each<[string, boolean, Json, Json]>([
  ['a Job gets the labels of its template when it is read', true, job(undefined), job({ app: 'x' })],
  ['but no others', false, job(undefined), job({ app: 'y' })],
  ['and none is taken away', false, job({ app: 'y' }), job(undefined)],
  [
    'autoscaling/v1 shows conditions as an annotation',
    true,
    scaler('autoscaling/v1', undefined),
    scaler('autoscaling/v1', { 'autoscaling.alpha.kubernetes.io/conditions': '[]' }),
  ],
  ['but its metrics are what was asked for', false, scaler('autoscaling/v1', undefined), scaler('autoscaling/v1', { 'autoscaling.alpha.kubernetes.io/metrics': '[]' })],
  ['in another version an annotation is one', false, scaler('autoscaling/v2', undefined), scaler('autoscaling/v2', { 'autoscaling.alpha.kubernetes.io/conditions': '[]' })],
  ['annotations of a Secret are not compared', true, { kind: 'Secret', metadata: { name: 's', annotations: { a: 'b' } } }, { kind: 'Secret', metadata: { name: 's' } }],
  ['those of everything else are', false, { kind: 'ConfigMap', metadata: { annotations: { a: 'b' } } }, { kind: 'ConfigMap', metadata: {} }],
])('%s', (_what, expected, a, b) => {
  expect(same(a, b)).toBe(expected);
}); // prettier-ignore
