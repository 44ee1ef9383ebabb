import { expect, test } from 'vitest';
import type { Hash } from '../../../src/types/brand.ts';
import type { ChangeAttributes } from '../../../src/types/change.ts';
import { actualLines, expectedLines } from './compare.ts';
import type { MutationLeaf } from './mutation-log.ts';
import type { Played } from './play.ts';
import type { Recorded } from './row.ts';

const NS = 'm-row-0';
const PATH = `/apis/apps/v1/namespaces/${NS}/deployments/x`;
const record: Recorded = { operation: 'UPDATE', resource: 'apps/v1/deployments/scale' };
const played: Played = {
  ns: NS,
  attempts: [],
  before: new Map([[PATH, { uid: 'was', content: '', object: undefined }]]),
  after: new Map([[PATH, { uid: 'was', content: '', object: undefined }]]),
};

function leaf(attributes: Partial<ChangeAttributes> = {}, decision: 'ADMITTED' | 'REFUSED' = 'ADMITTED'): MutationLeaf {
  return {
    index: 7,
    result: { decision, code: 'OK', proposal: null, witnesses: [], binding: null, original: null },
    attributes: {
      operation: 'UPDATE',
      group: 'apps',
      version: 'v1',
      resource: 'deployments',
      subresource: 'scale',
      namespace: NS,
      name: 'x',
      uid: 'was',
      resourceVersion: '1',
      user: 'alice',
      ...attributes,
    } as ChangeAttributes,
    digest: { diff: '' as Hash, strict: '' as Hash },
  };
}

const expected = (records: readonly Recorded[] = [record]) => expectedLines(records, 'ADMITTED', NS);
const actual = (leaves: readonly MutationLeaf[], records: readonly Recorded[] = [record]) =>
  actualLines(records, 'ADMITTED', played, leaves);

test('the log that a row asks for is accepted', () => {
  expect(actual([leaf()])).toEqual(expected());
  expect(actual([], [])).toEqual(expected([]));
});

test.each([
  ['no record', []],
  ['one record too many', [leaf(), leaf({ resourceVersion: '2' })]],
  ['another operation', [leaf({ operation: 'CREATE' })]],
  ['another group', [leaf({ group: 'extensions' })]],
  ['another version', [leaf({ version: 'v1beta1' })]],
  ['another resource', [leaf({ resource: 'statefulsets' })]],
  ['no subresource', [leaf({ subresource: '' })]],
  ['another name', [leaf({ name: 'y' })]],
  ['another namespace', [leaf({ namespace: 'other' })]],
  ['another user', [leaf({ user: 'bob' })]],
  ['the uid of another object', [leaf({ uid: 'other' })]],
  ['no uid', [leaf({ uid: '' })]],
  ['a refusal', [leaf({}, 'REFUSED')]],
  ['a record of a controller beside it', [leaf(), leaf({ subresource: 'status', user: 'system:controller' })]],
])('%s is found', (_what, leaves) => {
  expect(actual(leaves)).not.toEqual(expected());
});

test('where the API server asks about two versions, a third decision is about one of them', () => {
  const forced: Recorded = { ...record, times: [2, 3], versions: 2 };
  const about = (...versions: string[]) => versions.map((resourceVersion) => leaf({ resourceVersion }));
  for (const leaves of [about('1', '2'), about('1', '1', '2')])
    expect(actual(leaves, [forced])).toEqual(expected([forced]));
  for (const leaves of [about('1', '1'), about('1', '2', '3'), about('1', '1', '2', '2')])
    expect(actual(leaves, [forced])).not.toEqual(expected([forced]));
});

test('what is made has the uid of what is stored, and a refused one that of nothing', () => {
  const made: Recorded = { operation: 'CREATE', resource: 'apps/v1/deployments' };
  const create = (uid: string, decision: 'ADMITTED' | 'REFUSED') =>
    leaf({ operation: 'CREATE', subresource: '', uid }, decision);
  const stored: Played = {
    ...played,
    before: new Map(),
    after: new Map([[PATH, { uid: 'new', content: '', object: undefined }]]),
  };
  const lines = (decision: 'ADMITTED' | 'REFUSED', uid: string) =>
    actualLines([made], decision, stored, [create(uid, decision)]);
  expect(lines('ADMITTED', 'new')).toEqual(expectedLines([made], 'ADMITTED', NS));
  expect(lines('ADMITTED', 'other')).not.toEqual(expectedLines([made], 'ADMITTED', NS));
  expect(lines('REFUSED', 'other')).toEqual(expectedLines([made], 'REFUSED', NS));
  expect(lines('REFUSED', 'new')).not.toEqual(expectedLines([made], 'REFUSED', NS));
});
