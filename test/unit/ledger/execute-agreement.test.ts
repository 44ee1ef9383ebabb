import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Hash, OrgId, ValidatorId } from '../../../src/types/brand.ts';
import { changeOf, CLUSTER, hashOf, notPersisted, ORGS, persisted, signerOf, TestChain } from './test-chain.ts';

/** Transactions as a mempool may hold them: good, late, repeated, contradictory, forged, of strangers, about nothing. */
const pieces: readonly ((chain: TestChain, n: number) => Uint8Array)[] = [
  (chain, n) => chain.attest(changeOf(`v${n % 3}`, { user: 'ann@alpha' }), ORGS[n % 4]!),
  (chain, n) => chain.attest(changeOf(`v${n % 3}`, { user: 'ann@alpha' }), ORGS[n % 2]!),
  (chain, n) => chain.attest(changeOf('free', { namespace: 'dev' }), ORGS[n % 4]!, { admissionUid: `same-${n % 2}` }),
  (chain, n) => chain.attest({ ...changeOf('x'), keyId: hashOf('other') }, ORGS[n % 4]!),
  (chain, n) => chain.attest(changeOf('late'), ORGS[n % 4]!, { notAfterMs: chain.nowMs - 1 - n * 1_000 }),
  (chain, n) => chain.attest(changeOf('early'), ORGS[n % 4]!, { notAfterMs: chain.nowMs + 10 ** 9 }),
  (chain, n) =>
    chain.sign(chain.ballot(ORGS[n % 4]!, 1 + (n % 2), { sequence: n % 3, member: n % 5 === 0 ? 'eve' : 'ann' })),
  (chain, n) => chain.sign(chain.ballot(ORGS[n % 4]!, 1), signerOf('mallory')),
  (chain, n) =>
    chain.sign({
      kind: 'claim',
      org: ORGS[n % 4] as OrgId,
      member: 'bob',
      proposal: 1,
      sequence: n,
      claim: n % 3 !== 0,
    }),
  (chain, n) =>
    chain.sign({
      kind: 'proposal',
      org: ORGS[n % 4] as OrgId,
      member: 'ann',
      nonce: `${n % 7}`,
      reason: '',
      cluster: CLUSTER,
      config: [],
      details: hashOf(`details ${n % 4}`),
      title: 'x',
      digests: [changeOf(`p${n % 4}`).digest.diff],
      policies: chain.policies().map(({ digest }) => digest),
    }),
  (chain, n) =>
    chain.sign({
      kind: 'body-held',
      node: ORGS[n % 4] as unknown as ValidatorId,
      proposal: 1 + (n % 2),
      details: (chain.app.proposal(1 + (n % 2))?.details || hashOf('none')) as Hash,
    }),
  (chain, n) =>
    chain.sign({
      kind: 'observation',
      node: ORGS[n % 4] as unknown as ValidatorId,
      cluster: CLUSTER,
      sequence: n,
      results: [n % 2 === 0 ? persisted(n) : notPersisted(n)],
    }),
  (chain, n) =>
    chain.sign({ kind: 'tick', node: ORGS[n % 4] as unknown as ValidatorId, dueMs: n, id: '1/voting', height: n }),
  (_chain, n) => new TextEncoder().encode(`{"n":${n}}`),
];

const block = fc.record({
  txs: fc.array(fc.tuple(fc.nat({ max: pieces.length - 1 }), fc.nat({ max: 11 })), { maxLength: 12 }),
  repeat: fc.boolean(),
  passMs: fc.constantFrom(1, 1_000, 30_000, 130_000, 600_000, 86_400_000),
});

test('whatever a proposer is offered, what it makes of it is what every other node makes of it', () => {
  const decisions = new Set<string>();
  let dropped = 0;
  fc.assert(
    fc.property(fc.array(block, { minLength: 6, maxLength: 10, size: 'max' }), (blocks) => {
      const chain = new TestChain({ hooks: 2 }).ready();
      let before: readonly Uint8Array[] = [];
      for (const { txs, repeat, passMs } of blocks) {
        const fresh = txs.map(([piece, n]) => pieces[piece]!(chain, n));
        const offered = repeat ? [...before, ...fresh, ...fresh] : fresh;
        // The second node refuses what it would not have made itself, and `block` throws then.
        const { txs: taken } = chain.block(...offered);
        for (const { result } of taken) decisions.add(result.decision);
        dropped += offered.length - taken.length;
        before = fresh;
        chain.advance(passMs);
      }
      expect(chain.follower.info()).toEqual(chain.app.info());
      expect(chain.restarted().info()).toEqual(chain.app.info());
    }),
    { numRuns: 12, seed: 4 },
  );
  expect([...decisions].sort()).toEqual(['ADMITTED', 'DONE', 'EXPIRED', 'REFUSED', 'WAITING']);
  expect(dropped).toBeGreaterThan(100);
});
