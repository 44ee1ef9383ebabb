import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeLeaf } from '../../../src/ledger/leaf.ts';
import { auditEntries } from '../../../src/ledger/audit-index.ts';
import type { SpoolEntry } from '../../../src/types/transaction.ts';
import type { Hash, ValidatorId } from '../../../src/types/brand.ts';
import { alone, changeOf, CLUSTER, hashOf, START_MS, TestChain } from './test-chain.ts';
import { pod, replicaSet, SPOOL, spooled, written } from './spools.ts';

const headOf = (chain: TestChain, spool = SPOOL) => chain.app.spoolHead('alpha', spool);
const hashAt = (chain: TestChain): Hash | '' => headOf(chain)?.hash ?? '';
const leafOf = (chain: TestChain, index: number) => {
  const decoded = decodeLeaf(chain.source.readLeaf(index) as Uint8Array);
  if (decoded.kind !== 'transaction') throw new Error('a leaf of a block');
  return decoded.leaf;
};

describe('what the record hook took', () => {
  test('is recorded, and names the records of the same objects before it', () => {
    const chain = new TestChain({ policies: [] }).ready();
    const created = chain.review(changeOf('v1', { operation: 'CREATE' }));
    const done = chain.run(spooled(0, '', [replicaSet(), pod(), pod('web-1-b'), pod()]));
    expect(done?.result).toMatchObject({ decision: 'RECORDED', code: 'OK', proposal: null });
    const { prev } = leafOf(chain, done?.leaf ?? 0);
    expect(prev).toMatchObject({ object: null, namespace: null });
    // The last entry is about the pod of the second: it names this very leaf.
    expect(prev.entries).toEqual([
      { object: null, namespace: created.leaf },
      { object: null, namespace: done?.leaf },
      { object: null, namespace: done?.leaf },
      { object: done?.leaf, namespace: done?.leaf },
    ]);
    const later = chain.run(spooled(4, hashAt(chain), [pod()]));
    expect(leafOf(chain, later?.leaf ?? 0).prev.entries).toEqual([{ object: done?.leaf, namespace: done?.leaf }]);
    const update = chain.review(changeOf('v2'));
    expect(leafOf(chain, update.leaf).prev).toEqual({ object: created.leaf, namespace: later?.leaf });
  });

  test('is found by each object, user, operation and namespace that it is about, once', () => {
    const payload = { v: 1, alg: 'ed25519', chain: hashOf('c'), ...spooled(0, '', [replicaSet(), pod(), pod()]) } as const;
    const result = { decision: 'RECORDED', code: 'OK', proposal: null, witnesses: [], binding: null, original: null } as const;
    const entries = auditEntries(3, payload, result, START_MS).map(([by, key]) => `${by}=${key}`);
    expect(entries.toSorted()).toEqual([
      'actor=system:serviceaccount:kube-system:deployment-controller',
      'actor=system:serviceaccount:kube-system:replicaset-controller',
      'decision=RECORDED',
      'kind=spooled-record',
      'namespace=prod/prod-web',
      'object=prod//pods/prod-web/web-1-a',
      'object=prod/apps/replicasets/prod-web/web-1',
      'operation=CREATE',
      `time=${String(START_MS).padStart(16, '0')}`,
    ]);
  }); // prettier-ignore

  test('uses no approval, and opens no proposal, although a policy matches it', () => {
    const chain = new TestChain().ready();
    const change = changeOf('v2');
    const before = chain.review(change);
    expect(before.result.decision).toBe('REFUSED');
    const same = { attributes: change.attributes, commitment: change.commitment, owners: [], receivedMs: START_MS };
    expect(chain.verdict(spooled(0, '', [same]))).toBe('RECORDED OK');
    expect(chain.app.proposal(1)?.unused).toBe('OPEN');
    expect(chain.app.proposal(2)).toBeUndefined();
  });

  test('has no end: a day later it is recorded all the same', () => {
    const chain = alone().ready();
    const tx = chain.sign(spooled(0, '', [pod()]));
    chain.advance(3 * 86_400_000).block();
    expect(chain.app.checkTx(tx, chain.nowMs)).toMatchObject({ ok: true });
    expect(chain.block(tx).txs[0]?.result.decision).toBe('RECORDED');
  });
});

describe('a spool stands in the log without a gap and only once', () => {
  test('the same bytes again are a DUPLICATE, and their leaf is known', () => {
    const chain = alone().ready();
    const tx = chain.sign(spooled(0, '', [pod()]));
    const leaf = chain.block(tx).txs[0]?.leaf;
    expect(chain.app.checkTx(tx, chain.nowMs)).toMatchObject({ ok: false, code: 'LEDGER_DUPLICATE' });
    expect(chain.block(tx).txs).toEqual([]);
    expect(chain.app.recordedTx(tx)?.leaf).toBe(leaf);
  });

  test.each<[string, (chain: TestChain) => ReturnType<typeof spooled>]>([
    ['what is there already', () => spooled(0, '', [pod('again')])],
    ['what leaves one out', (chain) => spooled(3, hashAt(chain), [pod()])],
    ['what does not follow what is there', () => spooled(2, hashOf('another past'), [pod()])],
    ['a beginning in the middle', () => spooled(1, '', [pod()], { spool: 'f'.repeat(32) })],
  ])('%s is refused', (_what, payload) => {
    const chain = alone().ready();
    chain.run(spooled(0, '', [replicaSet(), pod()]));
    expect(chain.verdict(payload(chain))).toBe('LEDGER_SPOOL');
    expect(headOf(chain)?.next).toBe(2);
  });

  test('whatever is offered in whatever batches and how often: each entry once, in order', () => {
    const batches = fc.array(fc.tuple(fc.nat(12), fc.integer({ min: 1, max: 4 })), { maxLength: 30 });
    fc.assert(
      fc.property(batches, (offered) => {
        const chain = alone().ready();
        const entries = Array.from({ length: 20 }, (_, i) => pod(`p${i}`));
        const txs: string[] = [];
        for (const [first, size] of offered) {
          const done = chain.run(spooled(first, hashAt(chain), entries.slice(first, first + size)));
          if (done === undefined) continue;
          const { payload } = JSON.parse(JSON.stringify(leafOf(chain, done.leaf).tx)) as { payload: string };
          const held = JSON.parse(Buffer.from(payload, 'base64').toString()) as { entries: ReturnType<typeof pod>[] };
          txs.push(...held.entries.map(({ attributes }) => attributes.name));
        }
        expect(txs).toEqual(entries.slice(0, txs.length).map(({ attributes }) => attributes.name));
        expect(headOf(chain)?.next ?? 0).toBe(txs.length);
      }),
      { numRuns: 60 },
    );
  });

  test('another spool of the same node begins anew', () => {
    const chain = alone().ready();
    chain.run(spooled(0, '', [pod()]));
    const other = 'a'.repeat(32);
    expect(chain.verdict(spooled(0, '', [pod('b')], { spool: other }))).toBe('RECORDED OK');
    expect(headOf(chain, other)?.next).toBe(1);
    expect(chain.app.spoolTotals('alpha')).toEqual({ records: 2, gaps: 0, lost: 0, openSinceMs: null });
  });
});

test('a gap is written down: since when, until when, and how many writes it swallowed', () => {
  const chain = alone().ready();
  const gap = (kind: 'open' | 'closed', atMs: number, count: number | null): SpoolEntry => ({ gap: kind, atMs, count });
  chain.run(spooled(0, '', [pod(), gap('open', 5, 0)]));
  expect(chain.app.spoolTotals('alpha')).toEqual({ records: 1, gaps: 1, lost: 0, openSinceMs: 5 });
  chain.run(spooled(2, hashAt(chain), [gap('closed', 9, 17), pod('b'), gap('open', 11, 0), gap('closed', 12, null)]));
  expect(chain.app.spoolTotals('alpha')).toEqual({ records: 2, gaps: 2, lost: 17, openSinceMs: null });
});

describe('only a node that is asked may record', () => {
  test('one that answers no hook may not', () => {
    const genesis = new TestChain().genesis;
    const clusters = genesis.clusters.map((cluster) => ({ ...cluster, hooks: [{ name: 'h', orgs: cluster.observers.slice(0, 2) }] }));
    const chain = alone({ ...genesis, clusters }).ready();
    expect(chain.verdict(spooled(0, '', [pod()], { node: 'gamma' as ValidatorId }))).toBe('LEDGER_NOT_A_HOOK');
  }); // prettier-ignore

  test('nobody under a key that is not the cluster s', () => {
    const chain = alone().ready();
    expect(chain.verdict(spooled(0, '', [pod()], { keyId: hashOf('other') }))).toBe('LEDGER_CLUSTER_KEY');
  });

  test('nor for another cluster than it names', () => {
    const chain = alone().ready();
    const foreign = written({ cluster: 'other' as typeof CLUSTER });
    expect(() => chain.sign(spooled(0, '', [foreign]))).toThrow('every change is of the named cluster');
  });

  test('no hook group has the name of the record hook', () => {
    const genesis = new TestChain().genesis;
    const named = genesis.clusters.map((cluster) => ({ ...cluster, hooks: [{ name: 'record', orgs: cluster.observers }] }));
    const chain = alone();
    const [cluster] = named;
    if (cluster === undefined) throw new Error('no cluster');
    expect(() => chain.configure('alpha', [{ type: 'cluster-put', cluster, replaces: null }])).toThrow('record hook');
  }); // prettier-ignore
});
