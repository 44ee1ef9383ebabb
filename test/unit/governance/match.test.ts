import { describe, expect, test } from 'vitest';
import { bindingOf, matchedPolicies, policyMatches } from '../../../src/governance/match.ts';
import type { ChangeAttributes } from '../../../src/types/change.ts';
import { change, fullSpec, policyOf, specOf } from './policy-fixtures.ts';

const selector = fullSpec.match[0]!;
const matches = (fields: object, attributes: Partial<ChangeAttributes> = {}): boolean =>
  policyMatches(specOf({ match: [fields] }), { ...change, ...attributes });

test('a change that fits every field of an entry is matched', () => {
  expect(policyMatches(specOf(), change)).toBe(true);
});

describe('each field of an entry alone takes the change out of the policy', () => {
  test.each([
    ['operations', ['CREATE', 'DELETE', 'CONNECT']],
    ['resources', [{ group: 'apps', resource: 'statefulsets' }]],
    ['resources', [{ group: 'extensions', resource: 'deployments' }]],
    ['resources', [{ group: 'apps', resource: 'deployments/scale' }]],
    ['namespaces', ['dev-*']],
    ['names', ['api*']],
    ['paths', ['/metadata/labels/**']],
    ['users', ['ann']],
    ['groups', ['ops']],
  ])('%s: %j', (field, value) => {
    expect(matches(selector)).toBe(true);
    expect(matches({ ...selector, [field]: value })).toBe(false);
  });

  test('clusters', () => {
    expect(policyMatches(specOf({ clusters: ['edge-*'] }), change)).toBe(false);
  });
});

describe('each attribute of a change alone takes it out of the policy', () => {
  test.each([
    ['cluster', 'edge'],
    ['operation', 'DELETE'],
    ['group', 'batch'],
    ['resource', 'daemonsets'],
    ['subresource', 'scale'],
    ['namespace', 'dev'],
    ['name', 'api'],
    ['user', 'ann'],
    ['groups', ['system:authenticated']],
    ['paths', ['/spec/replicas']],
  ])('%s', (field, value) => {
    expect(policyMatches(specOf(), { ...change, [field]: value })).toBe(false);
  });

  test.each(['uid', 'resourceVersion', 'version', 'options'])('but not %s, which no policy reads', (field) => {
    expect(policyMatches(specOf(), { ...change, [field]: 'other' })).toBe(true);
  });
});

describe('one fitting exclude entry is enough', () => {
  test.each([
    ['operations', ['UPDATE']],
    ['resources', [{ group: '*', resource: '*' }]],
    ['namespaces', ['prod-web']],
    ['names', ['w*b']],
    ['paths', ['/spec/**']],
    ['users', ['c*']],
    ['groups', ['dev']],
  ])('%s', (field, value) => {
    expect(policyMatches(specOf({ exclude: [{ [field]: value }] }), change)).toBe(false);
  });

  test('and one that does not fit changes nothing', () => {
    expect(policyMatches(specOf({ exclude: [{ users: ['ann'] }] }), change)).toBe(true);
  });

  test('one harmless path does not carry another one out', () => {
    const exclude = [{ paths: ['/metadata/annotations/**'] }];
    const paths = ['/metadata/annotations/note', '/spec/template/spec/containers/0/image'];
    expect(policyMatches(specOf({ exclude }), { ...change, paths })).toBe(true);
  });

  test('a truncated parent does not leave by its paths', () => {
    const spec = specOf({ match: [{}], exclude: [{ paths: ['/metadata/**'] }] });
    expect(policyMatches(spec, { ...change, paths: ['/metadata'], pathsTruncated: false })).toBe(false);
    expect(policyMatches(spec, { ...change, paths: ['/metadata'], pathsTruncated: true })).toBe(true);
  });

  test('a CREATE does not leave by its paths, since all of them changed', () => {
    const spec = specOf({ match: [{}], exclude: [{ paths: ['/metadata/**'] }] });
    expect(policyMatches(spec, { ...change, operation: 'CREATE' })).toBe(true);
  });
});

describe('paths', () => {
  const byPath = (pattern: string, paths: readonly string[], more: Partial<ChangeAttributes> = {}): boolean =>
    matches({ paths: [pattern] }, { paths, ...more });

  test.each([
    ['/spec/replicas', '/spec/replicas', true],
    ['/spec/replicas', '/spec/paused', false],
    ['/spec/*', '/spec/replicas', true],
    ['/spec/*', '/spec/template/spec', false],
    ['/spec/**', '/spec/template/spec', true],
    ['/spec/**', '/spec', true],
    ['/**/image', '/spec/template/spec/containers/0/image', true],
    ['/**/image', '/spec/template/spec/containers/0/env/0/value', false],
    ['/metadata/labels/app*', '/metadata/labels/app.kubernetes.io~1name', true],
    ['/spec/template/**', '/specification/template/x', false],
  ])('%s and %s', (pattern, path, expected) => {
    expect(byPath(pattern, [path])).toBe(expected);
  });

  test('a truncated parent stands for everything below it and meets every pattern under it', () => {
    expect(byPath('/spec/template/spec/containers/*/image', ['/spec/template'], { pathsTruncated: true })).toBe(true);
    expect(byPath('/spec/template/spec/containers/*/image', ['/spec/template'])).toBe(false);
    expect(byPath('/spec/template/**', [''], { pathsTruncated: true })).toBe(true);
    expect(byPath('/spec/template/**', ['/status'], { pathsTruncated: true })).toBe(false);
  });

  test('truncated to nothing is everything', () => {
    expect(byPath('/spec/**', [], { pathsTruncated: false })).toBe(false);
    expect(byPath('/spec/**', [], { pathsTruncated: true })).toBe(true);
  });

  test.each(['CREATE', 'DELETE', 'CONNECT'] as const)('%s counts as if every path had changed', (operation) => {
    expect(byPath('/spec/template/**', [], { operation })).toBe(true);
  });
});

describe('resources', () => {
  const byResource = (group: string, resource: string, attributes: Partial<ChangeAttributes>): boolean =>
    matches({ resources: [{ group, resource }] }, attributes);

  test.each([
    ['apps', 'deployments/scale', { subresource: 'scale' }, true],
    ['apps', 'deployments', { subresource: 'scale' }, false],
    ['*', '*/scale', { subresource: 'scale' }, true],
    ['', 'pods/eviction', { group: '', resource: 'pods', subresource: 'eviction', operation: 'CREATE' }, true],
    ['policy', 'pods/eviction', { group: '', resource: 'pods', subresource: 'eviction', operation: 'CREATE' }, false],
    ['', 'pods/*', { group: '', resource: 'pods', subresource: 'exec', operation: 'CONNECT' }, true],
    ['', 'pods/*', { group: '', resource: 'pods' }, true],
    ['*', '*', { subresource: 'scale' }, false],
    ['*', '*/*', { subresource: 'scale' }, true],
    ['*.example.com', 'widgets', { group: 'shop.example.com', resource: 'widgets' }, true],
  ] as const)('%s %s and %j', (group, resource, attributes, expected) => {
    expect(byResource(group, resource, attributes)).toBe(expected);
  });
});

describe('what takes its contents along', () => {
  const protect = {
    operations: ['DELETE'],
    resources: [{ group: 'apps', resource: 'deployments' }],
    namespaces: ['prod-*'],
  };
  const namespace = {
    operation: 'DELETE',
    group: '',
    resource: 'namespaces',
    namespace: 'prod-web',
    name: 'prod-web',
    paths: [],
  } as const;
  const crd = {
    operation: 'DELETE',
    group: 'apiextensions.k8s.io',
    resource: 'customresourcedefinitions',
    namespace: '',
    paths: [],
  } as const;

  test('DELETE of a namespace is DELETE of what it holds', () => {
    expect(matches(protect, namespace)).toBe(true);
    expect(matches(protect, { ...namespace, name: 'dev', namespace: 'dev' })).toBe(false);
    expect(matches({ ...protect, operations: ['UPDATE'] }, namespace)).toBe(false);
    expect(matches({ ...protect, users: ['ann'] }, namespace)).toBe(false);
  });

  test('so is the update of its finalize subresource, but not another update of it', () => {
    expect(matches(protect, { ...namespace, operation: 'UPDATE', subresource: 'finalize' })).toBe(true);
    expect(matches(protect, { ...namespace, operation: 'UPDATE' })).toBe(false);
    expect(matches(protect, { ...namespace, operation: 'UPDATE', subresource: 'status' })).toBe(false);
  });

  test('it holds nothing that has no namespace', () => {
    expect(matches({ resources: [{ group: '', resource: 'nodes' }] }, namespace)).toBe(false);
  });

  test('DELETE of a CRD is DELETE of its instances', () => {
    const widgets = {
      operations: ['DELETE'],
      resources: [{ group: 'shop.example.com', resource: 'widgets' }],
      namespaces: ['prod-*'],
    };
    expect(matches(widgets, { ...crd, name: 'widgets.shop.example.com' })).toBe(true);
    expect(matches(widgets, { ...crd, name: 'gadgets.shop.example.com' })).toBe(false);
    expect(matches(widgets, { ...crd, operation: 'UPDATE', name: 'widgets.shop.example.com' })).toBe(false);
  });
});

describe('binding', () => {
  const diff = policyOf();
  const strict = policyOf({ binding: 'strict' }, 'strict');

  test('is strict if one of the matched policies is', () => {
    expect(bindingOf([diff], change)).toBe('diff');
    expect(bindingOf([diff, strict], change)).toBe('strict');
  });

  test.each(['rbac.authorization.k8s.io', 'admissionregistration.k8s.io', 'apiextensions.k8s.io'])(
    'is always strict for %s',
    (group) => {
      expect(bindingOf([diff], { ...change, group })).toBe('strict');
    },
  );

  test('all policies that match are named', () => {
    expect(matchedPolicies([diff, strict, policyOf({ clusters: ['edge'] }, 'edge')], change)).toEqual([diff, strict]);
  });
});
