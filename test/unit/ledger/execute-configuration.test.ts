import { describe, expect, test } from 'vitest';
import type { ClusterId, Hash, OrgId } from '../../../src/types/brand.ts';
import type { ConfigChange } from '../../../src/types/transaction.ts';
import { parsePolicySpec } from '../../../src/governance/policy-parse.ts';
import { configProposal } from '../../../src/ledger/config-proposal.ts';
import { policyDigest, versionHash } from '../../../src/ledger/version-hash.ts';
import { alone, changeOf, CLUSTER, hashOf, sha256, signerOf, type TestChain } from './test-chain.ts';

const HOUR_MS = 3_600_000;
const alpha = 'alpha' as OrgId;
const rawSpec = {
  clusters: ['*'],
  match: [{ resources: [{ group: '', resource: 'configmaps' }] }],
  require: { approvals: 1 },
};
const put = (name: string, spec: object = rawSpec, replaces: Hash | null = null): ConfigChange => ({
  type: 'policy-put',
  name,
  spec,
  replaces,
});
const production = (chain: TestChain): Hash => {
  const { name, spec } = chain.genesis.policies[0]!;
  return policyDigest(sha256, name, parsePolicySpec(spec));
};

/** Proposed by alpha and approved by three organisations, which is the majority of four. */
function decide(chain: TestChain, config: readonly ConfigChange[]): string {
  const proposed = chain.configure('alpha', config);
  if (proposed !== 'DONE OK') return proposed;
  const id = chain.app.liveProposals().at(-1)!.id;
  for (const org of ['alpha', 'beta', 'gamma']) chain.vote(org, id);
  return chain.proposal(id).state;
}
const policies = (chain: TestChain) =>
  JSON.parse(Buffer.from(chain.app.stateGet('list/policies')!).toString()) as string[];

describe('a configuration proposal', () => {
  test('needs a majority, the proposer votes like everybody, and it executes at once', () => {
    const chain = alone().ready();
    expect(chain.configure('alpha', [put('maps')])).toBe('DONE OK');
    expect(chain.proposal(1).requirements).toMatchObject([
      { policy: 'configuration', approvals: 3, excludeAuthor: 'none' },
    ]);
    chain.vote('alpha', 1);
    chain.vote('beta', 1);
    expect(chain.state(1)).toBe('OPEN');
    chain.vote('gamma', 1);
    expect(chain.state(1)).toBe('EXECUTED');
    expect(policies(chain)).toEqual(['maps', 'production']);
    expect(chain.review(changeOf('x', { group: '', resource: 'configmaps', namespace: 'dev' })).result.decision).toBe(
      'REFUSED',
    );
  });

  test('waits for its delay, and is executed by time alone', () => {
    const chain = alone({ configPolicy: { delayMs: HOUR_MS } }).ready();
    chain.configure('alpha', [put('maps')]);
    for (const org of ['alpha', 'beta', 'gamma']) chain.vote(org, 1);
    expect(chain.state(1)).toBe('APPROVED');
    chain.advance(HOUR_MS - 1).block();
    expect(policies(chain)).toEqual(['production']);
    chain.advance(1).block();
    expect(chain.state(1)).toBe('EXECUTED');
    expect(policies(chain)).toEqual(['maps', 'production']);
  });

  test('can be lost again before it is executed', () => {
    const chain = alone({ configPolicy: { delayMs: HOUR_MS } }).ready();
    chain.configure('alpha', [put('maps')]);
    for (const org of ['alpha', 'beta', 'gamma']) chain.vote(org, 1);
    chain.vote('gamma', 1, { choice: 'reject', sequence: 2 });
    expect(chain.proposal(1)).toMatchObject({ state: 'FAILED', endCode: 'GOVERNANCE_APPROVAL_IMPOSSIBLE' });
    chain.advance(HOUR_MS).block();
    expect(policies(chain)).toEqual(['production']);
  });

  test('executes all of it or nothing, and fails where another one came first', () => {
    const chain = alone().ready();
    const digest = production(chain);
    const both = [put('maps'), { type: 'policy-delete', name: 'production', replaces: digest } as const];
    chain.configure('alpha', both);
    expect(decide(chain, [put('production', { ...rawSpec, binding: 'strict' }, digest)])).toBe('EXECUTED');
    for (const org of ['alpha', 'beta', 'gamma']) chain.vote(org, 1);
    expect(chain.proposal(1)).toMatchObject({ state: 'FAILED', endCode: 'GOVERNANCE_CONFIG_CONFLICT' });
    expect(policies(chain)).toEqual(['production']);
  });

  test('takes no ballot after its deadline, though a hundred others end first', () => {
    const chain = alone().ready();
    const proposers = ['alpha', 'beta', 'gamma'].flatMap((org) =>
      ['ann', 'bob'].map((member) => ({ org: org as OrgId, member })),
    );
    const txs = Array.from({ length: 101 }, (_, i) =>
      chain.sign({
        ...configProposal([put('maps')], `n${i}`),
        ...proposers[i % proposers.length]!,
      }),
    );
    expect(chain.block(...txs).txs).toHaveLength(101);
    chain.advance(HOUR_MS + 1);
    // Due transitions run by time and then by the text of their id.
    expect(chain.vote('delta', 99)).toBe('REFUSED GOVERNANCE_BALLOT_LATE');
  });

  test('ends in rejection at its deadline', () => {
    const chain = alone().ready();
    chain.configure('alpha', [put('maps')]);
    chain.advance(HOUR_MS).block();
    expect(chain.proposal(1)).toMatchObject({ state: 'REJECTED', endCode: 'GOVERNANCE_VOTING_OVER' });
  });
});

describe('what could never be executed is refused when it is proposed', () => {
  const key = (name: string) => signerOf(name).publicKey;
  const member = (name: string, by = name) => ({ name, key: key(by), roles: ['member'] as const });

  test.each<[string, ConfigChange, string]>([
    ['an unknown field', put('p', { ...rawSpec, extra: 1 }), 'GOVERNANCE_POLICY_FIELD_UNKNOWN'],
    ['a missing field', put('p', { clusters: ['*'] }), 'GOVERNANCE_POLICY_FIELD_MISSING'],
    ['a wrong value', put('p', { ...rawSpec, binding: 'x' }), 'GOVERNANCE_POLICY_VALUE'],
    ['a wrong duration', put('p', { ...rawSpec, deadlines: { voting: '1d' } }), 'GOVERNANCE_POLICY_DURATION'],
    ['a wrong pattern', put('p', { ...rawSpec, clusters: ['?'] }), 'GOVERNANCE_POLICY_GLOB'],
    ['a reserved name', put('configuration'), 'GOVERNANCE_POLICY_NAME'],
    ['too many approvals', put('p', { ...rawSpec, require: { approvals: 4 } }), 'GOVERNANCE_POLICY_NEVER_MET'],
    [
      'only leases',
      put('p', { ...rawSpec, match: [{ resources: [{ group: 'coordination.k8s.io', resource: 'leases' }] }] }),
      'GOVERNANCE_POLICY_NEVER_MATCHES',
    ],
    ['a policy that is there', put('production'), 'GOVERNANCE_CONFIG_CONFLICT'],
    ['a policy that is not there', put('p', rawSpec, hashOf('x')), 'GOVERNANCE_CONFIG_CONFLICT'],
    [
      'a key in use',
      { type: 'member-put', org: alpha, member: member('new', 'beta tx'), replaces: null },
      'GOVERNANCE_CONFIG_INVALID',
    ],
    [
      'an unknown organisation',
      { type: 'member-put', org: 'x' as OrgId, member: member('new'), replaces: null },
      'GOVERNANCE_CONFIG_INVALID',
    ],
    [
      'a weak key',
      {
        type: 'member-put',
        org: alpha,
        member: { ...member('new'), key: `01${'0'.repeat(62)}` as never },
        replaces: null,
      },
      'GOVERNANCE_CONFIG_INVALID',
    ],
    [
      'a binding to nobody',
      { type: 'binding-put', binding: { cluster: CLUSTER, user: 'u', org: alpha, member: 'nobody' }, replaces: null },
      'GOVERNANCE_CONFIG_INVALID',
    ],
    [
      'a binding in no cluster',
      {
        type: 'binding-put',
        binding: { cluster: 'x' as ClusterId, user: 'u', org: alpha, member: null },
        replaces: null,
      },
      'GOVERNANCE_CONFIG_INVALID',
    ],
    [
      'overlapping hooks',
      {
        type: 'cluster-put',
        cluster: {
          name: 'edge' as ClusterId,
          uid: '',
          hooks: [
            { name: 'a', orgs: [alpha] },
            { name: 'b', orgs: [alpha] },
          ],
          observers: [],
        },
        replaces: null,
      },
      'GOVERNANCE_CONFIG_INVALID',
    ],
    [
      'a hook of nobody',
      {
        type: 'cluster-put',
        cluster: { name: 'edge' as ClusterId, uid: '', hooks: [{ name: 'a', orgs: [] }], observers: [] },
        replaces: null,
      },
      'GOVERNANCE_CONFIG_INVALID',
    ],
    [
      'a hook of strangers',
      {
        type: 'cluster-put',
        cluster: { name: 'edge' as ClusterId, uid: '', hooks: [{ name: 'a', orgs: ['x' as OrgId] }], observers: [] },
        replaces: null,
      },
      'GOVERNANCE_CONFIG_INVALID',
    ],
  ])('%s', (_what, change, code) => {
    expect(alone().ready().configure('alpha', [change])).toBe(`REFUSED ${code}`);
  });

  test('parameters and the configuration policy outside their bounds', () => {
    const chain = alone().ready();
    const { params, configPolicy } = chain.genesis;
    const paramsPut = {
      type: 'params-put',
      params: { ...params, blockTxsMax: 0 },
      replaces: versionHash(sha256, params),
    } as const;
    expect(chain.configure('alpha', [paramsPut])).toBe('REFUSED GOVERNANCE_PARAMS');
    const policyPut = {
      type: 'config-policy-put',
      configPolicy: { ...configPolicy, votingMs: 1 },
      replaces: versionHash(sha256, configPolicy),
    } as const;
    expect(chain.configure('alpha', [policyPut])).toBe('REFUSED GOVERNANCE_PARAMS');
  });

  test('a sixty-fifth policy', () => {
    const policies = Array.from({ length: 64 }, (_, i) => ({ name: `p${i}`, spec: rawSpec }));
    expect(
      alone({ policies })
        .ready()
        .configure('alpha', [put('one-more')]),
    ).toBe('REFUSED GOVERNANCE_TOO_MANY_POLICIES');
    expect(() => alone({ policies: [...policies, { name: 'one-more', spec: rawSpec }] })).toThrow('64 policies');
  });

  test('the members whom a policy or the organisation needs', () => {
    const chain = alone().ready();
    const [ann, bob] = chain.genesis.orgs[0]!.members;
    const leave = [ann, bob].map(
      (m) => ({ type: 'member-delete', org: alpha, name: m!.name, replaces: versionHash(sha256, m!) }) as const,
    );
    expect(chain.configure('alpha', leave)).toBe('REFUSED GOVERNANCE_CONFIG_INVALID');
    expect(chain.configure('alpha', leave.slice(0, 1))).toBe('DONE OK');
  });
});

describe('what was decided holds from then on', () => {
  test('a new member votes, a removed one does not', () => {
    const chain = alone().ready();
    const carl = { name: 'carl', key: signerOf('carl of alpha').publicKey, roles: ['member'] as const };
    const ann = chain.genesis.orgs[0]!.members[0]!;
    expect(decide(chain, [{ type: 'member-put', org: alpha, member: carl, replaces: null }])).toBe('EXECUTED');
    expect(
      decide(chain, [{ type: 'member-delete', org: alpha, name: 'ann', replaces: versionHash(sha256, ann) }]),
    ).toBe('EXECUTED');
    chain.configure('beta', [put('maps')]);
    expect(chain.vote('alpha', 3)).toBe('LEDGER_SIGNER_UNKNOWN');
    expect(chain.vote('alpha', 3, { member: 'carl' })).toBe('DONE OK');
  });

  test('a binding makes its organisation the author', () => {
    const chain = alone().ready();
    const binding = { cluster: CLUSTER, user: 'system:serviceaccount:ci:deploy', org: alpha, member: null };
    decide(chain, [{ type: 'binding-put', binding, replaces: null }]);
    chain.review(changeOf('x', { user: binding.user }));
    expect(chain.proposal(2).requester).toEqual({ user: binding.user, org: 'alpha', member: null });
    expect(
      decide(chain, [
        { type: 'binding-delete', cluster: CLUSTER, user: binding.user, replaces: versionHash(sha256, binding) },
      ]),
    ).toBe('EXECUTED');
    expect(chain.app.stateGet(`binding/prod/${binding.user}`)).toBeUndefined();
  });

  test('a witness counts for the hook that its organisation answers now, never for two', () => {
    const chain = alone({ hooks: 2 }).ready();
    const free = changeOf('x', { namespace: 'dev' });
    chain.block(chain.attest(free, 'alpha', { notAfterMs: chain.nowMs + 60_000 }));
    const cluster = chain.genesis.clusters[0]!;
    const orgs = (...names: string[]) => names as OrgId[];
    const hooks = [
      { name: 'hook-0', orgs: orgs('beta') },
      { name: 'hook-1', orgs: orgs('alpha') },
    ];
    decide(chain, [{ type: 'cluster-put', cluster: { ...cluster, hooks }, replaces: versionHash(sha256, cluster) }]);
    expect(chain.review(free, ['alpha']).result.decision).toBe('WAITING');
    expect(chain.review(free, ['beta']).result.decision).toBe('ADMITTED');
  });

  test('parameters of the next block', () => {
    const chain = alone().ready();
    const { params } = chain.genesis;
    decide(chain, [
      { type: 'params-put', params: { ...params, blockTxsMax: 1 }, replaces: versionHash(sha256, params) },
    ]);
    expect(chain.app.info().params.blockTxsMax).toBe(1);
    const free = changeOf('x', { namespace: 'dev' });
    expect(chain.block(chain.attest(free, 'alpha'), chain.attest(free, 'alpha')).txs).toHaveLength(1);
  });

  test('a changed policy ends the proposals that it matched, open or approved', () => {
    const chain = alone().ready();
    chain.review(changeOf('one', { user: 'ann@alpha' }));
    chain.review(changeOf('two', { user: 'ann@alpha' }));
    chain.held(1).held(2);
    for (const org of ['beta', 'gamma']) chain.vote(org, 2);
    const stricter = { ...(chain.genesis.policies[0]!.spec as object), require: { approvals: 3 } };
    expect(decide(chain, [put('production', stricter, production(chain))])).toBe('EXECUTED');
    expect(chain.proposal(1)).toMatchObject({ state: 'SUPERSEDED', endCode: 'GOVERNANCE_POLICY_CHANGED' });
    expect(chain.proposal(2)).toMatchObject({
      state: 'APPROVED',
      endCode: 'GOVERNANCE_POLICY_CHANGED',
      changes: [{ state: 'REVOKED' }],
    });
    expect(chain.review(changeOf('two', { user: 'ann@alpha' })).result).toMatchObject({
      decision: 'REFUSED',
      proposal: 4,
    });
  });

  test('an approval that is in use under an older policy serves no further review', () => {
    const chain = alone().ready();
    const change = changeOf('one', { user: 'ann@alpha' });
    chain.review(change);
    chain.held(1);
    for (const org of ['beta', 'gamma']) chain.vote(org, 1);
    chain.review(change);
    const stricter = { ...(chain.genesis.policies[0]!.spec as object), require: { approvals: 3 } };
    decide(chain, [put('production', stricter, production(chain))]);
    expect(chain.state(1)).toBe('APPROVED RESERVED');
    expect(chain.review(change).result).toMatchObject({ decision: 'REFUSED', code: 'GOVERNANCE_APPROVAL_OUTDATED' });
  });

  test('a policy that does not match them leaves them alone', () => {
    const chain = alone().ready();
    chain.review(changeOf('one'));
    decide(chain, [put('maps')]);
    expect(chain.state(1)).toBe('OPEN OPEN');
  });

  test('of two policies both must be met, and the stricter binding counts', () => {
    const chain = alone().ready();
    const all = {
      clusters: ['*'],
      match: [{ namespaces: ['prod-*'] }],
      require: { approvals: 1, requiredOrgs: ['delta'] },
      binding: 'strict',
    };
    decide(chain, [put('second', all)]);
    const change = changeOf('x', { user: 'ann@alpha' });
    expect(chain.review(change).result).toMatchObject({ decision: 'REFUSED', binding: 'strict', proposal: 2 });
    chain.held(2);
    for (const org of ['beta', 'gamma']) chain.vote(org, 2);
    expect(chain.state(2)).toBe('OPEN OPEN');
    chain.vote('delta', 2);
    expect(chain.review(change).result).toMatchObject({ decision: 'ADMITTED', binding: 'strict' });
  });
});
