import { describe, expect, test } from 'vitest';
import { canonicalJson, concatBytes, parseJson, utf8Decode, utf8Encode } from '../../../src/codec/index.ts';
import {
  blockLeafBytes,
  decodeLeaf,
  LEAF_BYTES_MAX,
  leafBytes,
  signTransaction,
  TX_BYTES_MAX,
} from '../../../src/ledger/index.ts';
import type { BlockLeaf, Leaf, TxResult } from '../../../src/types/transaction.ts';
import type { LeafIndex } from '../../../src/types/brand.ts';
import { hashOf, payloads, sha256, signerOf } from './fixtures.ts';
import { codeOf } from './refusal.ts';

const result: TxResult = {
  decision: 'ADMITTED',
  code: 'OK',
  proposal: 7,
  witnesses: [3 as LeafIndex],
  binding: 'diff',
  original: null,
};
const fields: Pick<Leaf, 'height' | 'index' | 'result' | 'prev'> = {
  height: 5,
  index: 42,
  result,
  prev: { object: 12, namespace: null },
};
const block: BlockLeaf['block'] = {
  height: 5,
  timeMs: 1_760_000_000_000,
  appVersion: 1,
  stateRoot: hashOf('state'),
  validatorsHash: hashOf('v'),
  nextValidatorsHash: hashOf('nv'),
  paramsHash: hashOf('p'),
  previous: hashOf('previous'),
};
const lines = payloads.map((payload) => signTransaction(payload, signerOf('alpha tx'), sha256));
const line = lines[0] as Uint8Array;

const envelopeOf = (tx: Uint8Array): Leaf['tx'] => parseJson(tx) as unknown as Leaf['tx'];

describe("a transaction's leaf", () => {
  test.each(lines)('is canonical JSON that holds the envelope line byte for byte (%#)', (tx) => {
    const bytes = leafBytes(fields, tx);
    const leaf: Leaf = { v: 1, ...fields, tx: envelopeOf(tx) };
    expect(bytes).toEqual(canonicalJson(leaf));
    expect(utf8Decode(bytes)).toContain(`"tx":${utf8Decode(tx)}`);
    expect(decodeLeaf(bytes)).toEqual({ kind: 'transaction', leaf, tx });
  });

  test('stays below the entry limit for the largest transaction and the longest result', () => {
    const longest: TxResult = {
      decision: 'DUPLICATE',
      code: 'X'.repeat(64),
      proposal: Number.MAX_SAFE_INTEGER,
      witnesses: Array.from({ length: 23 }, (_, i) => (Number.MAX_SAFE_INTEGER - i) as LeafIndex),
      binding: 'strict',
      original: Number.MAX_SAFE_INTEGER as LeafIndex,
    };
    const max = Number.MAX_SAFE_INTEGER;
    const bytes = leafBytes(
      { height: max, index: max, result: longest, prev: { object: max, namespace: max } },
      new Uint8Array(TX_BYTES_MAX),
    );
    expect(bytes.length).toBeLessThanOrEqual(LEAF_BYTES_MAX);
    expect(codeOf(() => leafBytes(fields, new Uint8Array(LEAF_BYTES_MAX)))).toBe('LEDGER_LEAF_TOO_LARGE');
  });

  test('is refused when it is too large, of another version, not canonical, or has other fields', () => {
    const leaf = { v: 1, ...fields, tx: envelopeOf(line) };
    const refusal = (value: unknown) => codeOf(() => decodeLeaf(canonicalJson(value)));
    expect(refusal(leaf)).toBe('accepted');
    expect(codeOf(() => decodeLeaf(new Uint8Array(LEAF_BYTES_MAX + 1)))).toBe('LEDGER_LEAF_TOO_LARGE');
    expect(refusal({ ...leaf, v: 2 })).toBe('LEDGER_VERSION');
    expect(codeOf(() => decodeLeaf(utf8Encode(JSON.stringify(leaf))))).toBe('LEDGER_NOT_CANONICAL');
    expect(codeOf(() => decodeLeaf(concatBytes(canonicalJson(leaf), utf8Encode('\n'))))).toBe('LEDGER_NOT_CANONICAL');
    expect(refusal({ ...leaf, extra: null })).toBe('CODEC_SCHEMA');
    expect(refusal({ ...leaf, height: 0 })).toBe('CODEC_SCHEMA');
    expect(refusal({ ...leaf, index: -1 })).toBe('CODEC_SCHEMA');
    expect(refusal({ ...leaf, result: { ...result, decision: 'MAYBE' } })).toBe('CODEC_SCHEMA');
    expect(refusal({ ...leaf, result: { ...result, code: 'ok' } })).toBe('CODEC_SCHEMA');
    expect(refusal({ ...leaf, tx: { ...leaf.tx, signatures: [] } })).toBe('CODEC_SCHEMA');
    expect(refusal({ ...leaf, prev: { object: 1 } })).toBe('CODEC_SCHEMA');
  });
});

describe("a block's leaf", () => {
  test('comes back as it was written', () => {
    expect(decodeLeaf(blockLeafBytes(block))).toEqual({ kind: 'block', leaf: { v: 1, block } });
  });
  test('is never read as a transaction, nor the other way round', () => {
    const leaf = { v: 1, ...fields, tx: envelopeOf(line) };
    expect(codeOf(() => decodeLeaf(canonicalJson({ ...leaf, block })))).toBe('CODEC_SCHEMA');
    expect(codeOf(() => decodeLeaf(canonicalJson({ v: 1, block: { ...block, extra: 1 } })))).toBe('CODEC_SCHEMA');
  });
});
