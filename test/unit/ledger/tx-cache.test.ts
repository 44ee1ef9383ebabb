import { expect, test } from 'vitest';
import { nativeBackend } from '../../../src/crypto/index.ts';
import { TxCache } from '../../../src/ledger/tx-cache.ts';
import type { ClusterId, Hash, ValidatorId } from '../../../src/types/brand.ts';
import { alone, genesisOf, signerOf } from './test-chain.ts';

const chain = alone(genesisOf({ orgs: ['alpha'], policies: [] }));
const key = signerOf('alpha tx').publicKey;
const line = (n: number): Uint8Array =>
  chain.sign({
    kind: 'cluster-key',
    node: 'alpha' as ValidatorId,
    cluster: `c${n}` as ClusterId,
    keyId: 'ab'.repeat(32) as Hash,
  });

function counting(bytesMax?: number) {
  let verified = 0;
  const cache = new TxCache(
    {
      sha256: nativeBackend.sha256,
      verifyEd25519: (...given) => {
        verified += 1;
        return nativeBackend.verifyEd25519(...given);
      },
    },
    bytesMax,
  );
  return { cache, verified: () => verified };
}

test('a transaction is decoded and verified once, however often it comes', () => {
  const { cache, verified } = counting();
  const bytes = line(1);
  const first = cache.decode(bytes);
  cache.verify(first, key);
  const again = cache.decode(bytes.slice());
  cache.verify(again, key);
  expect(again).toBe(first);
  expect(verified()).toBe(1);
});

test('what is in a block is forgotten some blocks later, and the rest is not', () => {
  const { cache } = counting();
  const [recorded, waiting] = [line(1), line(2)];
  const [first, other] = [cache.decode(recorded), cache.decode(waiting)];
  cache.committed([first.hash]);
  for (let i = 0; i < 8; i += 1) cache.committed([]);
  expect(cache.decode(recorded)).toBe(first);
  for (let i = 0; i < 8; i += 1) cache.committed([]);
  expect(cache.decode(recorded)).not.toBe(first);
  expect(cache.decode(waiting)).toBe(other);
});

test('P8: what nobody keeps is forgotten by its bytes, the oldest first, whatever a peer sends', () => {
  const lines = Array.from({ length: 40 }, (_, n) => line(100 + n));
  const size = lines[0]?.length ?? 0;
  const { cache } = counting(10 * size + 9);
  const first = lines.map((bytes) => cache.decode(bytes));
  // What is in a block is given back once, however often it is named.
  cache.committed([first[39]?.hash, first[39]?.hash].flatMap((hash) => hash ?? []));
  const isKnown = (n: number): boolean => cache.decode(lines[n] ?? new Uint8Array()) === first[n];
  for (let n = 30; n < 40; n += 1) expect(isKnown(n), `${n}`).toBe(true);
  for (let i = 0; i < 17; i += 1) cache.committed([]);
  // In its place there is room for exactly one more.
  cache.decode(lines[0] ?? new Uint8Array());
  expect(isKnown(30)).toBe(true);
  cache.decode(lines[1] ?? new Uint8Array());
  expect(isKnown(31)).toBe(true);
  expect(isKnown(30)).toBe(false);
});
