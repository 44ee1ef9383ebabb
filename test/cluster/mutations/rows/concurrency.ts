import type { Row } from '../row.ts';
import { has } from '../stage.ts';
import { configMap, MERGE_PATCH } from './manifests.ts';

const CM = '/api/v1/namespaces/$/configmaps';
const WRITERS = 4;

/** Several at once. */
export const CONCURRENCY: readonly Row[] = [
  {
    id: 'conflict',
    what: `${WRITERS} patches of one object at once`,
    prepare: (s) => s.make(configMap('x')),
    change: async (s) => {
      const keys = Array.from({ length: WRITERS }, (_, i) => `key-${i}`);
      const attempts = await Promise.all(
        keys.map((key) => s.raw('PATCH', `${CM}/x`, { contentType: MERGE_PATCH, body: { data: { [key]: '1' } } })),
      );
      await s.effect(`${CM}/x`, has(Object.fromEntries(keys.map((key) => [key, '1'])), 'data'));
      return attempts;
    },
    // Each round stores one at least, and asks about all that are left.
    records: [{ operation: 'UPDATE', resource: 'v1/configmaps', times: [WRITERS, (WRITERS * (WRITERS + 1)) / 2] }],
    refused: [{ operation: 'UPDATE', resource: 'v1/configmaps', times: WRITERS }],
    note: 'each round of the API server is a review of its own: the losing ones are admitted and not stored',
  },
  {
    id: 'same-create',
    what: `${WRITERS} identical CREATEs at once`,
    change: async (s) => {
      const body = configMap('x', { a: '1' });
      const attempts = await Promise.all(Array.from({ length: WRITERS }, () => s.raw('POST', CM, { body })));
      const stored = attempts.filter(({ ok }) => ok);
      const late = attempts.filter(({ said }) => said.includes('already exists'));
      if (s.isGoverned) return attempts;
      return [
        { ok: stored.length === 1 && late.length === WRITERS - 1, said: attempts.map(({ said }) => said).join('; ') },
      ];
    },
    records: [{ operation: 'CREATE', resource: 'v1/configmaps', times: WRITERS, uid: 'any' }],
    // What is refused and open already is answered without another record.
    refused: [{ operation: 'CREATE', resource: 'v1/configmaps', times: [1, WRITERS] }],
    note: 'each is reviewed before the API server looks whether it is there; one is stored',
  },
  {
    id: 'same-delete',
    what: `${WRITERS} identical DELETEs at once`,
    prepare: (s) => s.make(configMap('x')),
    change: async (s) => {
      const attempts = await Promise.all(Array.from({ length: WRITERS }, () => s.raw('DELETE', `${CM}/x`)));
      if (s.isGoverned) return attempts;
      return [{ ok: attempts.some(({ ok }) => ok), said: attempts.map(({ said }) => said).join('; ') }];
    },
    records: [{ operation: 'DELETE', resource: 'v1/configmaps', times: [1, WRITERS] }],
    refused: [{ operation: 'DELETE', resource: 'v1/configmaps', times: [1, WRITERS] }],
    note: 'one is carried out; who came too late to find the object is not reviewed',
  },
];
