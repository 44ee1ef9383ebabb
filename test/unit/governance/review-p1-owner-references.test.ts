import { describe, expect, test } from 'vitest';
import { policyMatches } from '../../../src/governance/match.ts';
import { change, specOf } from './policy-fixtures.ts';

const resources = [{ group: 'apps', resource: 'deployments' }];
const gains = { ...change, paths: ['/metadata/ownerReferences'] };
const gainsEntry = {
  ...change,
  paths: ['/metadata/ownerReferences/[uid=dead]/kind', '/metadata/ownerReferences/[uid=dead]/uid'],
};

describe('P1: an owner that does not exist is a deletion', () => {
  test('by the garbage collector, so a policy on DELETE governs whoever gives an object an owner', () => {
    expect(policyMatches(specOf({ match: [{ operations: ['DELETE'], resources }] }), gains)).toBe(true);
    expect(policyMatches(specOf({ match: [{ operations: ['DELETE'], resources }] }), gainsEntry)).toBe(true);
  });

  test('whatever paths the entry is limited to', () => {
    const match = [{ operations: ['UPDATE', 'DELETE'], resources, paths: ['/spec/template/**'] }];
    expect(policyMatches(specOf({ match }), gainsEntry)).toBe(true);
    expect(policyMatches(specOf({ match }), { ...change, paths: ['/metadata'], pathsTruncated: true })).toBe(true);
  });

  test('but not of what the entry does not name, and not where it does not speak of DELETE', () => {
    expect(
      policyMatches(specOf({ match: [{ operations: ['DELETE'], resources }] }), { ...gains, resource: 'statefulsets' }),
    ).toBe(false);
    expect(policyMatches(specOf({ match: [{ operations: ['UPDATE'], resources, paths: ['/spec/**'] }] }), gains)).toBe(
      false,
    );
    expect(
      policyMatches(specOf({ match: [{ operations: ['DELETE'], resources }] }), {
        ...change,
        paths: ['/metadata/labels/app'],
      }),
    ).toBe(false);
  });
});

describe('P1: metadata that is written through a subresource', () => {
  const throughStatus = { ...change, subresource: 'status', paths: ['/metadata/annotations/x'] };

  test('is a change of the object, so a policy on the object governs it', () => {
    expect(policyMatches(specOf({ match: [{ operations: ['UPDATE'], resources }] }), throughStatus)).toBe(true);
    const match = [{ resources, paths: ['/metadata/annotations/**'] }];
    expect(policyMatches(specOf({ match }), throughStatus)).toBe(true);
    expect(
      policyMatches(specOf({ match: [{ operations: ['DELETE'], resources }] }), { ...gains, subresource: 'status' }),
    ).toBe(true);
  });

  test('but a status that is all there is to it is not', () => {
    const status = { ...throughStatus, paths: ['/status/replicas'] };
    expect(policyMatches(specOf({ match: [{ operations: ['UPDATE'], resources }] }), status)).toBe(false);
    expect(policyMatches(specOf({ match: [{ resources, paths: ['/spec/**'] }] }), throughStatus)).toBe(false);
  });
});
