import { describe, expect, test } from 'vitest';
import { signBytes } from '../../../src/consensus/sign-bytes.ts';
import {
  CERTIFICATE_BYTES_MAX,
  certificateFromJson,
  certificateHashOf,
  certificateToJson,
  decodeCertificate,
  encodeCertificate,
  verifyCertificate,
  ZERO_HASH,
} from '../../../src/ledger/index.ts';
import type { Certificate } from '../../../src/types/chain.ts';
import type { Height, Round } from '../../../src/types/brand.ts';
import type { Json } from '../../../src/types/json.ts';
import { chain, genesisOf, hashOf, orgNames, sha256, signerOf, verifyEd25519 } from './fixtures.ts';
import { codeOf } from './refusal.ts';

const at = { height: 7 as Height, round: 2 as Round, blockId: hashOf('block') };
const { validators } = genesisOf();
const crypto = { verifyEd25519, precommitBytes: signBytes };

function signature(validator: number, type: 'precommit' | 'prevote' = 'precommit', over = at, ofChain = chain) {
  return {
    validator,
    signature: signerOf(`${orgNames[validator] ?? 'nobody'} vote`).sign(signBytes(ofChain, { type, ...over })),
  };
}
const certificateOf = (...indexes: number[]): Certificate => ({
  ...at,
  signatures: indexes.map((index) => signature(index)),
});
const good = certificateOf(0, 2, 3);
const verdict = (certificate: Certificate, set = validators, ofChain = chain) =>
  codeOf(() => verifyCertificate(certificate, set, ofChain, crypto));

describe('a certificate', () => {
  test('has the documented bytes', () => {
    const bytes = Buffer.from(
      encodeCertificate({ ...at, signatures: [{ validator: 3, signature: new Uint8Array(64).fill(9) }] }),
    );
    expect(bytes.toString('hex')).toBe(`0101000000000000000700000002${at.blockId}00010003${'09'.repeat(64)}`);
    expect(
      encodeCertificate({
        ...at,
        signatures: Array.from({ length: 23 }, (_, validator) => ({ validator, signature: new Uint8Array(64) })),
      }),
    ).toHaveLength(CERTIFICATE_BYTES_MAX);
  });

  test('comes back from its bytes and from its JSON form', () => {
    expect(decodeCertificate(encodeCertificate(good))).toEqual(good);
    expect(certificateFromJson(certificateToJson(good) as unknown as Json)).toEqual(good);
  });

  test('has a hash of its own, and zeros stand for none', () => {
    expect(certificateHashOf(null, sha256)).toBe(ZERO_HASH);
    expect(certificateHashOf(good, sha256)).not.toBe(certificateHashOf(certificateOf(0, 1, 2), sha256));
  });

  test('is valid with more than two thirds of the set', () => {
    expect(verdict(good)).toBe('accepted');
    expect(verdict(certificateOf(0, 1, 2, 3))).toBe('accepted');
    expect(verdict(certificateOf(0, 1))).toBe('LEDGER_CERTIFICATE_QUORUM');
    const three = validators.slice(0, 3);
    expect(verdict(certificateOf(0, 1), three)).toBe('LEDGER_CERTIFICATE_QUORUM');
    expect(verdict(certificateOf(0, 1, 2), three)).toBe('accepted');
    expect(verdict(certificateOf(), [])).toBe('LEDGER_CERTIFICATE_QUORUM');
  });

  test('counts a validator once, in order, and only from the set', () => {
    const [a, b, c] = [signature(0), signature(1), signature(2)];
    expect(verdict({ ...at, signatures: [a, a, b] })).toBe('LEDGER_CERTIFICATE_FORM');
    expect(verdict({ ...at, signatures: [b, a, c] })).toBe('LEDGER_CERTIFICATE_FORM');
    expect(verdict({ ...at, signatures: [a, b, { validator: 9, signature: c.signature }] })).toBe(
      'LEDGER_CERTIFICATE_VALIDATOR',
    );
  });

  test('is refused when one signature is over anything else', () => {
    const withThird = (third: ReturnType<typeof signature>) =>
      verdict({ ...at, signatures: [signature(0), signature(1), third] });
    expect(withThird(signature(2))).toBe('accepted');
    const elsewhere = [
      signature(2, 'prevote'),
      signature(2, 'precommit', { ...at, height: 8 as Height }),
      signature(2, 'precommit', { ...at, round: 0 as Round }),
      signature(2, 'precommit', { ...at, blockId: hashOf('other') }),
      signature(2, 'precommit', at, hashOf('other chain')),
      { validator: 2, signature: signature(3).signature },
    ];
    for (const third of elsewhere) expect(withThird(third)).toBe('LEDGER_CERTIFICATE_SIGNATURE');
    expect(verdict(good, validators, hashOf('other chain'))).toBe('LEDGER_CERTIFICATE_SIGNATURE');
    expect(verdict(good, validators.toReversed())).toBe('LEDGER_CERTIFICATE_SIGNATURE');
  });

  test('is refused in any other form', () => {
    const bytes = encodeCertificate(good);
    const withByte = (offset: number, value: number) => codeOf(() => decodeCertificate(bytes.with(offset, value)));
    expect(withByte(0, 2)).toBe('LEDGER_VERSION');
    expect(withByte(1, 2)).toBe('LEDGER_ALGORITHM');
    expect(withByte(47, 24)).toBe('LEDGER_CERTIFICATE_FORM');
    expect(withByte(48, 1)).toBe('LEDGER_CERTIFICATE_FORM');
    expect(withByte(47, 2)).toBe('CODEC_BINARY_TRAILING');
    expect(withByte(47, 4)).toBe('CODEC_BINARY_SHORT');
    expect(codeOf(() => decodeCertificate(bytes.slice(0, -1)))).toBe('CODEC_BINARY_SHORT');
    const json = certificateToJson(good);
    const ofJson = (change: object) => codeOf(() => certificateFromJson({ ...json, ...change } as unknown as Json));
    expect(ofJson({ v: 2 })).toBe('LEDGER_VERSION');
    expect(ofJson({ alg: 'bls' })).toBe('LEDGER_ALGORITHM');
    expect(ofJson({ extra: 1 })).toBe('CODEC_SCHEMA');
    expect(ofJson({ signatures: json.signatures.toReversed() })).toBe('LEDGER_CERTIFICATE_FORM');
    expect(
      codeOf(() => encodeCertificate({ ...at, signatures: [{ validator: 0, signature: new Uint8Array(63) }] })),
    ).toBe('LEDGER_CERTIFICATE_FORM');
  });
});
