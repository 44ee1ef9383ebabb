import { createHash, createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  decodePrivateKeyPem,
  encodePrivateKeyPem,
  generateSeed,
  keyIdOf,
  nativeBackend,
  publicKeyHex,
  signerFromSeed,
} from '../../../src/crypto/index.ts';
import { KEY_CACHE_MAX } from '../../../src/crypto/native.ts';
import type { PublicKeyHex } from '../../../src/types/brand.ts';
import { expectCode } from '../codec/expect-code.ts';

const SEED = Uint8Array.from({ length: 32 }, (_, i) => i);
const MESSAGE = new Uint8Array([1, 2, 3]);

describe('keys', () => {
  test('a key id is SHA-256 of the raw key, not of its text', () => {
    const { publicKey } = signerFromSeed(SEED);
    expect(keyIdOf(publicKey)).toBe(createHash('sha256').update(Buffer.from(publicKey, 'hex')).digest('hex'));
  });

  test.each(['', 'AB'.repeat(32), '0'.repeat(63), '0'.repeat(66)])('%j has no key id', (key) => {
    expectCode('CRYPTO_PUBLIC_KEY', () => keyIdOf(key as PublicKeyHex));
  });

  test('only 32 bytes have a hexadecimal form', () => {
    expect(publicKeyHex(SEED)).toBe(Buffer.from(SEED).toString('hex'));
    expectCode('CRYPTO_PUBLIC_KEY', () => publicKeyHex(SEED.subarray(1)));
  });

  test('seeds are 32 bytes and differ', () => {
    const seeds = new Set(Array.from({ length: 50 }, () => Buffer.from(generateSeed()).toString('hex')));
    expect(seeds.size).toBe(50);
    expect(generateSeed()).toHaveLength(32);
  });

  test.each([0, 31, 33, 64])('a seed of %i bytes is refused', (length) => {
    expectCode('CRYPTO_SEED', () => signerFromSeed(new Uint8Array(length)));
    expectCode('CRYPTO_SEED', () => encodePrivateKeyPem(new Uint8Array(length), null));
  });

  test('more keys than the cache holds still verify', () => {
    const signed = Array.from({ length: KEY_CACHE_MAX + 20 }, (_, i) => {
      const seed = new Uint8Array(32);
      new DataView(seed.buffer).setUint32(0, i);
      const signer = signerFromSeed(seed);
      return { publicKey: signer.publicKey, signature: signer.sign(MESSAGE) };
    });
    for (const { publicKey, signature } of [...signed, ...signed.slice(0, 30)]) {
      expect(nativeBackend.verifyEd25519(publicKey, MESSAGE, signature)).toBe(true);
    }
  });
});

describe('private key files', () => {
  const signer = signerFromSeed(SEED);
  const encrypted = encodePrivateKeyPem(SEED, 'geheim ü');

  test('without a passphrase are PKCS#8 as node:crypto writes it', () => {
    const pem = encodePrivateKeyPem(SEED, null);
    expect(createPrivateKey(pem).export({ format: 'pem', type: 'pkcs8' })).toBe(pem);
    expect(decodePrivateKeyPem(pem, null).publicKey).toBe(signer.publicKey);
    expect(decodePrivateKeyPem(pem, 'not needed').publicKey).toBe(signer.publicKey);
  });

  test('with a passphrase come back with it, and sign alike', () => {
    expect(encrypted).toMatch(
      /^-----BEGIN ENCRYPTED PRIVATE KEY-----\n([A-Za-z0-9+/=]{1,64}\n)+-----END ENCRYPTED PRIVATE KEY-----\n$/,
    );
    const read = decodePrivateKeyPem(encrypted, 'geheim ü');
    expect(read.publicKey).toBe(signer.publicKey);
    expect(read.sign(MESSAGE)).toEqual(signer.sign(MESSAGE));
  });

  test('hold neither the seed nor the same salt twice', () => {
    expect(Buffer.from(encrypted.split('\n').slice(1, -2).join(''), 'base64').includes(Buffer.from(SEED))).toBe(false);
    expect(encodePrivateKeyPem(SEED, 'geheim ü')).not.toBe(encrypted);
  });

  test('with another passphrase, or damaged, do not open', () => {
    expectCode('CRYPTO_PASSPHRASE_WRONG', () => decodePrivateKeyPem(encrypted, 'geheim u'));
    const lines = encrypted.split('\n');
    const damaged = [lines[0], lines[1], ...lines.slice(3)].join('\n');
    expectCode('CRYPTO_PASSPHRASE_WRONG', () => decodePrivateKeyPem(damaged, 'geheim ü'));
  });

  test.each([null, ''])('ask for the passphrase when it is %j', (passphrase) => {
    expect(expectCode('CRYPTO_PASSPHRASE_MISSING', () => decodePrivateKeyPem(encrypted, passphrase))).toEqual({
      purpose: 'decrypt',
    });
  });

  test('are not encrypted with an empty passphrase', () => {
    expect(expectCode('CRYPTO_PASSPHRASE_MISSING', () => encodePrivateKeyPem(SEED, ''))).toEqual({
      purpose: 'encrypt',
    });
  });

  test('that OpenSSL encrypted with PBKDF2 open too', () => {
    const pem = createPrivateKey(encodePrivateKeyPem(SEED, null)).export({
      format: 'pem',
      type: 'pkcs8',
      cipher: 'aes-256-cbc',
      passphrase: 'pw',
    }) as string;
    expect(decodePrivateKeyPem(pem, 'pw').publicKey).toBe(signer.publicKey);
  });

  test('of another algorithm are refused by its name', () => {
    const pem = (type: 'x25519' | 'ed448') =>
      generateKeyPairSync(type as 'x25519').privateKey.export({ format: 'pem', type: 'pkcs8' }) as string;
    expect(expectCode('CRYPTO_KEY_TYPE', () => decodePrivateKeyPem(pem('x25519'), null))).toEqual({ type: 'x25519' });
    expect(expectCode('CRYPTO_KEY_TYPE', () => decodePrivateKeyPem(pem('ed448'), null))).toEqual({ type: 'ed448' });
  });

  test.each([
    ['an empty file', ''],
    ['some text', 'hello'],
    ['a public key', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n'],
    ['an OpenSSH key', '-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n'],
    ['a key cut off', encodePrivateKeyPem(SEED, null).slice(0, 60)],
    ['a key of nonsense', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'],
    ['a huge file', encodePrivateKeyPem(SEED, null).padEnd(100_000)],
  ])('that are %s are refused', (_, pem) => {
    expectCode('CRYPTO_PEM', () => decodePrivateKeyPem(pem, null));
  });
});
