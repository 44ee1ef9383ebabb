import { describe, expect, test } from 'vitest';
import { concatBytes, fromHex, toHex } from '../../../src/codec/index.ts';
import {
  BLOCK_BYTES_CAP,
  certificateHashOf,
  checkBlockParts,
  decodeBlock,
  encodeBlock,
  signTransaction,
  transactionHash,
  txBytesOf,
  txRootOf,
  ZERO_HASH,
} from '../../../src/ledger/index.ts';
import type { Block, Certificate } from '../../../src/types/chain.ts';
import type { Height, Round } from '../../../src/types/brand.ts';
import { hashOf, header, payloads, sha256, signerOf } from './fixtures.ts';
import { codeOf } from './refusal.ts';

const txs = payloads.map((payload) => signTransaction(payload, signerOf('alpha tx'), sha256));
const hashes = txs.map((tx) => transactionHash(tx, sha256));
const certificate: Certificate = {
  height: 4 as Height,
  round: 0 as Round,
  blockId: hashOf('block 4'),
  signatures: [{ validator: 0, signature: new Uint8Array(64).fill(1) }],
};
const block: Block = {
  header: {
    ...header,
    height: 5 as Height,
    previous: certificate.blockId,
    txRoot: txRootOf(hashes, sha256),
    lastCertificateHash: certificateHashOf(certificate, sha256),
  },
  lastCertificate: certificate,
  txs,
};
const first: Block = { header: { ...header, txRoot: txRootOf([], sha256) }, lastCertificate: null, txs: [] };
const limits = { blockBytesMax: 1_000_000, blockTxsMax: 100 };
const verdict = (changed: Block, within = limits) => codeOf(() => checkBlockParts(changed, within, sha256));

describe('a block', () => {
  test('comes back from its bytes, with and without certificate and transactions', () => {
    expect(decodeBlock(encodeBlock(block))).toEqual(block);
    expect(decodeBlock(encodeBlock(first))).toEqual(first);
  });

  test('is refused in any other form', () => {
    const bytes = encodeBlock(block);
    expect(codeOf(() => decodeBlock(bytes.with(0, 2)))).toBe('LEDGER_VERSION');
    expect(codeOf(() => decodeBlock(bytes.slice(0, -1)))).toBe('CODEC_BINARY_SHORT');
    expect(codeOf(() => decodeBlock(concatBytes(bytes, new Uint8Array(1))))).toBe('CODEC_BINARY_TRAILING');
    expect(codeOf(() => decodeBlock(new Uint8Array(BLOCK_BYTES_CAP + 1)))).toBe('LEDGER_BLOCK_TOO_LARGE');
    expect(codeOf(() => encodeBlock({ ...block, txs: Array.from({ length: 10_001 }, () => new Uint8Array(1)) }))).toBe(
      'LEDGER_BLOCK_TOO_LARGE',
    );
    const empty = encodeBlock(first);
    expect(codeOf(() => decodeBlock(empty.with(empty.length - 3, 1)))).toBe('LEDGER_BLOCK_TOO_LARGE');
    expect(codeOf(() => encodeBlock({ ...block, txs: [new Uint8Array(60_001)] }))).toBe('LEDGER_TX_TOO_LARGE');
  });

  test('has the RFC 6962 root over its transaction hashes as leaves', () => {
    const [a, b] = [hashOf('a'), hashOf('b')];
    const leaf = (hash: string) => sha256(new Uint8Array([0]), fromHex(hash));
    expect(txRootOf([a, b], sha256)).toBe(toHex(sha256(new Uint8Array([1]), leaf(a), leaf(b))));
    expect(txRootOf([], sha256)).toBe(toHex(sha256()));
  });

  test('holds together', () => {
    expect(verdict(block)).toBe('accepted');
    expect(verdict(first)).toBe('accepted');
  });

  test('is refused when its transactions are others than the header says', () => {
    expect(verdict({ ...block, txs: txs.slice(1) })).toBe('LEDGER_BLOCK_TX_ROOT');
    expect(verdict({ ...block, txs: txs.toReversed() })).toBe('LEDGER_BLOCK_TX_ROOT');
    expect(verdict({ ...block, txs: [...txs, ...txs.slice(-1)] })).toBe('LEDGER_BLOCK_TX_ROOT');
  });

  test('is refused when its last certificate does not fit', () => {
    const withCertificate = (lastCertificate: Certificate | null, change: Partial<Block['header']> = {}): Block => ({
      ...block,
      lastCertificate,
      header: { ...block.header, lastCertificateHash: certificateHashOf(lastCertificate, sha256), ...change },
    });
    expect(verdict(withCertificate(certificate))).toBe('accepted');
    expect(verdict(withCertificate(null))).toBe('LEDGER_BLOCK_LAST_CERTIFICATE');
    expect(verdict(withCertificate({ ...certificate, height: 3 as Height }))).toBe('LEDGER_BLOCK_LAST_CERTIFICATE');
    expect(verdict(withCertificate({ ...certificate, blockId: hashOf('other') }))).toBe(
      'LEDGER_BLOCK_LAST_CERTIFICATE',
    );
    expect(verdict(withCertificate(certificate, { lastCertificateHash: ZERO_HASH }))).toBe(
      'LEDGER_BLOCK_LAST_CERTIFICATE',
    );
    expect(verdict(withCertificate(certificate, { height: 1 as Height }))).toBe('LEDGER_BLOCK_LAST_CERTIFICATE');
  });

  test('keeps to the governed limits, which themselves are allowed', () => {
    expect(verdict(block, { blockBytesMax: txBytesOf(txs), blockTxsMax: txs.length })).toBe('accepted');
    expect(verdict(block, { ...limits, blockTxsMax: txs.length - 1 })).toBe('LEDGER_BLOCK_TOO_LARGE');
    expect(verdict(block, { ...limits, blockBytesMax: txBytesOf(txs) - 1 })).toBe('LEDGER_BLOCK_TOO_LARGE');
  });
});
