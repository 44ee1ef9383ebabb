import { expect, test } from 'vitest';
import { leafHash, verifyInclusion } from '../../../src/ledger/index.ts';
import { sha256 } from './test-chain.ts';
import { codeOf } from './refusal.ts';

test('a log of one leaf holds it at index 0 and nowhere else', () => {
  const leaf = leafHash(sha256, new Uint8Array([1]));
  const at = (index: number, size: number) => codeOf(() => verifyInclusion(sha256, index, size, leaf, [], leaf));
  expect(at(0, 1)).toBe('accepted');
  for (const [index, size] of [
    [1, 1],
    [2, 1],
    [0, 0],
    [-1, 1],
    [0.5, 1],
  ] as const)
    // prettier-ignore
    expect(at(index, size), `${index} of ${size}`).toBe('LEDGER_INCLUSION');
});
