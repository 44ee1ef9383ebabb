import { describe, expect, test } from 'vitest';
import { isChainError } from '../../../src/errors/chain-error.ts';
import { durationMs } from '../../../src/governance/duration.ts';
import { checkPolicyName, parsePolicySpec } from '../../../src/governance/policy-parse.ts';
import { fullSpec } from './policy-fixtures.ts';

/** Code and path of the refusal. */
function refusal(input: unknown): string {
  try {
    parsePolicySpec(input);
  } catch (error) {
    if (isChainError(error))
      return `${error.code.replace('GOVERNANCE_POLICY_', '')} ${(error.payload as { path: string }).path}`;
    throw error;
  }
  return 'accepted';
}
const match = (fields: object) => refusal({ ...fullSpec, match: [fields] });
const require = (fields: object) => refusal({ ...fullSpec, require: { ...fullSpec.require, ...fields } });

test('a spec with every field is read as it stands', () => {
  expect(parsePolicySpec(fullSpec)).toEqual(fullSpec);
});

test('defaults are written out, so that equal policies have equal bytes', () => {
  const short = { clusters: ['prod'], match: fullSpec.match, require: { approvals: 2 } };
  expect(parsePolicySpec(short)).toEqual(fullSpec);
});

test('what was read once is read again to the same', () => {
  const spec = parsePolicySpec({ clusters: ['*'], match: [{}], require: { approvals: 1, excludeAuthor: 'person' } });
  expect(parsePolicySpec(spec)).toEqual(spec);
});

describe('nothing unknown is ignored', () => {
  test.each([
    ['spec.extra', { ...fullSpec, extra: 1 }],
    ['spec.match[0].verbs', { ...fullSpec, match: [{ verbs: ['get'] }] }],
    ['spec.exclude[0].verbs', { ...fullSpec, exclude: [{ verbs: ['get'] }] }],
    [
      'spec.match[0].resources[0].version',
      { ...fullSpec, match: [{ resources: [{ group: '', resource: 'pods', version: 'v1' }] }] },
    ],
    ['spec.require.quorum', { ...fullSpec, require: { ...fullSpec.require, quorum: 1 } }],
    ['spec.deadlines.review', { ...fullSpec, deadlines: { review: '1h' } }],
  ])('%s', (path, spec) => {
    expect(refusal(spec)).toBe(`FIELD_UNKNOWN ${path}`);
  });
});

test.each([
  ['spec.clusters', 'clusters'],
  ['spec.match', 'match'],
  ['spec.require', 'require'],
])('%s must be there', (path, field) => {
  expect(refusal({ ...fullSpec, [field]: undefined })).toBe(`FIELD_MISSING ${path}`);
});

test('require.approvals, group and resource must be there', () => {
  expect(require({ approvals: undefined })).toBe('FIELD_MISSING spec.require.approvals');
  expect(match({ resources: [{ resource: 'pods' }] })).toBe('FIELD_MISSING spec.match[0].resources[0].group');
  expect(match({ resources: [{ group: '' }] })).toBe('FIELD_MISSING spec.match[0].resources[0].resource');
});

describe('values', () => {
  test.each([
    ['spec', []],
    ['spec.match', { ...fullSpec, match: [] }],
    ['spec.match', { ...fullSpec, match: Array(33).fill({}) }],
    ['spec.clusters', { ...fullSpec, clusters: [] }],
    ['spec.clusters[0]', { ...fullSpec, clusters: [1] }],
    ['spec.binding', { ...fullSpec, binding: 'loose' }],
    ['spec.match[0].operations[0]', { ...fullSpec, match: [{ operations: ['PATCH'] }] }],
    ['spec.match[0].namespaces', { ...fullSpec, match: [{ namespaces: ['a', 'a'] }] }],
    ['spec.match[0].users', { ...fullSpec, match: [{ users: [] }] }],
  ])('%s of another kind is refused', (path, spec) => {
    expect(refusal(spec)).toBe(`VALUE ${path}`);
  });

  test.each([0, -1, 1.5, '2', Number.MAX_SAFE_INTEGER + 1])('approvals of %j are refused', (approvals) => {
    expect(require({ approvals })).toBe('VALUE spec.require.approvals');
  });

  test.each(['requiredOrgs', 'veto'])('%s holds names, each once', (field) => {
    expect(require({ [field]: ['Bad Name'] })).toBe(`VALUE spec.require.${field}[0]`);
    expect(require({ [field]: ['a', 'a'] })).toBe(`VALUE spec.require.${field}`);
  });

  test('excludeAuthor is org, person or none', () => {
    expect(require({ excludeAuthor: 'nobody' })).toBe('VALUE spec.require.excludeAuthor');
  });
});

test.each(['', 'a b', 'a?', '[ab]', '{a}', '**', 'a'.repeat(257), '*a*b*c*d*e*f*g*h*i*'])('%j is no glob', (glob) => {
  expect(match({ names: [glob] })).toBe('GLOB spec.match[0].names[0]');
});

test.each(['', 'spec', '/spec/', '//spec', '/a**/b', '/a~2b', '/**/**/**/**/**'])('%j is no path pattern', (path) => {
  expect(match({ paths: [path] })).toBe('GLOB spec.match[0].paths[0]');
});

test.each(['Pods', 'pods/', '/scale', 'pods/exec/x', ''])('%j is no resource', (resource) => {
  expect(match({ resources: [{ group: '', resource }] })).toBe('GLOB spec.match[0].resources[0].resource');
});

test.each(['', '1', '0s', '1d', '1.5h', '-1h', '01h', '1h30m', '721h', ' 1h'])('%j is no duration', (voting) => {
  expect(refusal({ ...fullSpec, deadlines: { voting } })).toBe('DURATION spec.deadlines.voting');
  expect(refusal({ ...fullSpec, deadlines: { execution: voting } })).toBe('DURATION spec.deadlines.execution');
});

test('durations are whole numbers of one unit', () => {
  expect(['90s', '30m', '24h', '720h'].map(durationMs)).toEqual([90_000, 1_800_000, 86_400_000, 2_592_000_000]);
});

test.each(['', 'Prod', 'a b', 'configuration', '-a'])('%j is no policy name', (name) => {
  expect(() => checkPolicyName(name)).toThrow(expect.objectContaining({ code: 'GOVERNANCE_POLICY_NAME' }));
});
