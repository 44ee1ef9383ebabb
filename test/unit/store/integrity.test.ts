import { beforeAll, afterAll, describe, expect, test } from 'vitest';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkStore, openStore, openStoreForReading, type Problem } from '../../../src/store/index.ts';
import { hashKey, indexPrefix, nodeKey, numberKey, stateBucketKey, withLeaf } from '../../../src/store/lmdb/key.ts';
import { chain, hashOf, temporaryFolder } from './fixture.ts';
import { ledgerFunctions, RealChain } from './real-chain.ts';
import type { Store } from '../../../src/store/index.ts';
import type { Write } from '../../../src/store/lmdb/table.ts';

const heights = 6;
/** Two transactions and the block leaf each. */
const size = 3 * heights;
let healthy = '';

beforeAll(async () => {
  healthy = mkdtempSync(join(tmpdir(), 'chain-healthy-'));
  const store = await openStore(healthy, { chain });
  const blocks = new RealChain(store);
  for (let height = 1; height <= heights; height++) await blocks.commit(2);
  await store.putBody(hashOf('a body'), Buffer.from('a body'), { orgs: ['alpha'], expiresMs: 5 });
  await store.close();
});

afterAll(() => rmSync(healthy, { recursive: true, force: true }));

/** Problems of a copy of the healthy store after some writes behind its back. */
async function problemsAfter(damage: (store: Store) => readonly Write[]): Promise<Problem[]> {
  const dir = temporaryFolder();
  cpSync(healthy, dir, { recursive: true });
  const store = await openStore(dir, { chain });
  await store.table.write(damage(store));
  await store.close();
  const reading = await openStoreForReading(dir, { chain });
  try {
    return [...checkStore(reading, ledgerFunctions)];
  } finally {
    await reading.close();
  }
}

function flipped(bytes: Uint8Array | undefined, at = 0): Uint8Array {
  const copy = Uint8Array.from(bytes ?? []);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

const someBucket = (store: Store): number => {
  for (let bucket = 0; bucket < 65_536; bucket++) if (store.readBucket(bucket) !== undefined) return bucket;
  return -1;
};

describe('the integrity check', () => {
  test('finds nothing in a healthy store', async () => {
    expect(await problemsAfter(() => [])).toEqual([]);
  });

  const planted: readonly [
    what: string,
    code: Problem['code'],
    where: string,
    damage: (store: Store) => readonly Write[],
  ][] = [
    ['a height without anything', 'HEIGHT_MISSING', 'height 3', () => [[numberKey('state', 3), null]]],
    [
      'a state of the wrong length',
      'STATE_UNDECODABLE',
      'height 3',
      () => [[numberKey('state', 3), new Uint8Array(9)]],
    ],
    ['a missing block', 'BLOCK_MISSING', 'height 2', () => [[numberKey('block', 2), null]]],
    [
      'a block record cut off',
      'BLOCK_UNDECODABLE',
      'height 2',
      () => [[numberKey('block', 2), new Uint8Array([0, 0, 0, 0, 9, 1])]],
    ],
    [
      'another block in its place',
      'BLOCK_MISMATCH',
      'height 2',
      (store) => [[numberKey('block', 2), store.table.get(numberKey('block', 1)) ?? null]],
    ],
    [
      'a state whose block id is not the block',
      'BLOCK_MISMATCH',
      'height 4',
      (store) => [[numberKey('state', 4), flipped(store.table.get(numberKey('state', 4)))]],
    ],
    [
      'a state root that the app hash does not cover',
      'BLOCK_MISMATCH',
      'height 4',
      (store) => [[numberKey('state', 4), flipped(store.table.get(numberKey('state', 4)), 80)]],
    ],
    ['a missing certificate', 'CERTIFICATE_MISSING', 'height 5', () => [[numberKey('certificate', 5), null]]],
    [
      'a certificate that is none',
      'CERTIFICATE_UNDECODABLE',
      'height 5',
      () => [[numberKey('certificate', 5), Buffer.from('?')]],
    ],
    [
      'the certificate of another height',
      'CERTIFICATE_MISMATCH',
      'height 6',
      (store) => [[numberKey('certificate', 6), store.certificate(5) ?? null]],
    ],
    ['a missing leaf', 'LEAF_MISSING', 'leaf 8', () => [[numberKey('leaf', 8), null]]],
    [
      'a leaf that cannot be unpacked',
      'LEAF_UNDECODABLE',
      'leaf 4',
      () => [[numberKey('leaf', 4), Buffer.from([1, 2, 3])]],
    ],
    ['a missing last leaf', 'LEAF_MISSING', `leaf ${size - 1}`, () => [[numberKey('leaf', size - 1), null]]],
    [
      'a leaf too many',
      'LEAF_BEYOND_LOG',
      `leaf ${size}`,
      (store) => [[numberKey('leaf', size), store.table.get(numberKey('leaf', 1)) ?? null]],
    ],
    [
      'a leaf in the place of another',
      'LEAF_MISMATCH',
      'leaf 2',
      (store) => [[numberKey('leaf', 2), store.table.get(numberKey('leaf', 5)) ?? null]],
    ],
    ['a missing node', 'NODE_MISSING', 'node 2/1', () => [[nodeKey(2, 1), null]]],
    ['a missing top node', 'NODE_MISSING', 'node 4/0', () => [[nodeKey(4, 0), null]]],
    ['a changed node', 'NODE_MISMATCH', 'node 1/3', (store) => [[nodeKey(1, 3), flipped(store.readNode(1, 3))]]],
    ['a node too many', 'NODE_BEYOND_LOG', 'node 4/1', () => [[nodeKey(4, 1), new Uint8Array(32)]]],
    [
      'a changed log root',
      'LOG_ROOT_MISMATCH',
      'height 4',
      (store) => [[numberKey('state', 4), flipped(store.table.get(numberKey('state', 4)), 50)]],
    ],
    [
      'a bucket that is none',
      'BUCKET_UNDECODABLE',
      'state bucket 7',
      () => [[stateBucketKey(7), Buffer.from([0, 9, 1])]],
    ],
    [
      'a missing bucket',
      'STATE_ROOT_MISMATCH',
      `height ${heights}`,
      (store) => [[stateBucketKey(someBucket(store)), null]],
    ],
    [
      'an index entry that points nowhere',
      'INDEX_DANGLING',
      '',
      () => [[withLeaf(indexPrefix('object', 'x'), size), new Uint8Array()]],
    ],
    [
      'a changed body',
      'BODY_MISMATCH',
      `body ${hashOf('a body')}`,
      () => [[hashKey('body', hashOf('a body')), Buffer.from('another')]],
    ],
    [
      'a body for nobody',
      'BODY_INCOMPLETE',
      `body ${hashOf('a body')}`,
      () => [[hashKey('bodyInfo', hashOf('a body')), null]],
    ],
    [
      'a body without bytes',
      'BODY_INCOMPLETE',
      `body ${hashOf('a body')}`,
      () => [[hashKey('body', hashOf('a body')), null]],
    ],
    ['a key of no bucket', 'UNKNOWN_BUCKET', 'bucket 200', () => [[Buffer.from([200, 1]), Buffer.from('x')]]],
  ];

  test.each(planted)('finds %s', async (_what, code, where, damage) => {
    const found = await problemsAfter(damage);
    const matching = found.filter((problem) => problem.code === code && (where === '' || problem.where === where));
    expect(matching, JSON.stringify(found)).toHaveLength(1);
    expect(matching[0]?.detail).not.toBe('');
  });
});
