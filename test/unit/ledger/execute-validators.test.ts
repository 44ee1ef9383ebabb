import { describe, expect, test } from 'vitest';
import { signBytes } from '../../../src/consensus/sign-bytes.ts';
import { toBase64 } from '../../../src/codec/index.ts';
import { rotationBytes } from '../../../src/ledger/execute/key-rotation.ts';
import { LIVE_BLOCKS } from '../../../src/ledger/execute/validator-sets.ts';
import { validatorsHashOf } from '../../../src/ledger/header.ts';
import { decodeLeaf } from '../../../src/ledger/leaf.ts';
import { versionHash } from '../../../src/ledger/version-hash.ts';
import type { ClusterId, Hash, OrgId, ValidatorId } from '../../../src/types/brand.ts';
import type { Validator } from '../../../src/types/chain.ts';
import type { ConfigChange } from '../../../src/types/transaction.ts';
import {
  admit,
  current,
  decide,
  descriptorOf,
  handover,
  ids,
  join,
  joiner,
  of,
  rotation,
  settled,
} from './set-changes.ts';
import { alone, changeOf, CLUSTER, ORGS, sha256, signerOf, TestChain, validatorOf } from './test-chain.ts';

describe('a node rotates its key', () => {
  test('and from the next height on the new one counts, the old one no longer', () => {
    const chain = new TestChain().ready();
    const before = of(chain, 'beta');
    expect(chain.verdict(rotation(chain, 'beta', 'tx'))).toBe('DONE OK');
    expect(of(chain, 'beta')).toEqual({ ...before, txKey: signerOf('beta next tx').publicKey });
    const attested = chain.attest(changeOf('x', { namespace: 'dev' }), 'beta');
    expect(chain.app.checkTx(attested, chain.nowMs)).toMatchObject({ ok: false, code: 'LEDGER_TX_KEY' });
    const tick = chain.sign(
      { kind: 'body-held', node: 'beta' as ValidatorId, proposal: 1, details: sha256Hex() },
      signerOf('beta next tx'),
    );
    expect(chain.app.checkTx(tick, chain.nowMs)).toMatchObject({ code: 'GOVERNANCE_PROPOSAL_UNKNOWN' });
  });

  test.each([
    [
      'somebody else has not agreed',
      (r: ReturnType<typeof rotation>) => ({ ...r, proofs: { ...r.proofs, from: r.proofs.to } }),
    ],
    [
      'it does not hold the new one',
      (r: ReturnType<typeof rotation>) => ({ ...r, proofs: { ...r.proofs, to: r.proofs.from } }),
    ],
    ['the old one is another', (r: ReturnType<typeof rotation>) => ({ ...r, from: signerOf('alpha tx').publicKey })],
  ])('not if %s', (_why, alter) => {
    const chain = alone();
    expect(chain.verdict(alter(rotation(chain, 'alpha', 'checkpoint')))).toBe('LEDGER_KEY_ROTATION');
    expect(chain.app.validatorSet().n).toBe(0);
  });

  test('not to a key that is in use, for whatever', () => {
    const chain = alone();
    expect(chain.verdict(rotation(chain, 'alpha', 'tx', 'ann of beta'))).toBe('LEDGER_KEY_ROTATION');
    expect(chain.verdict(rotation(chain, 'alpha', 'tx', 'beta vote'))).toBe('LEDGER_KEY_ROTATION');
  });
});

test('a member rotates its key with the old one, without a vote', () => {
  const chain = new TestChain();
  const { publicKey: to } = signerOf('next of ann');
  const from = signerOf('ann of beta').publicKey;
  const bytes = rotationBytes({ chain: chain.app.genesisHash, owner: 'beta/ann', purpose: 'member', from, to });
  const payload = { kind: 'member-key' as const, org: 'beta' as OrgId, member: 'ann', to };
  const proof = toBase64(signerOf('next of ann').sign(bytes));
  expect(chain.verdict({ ...payload, proof: toBase64(signerOf('ann of beta').sign(bytes)) })).toBe(
    'REFUSED LEDGER_KEY_ROTATION',
  );
  expect(chain.verdict({ ...payload, proof, notAfterMs: chain.nowMs + 9_000 })).toContain('CONFLICT');
  chain.advance(120_000);
  expect(chain.verdict({ ...payload, proof })).toBe('DONE OK');
  expect(chain.withdraw('beta', 1)).toBe('LEDGER_TX_KEY');
});

describe('a handover (ledger.md)', () => {
  test('needs the quorum before and the one after, and no second change starts before it', () => {
    const chain = new TestChain();
    chain.run(rotation(chain, 'alpha', 'checkpoint'));
    expect(chain.verdict(rotation(chain, 'beta', 'checkpoint'))).toBe('GOVERNANCE_SET_PENDING');
    const old = chain.app.validatorSetNumber(0)?.validators ?? [];
    const now = chain.app.validatorSet().validators;
    expect(() => handover(chain, { before: old.slice(0, 2) })).toThrow('signed');
    const whole = handover(chain);
    expect(chain.verdict({ ...whole, before: whole.after })).toBe('LEDGER_CHECKPOINT_QUORUM');
    expect(chain.verdict({ ...whole, set: 2 })).toBe('LEDGER_HANDOVER');
    expect(chain.verdict(whole)).toBe('DONE OK');
    expect(chain.app.validatorSet()).toMatchObject({ n: 1, fromHeight: 2, validators: now });
    expect(chain.app.validatorSet().handover).not.toBeNull();
    expect(chain.verdict(rotation(chain, 'beta', 'checkpoint'))).toBe('DONE OK');
  });

  test('is about the tree that ends with the block that made the change, whose leaf holds the next set', () => {
    const chain = new TestChain();
    chain.run(rotation(chain, 'alpha', 'tls'));
    const changed = chain.blocks[0] as TestChain['blocks'][number];
    const leaf = decodeLeaf(chain.source.readLeaf(changed.state.logSize - 1) as Uint8Array);
    expect(leaf).toMatchObject({ kind: 'block', leaf: { block: { nextValidators: current(chain) } } });
    expect(changed.block.header.nextValidatorsHash).toBe(validatorsHashOf(current(chain), sha256));
    expect(changed.block.header.validatorsHash).not.toBe(changed.block.header.nextValidatorsHash);
    settled(chain);
    expect(chain.app.validatorSet().checkpoint).toEqual({ size: changed.state.logSize, root: changed.state.logRoot });
    const next = decodeLeaf(chain.source.readLeaf((chain.blocks.at(-1)?.state.logSize ?? 0) - 1) as Uint8Array);
    expect(next.kind === 'block' && 'nextValidators' in next.leaf.block).toBe(false);
  });
});

describe('an organisation joins', () => {
  test('by a vote, then with a state that it has computed itself, and is a validator from the next height on', () => {
    const chain = new TestChain();
    expect(admit(chain)).toBe('EXECUTED');
    expect(ids(chain)).toEqual([...ORGS]);
    expect(chain.app.joiners().map(({ validator }) => validator)).toEqual([joiner()]);
    chain.run({ kind: 'body-held', node: 'alpha' as ValidatorId, proposal: 9, details: sha256Hex() });
    expect(join(chain, { appHash: sha256Hex() })).toBe('LEDGER_JOIN');
    expect(join(chain)).toBe('DONE OK');
    expect(ids(chain)).toEqual([...ORGS, 'epsilon']);
    expect(chain.app.info().lastValidators.map(({ id }) => id)).toEqual([...ORGS]);
    expect(chain.app.joiners()).toEqual([]);
    expect(chain.app.organisation('epsilon' as OrgId)?.members).toHaveLength(1);
    const { height } = chain.app.info();
    expect(chain.app.validatorsAt(height)).toHaveLength(4);
    expect(chain.app.validatorsAt(height + 1)).toHaveLength(5);
    // Blocks that five have certified: the next one carries their certificate.
    settled(chain);
    chain.run({ kind: 'body-held', node: 'epsilon' as ValidatorId, proposal: 9, details: sha256Hex() });
    expect(chain.restarted().info()).toEqual(chain.app.info());
  });

  test('and the next block carries the certificate of the four that decided, not of five', () => {
    const chain = new TestChain();
    admit(chain);
    chain.block();
    join(chain);
    const executed = chain.prepare([]);
    const certificate = executed.block.lastCertificate as NonNullable<typeof executed.block.lastCertificate>;
    const { height, round, blockId } = certificate;
    const message = signBytes(chain.app.genesisHash, { type: 'precommit', height, round, blockId });
    const fifth = { validator: 4, signature: signerOf('epsilon vote').sign(message) };
    const forged = { ...certificate, signatures: [...certificate.signatures.slice(0, 2), fifth] };
    expect(chain.follower.processProposal(executed.block).ok).toBe(true);
    expect(chain.follower.processProposal({ ...executed.block, lastCertificate: forged })).toMatchObject({ ok: false });
  });

  test.each([
    ['a key that somebody uses', () => descriptorOf({ ...joiner(), txKey: signerOf('alpha tx').publicKey })],
    [
      'a key that it does not hold',
      () => descriptorOf(joiner(), { signers: ['vote', 'tx', 'tls'].map((p) => signerOf(`epsilon ${p}`).publicKey) }),
    ],
    ['one key for two purposes', () => descriptorOf({ ...joiner(), txKey: signerOf('epsilon vote').publicKey })],
    ['the name of another', () => descriptorOf({ ...joiner(), id: 'beta' as ValidatorId })],
    ['an address that is none', () => descriptorOf({ ...joiner(), peerAddress: 'nowhere' })],
    ['nobody who votes', () => descriptorOf(joiner(), { members: [] })],
    ['two members of one name', () => descriptorOf(joiner(), { members: ['ann', 'ann'] })],
  ])('not with %s', (_what, descriptor) => {
    const chain = alone();
    expect(admit(chain, descriptor())).toMatch(/^REFUSED (LEDGER_DESCRIPTOR|GOVERNANCE_CONFIG_INVALID)$/);
  });

  test('not twice, and not under the name of one that is there', () => {
    const chain = alone();
    expect(admit(chain)).toBe('EXECUTED');
    expect(admit(chain)).toBe('REFUSED GOVERNANCE_CONFIG_CONFLICT');
    const beta = { ...joiner(), id: 'beta' as ValidatorId, org: 'beta' as OrgId };
    expect(admit(chain, descriptorOf(beta))).toBe('REFUSED GOVERNANCE_CONFIG_CONFLICT');
  });

  test('open proposals are superseded: who may vote on them is another committee now', () => {
    const chain = new TestChain().ready();
    chain.review(changeOf('x'));
    const open = chain.app.liveProposals()[0]?.id ?? 0;
    admit(chain);
    chain.block();
    expect(join(chain)).toBe('DONE OK');
    expect(chain.proposal(open)).toMatchObject({ state: 'SUPERSEDED', endCode: 'GOVERNANCE_COMMITTEE_CHANGED' });
  });
});

describe('an organisation is removed', () => {
  const removal = (chain: TestChain, org: string): ConfigChange => ({
    type: 'validator-remove',
    org: org as OrgId,
    replaces: versionHash(sha256, of(chain, org)),
  });
  const others = ['alpha', 'beta', 'gamma'] as readonly string[] as readonly OrgId[];
  const without = (chain: TestChain): readonly ConfigChange[] => {
    const record = chain.app.cluster(CLUSTER) as NonNullable<ReturnType<typeof chain.app.cluster>>;
    const cluster = {
      ...record,
      name: CLUSTER as ClusterId,
      hooks: [{ name: 'hook-0', orgs: others }],
      observers: others,
    };
    const binding = chain.genesis.bindings.find(
      ({ org }) => org === 'delta',
    ) as TestChain['genesis']['bindings'][number];
    return [
      { type: 'cluster-put', cluster, replaces: versionHash(sha256, record) },
      { type: 'binding-delete', cluster: CLUSTER, user: binding.user, replaces: versionHash(sha256, binding) },
    ];
  };

  test('by two thirds of the others; it has no say in it', () => {
    const chain = new TestChain();
    const config = [...without(chain), removal(chain, 'delta')];
    expect(chain.configure('alpha', config)).toBe('DONE OK');
    const id = chain.app.liveProposals().at(-1)?.id ?? 0;
    chain.vote('alpha', id);
    chain.vote('delta', id);
    expect(chain.proposal(id).state).toBe('OPEN');
    chain.vote('beta', id);
    expect(chain.proposal(id).state).toBe('EXECUTED');
    expect(ids(chain)).toEqual(['alpha', 'beta', 'gamma']);
    expect(chain.app.organisation('delta' as OrgId)).toBeUndefined();
    settled(chain);
    expect(chain.verdict({ kind: 'body-held', node: 'delta' as ValidatorId, proposal: id, details: sha256Hex() })).toBe(
      'LEDGER_SIGNER_UNKNOWN',
    );
  });

  test('not while a cluster or a binding names it', () => {
    const chain = alone();
    expect(chain.configure('alpha', [removal(chain, 'delta')])).toBe('REFUSED GOVERNANCE_CONFIG_INVALID');
    expect(chain.configure('alpha', [without(chain)[0] as ConfigChange, removal(chain, 'delta')])).toBe(
      'REFUSED GOVERNANCE_CONFIG_INVALID',
    );
  });

  test('not in an earlier version of it', () => {
    const chain = alone();
    const stale = { ...removal(chain, 'delta'), replaces: versionHash(sha256, of(chain, 'alpha')) } as ConfigChange;
    expect(chain.configure('alpha', [...without(chain), stale])).toBe('REFUSED GOVERNANCE_CONFIG_CONFLICT');
  });

  test('not if too few of those who are left took part lately', () => {
    const chain = alone();
    const config = [...without(chain), removal(chain, 'delta')];
    const { length } = chain.genesis.validators;
    // Gamma is not heard of for so long: neither proposes nor signs.
    chain.silent = 'gamma';
    for (let i = 0; i < LIVE_BLOCKS + 40; i += 1) chain.block();
    expect(length).toBe(4);
    expect(chain.configure('alpha', config)).toBe('REFUSED GOVERNANCE_SET_CHANGE');
    chain.silent = '';
    for (let i = 0; i < 4; i += 1) chain.block();
    expect(chain.configure('alpha', config)).toBe('DONE OK');
  });
});

describe("a validator's keys are replaced by a vote", () => {
  const replaced = (): Validator => ({
    ...validatorOf('delta'),
    voteKey: signerOf('delta new vote').publicKey,
    txKey: signerOf('delta new tx').publicKey,
  });
  const replacement = (chain: TestChain): ConfigChange => ({
    type: 'validator-replace',
    descriptor: descriptorOf(replaced()),
    replaces: versionHash(sha256, of(chain, 'delta')),
  });

  test('at the same place and power; the old key counts for its heights and no other', () => {
    const chain = new TestChain();
    expect(decide(chain, [replacement(chain)])).toBe('EXECUTED');
    expect(ids(chain)).toEqual([...ORGS]);
    const from = chain.app.validatorSet().fromHeight;
    settled(chain);
    chain.block();
    const evidence = (height: number, key: string) => {
      const signed = (blockId: string | null) => {
        const bytes = signBytes(chain.app.genesisHash, {
          type: 'prevote',
          height: height as never,
          round: 0 as never,
          blockId: blockId as Hash | null,
        });
        return { bytes: toBase64(bytes), signature: toBase64(signerOf(key).sign(bytes)) };
      };
      return {
        kind: 'evidence' as const,
        node: 'alpha' as ValidatorId,
        validator: 'delta' as ValidatorId,
        first: signed(null),
        second: signed(sha256Hex()),
      };
    };
    expect(chain.verdict(evidence(from - 1, 'delta vote'))).toBe('DONE OK');
    expect(chain.verdict(evidence(from, 'delta vote'))).toBe('LEDGER_EVIDENCE');
    expect(chain.verdict(evidence(from, 'delta new vote'))).toBe('DONE OK');
  });

  test('a decided change waits for the handover of the one before', () => {
    const chain = new TestChain();
    const change = replacement(chain);
    expect(chain.configure('alpha', [change])).toBe('DONE OK');
    const id = chain.app.liveProposals().at(-1)?.id ?? 0;
    chain.run(rotation(chain, 'alpha', 'checkpoint'));
    for (const org of ['alpha', 'beta', 'gamma']) chain.vote(org, id);
    expect(chain.proposal(id).state).toBe('APPROVED');
    settled(chain).advance(2_000).block();
    expect(chain.proposal(id).state).toBe('EXECUTED');
    expect(of(chain, 'delta')).toEqual(replaced());
  });
});

function sha256Hex(): Hash {
  return 'ab'.repeat(32) as Hash;
}
