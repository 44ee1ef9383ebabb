import { expect, onTestFinished, test } from 'vitest';
import { VerifiedAhead } from '../../../src/crypto/ahead.ts';
import { nativeBackend, signerFromSeed } from '../../../src/crypto/index.ts';
import { VerifyThread } from '../../../src/crypto/verify-thread.ts';
import type { SignedBytes } from '../../../src/ports/crypto.ts';

const signer = signerFromSeed(new Uint8Array(32).fill(1));
const other = signerFromSeed(new Uint8Array(32).fill(2));

function signed(text: string): SignedBytes {
  const message = new TextEncoder().encode(text);
  return { publicKey: signer.publicKey, message, signature: signer.sign(message) };
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

function thread(): VerifyThread {
  const started = new VerifyThread();
  onTestFinished(() => started.close());
  return started;
}

function counting(entriesMax?: number) {
  let computed = 0;
  const others = thread();
  const verify = (...given: Parameters<typeof nativeBackend.verifyEd25519>): boolean => {
    computed += 1;
    return nativeBackend.verifyEd25519(...given);
  };
  const ahead = new VerifiedAhead(verify, others, entriesMax);
  return { ahead, others, computed: () => computed };
}

const ask = ({ verify }: VerifiedAhead, { publicKey, message, signature }: SignedBytes): boolean =>
  verify(publicKey, message, signature);

test('what another thread found sound is not computed here, once', async () => {
  const { ahead, computed } = counting();
  const batch = ['a', 'b', 'c'].map(signed);
  await ahead.ahead(batch);
  expect(ahead.size).toBe(3);
  for (const each of batch) expect(ask(ahead, { ...each, message: each.message.slice() })).toBe(true);
  expect(computed()).toBe(0);
  expect(ahead.size).toBe(0);
  expect(ask(ahead, batch[0]!)).toBe(true);
  expect(computed()).toBe(1);
});

test('it stands for its own key, message and signature only', async () => {
  const { ahead } = counting();
  const whole = signed('transfer 1');
  await ahead.ahead([whole]);
  expect(ask(ahead, { ...whole, message: new TextEncoder().encode('transfer 9') })).toBe(false);
  expect(ask(ahead, { ...whole, message: whole.message.subarray(1) })).toBe(false);
  expect(ask(ahead, { ...whole, publicKey: other.publicKey })).toBe(false);
  expect(ask(ahead, { ...whole, signature: flipped(whole.signature, 40) })).toBe(false);
  expect(ask(ahead, whole)).toBe(true);
});

test('what was changed after it was handed over is not what was verified', async () => {
  const { ahead } = counting();
  const whole = signed('before');
  const mine = { ...whole, message: whole.message.slice() };
  const known = ahead.ahead([mine]);
  mine.message.set(new TextEncoder().encode('after!'));
  await known;
  expect(ask(ahead, mine)).toBe(false);
  expect(ask(ahead, whole)).toBe(true);
});

test('what is not sound is not remembered, and no more than the newest entries are', async () => {
  const { ahead, computed } = counting(2);
  const [a, b, c] = ['a', 'b', 'c'].map(signed) as [SignedBytes, SignedBytes, SignedBytes];
  const forged = { ...a, signature: flipped(a.signature, 3) };
  const cut = { ...a, signature: a.signature.subarray(1) };
  await ahead.ahead([a, forged, b, cut, c]);
  expect(ahead.size).toBe(2);
  expect([ask(ahead, b), ask(ahead, c)]).toEqual([true, true]);
  expect(computed()).toBe(0);
  expect([ask(ahead, forged), ask(ahead, cut)]).toEqual([false, false]);
});

test('the thread says of each what the native backend says, in the order of the batch', async () => {
  const others = thread();
  const batch = Array.from({ length: 40 }, (_, i): SignedBytes => {
    const whole = signed(`message ${i}`);
    if (i % 4 === 1) return { ...whole, signature: flipped(whole.signature, i % 64) };
    if (i % 4 === 2) return { ...whole, message: flipped(whole.message, 2) };
    return i % 8 === 3 ? { ...whole, publicKey: other.publicKey } : whole;
  });
  const expected = batch.map(({ publicKey, message, signature }) =>
    nativeBackend.verifyEd25519(publicKey, message, signature),
  );
  expect(expected).toContain(true);
  expect(expected).toContain(false);
  const halves = await Promise.all([others.verify(batch.slice(0, 13)), others.verify(batch.slice(13))]);
  expect(halves.flat()).toEqual(expected);
});

test('a thread that is gone finds nothing sound, and holds nobody up', async () => {
  const { ahead, others, computed } = counting();
  const batch = ['a', 'b'].map(signed);
  const known = ahead.ahead(batch);
  await others.close();
  await known;
  await ahead.ahead(batch);
  expect(ahead.size).toBe(0);
  expect(ask(ahead, batch[0]!)).toBe(true);
  expect(computed()).toBe(1);
});
