import { describe, expect, test } from 'vitest';
import { certificateHashOf } from '../../../src/ledger/certificate.ts';
import { blockIdOf } from '../../../src/ledger/header.ts';
import type { Block, BlockHeader, Certificate } from '../../../src/types/chain.ts';
import type { Height } from '../../../src/types/brand.ts';
import { changeOf, hashOf, sha256, signerOf, TestChain } from './test-chain.ts';

/** The verdict of a second node. */
function verdictOn(chain: TestChain, block: Block): string {
  const found = chain.follower.processProposal(block);
  return found.ok ? 'valid' : found.code;
}

/** A block that its proposer executed over the given facts, so that its own hashes fit them. */
function proposed(chain: TestChain, facts: Partial<BlockHeader>, certificate?: Certificate): Block {
  const { block } = chain.prepare([]);
  const lastCertificate = certificate ?? block.lastCertificate;
  const { proposer, timeMs, previous } = block.header;
  return chain.app.prepareProposal({
    height: (chain.app.info().height + 1) as Height,
    proposer,
    timeMs,
    previous,
    ...facts,
    lastCertificate,
    lastCertificateHash: certificateHashOf(lastCertificate, sha256),
    txs: [],
  }).block;
}

describe('a block hangs on the one before it', () => {
  test('the first one on the genesis, even where all of its own hashes fit', () => {
    const chain = new TestChain();
    expect(verdictOn(chain, proposed(chain, { previous: hashOf('another genesis') }))).toBe('LEDGER_BLOCK_HEADER');
    expect(verdictOn(chain, proposed(chain, {}))).toBe('valid');
  });

  test('by a certificate whose every signature verifies, even where its hash fits', () => {
    const chain = new TestChain().ready();
    const { lastCertificate } = chain.prepare([]).block;
    const certificate = lastCertificate as Certificate;
    const signatures = certificate.signatures.map((each, i) => ({
      ...each,
      signature: i === 0 ? signerOf('mallory').sign(new Uint8Array(1)) : each.signature,
    }));
    const forged = proposed(chain, {}, { ...certificate, signatures });
    expect(verdictOn(chain, forged)).toBe('LEDGER_CERTIFICATE_SIGNATURE');
    const few = { ...certificate, signatures: certificate.signatures.slice(0, 2) };
    expect(verdictOn(chain, proposed(chain, {}, few))).toBe('LEDGER_CERTIFICATE_QUORUM');
  });

  test('and its id is that of its header, which names that certificate', () => {
    const chain = new TestChain().ready();
    const { block, blockId } = chain.prepare([]);
    expect(blockIdOf(block.header, sha256)).toBe(blockId);
    expect(block.header.lastCertificateHash).toBe(certificateHashOf(block.lastCertificate, sha256));
  });
});

test('an admission UID belongs to the node that was asked: nobody takes it away by using it first', () => {
  const chain = new TestChain().ready();
  const free = changeOf('image v2', { namespace: 'dev' });
  const harmless = changeOf('label', { namespace: 'dev', name: 'other' });
  const uid = { admissionUid: 'the same' };
  const { txs } = chain.block(chain.attest(harmless, 'beta', uid), chain.attest(free, 'alpha', uid));
  expect(txs.map(({ result }) => result.decision)).toEqual(['ADMITTED', 'ADMITTED']);
});
