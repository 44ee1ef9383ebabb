import { describe, expect, test } from 'vitest';
import type { Hash, Height, ValidatorId } from '../../../src/types/brand.ts';
import type { Block, BlockHeader } from '../../../src/types/chain.ts';
import { nativeBackend } from '../../../src/crypto/index.ts';
import { signBytes } from '../../../src/consensus/sign-bytes.ts';
import { createApplication } from '../../../src/ledger/application.ts';
import { txRootOf } from '../../../src/ledger/block.ts';
import { appHashOf } from '../../../src/ledger/header.ts';
import { leafHash, rootOfLeafHashes } from '../../../src/ledger/merkle.ts';
import { verifyStateProof } from '../../../src/ledger/state-proof.ts';
import { transactionHash } from '../../../src/ledger/transaction.ts';
import { changeOf, genesisOf, hashOf, ORGS, persisted, sha256, signerOf, START_MS, TestChain } from './test-chain.ts';
import { MemorySource } from './memory-source.ts';

const free = changeOf('x', { namespace: 'dev' });
const matched = changeOf('image v2', { user: 'ann@alpha' });

/** Some of everything. */
function story(): TestChain {
  const chain = new TestChain({ hooks: 2 }).ready();
  chain.review(free, ['alpha', 'beta']);
  chain.review(matched, ['alpha', 'gamma']);
  chain.held(1);
  for (const org of ['beta', 'gamma']) chain.vote(org, 1);
  const { leaf } = chain.review(matched, ['alpha', 'beta']);
  chain.observe('beta', [persisted(leaf)]);
  chain.propose('delta', [changeOf('y'), changeOf('z')]);
  chain.review(free, ['alpha']);
  return chain;
}

describe('two nodes', () => {
  test('that execute the same blocks have the same state, log and app hash', () => {
    const chain = story();
    expect(chain.follower.info()).toEqual(chain.app.info());
  });

  test('differ as soon as one transaction does', () => {
    const a = new TestChain().ready();
    const b = new TestChain().ready();
    a.review(free);
    b.review(changeOf('other', { namespace: 'dev' }));
    expect(a.app.info().state.stateRoot).not.toBe(b.app.info().state.stateRoot);
  });
});

describe('a restart', () => {
  test('from what the store has gives the same state and goes on alike', () => {
    const chain = story();
    const again = chain.restarted();
    expect(again.info()).toEqual(chain.app.info());
    expect(again.liveProposals()).toEqual(chain.app.liveProposals());
    const next = chain.prepare([chain.attest(free, 'beta')]);
    expect(next.txs[0]?.result.decision).toBe('ADMITTED');
    expect(again.processProposal(next.block)).toMatchObject({ ok: true, executed: { blockId: next.blockId } });
  });

  test('on a store that lost or gained a bucket is refused', () => {
    const chain = story();
    const [bucket] = chain.source.buckets.keys();
    chain.source.buckets.delete(bucket!);
    expect(() => chain.restarted()).toThrow(expect.objectContaining({ code: 'LEDGER_STATE_MISMATCH' }));
  });
});

describe('a genesis', () => {
  test('whose policy could never be met makes no chain', () => {
    const policies = [{ name: 'p', spec: { clusters: ['*'], match: [{}], require: { approvals: 9 } } }];
    const start = () =>
      createApplication({
        genesis: genesisOf({ policies }),
        backend: nativeBackend,
        source: new MemorySource(),
        precommitBytes: signBytes,
      });
    expect(start).toThrow(expect.objectContaining({ code: 'GOVERNANCE_POLICY_NEVER_MET' }));
  });
});

describe('what a block holds', () => {
  test('its leaves are in the log, and its app hash opens to log and state', () => {
    const chain = story();
    const leaves = [...chain.source.leaves].sort(([a], [b]) => a - b).map(([, bytes]) => leafHash(sha256, bytes));
    const { state, height } = chain.app.info();
    expect(leaves).toHaveLength(state.logSize);
    expect(Buffer.from(rootOfLeafHashes(sha256, leaves)).toString('hex')).toBe(state.logRoot);
    expect(chain.app.headerOf(height)?.appHash).toBe(appHashOf(state, sha256));
  });

  test('the state is proven against its root, also that something is not there', () => {
    const chain = story();
    const { stateRoot } = chain.app.info().state;
    const shown = verifyStateProof(stateRoot, 'proposal/1', chain.app.prove('proposal/1'), sha256);
    expect(JSON.parse(Buffer.from(shown.value!).toString())).toEqual(chain.app.proposal(1));
    expect(verifyStateProof(stateRoot, 'proposal/9', chain.app.prove('proposal/9'), sha256).value).toBeUndefined();
  });

  test('every record is found by object, namespace, actor, decision, proposal and kind', () => {
    const chain = new TestChain().ready();
    const { leaf } = chain.review(matched);
    const found = chain.source.indexes.filter(([, , at]) => at === leaf).map(([name, key]) => `${name} ${key}`);
    expect(found.sort()).toEqual([
      'actor ann@alpha',
      'decision REFUSED',
      'kind mutation',
      'namespace prod/prod-web',
      'object prod/apps/deployments/prod-web/web',
      'operation UPDATE',
      'proposal 1',
      `time 000${chain.nowMs}`,
    ]);
  });

  test('observations are found by the decision that they are about', () => {
    const chain = new TestChain().ready();
    const { leaf } = chain.review(free);
    chain.observe('beta', [persisted(leaf)]);
    expect(chain.source.indexes.filter(([name]) => name === 'observation').map(([, key]) => key)).toEqual([
      String(leaf),
    ]);
  });
});

describe('a proposer', () => {
  test('leaves out what has no place in a block, and takes the rest', () => {
    const chain = new TestChain().ready();
    const good = chain.attest(free, 'alpha');
    const garbage = new TextEncoder().encode('{}');
    const foreign = chain.sign(
      { kind: 'mutation', node: 'alpha' as ValidatorId, attestation: { ...free, admissionUid: 'f' } },
      signerOf('mallory'),
    );
    const { txs } = chain.block(garbage, foreign, good, good);
    expect(txs.map(({ hash }) => hash)).toEqual([transactionHash(good, sha256)]);
  });

  test('keeps to the governed limits', () => {
    const chain = new TestChain({ params: { blockTxsMax: 2 } }).ready();
    const many = Array.from({ length: 5 }, () => chain.attest(free, 'alpha'));
    expect(chain.block(...many).txs).toHaveLength(2);
    const small = new TestChain({ params: { blockBytesMax: 2 * many[0]!.length - 1 } }).ready();
    expect(small.prepare([1, 2, 3].map(() => small.attest(free, 'alpha'))).txs).toHaveLength(1);
  });
});

describe('a block that an honest proposer could not have made', () => {
  /** The verdict on the next block of a node, changed. */
  function judge(change: (block: Block, chain: TestChain) => Block): string {
    const chain = new TestChain().ready();
    const { block } = chain.prepare([chain.attest(free, 'alpha'), chain.attest(free, 'beta')]);
    const found = chain.follower.processProposal(change(block, chain));
    return found.ok ? 'valid' : found.code;
  }
  const withHeader = (fields: Partial<BlockHeader>) =>
    judge((block) => ({ ...block, header: { ...block.header, ...fields } }));
  const withTxs = (edit: (txs: readonly Uint8Array[], chain: TestChain) => readonly Uint8Array[]) =>
    judge((block, chain) => {
      const txs = edit(block.txs, chain);
      const txRoot = txRootOf(
        txs.map((tx) => transactionHash(tx, sha256)),
        sha256,
      );
      return { ...block, txs, header: { ...block.header, txRoot } };
    });

  test('is refused; as it was made it is valid', () => {
    expect(judge((block) => block)).toBe('valid');
  });

  test.each<[keyof BlockHeader, unknown]>([
    ['height', 9],
    ['chain', hashOf('x')],
    ['appVersion', 2],
    ['previous', hashOf('x')],
    ['proposer', 'mallory'],
    ['timeMs', START_MS],
    ['appHash', hashOf('x')],
    ['validatorsHash', hashOf('x')],
    ['nextValidatorsHash', hashOf('x')],
    ['paramsHash', hashOf('x')],
  ])('by its %s', (field, value) => {
    expect(withHeader({ [field]: value })).toBe(
      field === 'height' || field === 'previous' ? 'LEDGER_BLOCK_LAST_CERTIFICATE' : 'LEDGER_BLOCK_HEADER',
    );
  });

  test('by a time that is not after the last one, though all else fits', () => {
    const chain = new TestChain().ready();
    const { height, blockId, timeMs } = chain.app.info();
    const at = (when: number) => {
      const { block } = chain.prepare([]);
      const { lastCertificate, header } = block;
      const { lastCertificateHash, proposer } = header;
      return chain.app.prepareProposal({
        height: (height + 1) as Height,
        proposer,
        timeMs: when,
        previous: blockId,
        lastCertificate,
        lastCertificateHash,
        txs: [],
      });
    };
    expect(chain.follower.processProposal(at(timeMs).block)).toMatchObject({ ok: false, code: 'LEDGER_BLOCK_HEADER' });
    expect(chain.follower.processProposal(at(timeMs + 1).block)).toMatchObject({ ok: true });
  });

  test('by a transaction root or certificate hash of something else', () => {
    expect(withHeader({ txRoot: hashOf('x') })).toBe('LEDGER_BLOCK_TX_ROOT');
    expect(withHeader({ lastCertificateHash: hashOf('x') })).toBe('LEDGER_BLOCK_LAST_CERTIFICATE');
  });

  test('by a last certificate that is not signed by a quorum', () => {
    const forged = judge((block) => {
      const signatures = block.lastCertificate!.signatures.map((s) => ({ ...s, signature: new Uint8Array(64) }));
      const lastCertificate = { ...block.lastCertificate!, signatures };
      return { ...block, lastCertificate };
    });
    expect(forged).toBe('LEDGER_BLOCK_LAST_CERTIFICATE');
  });

  test('by a transaction that it repeats, that is forged, or that nobody can read', () => {
    expect(withTxs((txs) => [...txs, txs[0]!])).toBe('LEDGER_BLOCK_TX');
    const forge = (chain: TestChain) =>
      chain.sign({ kind: 'tick', node: 'beta' as ValidatorId, dueMs: 1, id: 'x', height: 1 }, signerOf('mallory'));
    expect(withTxs((txs, chain) => [...txs, forge(chain)])).toBe('LEDGER_BLOCK_TX');
    expect(withTxs((txs) => [...txs, new TextEncoder().encode('{}')])).not.toBe('valid');
  });

  test('by a tick when nothing is due', () => {
    const tick = (chain: TestChain) =>
      chain.sign({ kind: 'tick', node: 'beta' as ValidatorId, dueMs: 1, id: '1/voting', height: 1 });
    expect(withTxs((txs, chain) => [...txs, tick(chain)])).toBe('LEDGER_BLOCK_TX');
  });

  test('by the order of its transactions, which the app hash covers', () => {
    expect(withTxs((txs) => [...txs].reverse())).toBe('LEDGER_BLOCK_HEADER');
  });

  test('by more than the limits', () => {
    const chain = new TestChain({ params: { blockTxsMax: 1 } }).ready();
    const { block } = chain.prepare([chain.attest(free, 'alpha')]);
    const txs = [...block.txs, chain.attest(free, 'beta')];
    expect(chain.follower.processProposal({ ...block, txs })).toMatchObject({
      ok: false,
      code: 'LEDGER_BLOCK_TOO_LARGE',
    });
  });
});

describe('time', () => {
  const check = (chain: TestChain, tx: Uint8Array, nowMs = chain.nowMs) => {
    const found = chain.app.checkTx(tx, nowMs);
    return found.ok ? 'ok' : found.code;
  };

  test('what expired on its way is written down without effect', () => {
    const chain = new TestChain().ready();
    const late = chain.attest(matched, 'alpha');
    chain.advance(8_001);
    expect(check(chain, late)).toBe('LEDGER_EXPIRED');
    expect(chain.block(late).txs[0]?.result).toMatchObject({ decision: 'EXPIRED', code: 'LEDGER_EXPIRED' });
    expect(chain.app.liveProposals()).toEqual([]);
  });

  test('what expired long ago has no place in a block', () => {
    const chain = new TestChain().ready();
    const late = chain.attest(matched, 'alpha');
    chain.advance(8_000 + 60_001);
    expect(chain.block(late).txs).toEqual([]);
  });

  test('exactly at notAfterMs it still counts', () => {
    const chain = new TestChain().ready();
    const tx = chain.attest(free, 'alpha');
    chain.advance(8_000);
    expect(chain.block(tx).txs[0]?.result.decision).toBe('ADMITTED');
  });

  test('nothing is valid for too long: a minute for a mutation, a day for the rest', () => {
    const chain = new TestChain().ready();
    chain.review(matched);
    const limit = (horizonMs: number, sign: (notAfterMs: number) => Uint8Array) =>
      [0, 1].map((more) => check(chain, sign(chain.nowMs + 1 + horizonMs + more)));
    expect(limit(60_000, (notAfterMs) => chain.attest(free, 'alpha', { notAfterMs }))).toEqual([
      'ok',
      'LEDGER_NOT_AFTER_TOO_FAR',
    ]);
    expect(limit(86_400_000, (notAfterMs) => chain.sign({ ...chain.ballot('beta', 1), notAfterMs }))).toEqual([
      'ok',
      'LEDGER_NOT_AFTER_TOO_FAR',
    ]);
  });

  test('a natural key is kept as long as its transaction could come again, and no longer', () => {
    const chain = new TestChain().ready();
    const tx = chain.attest(free, 'alpha', { admissionUid: 'same' });
    const [executed] = chain.block(tx).txs;
    expect(check(chain, tx)).toBe('LEDGER_DUPLICATE');
    expect(check(chain, chain.attest(changeOf('y', { namespace: 'dev' }), 'alpha', { admissionUid: 'same' }))).toBe(
      'LEDGER_CONFLICT',
    );
    expect(chain.app.recordedTx(tx)).toEqual({ leaf: executed?.leaf, result: executed?.result });
    const mentions = () =>
      [...chain.source.buckets.values()].filter((bytes) => Buffer.from(bytes).includes('nk/')).length;
    expect(mentions()).toBeGreaterThan(0);
    chain.advance(200_000).block();
    expect(mentions()).toBe(0);
    expect(chain.app.recordedTx(tx)).toBeUndefined();
  });

  test('a tick brings about what is due on an idle chain, once', () => {
    const chain = new TestChain().ready();
    chain.review(matched);
    const due = chain.app.nextDue()!;
    expect(due).toEqual({ dueMs: chain.nowMs + 600_000, id: '1/bodies' });
    const tick = (node: string, height = chain.app.info().height as number) =>
      chain.sign({ kind: 'tick', node: node as ValidatorId, ...due, height });
    expect(check(chain, tick('beta'))).toBe('LEDGER_TICK');
    chain.advance(600_000);
    expect(check(chain, tick('beta', 1))).toBe('LEDGER_TICK');
    expect(check(chain, tick('beta'))).toBe('ok');
    expect(chain.block(tick('beta'), tick('gamma')).txs.map(({ result }) => result.decision)).toEqual(['DONE']);
    expect(chain.state(1)).toBe('UNAVAILABLE OPEN');
    expect(chain.app.nextDue()).toBeNull();
    expect(chain.block(tick('delta')).txs).toEqual([]);
  });

  test('a hundred due transitions run in one block, the rest in the next', () => {
    const chain = new TestChain().ready();
    // Twenty a requester, a hundred an organisation.
    for (let i = 0; i < 110; i++)
      chain.review(changeOf(`c${i}`, { user: i < 60 ? `u${i % 6}` : `ann@${ORGS[i % 3]}` }));
    expect(chain.app.liveProposals()).toHaveLength(110);
    chain.advance(600_000).block();
    expect(chain.app.liveProposals()).toHaveLength(10);
    chain.block();
    expect(chain.app.liveProposals()).toHaveLength(0);
  });
});

describe('checkTx', () => {
  test('sorts into lanes and names the organisation that submits', () => {
    const chain = new TestChain().ready();
    chain.review(matched);
    const lane = (tx: Uint8Array) => {
      const found = chain.app.checkTx(tx, chain.nowMs);
      return found.ok ? `${found.org} ${found.lane}` : found.code;
    };
    expect(lane(chain.attest(free, 'beta'))).toBe('beta normal');
    expect(lane(chain.sign(chain.ballot('gamma', 1)))).toBe('gamma reserved');
  });

  test('refuses what belongs to another chain', () => {
    const chain = new TestChain().ready();
    const other = new TestChain({ configPolicy: { delayMs: 1 } }).ready();
    expect(chain.app.checkTx(other.attest(free, 'alpha'), chain.nowMs)).toMatchObject({
      ok: false,
      code: 'LEDGER_TX_CHAIN',
    });
  });

  test('leaves no trace', () => {
    const chain = new TestChain().ready();
    const before = chain.app.info();
    chain.app.checkTx(
      chain.sign({
        kind: 'proposal',
        org: 'alpha' as never,
        member: 'ann',
        nonce: 'n',
        reason: '',
        cluster: 'prod' as never,
        details: matched.bodyHash,
        title: 'x',
        digests: [matched.digest.diff],
        policies: chain.policies().map(({ digest }) => digest),
        config: [],
      }),
      chain.nowMs,
    );
    expect(chain.app.info()).toBe(before);
    expect(chain.app.liveProposals()).toEqual([]);
  });
});

describe('evidence', () => {
  const sign = (chain: TestChain, blockId: Hash, round = 0, by = 'delta') => {
    const bytes = signBytes(chain.app.genesisHash, {
      type: 'precommit',
      height: 5 as never,
      round: round as never,
      blockId,
    });
    return {
      bytes: Buffer.from(bytes).toString('base64'),
      signature: Buffer.from(signerOf(`${by} vote`).sign(bytes)).toString('base64'),
    };
  };
  const evidence = (first: object, second: object) =>
    ({
      kind: 'evidence' as const,
      node: 'beta' as ValidatorId,
      validator: 'delta' as ValidatorId,
      first,
      second,
    }) as never;

  test('of two conflicting votes is kept for ever, once', () => {
    const chain = new TestChain().ready();
    const [a, b] = [sign(chain, hashOf('a')), sign(chain, hashOf('b'))];
    expect(chain.verdict(evidence(a, b))).toBe('DONE OK');
    expect(chain.verdict(evidence(b, a))).toBe('LEDGER_EVIDENCE');
  });

  test('that proves nothing is not let in', () => {
    const chain = new TestChain().ready();
    const a = sign(chain, hashOf('a'));
    expect(chain.verdict(evidence(a, a))).toBe('LEDGER_EVIDENCE');
    expect(chain.verdict(evidence(a, sign(chain, hashOf('b'), 1)))).toBe('LEDGER_EVIDENCE');
    expect(chain.verdict(evidence(a, sign(chain, hashOf('b'), 0, 'gamma')))).toBe('LEDGER_EVIDENCE');
    expect(chain.verdict(evidence(a, { ...a, bytes: 'AAAA' }))).toBe('LEDGER_EVIDENCE');
  });
});

describe('the webhook asks', () => {
  test('without writing: not governed, approved, or what is missing', () => {
    const chain = new TestChain().ready();
    const ask = (change: typeof free) => chain.app.evaluate(change.attributes, change.digest);
    expect(ask(free)).toEqual({ kind: 'unmatched' });
    expect(ask(matched)).toEqual({ kind: 'needs-votes', policies: ['production'], approvals: 2, proposal: null });
    chain.review(matched);
    expect(ask(matched)).toMatchObject({ kind: 'needs-votes', proposal: { id: 1 } });
    expect(chain.app.refusedOpenProposal(matched.attributes, matched.digest)).toMatchObject({
      code: 'GOVERNANCE_BODIES_MISSING',
      proposal: { id: 1 },
    });
    chain.held(1);
    for (const org of ['beta', 'gamma']) chain.vote(org, 1);
    expect(ask(matched)).toEqual({ kind: 'approved', proposal: 1 });
    expect(chain.app.refusedOpenProposal(matched.attributes, matched.digest)).toBeNull();
  });
});
