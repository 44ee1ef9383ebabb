import { describe, expect, test } from 'vitest';
import { changeOf, hashOf, notPersisted, persisted, TestChain } from './test-chain.ts';

const matched = changeOf('image v2');
const free = changeOf('image v2', { namespace: 'dev' });

/** A chain on which proposal 1 for `matched` was opened by a refusal and approved by two organisations. */
function approved(options: ConstructorParameters<typeof TestChain>[0] = {}): TestChain {
  const chain = new TestChain(options).ready();
  chain.review({ ...matched, attributes: { ...matched.attributes, user: 'ann@alpha' } });
  chain.held(1);
  chain.vote('beta', 1);
  chain.vote('gamma', 1);
  return chain;
}
const byAnn = changeOf('image v2', { user: 'ann@alpha' });

describe('a change that no policy matches', () => {
  test('is admitted at once, with its leaf', () => {
    const chain = new TestChain().ready();
    const { result, leaf } = chain.review(free);
    expect(result).toMatchObject({ decision: 'ADMITTED', code: 'OK', proposal: null, binding: null });
    expect(chain.leaf(leaf).result).toEqual(result);
  });
});

describe('a change that a policy matches', () => {
  test('is refused and opens a proposal with the policy as it is', () => {
    const chain = new TestChain().ready();
    const { result } = chain.review(matched);
    expect(result).toMatchObject({
      decision: 'REFUSED',
      code: 'GOVERNANCE_VOTES_REQUIRED',
      proposal: 1,
      binding: 'diff',
    });
    expect(chain.proposal(1)).toMatchObject({
      state: 'OPEN',
      instance: 1,
      origin: 'refusal',
      requester: { user: 'ci', org: null },
    });
  });

  test('makes one proposal however often it is repeated', () => {
    const chain = new TestChain().ready();
    chain.review(matched);
    expect(chain.review(matched).result).toMatchObject({
      decision: 'REFUSED',
      code: 'GOVERNANCE_AUTHOR_UNKNOWN',
      proposal: 1,
    });
    expect(chain.app.liveProposals()).toHaveLength(1);
  });

  test('says what is missing: the author, the bodies, the votes', () => {
    const chain = new TestChain().ready();
    chain.review(matched);
    const code = () => chain.review(matched).result.code;
    expect(code()).toBe('GOVERNANCE_AUTHOR_UNKNOWN');
    chain.claim('alpha', 1);
    expect(code()).toBe('GOVERNANCE_BODIES_MISSING');
    chain.held(1);
    expect(code()).toBe('GOVERNANCE_VOTES_MISSING');
  });

  test('is admitted once two other organisations have approved it', () => {
    const chain = approved();
    expect(chain.state(1)).toBe('APPROVED READY');
    expect(chain.review(byAnn).result).toMatchObject({ decision: 'ADMITTED', proposal: 1, binding: 'diff' });
    expect(chain.state(1)).toBe('APPROVED RESERVED');
  });

  test('is another change with another content, and needs its own votes', () => {
    const chain = approved();
    expect(chain.review(changeOf('image v3', { user: 'ann@alpha' })).result).toMatchObject({
      decision: 'REFUSED',
      proposal: 2,
    });
  });
});

describe('one approval is used once', () => {
  test('by the same request reviewed again, also at a later resourceVersion', () => {
    const chain = approved();
    chain.review(byAnn);
    const again = { ...byAnn, attributes: { ...byAnn.attributes, resourceVersion: '7' } };
    expect(chain.review(again).result.decision).toBe('ADMITTED');
  });

  test('and not by a review after it was seen persisted', () => {
    const chain = approved();
    const { leaf } = chain.review(byAnn);
    chain.observe('beta', [persisted(leaf)]);
    expect(chain.review(byAnn).result).toMatchObject({ decision: 'REFUSED', code: 'GOVERNANCE_APPROVAL_IN_USE' });
    chain.observe('gamma', [persisted(leaf)]);
    expect(chain.state(1)).toBe('APPROVED EXECUTED');
    expect(chain.review(byAnn).result).toMatchObject({ decision: 'REFUSED', proposal: 2 });
    expect(chain.proposal(2).instance).toBe(2);
  });

  test('and not after another admitted change of the object', () => {
    const chain = approved();
    chain.review(byAnn);
    chain.review(changeOf('status', { subresource: 'status' }));
    expect(chain.review(byAnn).result.code).toBe('GOVERNANCE_APPROVAL_IN_USE');
  });

  test('and not for another object of the same name', () => {
    const create = changeOf('new', { operation: 'CREATE', uid: 'a', user: 'ann@alpha' });
    const chain = new TestChain().ready();
    chain.review(create);
    chain.held(1);
    chain.vote('beta', 1);
    chain.vote('gamma', 1);
    const first = changeOf('new', { operation: 'CREATE', uid: 'b', user: 'ann@alpha' });
    expect(chain.review(first).result.decision).toBe('ADMITTED');
    expect(chain.review(first).result.decision).toBe('ADMITTED');
    expect(chain.review(changeOf('new', { operation: 'CREATE', uid: 'c', user: 'ann@alpha' })).result.code).toBe(
      'GOVERNANCE_APPROVAL_IN_USE',
    );
  });

  test('is free again when enough observers saw that it was not persisted', () => {
    const chain = approved();
    const { leaf } = chain.review(byAnn);
    chain.observe('beta', [notPersisted(leaf)]);
    expect(chain.state(1)).toBe('APPROVED RESERVED');
    chain.observe('gamma', [notPersisted(leaf)]);
    expect(chain.state(1)).toBe('APPROVED READY');
    expect(chain.review(byAnn).result.decision).toBe('ADMITTED');
  });

  test('is not freed by what was said of an earlier review', () => {
    const chain = approved();
    const first = chain.review(byAnn).leaf;
    chain.review(byAnn);
    chain.observe('beta', [notPersisted(first)]);
    chain.observe('gamma', [notPersisted(first)]);
    expect(chain.state(1)).toBe('APPROVED RESERVED');
  });

  test('is not freed by two who missed what a third one saw', () => {
    const chain = approved();
    const { leaf } = chain.review(byAnn);
    chain.observe('delta', [persisted(leaf)]);
    chain.observe('beta', [notPersisted(leaf)]);
    chain.observe('gamma', [notPersisted(leaf)]);
    expect(chain.state(1)).toBe('APPROVED RESERVED');
  });

  test('is not spent by one observer alone, nor by what was stored under another uid', () => {
    const chain = approved();
    const { leaf } = chain.review(byAnn);
    chain.observe('beta', [persisted(leaf)]);
    chain.observe('gamma', [persisted(leaf, 'uid-9')]);
    expect(chain.state(1)).toBe('APPROVED RESERVED');
  });

  test('is uncertain, and spent, when nobody said so within the lease', () => {
    const chain = approved();
    const { leaf } = chain.review(byAnn);
    chain.advance(119_999).block();
    expect(chain.state(1)).toBe('APPROVED RESERVED');
    chain.advance(1).block();
    expect(chain.state(1)).toBe('APPROVED UNCERTAIN');
    expect(chain.observe('beta', [persisted(leaf)])).toBe('DONE OK');
    expect(chain.state(1)).toBe('APPROVED UNCERTAIN');
    expect(chain.review(byAnn).result).toMatchObject({ decision: 'REFUSED', proposal: 2 });
  });

  test('lapses when it is not used in time', () => {
    const chain = approved();
    chain.advance(3_600_000).block();
    expect(chain.state(1)).toBe('APPROVED LAPSED');
    expect(chain.review(byAnn).result).toMatchObject({ decision: 'REFUSED', proposal: 2 });
  });

  test.each([
    ['CONNECT', { operation: 'CONNECT', subresource: 'exec' }],
    ['a generated name', { operation: 'CREATE', generatedName: true, name: 'web-abcde' }],
    ['a created subresource', { operation: 'CREATE', subresource: 'eviction' }],
  ] as const)('is consumed at admission by %s', (_what, changes) => {
    const policies = [
      { name: 'all', spec: { clusters: ['*'], match: [{ namespaces: ['prod-*'] }], require: { approvals: 2 } } },
    ];
    const chain = new TestChain({ policies }).ready();
    const change = changeOf('use', { ...changes, user: 'ann@alpha' });
    chain.review(change);
    chain.held(1);
    chain.vote('beta', 1);
    chain.vote('gamma', 1);
    expect(chain.review(change).result.decision).toBe('ADMITTED');
    expect(chain.state(1)).toBe('APPROVED EXECUTED');
    expect(chain.review(change).result).toMatchObject({ decision: 'REFUSED', proposal: 2 });
  });
});

describe('two witnesses', () => {
  const witnessed = { hooks: 2 };

  test('decide together what each saw alike', () => {
    const chain = new TestChain(witnessed).ready();
    const first = chain.review(free, ['alpha']);
    expect(first.result).toMatchObject({ decision: 'WAITING', code: 'OK' });
    const { txs, decisions } = chain.block(chain.attest(free, 'beta'));
    expect(txs[0]?.result).toMatchObject({ decision: 'ADMITTED', witnesses: [first.leaf] });
    expect(decisions.map(({ tx, leaf }) => [tx, leaf])).toEqual([
      [first.hash, txs[0]?.leaf],
      [txs[0]?.hash, txs[0]?.leaf],
    ]);
  });

  test('of one hook decide nothing', () => {
    const chain = new TestChain(witnessed).ready();
    expect(chain.review(free, ['beta', 'gamma']).result.decision).toBe('WAITING');
  });

  test.each([
    ['a changed path left out', { ...free, attributes: { ...free.attributes, paths: [] } }],
    ['another user', changeOf('image v2', { namespace: 'dev', user: 'somebody' })],
    ['another resourceVersion', changeOf('image v2', { namespace: 'dev', resourceVersion: '2' })],
    ['another body', { ...free, bodyHash: hashOf('other') }],
    ['another content', changeOf('image v3', { namespace: 'dev' })],
  ])('that differ in %s are no pair', (_what, other) => {
    const chain = new TestChain(witnessed).ready();
    chain.review(free, ['alpha']);
    expect(chain.review(other, ['beta']).result.decision).toBe('WAITING');
  });

  test('do not wait for each other beyond notAfterMs', () => {
    const chain = new TestChain(witnessed).ready();
    chain.review(free, ['alpha']);
    chain.advance(8_001);
    expect(chain.review(free, ['beta']).result.decision).toBe('WAITING');
  });

  test('are passed over when their time is up, also beside one whose time is not', () => {
    const chain = new TestChain(witnessed).ready();
    chain.review(free, ['alpha']);
    const [later] = chain.block(chain.attest(free, 'alpha', { notAfterMs: chain.nowMs + 30_000 })).txs;
    chain.advance(8_002);
    expect(chain.review(free, ['beta']).result.witnesses).toEqual([later?.leaf]);
  });

  test('P8: what a failed attempt left behind does not take the partner of the next attempt', () => {
    const chain = new TestChain(witnessed).ready();
    chain.review(free, ['alpha']);
    const retried = chain.review(free, ['alpha']).leaf;
    expect(chain.review(free, ['beta']).result.witnesses).toEqual([retried]);
  });

  test('make a pair each, the newest first', () => {
    const chain = new TestChain(witnessed).ready();
    const first = chain.review(free, ['alpha']).leaf;
    const second = chain.review(free, ['alpha']).leaf;
    expect(chain.review(free, ['beta']).result.witnesses).toEqual([second]);
    expect(chain.review(free, ['beta']).result.witnesses).toEqual([first]);
    expect(chain.review(free, ['beta']).result.decision).toBe('WAITING');
  });
});

describe('history', () => {
  test('each record names the one before it of its object and of its namespace', () => {
    const chain = new TestChain().ready();
    const first = chain.review(free).leaf;
    const other = chain.review(changeOf('x', { namespace: 'dev', name: 'other' })).leaf;
    const { leaf } = chain.review(free);
    expect(chain.leaf(leaf).prev).toEqual({ object: first, namespace: other });
    expect(chain.leaf(first).prev).toEqual({ object: null, namespace: null });
  });

  test('a cluster-scoped object has no namespace to chain', () => {
    const chain = new TestChain().ready();
    chain.review(changeOf('x', { namespace: '' }));
    expect(chain.leaf(chain.review(changeOf('y', { namespace: '' })).leaf).prev.namespace).toBeNull();
  });
});

describe('a node', () => {
  test('attests only under the key that the cluster has, with digests of what it attests', () => {
    const chain = new TestChain().ready();
    const check = (change: typeof free) => {
      const result = chain.app.checkTx(chain.attest(change, 'alpha'), chain.nowMs);
      return result.ok ? 'ok' : result.code;
    };
    expect(check(free)).toBe('ok');
    expect(check({ ...free, keyId: hashOf('other key') })).toBe('LEDGER_CLUSTER_KEY');
    expect(check({ ...free, digest: matched.digest })).toBe('LEDGER_DIGEST');
    expect(check({ ...free, digest: { ...free.digest, strict: matched.digest.strict } })).toBe('LEDGER_DIGEST');
    expect(check({ ...free, attributes: { ...free.attributes, cluster: 'nowhere' as never } })).toBe(
      'LEDGER_CLUSTER_UNKNOWN',
    );
  });
});
