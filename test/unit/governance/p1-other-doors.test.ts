import { describe, expect, test } from 'vitest';
import { policyMatches } from '../../../src/governance/match.ts';
import type { ChangeAttributes } from '../../../src/types/change.ts';
import { change, specOf } from './policy-fixtures.ts';

const matches = (selector: object, attributes: Partial<ChangeAttributes>, exclude: readonly object[] = []): boolean =>
  policyMatches(specOf({ match: [selector], exclude }), {
    ...change,
    paths: [''],
    pathsTruncated: true,
    ...attributes,
  });

describe('P1: a thing is governed under each of its names', () => {
  const proxied = { operation: 'CONNECT', group: '', resource: 'services', subresource: 'proxy' } as const;

  test.each(['web', 'web:80', 'http:web:80', 'https:web:', ':web:80'])('a proxy of %s is one of web', (name) => {
    const selector = { resources: [{ group: '', resource: 'services/proxy' }], names: ['web'] };
    expect(matches(selector, { ...proxied, name })).toBe(true);
    expect(matches(selector, { ...proxied, name: name.replace('web', 'other') })).toBe(false);
  });

  test('an exclusion may name the thing or its port', () => {
    const selector = { resources: [{ group: '', resource: 'services/proxy' }] };
    expect(matches(selector, { ...proxied, name: 'http:web:80' }, [{ names: ['web'] }])).toBe(false);
    expect(matches(selector, { ...proxied, name: 'http:web:80' }, [{ names: ['http:web:80'] }])).toBe(false);
    expect(matches(selector, { ...proxied, name: 'http:web:80' }, [{ names: ['other', 'http'] }])).toBe(true);
  });

  test('a colon in the name of anything else is a part of it', () => {
    const role = { group: 'rbac.authorization.k8s.io', resource: 'clusterroles', name: 'system:web:80' };
    expect(matches({ names: ['web'] }, role)).toBe(false);
  });

  test('a pod is bound by pods/binding and by bindings', () => {
    const binding = { operation: 'CREATE', group: '', resource: 'bindings', subresource: '' } as const;
    const ofPod = { ...binding, resource: 'pods', subresource: 'binding' };
    for (const resource of ['pods/binding', 'bindings'])
      for (const attributes of [binding, ofPod])
        expect(matches({ resources: [{ group: '', resource }] }, attributes)).toBe(true);
    expect(matches({ operations: ['CREATE'], resources: [{ group: '', resource: 'pods' }] }, binding)).toBe(false);
    expect(matches({ resources: [{ group: '', resource: 'bindings' }] }, { ...binding, group: 'example.org' })).toBe(
      false,
    );
  });
});

describe('P1: what is done by another door is governed as what it does', () => {
  test('an eviction deletes its pod', () => {
    const eviction = { operation: 'CREATE', group: '', resource: 'pods', subresource: 'eviction' } as const;
    const resources = [{ group: '', resource: 'pods' }];
    expect(matches({ operations: ['DELETE'], resources }, eviction)).toBe(true);
    expect(matches({ operations: ['CREATE', 'UPDATE'], resources }, eviction)).toBe(false);
    expect(matches({ operations: ['DELETE'], resources }, { ...eviction, subresource: 'binding' })).toBe(false);
  });

  test('a binding writes to its pod', () => {
    const binding = { operation: 'CREATE', group: '', resource: 'pods', subresource: 'binding' } as const;
    const selector = {
      operations: ['UPDATE'],
      resources: [{ group: '', resource: 'pods' }],
      paths: ['/metadata/labels/**'],
    };
    expect(matches(selector, binding)).toBe(true);
    expect(matches(selector, { ...binding, resource: 'bindings', subresource: '' })).toBe(true);
    expect(matches({ ...selector, operations: ['CREATE', 'DELETE'] }, binding)).toBe(false);
  });

  test('who lets a status out of a policy does not let out the metadata that is written along', () => {
    const exclude = [{ resources: [{ group: 'apps', resource: 'deployments/status' }] }];
    const selector = {
      resources: [
        { group: 'apps', resource: '*' },
        { group: 'apps', resource: '*/status' },
      ],
    };
    const status = { subresource: 'status', pathsTruncated: false };
    expect(matches(selector, { ...status, paths: ['/status/replicas'] }, exclude)).toBe(false);
    expect(matches(selector, { ...status, paths: ['/metadata/finalizers', '/status/replicas'] }, exclude)).toBe(true);
    expect(matches(selector, { ...status, paths: ['/metadata/ownerReferences'] }, exclude)).toBe(true);
  });

  test('who lets metadata out of a policy does not let out the deletion that an owner may be', () => {
    const exclude = [{ operations: ['UPDATE'], paths: ['/metadata/**'] }];
    const update = { pathsTruncated: false };
    expect(matches({}, { ...update, paths: ['/metadata/labels/a'] }, exclude)).toBe(false);
    expect(matches({}, { ...update, paths: ['/metadata/ownerReferences'] }, exclude)).toBe(true);
    expect(matches({ operations: ['UPDATE'] }, { ...update, paths: ['/metadata/ownerReferences'] }, exclude)).toBe(
      false,
    );
  });

  test('the proxy of a node executes in every pod of it', () => {
    const proxy = { operation: 'CONNECT', group: '', resource: 'nodes', subresource: 'proxy', namespace: '' } as const;
    for (const resource of ['pods/exec', 'pods/attach', 'pods/portforward', 'pods/*', '*/*'])
      expect(matches({ resources: [{ group: '', resource }], namespaces: ['prod-*'] }, proxy)).toBe(true);
    expect(matches({ operations: ['CONNECT'] }, proxy)).toBe(true);
    for (const resource of ['pods', 'pods/log', 'services/proxy'])
      expect(matches({ resources: [{ group: '', resource }] }, proxy)).toBe(false);
    expect(matches({ resources: [{ group: 'apps', resource: '*/*' }] }, proxy)).toBe(false);
    expect(matches({ operations: ['UPDATE'], resources: [{ group: '', resource: 'pods/*' }] }, proxy)).toBe(false);
    expect(matches({ resources: [{ group: '', resource: 'pods/exec' }] }, { ...proxy, resource: 'services' })).toBe(
      false,
    );
  });
});

describe('P1: who defines what objects are changes them where they lie', () => {
  const selector = { resources: [{ group: 'shop.example.com', resource: 'widgets' }], namespaces: ['prod-*'] };
  const crd = {
    group: 'apiextensions.k8s.io',
    resource: 'customresourcedefinitions',
    namespace: '',
    name: 'widgets.shop.example.com',
    pathsTruncated: false,
    paths: ['/spec/versions'],
  };

  test('the spec of a CRD prunes, defaults and converts its instances', () => {
    for (const operation of ['UPDATE', 'DELETE'])
      expect(matches({ ...selector, operations: [operation], paths: ['/spec/size'] }, crd)).toBe(true);
    expect(matches({ operations: ['UPDATE'], namespaces: ['prod-*'] }, crd)).toBe(true);
    expect(matches({ ...selector, operations: ['CREATE'] }, crd)).toBe(false);
    expect(matches(selector, { ...crd, paths: ['/metadata/annotations/a'] })).toBe(false);
    expect(matches(selector, { ...crd, paths: ['/metadata', ''], pathsTruncated: true })).toBe(true);
    expect(matches(selector, { ...crd, name: 'gadgets.shop.example.com' })).toBe(false);
    expect(matches(selector, { ...crd, operation: 'CREATE' })).toBe(false);
  });

  test('an APIService says who answers for a group', () => {
    const service = {
      ...crd,
      group: 'apiregistration.k8s.io',
      resource: 'apiservices',
      name: 'v1.shop.example.com',
      paths: ['/spec/service'],
    };
    expect(matches(selector, service)).toBe(true);
    expect(
      matches(selector, { ...service, paths: ['/metadata/labels/kube-aggregator.kubernetes.io~1automanaged'] }),
    ).toBe(true);
    expect(matches({ ...selector, operations: ['DELETE'] }, { ...service, operation: 'DELETE' })).toBe(true);
    expect(matches(selector, { ...service, name: 'v1.other.example.com' })).toBe(false);
    expect(matches(selector, { ...service, paths: ['/metadata/annotations/a'] })).toBe(false);
    expect(matches({ resources: [{ group: '', resource: 'secrets' }] }, { ...service, name: 'v1.' })).toBe(true);
  });
});
