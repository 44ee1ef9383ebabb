import { describe, expect, test } from 'vitest';
import { concatBytes } from '../../../src/codec/index.ts';
import {
  appendLeaves,
  entriesPath,
  entryBundle,
  formatTlogProof,
  leafHash,
  parseTlogProof,
  tileBytes,
  tilePath,
  tileWidth,
} from '../../../src/ledger/index.ts';
import { sha256 } from './fixtures.ts';
import { codeOf } from './refusal.ts';

describe('a tile', () => {
  test('has the path of c2sp.org/tlog-tiles', () => {
    expect(tilePath(0, 1_234_067, 256)).toBe('/tile/0/x001/x234/067');
    expect(tilePath(1, 0, 17)).toBe('/tile/1/000.p/17');
    expect(tilePath(0, 999, 256)).toBe('/tile/0/999');
    expect(tilePath(0, 1_000, 256)).toBe('/tile/0/x001/000');
    expect(entriesPath(5, 3)).toBe('/tile/entries/005.p/3');
  });
  test('is as wide as the log is long', () => {
    const width = (level: number, index: number) => tileWidth(level, index, 70_000);
    expect([width(0, 0), width(0, 272), width(0, 273), width(0, 274)]).toEqual([256, 256, 112, 0]);
    expect([width(1, 0), width(1, 1), width(2, 0), width(3, 0)]).toEqual([256, 17, 1, 0]);
  });
  test('holds the hashes of the complete subtrees below it', () => {
    const hashes = Array.from({ length: 600 }, (_, i) => leafHash(sha256, new Uint8Array([i & 255, i >> 8])));
    const nodes = new Map(
      appendLeaves(sha256, 0, () => undefined, hashes).nodes.map(([level, index, hash]) => [`${level}/${index}`, hash]),
    );
    const reader = (level: number, index: number) => nodes.get(`${level}/${index}`);
    expect(tileBytes(0, 2, tileWidth(0, 2, 600), reader)).toEqual(concatBytes(...hashes.slice(512)));
    const whole = (from: number) => appendLeaves(sha256, 0, () => undefined, hashes.slice(from, from + 256)).root;
    expect(tileBytes(1, 0, tileWidth(1, 0, 600), reader)).toEqual(concatBytes(whole(0), whole(256)));
    expect(codeOf(() => tileBytes(0, 2, 100, reader))).toBe('LEDGER_TREE_NODE_MISSING');
  });
  test('that cannot exist is refused', () => {
    for (const [level, index, width] of [
      [7, 0, 1],
      [-1, 0, 1],
      [0, -1, 1],
      [0, 0.5, 1],
      [0, 0, 0],
      [0, 0, 257],
    ] as const) {
      expect(codeOf(() => tilePath(level, index, width))).toBe('LEDGER_TREE_RANGE');
    }
  });
  test('of entries holds each leaf after its length', () => {
    expect(entryBundle([new Uint8Array([7]), new Uint8Array(), new Uint8Array(258)])).toEqual(
      new Uint8Array([0, 1, 7, 0, 0, 1, 2, ...new Uint8Array(258)]),
    );
    expect(codeOf(() => entryBundle([new Uint8Array(65_536)]))).toBe('LEDGER_LEAF_TOO_LARGE');
  });
});

describe('a proof file', () => {
  const proof = {
    extra: new Uint8Array([1, 2]),
    index: 7,
    proof: [new Uint8Array(32), new Uint8Array(32).fill(1)],
    checkpoint: 'o\n9\nr\n\n\u2014 n AAAAAAA=\n',
  };
  test('comes back as it was written', () => {
    const text = formatTlogProof(proof);
    expect(text.split('\n').slice(0, 3)).toEqual(['c2sp.org/tlog-proof@v1', 'extra AQI=', 'index 7']);
    expect(parseTlogProof(text)).toEqual(proof);
    const bare = { ...proof, extra: undefined, proof: [] };
    expect(parseTlogProof(formatTlogProof(bare))).toEqual(bare);
  });
  test('of another form is refused', () => {
    const text = formatTlogProof(proof);
    const refusal = (from: string, to: string) => codeOf(() => parseTlogProof(text.replace(from, to)));
    expect(refusal('@v1', '@v2')).toBe('LEDGER_TLOG_PROOF_FORM');
    expect(refusal('extra AQI=', 'extra AQJ=')).toBe('LEDGER_TLOG_PROOF_FORM');
    expect(refusal('index 7', 'index 07')).toBe('LEDGER_TLOG_PROOF_FORM');
    expect(refusal('index 7\n', '')).toBe('LEDGER_TLOG_PROOF_FORM');
    expect(refusal('index 7\n', 'index 7\nAAAA\n')).toBe('LEDGER_TLOG_PROOF_FORM');
    expect(codeOf(() => parseTlogProof('c2sp.org/tlog-proof@v1\nindex 0\n'))).toBe('LEDGER_TLOG_PROOF_FORM');
    expect(
      codeOf(() =>
        parseTlogProof(formatTlogProof({ ...proof, proof: Array.from({ length: 55 }, () => new Uint8Array(32)) })),
      ),
    ).toBe('LEDGER_TLOG_PROOF_FORM');
  });
});
