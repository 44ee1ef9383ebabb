import { describe, expect, test } from 'vitest';
import { decodeArchived, verifyArchived } from '../../../src/ledger/archive.ts';
import { changesOf, checkDetails, decodeDetails, digestsOf, encodeDetails } from '../../../src/ledger/details.ts';
import { decodeLeaf } from '../../../src/ledger/leaf.ts';
import { TX_BYTES_MAX } from '../../../src/ledger/limits.ts';
import type { Proposal, ProposalDetails } from '../../../src/types/proposal.ts';
import type { Hash } from '../../../src/types/brand.ts';
import type { ProposedChange } from '../../../src/types/transaction.ts';
import { alone, changeOf, hashOf, notPersisted, persisted, sha256, TestChain } from './test-chain.ts';

const DAY_MS = 86_400_000;
const rule = (namespace: string, more: object = {}) => ({
  clusters: ['*'],
  match: [{ resources: [{ group: 'apps', resource: 'deployments' }], namespaces: [namespace] }],
  require: { approvals: 2 },
  ...more,
});
const paths = Array.from({ length: 256 }, (_, i) => `/spec/template/spec/containers/[name=container-${i}]/image`);
const many = (count: number): readonly ProposedChange[] =>
  Array.from({ length: count }, (_, i) => changeOf(`c${i}`, { name: `web-${i}`, uid: `uid-${i}`, paths }));

function approved(changes: readonly ProposedChange[], chain = alone().ready()): TestChain {
  expect(chain.propose('alpha', changes)).toBe('DONE OK');
  chain.held(1);
  for (const org of ['beta', 'gamma']) chain.vote(org, 1);
  return chain;
}
/** Every state document that the last block wrote, by size. */
const written = (chain: TestChain): number =>
  Math.max(...chain.blocks.at(-1)!.writes.buckets.map(([, bytes]) => bytes?.length ?? 0));

describe('one proposal of 500 changes with 256 changed paths each', () => {
  const changes = many(500);
  const chain = approved(changes);

  test('fits into one transaction, and its state is written once', () => {
    const opened = chain.leaf(chain.proposal(1).openedLeaf);
    expect(opened.tx.payload.length).toBeLessThan(TX_BYTES_MAX);
    expect(chain.proposal(1)).toMatchObject({ state: 'APPROVED', changeCount: 500, unused: 'READY' });
    expect(Buffer.from(chain.app.stateGet('proposal/1')!).length).toBeLessThan(4_000);
  });

  test('is used change by change, and no admission writes a list of them', () => {
    const decision = chain.review(changes[499]!);
    expect(decision.result).toMatchObject({ decision: 'ADMITTED', proposal: 1 });
    expect(written(chain)).toBeLessThan(8_000);
    expect(chain.proposal(1)).toMatchObject({ reserved: [499], executed: 0 });
    chain.observe('beta', [persisted(decision.leaf, 'uid-499')]);
    chain.observe('gamma', [persisted(decision.leaf, 'uid-499')]);
    expect(chain.proposal(1)).toMatchObject({ reserved: [], executed: 1 });
    expect(chain.review(changes[499]!).result).toMatchObject({ decision: 'REFUSED', proposal: 2 });
  });

  test('frees one change without touching another', () => {
    const { leaf } = chain.review(changes[7]!);
    chain.review(changes[8]!);
    for (const org of ['beta', 'gamma']) chain.observe(org, [notPersisted(leaf)]);
    expect(chain.proposal(1)).toMatchObject({ reserved: [8], executed: 1 });
    expect(chain.review(changes[7]!).result.decision).toBe('ADMITTED');
  });
});

describe('P1: what a proposer states of the policies gains nothing', () => {
  const policies = [
    { name: 'lax', spec: rule('prod-*', { require: { approvals: 1 } }) },
    { name: 'production', spec: rule('prod-*', { require: { approvals: 3 } }) },
  ];
  const change = changeOf('v2');

  test('one that is left out is met at the admission', () => {
    const chain = alone({ policies }).ready();
    const lax = chain.policies().filter(({ name }) => name === 'lax');
    chain.propose('alpha', [change], { policies: lax.map(({ digest }) => digest) });
    chain.held(1);
    chain.vote('beta', 1);
    expect(chain.state(1)).toBe('APPROVED READY');
    expect(chain.review(change).result).toMatchObject({ decision: 'REFUSED', code: 'GOVERNANCE_APPROVAL_OUTDATED' });
    expect(chain.state(1)).toBe('APPROVED READY');
  });

  test('the looser of the two digests is not what a strict policy looks for', () => {
    const chain = alone({ policies: [{ name: 'production', spec: rule('prod-*', { binding: 'strict' }) }] }).ready();
    chain.propose('alpha', [change], { digests: [change.digest.diff] });
    chain.held(1);
    for (const org of ['beta', 'gamma']) chain.vote(org, 1);
    expect(chain.state(1)).toBe('APPROVED READY');
    expect(chain.review(change).result).toMatchObject({ decision: 'REFUSED', proposal: 2, binding: 'strict' });
  });

  test('a policy that came into force since ends the approval, and the refusal opens another', () => {
    const chain = approved([change, changeOf('other', { name: 'api' })]);
    chain.configure('alpha', [{ type: 'policy-put', name: 'second', spec: rule('prod-web'), replaces: null }]);
    for (const org of ['alpha', 'beta', 'gamma']) chain.vote(org, 2);
    expect(chain.state(1)).toBe('APPROVED READY');
    expect(chain.review(change).result).toMatchObject({ code: 'GOVERNANCE_VOTES_REQUIRED', proposal: 3 });
    expect(chain.proposal(1)).toMatchObject({ unused: 'REVOKED', endCode: 'GOVERNANCE_POLICY_CHANGED' });
    expect(chain.proposal(3).requirements.map(({ policy }) => policy)).toEqual(['production', 'second']);
  });

  test('a reservation of a revoked approval does not come free for another use', () => {
    const chain = approved([change, changeOf('other', { name: 'api' })]);
    const { leaf } = chain.review(change);
    chain.configure('alpha', [{ type: 'policy-put', name: 'second', spec: rule('prod-web'), replaces: null }]);
    for (const org of ['alpha', 'beta', 'gamma']) chain.vote(org, 2);
    chain.review(changeOf('other', { name: 'api' }));
    for (const org of ['beta', 'gamma']) chain.observe(org, [notPersisted(leaf)]);
    expect(chain.proposal(1).changes.map(({ state }) => state)).toEqual(['REVOKED', 'REVOKED']);
    expect(chain.review(change).result).toMatchObject({ decision: 'REFUSED', proposal: 4 });
  });
});

describe('the body of a proposal', () => {
  const chain = alone().ready();
  const changes = many(3);
  chain.propose('alpha', changes);
  const proposal = chain.app.proposal(1) as Proposal;
  const details = chain.details(changes);
  const check = (other: ProposalDetails, more: Partial<Proposal> = {}, policies = chain.policies()) =>
    checkDetails({ ...proposal, ...more }, chain.app.digestsOf(1), other, policies, sha256);
  const altered = (index: number, change: object): ProposalDetails => ({
    ...details,
    changes: details.changes.map((one, i) => (i === index ? { ...one, ...change } : one)),
  });

  test('gives back the changes, and is one sequence of bytes', () => {
    expect(decodeDetails(encodeDetails(details))).toEqual(details);
    expect(changesOf(details, sha256)).toEqual(changes.map((change) => ({ ...change, binding: 'diff' })));
    expect(digestsOf(details, sha256)).toEqual(chain.app.digestsOf(1));
    expect(() => check(details)).not.toThrow();
    expect(() => chain.app.checkDetails(proposal, details)).not.toThrow();
  });

  const [policy] = chain.policies();
  test.each<[string, ProposalDetails, Partial<Proposal>?, ReturnType<typeof chain.policies>?]>([
    ['another cluster', { ...details, cluster: 'dev' as never }],
    ['another title', details, { title: 'UPDATE deployments.apps prod-web/other' }],
    ['another target', altered(1, { name: 'db' })],
    ['another content', altered(2, { commitment: { diff: hashOf('x'), strict: hashOf('y') } })],
    ['one change less', { ...details, changes: details.changes.slice(1) }],
    ['another order', { ...details, changes: details.changes.toReversed() }],
    ['another binding', altered(0, { binding: 'strict' })],
    ['fewer policies than match', details, { requirements: [] }],
    ['a policy that came since', details, {}, [...chain.policies(), { ...policy!, name: 'b', digest: hashOf('b') }]],
    ['a change that no policy matches', details, {}, []],
  ])('with %s is found to be none of it', (_what, other, more, policies) => {
    expect(() => check(other, more, policies)).toThrow(
      expect.objectContaining({ code: 'GOVERNANCE_DETAILS' }) as Error,
    );
  });
});

describe('what has ended leaves the state', () => {
  const change = changeOf('v2');

  test('after its time, with its digest, and is shown from the log for ever', () => {
    const chain = approved([change, changeOf('other', { name: 'api' })]);
    const { leaf } = chain.review(change);
    for (const org of ['beta', 'gamma']) chain.observe(org, [persisted(leaf)]);
    chain.advance(3_600_000).block();
    const ended = chain.app.proposal(1);
    expect(ended).toMatchObject({ executed: 1, unused: 'LAPSED' });
    chain.advance(30 * DAY_MS).block();
    expect(chain.app.proposal(1)).toEqual(ended);
    chain.advance(1).block();
    expect(chain.app.proposal(1)).toBeUndefined();
    expect(chain.source.archive.has('proposal/1')).toBe(true);
    const rest = ['proposal/1/digests', 'proposal/1/use/0', `digest/prod/${change.digest.diff}`, 'proposals/ended'];
    for (const key of rest) expect([key, chain.app.stateGet(key)]).toEqual([key, undefined]);

    const archived = decodeArchived(JSON.parse(Buffer.from(chain.source.archive.get('proposal/1')!).toString()));
    const block = decodeLeaf(chain.source.readLeaf(archived.leaf) as Uint8Array);
    const values = verifyArchived(archived, block, sha256);
    expect(JSON.parse(Buffer.from(values.get('proposal/1')!).toString())).toEqual(ended);
    const other = decodeLeaf(chain.source.readLeaf(archived.leaf - 1) as Uint8Array);
    expect(() => verifyArchived(archived, other, sha256)).toThrow(
      expect.objectContaining({ code: 'LEDGER_RECORD_MISMATCH' }) as Error,
    );
  });

  test('and never takes along what goes on: a later proposal for the digest stays its latest', () => {
    const chain = alone().ready();
    chain.propose('alpha', [change]);
    chain.withdraw('alpha', 1);
    chain.advance(30 * DAY_MS - 10).block();
    chain.propose('alpha', [change]);
    expect(chain.proposal(2).instance).toBe(2);
    chain.advance(20).block();
    expect(chain.app.proposal(1)).toBeUndefined();
    expect(chain.review(change).result).toMatchObject({ decision: 'REFUSED', proposal: 2 });
  });

  test('and no ballot for it is good for the next one', () => {
    const chain = alone().ready();
    chain.propose('alpha', [change]);
    const { termsHash } = chain.proposal(1);
    chain.withdraw('alpha', 1);
    chain.advance(31 * DAY_MS).block();
    chain.propose('alpha', [change]);
    expect(chain.proposal(2).instance).toBe(1);
    expect(chain.vote('beta', 2, { termsHash })).toBe('REFUSED GOVERNANCE_BALLOT_TERMS');
    expect(chain.vote('beta', 1, { termsHash })).toBe('REFUSED GOVERNANCE_PROPOSAL_UNKNOWN');
  });

  test('so the state of an idle committee does not grow with its past', () => {
    const chain = alone().ready();
    const keys = (): number => chain.source.buckets.size;
    const round = (i: number): void => {
      chain.propose('alpha', [changeOf(`c${i}`)]);
      chain.withdraw('alpha', chain.app.liveProposals()[0]!.id);
      chain.advance(31 * DAY_MS).block();
      chain.advance(2 * DAY_MS).block();
      chain.block();
    };
    for (let i = 0; i < 5; i++) round(i);
    const before = keys();
    for (let i = 5; i < 25; i++) round(i);
    expect(keys()).toBeLessThanOrEqual(before + 1);
  });
});

describe('a tombstone', () => {
  const body = hashOf('body v2');
  const erase = (chain: TestChain): string => chain.configure('alpha', [{ type: 'tombstone', body, replaces: null }]);

  test('needs the votes of the committee, and is for good', () => {
    const chain = alone().ready();
    expect(erase(chain)).toBe('DONE OK');
    expect(chain.app.isErased(body)).toBe(false);
    for (const org of ['alpha', 'beta', 'gamma']) chain.vote(org, 1);
    expect(chain.app.isErased(body)).toBe(true);
    expect(JSON.parse(Buffer.from(chain.app.stateGet('tombstones/latest')!).toString())).toEqual([body] as Hash[]);
    expect(erase(chain)).toBe('REFUSED GOVERNANCE_CONFIG_INVALID');
  });
});
