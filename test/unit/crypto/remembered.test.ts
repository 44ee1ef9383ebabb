import { expect, test } from 'vitest';
import { nativeBackend, signerFromSeed } from '../../../src/crypto/index.ts';
import { RememberedSignatures } from '../../../src/crypto/remembered.ts';

const signer = signerFromSeed(new Uint8Array(32).fill(1));
const other = signerFromSeed(new Uint8Array(32).fill(2));
const message = new TextEncoder().encode('precommit');
const signature = signer.sign(message);

function counting(entriesMax: number) {
  let computed = 0;
  const votes = new RememberedSignatures((...given) => {
    computed += 1;
    return nativeBackend.verifyEd25519(...given);
  }, entriesMax);
  return { votes, verify: votes.verify, computed: () => computed };
}

test('a signature that was found sound is not computed again', () => {
  const { verify, computed } = counting(8);
  expect(verify(signer.publicKey, message, signature)).toBe(true);
  expect(verify(signer.publicKey, message.slice(), signature.slice())).toBe(true);
  expect(computed()).toBe(1);
});

test('it stands for its own key and its own message only, whatever is changed afterwards', () => {
  const { verify } = counting(8);
  const bytes = message.slice();
  expect(verify(signer.publicKey, bytes, signature)).toBe(true);
  bytes[0] = 0;
  expect(verify(signer.publicKey, bytes, signature)).toBe(false);
  expect(verify(signer.publicKey, message.subarray(1), signature)).toBe(false);
  expect(verify(other.publicKey, message, signature)).toBe(false);
  const forged = signature.slice();
  forged[40] = (forged[40] ?? 0) ^ 1;
  expect(verify(signer.publicKey, message, forged)).toBe(false);
  expect(verify(signer.publicKey, message, signature)).toBe(true);
});

test('what does not verify is not remembered, bad input is false, and the oldest entry goes', () => {
  const { verify, computed } = counting(1);
  expect(verify(other.publicKey, message, signature)).toBe(false);
  expect(verify(other.publicKey, message, signature)).toBe(false);
  expect(verify(signer.publicKey, message, new Uint8Array(3))).toBe(false);
  expect(computed()).toBe(3);
  expect(verify(signer.publicKey, message, signature)).toBe(true);
  expect(verify(other.publicKey, message, other.sign(message))).toBe(true);
  expect(verify(signer.publicKey, message, signature)).toBe(true);
  expect(computed()).toBe(6);
});

test('what was signed here counts as sound', () => {
  const { votes, verify, computed } = counting(8);
  const own = votes.sign(signer, message);
  expect(own).toEqual(signature);
  expect(verify(signer.publicKey, message, own)).toBe(true);
  expect(computed()).toBe(0);
  expect(verify(signer.publicKey, message.subarray(1), own)).toBe(false);
});
