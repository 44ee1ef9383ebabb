import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { nativeBackend, nobleBackend, signerFromSeed } from '../../../src/crypto/index.ts';

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));

/** RFC 8032 section 7.1: seed, public key, message, signature. */
const VECTORS = [
  [
    'TEST 1',
    '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  ],
  [
    'TEST 2',
    '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    '72',
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  ],
  [
    'TEST 3',
    'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    'af82',
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  ],
  [
    'TEST SHA(abc)',
    '833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42',
    'ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf',
    createHash('sha512').update('abc').digest('hex'),
    'dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704',
  ],
] as const;

describe.each(VECTORS)('RFC 8032 section 7.1, %s', (_, seed, publicKey, message, signature) => {
  test('has this public key and signs like this', () => {
    const signer = signerFromSeed(bytes(seed));
    expect(signer.publicKey).toBe(publicKey);
    expect(Buffer.from(signer.sign(bytes(message))).toString('hex')).toBe(signature);
  });

  test.each([nativeBackend, nobleBackend])('verifies in the $name backend', (backend) => {
    const { publicKey: key } = signerFromSeed(bytes(seed));
    expect(backend.verifyEd25519(key, bytes(message), bytes(signature))).toBe(true);
    expect(backend.verifyEd25519(key, bytes(`${message}00`), bytes(signature))).toBe(false);
    expect(backend.isRegistrableKey(key)).toBe(true);
  });
});

describe.each([nativeBackend, nobleBackend])('hashes of the $name backend', (backend) => {
  const hex = (value: Uint8Array) => Buffer.from(value).toString('hex');

  test('SHA-256 of "" and "abc" (FIPS 180-4), in any number of parts', () => {
    const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
    expect(hex(backend.sha256())).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    expect(hex(backend.sha256(bytes('616263')))).toBe(abc);
    expect(hex(backend.sha256(bytes('61'), bytes(''), bytes('6263')))).toBe(abc);
  });

  test('HMAC-SHA-256 of RFC 4231 test cases 1, 2 and 6', () => {
    const of = (key: string, data: string) => hex(backend.hmacSha256(bytes(key), new Uint8Array(Buffer.from(data))));
    expect(of('0b'.repeat(20), 'Hi There')).toBe('b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7');
    expect(of('4a656665', 'what do ya want for nothing?')).toBe(
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    );
    expect(of('aa'.repeat(131), 'Test Using Larger Than Block-Size Key - Hash Key First')).toBe(
      '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    );
  });
});
