import { parsePolicySpec } from '../../../src/governance/policy-parse.ts';
import type { Policy, PolicySpec } from '../../../src/governance/policy.ts';
import type { ClusterId, Hash, OrgId, PublicKeyHex } from '../../../src/types/brand.ts';
import type { Organisation } from '../../../src/types/chain.ts';
import type { ChangeAttributes } from '../../../src/types/change.ts';

export const change: ChangeAttributes = {
  cluster: 'prod' as ClusterId,
  operation: 'UPDATE',
  group: 'apps',
  version: 'v1',
  resource: 'deployments',
  subresource: '',
  namespace: 'prod-web',
  name: 'web',
  uid: 'u',
  resourceVersion: '1',
  user: 'ci',
  groups: ['dev', 'system:authenticated'],
  generatedName: false,
  options: '',
  paths: ['/spec/template/spec/containers/0/image'],
  pathsTruncated: false,
};

/** A spec with every field, so that a test changes exactly one. */
export const fullSpec = {
  clusters: ['prod'],
  match: [
    {
      operations: ['UPDATE'],
      resources: [{ group: 'apps', resource: 'deployments' }],
      namespaces: ['prod-*'],
      names: ['web*'],
      paths: ['/spec/template/**'],
      users: ['ci'],
      groups: ['dev'],
    },
  ],
  exclude: [],
  require: { approvals: 2, requiredOrgs: [], veto: [], excludeAuthor: 'org' },
  binding: 'diff',
  deadlines: { voting: '24h', execution: '1h' },
};

export const specOf = (changes: object = {}): PolicySpec => parsePolicySpec({ ...fullSpec, ...changes });

export const policyOf = (changes: object = {}, name = 'production'): Policy => ({
  name,
  spec: specOf(changes),
  digest: name as Hash,
});

/** Organisations with as many voting members as given. */
export const orgsOf = (voters: { readonly [name: string]: number }, votesRequired = 1): readonly Organisation[] =>
  Object.entries(voters).map(([name, count]) => ({
    name: name as OrgId,
    votesRequired,
    members: Array.from({ length: count }, (_, i) => ({
      name: `m${i}`,
      key: '' as PublicKeyHex,
      roles: ['member'] as const,
    })),
  }));
