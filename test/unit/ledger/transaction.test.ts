import { describe, expect, test } from 'vitest';
import {
  canonicalJson,
  encodeEnvelope,
  parseJson,
  preAuthEncoding,
  toBase64,
  utf8Decode,
  utf8Encode,
} from '../../../src/codec/index.ts';
import {
  decodeTransaction,
  keyIdOfPublicKey,
  payloadTypeOf,
  signedLine,
  signTransaction,
  statementOf,
  subjectNameOf,
  TX_BYTES_MAX,
  verifyTransaction,
} from '../../../src/ledger/index.ts';
import type { Payload } from '../../../src/types/transaction.ts';
import { attributes, hashOf, keyIdOf, mutation, payloads, sha256, signerOf, verifyEd25519 } from './fixtures.ts';
import { codeOf } from './refusal.ts';

const signer = signerOf('alpha tx');

function envelope(payload: unknown, payloadType: string): Uint8Array {
  const bytes = payload instanceof Uint8Array ? payload : canonicalJson(payload);
  return encodeEnvelope({
    payloadType,
    payload: bytes,
    signatures: [{ keyid: keyIdOf(signer), sig: new Uint8Array(64) }],
  });
}

const refusal = (bytes: Uint8Array): string => codeOf(() => decodeTransaction(bytes, sha256));
const ballot = payloads.find((payload) => payload.kind === 'ballot') as Payload & { kind: 'ballot' };
const ballotType = payloadTypeOf('ballot');

describe('a transaction', () => {
  test.each(payloads.map((payload) => [payload.kind, payload] as const))(
    'of kind %s comes back as it was signed',
    (_kind, payload) => {
      const line = signTransaction(payload, signer, sha256);
      const decoded = decodeTransaction(line, sha256);
      expect(decoded.payload).toEqual(payload);
      expect(decoded.bytes).toEqual(line);
      expect(decoded.keyId).toBe(keyIdOf(signer));
      expect(canonicalJson(parseJson(line))).toEqual(line);
      expect(() => verifyTransaction(decoded, signer.publicKey, verifyEd25519, sha256)).not.toThrow();
    },
  );

  test('is hashed under its own domain', () => {
    const line = signTransaction(ballot, signer, sha256);
    const expected = sha256(utf8Encode('kubectl-chain/tx/v1'), new Uint8Array(1), line);
    expect(decodeTransaction(line, sha256).hash).toBe(Buffer.from(expected).toString('hex'));
  });

  test('signs the DSSE pre-authentication encoding of type and payload', () => {
    const decoded = decodeTransaction(signTransaction(ballot, signer, sha256), sha256);
    const payload = canonicalJson(ballot);
    expect(decoded.signedBytes).toEqual(preAuthEncoding(ballotType, payload));
    expect(utf8Decode(decoded.signedBytes)).toBe(
      `DSSEv1 ${ballotType.length} ${ballotType} ${payload.length} ${utf8Decode(payload)}`,
    );
  });

  test('is refused when another key claims it, also with a signature that verifies', () => {
    const decoded = decodeTransaction(signTransaction(ballot, signer, sha256), sha256);
    expect(codeOf(() => verifyTransaction(decoded, signerOf('other').publicKey, verifyEd25519, sha256))).toBe(
      'LEDGER_TX_KEY',
    );
    const renamed = { ...decoded, keyId: keyIdOf(signerOf('other')) };
    expect(codeOf(() => verifyTransaction(renamed, signer.publicKey, verifyEd25519, sha256))).toBe('LEDGER_TX_KEY');
    expect(keyIdOfPublicKey(signer.publicKey, sha256)).toBe(keyIdOf(signer));
  });

  test('is refused when one bit of the signature differs', () => {
    const decoded = decodeTransaction(signTransaction(ballot, signer, sha256), sha256);
    const signature = decoded.signature.slice();
    signature[10] = (signature[10] ?? 0) ^ 1;
    expect(codeOf(() => verifyTransaction({ ...decoded, signature }, signer.publicKey, verifyEd25519, sha256))).toBe(
      'LEDGER_TX_SIGNATURE',
    );
  });

  test('is refused above its size limit', () => {
    expect(refusal(new Uint8Array(TX_BYTES_MAX + 1))).toBe('LEDGER_TX_TOO_LARGE');
    const pathOf = (length: number) => ({
      ...mutation,
      attestation: {
        ...mutation.attestation,
        attributes: { ...attributes, paths: Array.from({ length: 15 }, () => `/${'x'.repeat(length)}`) },
      },
    });
    expect(codeOf(() => signTransaction(pathOf(2_000), signer, sha256))).toBe('accepted');
    expect(codeOf(() => signTransaction(pathOf(4_000), signer, sha256))).toBe('LEDGER_TX_TOO_LARGE');
    // Signed without a look at its bounds it is the same line, which the submission refuses.
    expect(signedLine(pathOf(2_000), signer, sha256)).toEqual(signTransaction(pathOf(2_000), signer, sha256));
    expect(refusal(signedLine(pathOf(4_000), signer, sha256))).toBe('LEDGER_TX_TOO_LARGE');
  });

  test('carries exactly one well-formed signature', () => {
    const payload = canonicalJson(ballot);
    const good = { keyid: keyIdOf(signer), sig: new Uint8Array(64) };
    const withSignatures = (signatures: (typeof good)[]) =>
      encodeEnvelope({ payloadType: ballotType, payload, signatures });
    expect(refusal(withSignatures([good, good]))).toBe('LEDGER_TX_SIGNATURES');
    expect(refusal(withSignatures([{ ...good, keyid: good.keyid.toUpperCase() as typeof good.keyid }]))).toBe(
      'LEDGER_TX_SIGNATURE_FORM',
    );
    expect(refusal(withSignatures([{ ...good, sig: new Uint8Array(63) }]))).toBe('LEDGER_TX_SIGNATURE_FORM');
  });

  test('of an unknown version, algorithm or kind is refused and not guessed', () => {
    expect(refusal(envelope({ ...ballot, v: 2 }, ballotType))).toBe('LEDGER_VERSION');
    expect(refusal(envelope({ ...ballot, alg: 'rsa' }, ballotType))).toBe('LEDGER_ALGORITHM');
    expect(refusal(envelope({ ...ballot, kind: 'brake' }, payloadTypeOf('brake' as 'ballot')))).toBe('LEDGER_TX_KIND');
    expect(refusal(envelope({ ...ballot, kind: 'toString' }, payloadTypeOf('toString' as 'ballot')))).toBe(
      'LEDGER_TX_KIND',
    );
    const later = { ...statementOf(mutation), predicate: { ...mutation, v: 2 } };
    expect(refusal(envelope(later, payloadTypeOf('mutation')))).toBe('LEDGER_VERSION');
  });

  test('is refused under the payload type of another kind', () => {
    expect(refusal(envelope(ballot, payloadTypeOf('claim')))).toBe('LEDGER_TX_KIND');
    expect(refusal(envelope(ballot, 'application/json'))).toBe('LEDGER_TX_KIND');
    expect(refusal(envelope(mutation, 'application/vnd.kubectl-chain.mutation.v1+json'))).toBe('LEDGER_TX_KIND');
    expect(refusal(envelope(ballot, payloadTypeOf('mutation')))).toBe('CODEC_SCHEMA');
  });

  test('whose payload is not canonical is refused, so that one act has one hash', () => {
    expect(refusal(envelope(utf8Encode(JSON.stringify(ballot)), ballotType))).toBe('LEDGER_NOT_CANONICAL');
    expect(refusal(envelope(utf8Encode(`${utf8Decode(canonicalJson(ballot))} `), ballotType))).toBe(
      'LEDGER_NOT_CANONICAL',
    );
  });

  test('with an unknown or a missing field is refused', () => {
    expect(refusal(envelope({ ...ballot, extra: 1 }, ballotType))).toBe('CODEC_SCHEMA');
    const { reason: _reason, ...short } = ballot;
    expect(refusal(envelope(short, ballotType))).toBe('CODEC_SCHEMA');
  });

  test('refuses values outside their bounds', () => {
    const bad: [string, Partial<typeof ballot>][] = [
      ['reason', { reason: 'x'.repeat(2_001) }],
      ['proposal', { proposal: 0 }],
      ['sequence', { sequence: -1 }],
      ['sequence', { sequence: 1.5 }],
      ['notAfterMs', { notAfterMs: 2 ** 53 }],
      ['org', { org: 'Alpha' as typeof ballot.org }],
      ['org', { org: 'a'.repeat(64) as typeof ballot.org }],
      ['choice', { choice: 'yes' as typeof ballot.choice }],
      ['termsHash', { termsHash: hashOf('x').toUpperCase() as typeof ballot.termsHash }],
    ];
    for (const [field, change] of bad) {
      expect([field, refusal(envelope({ ...ballot, ...change }, ballotType))]).toEqual([field, 'CODEC_SCHEMA']);
    }
  });
});

describe('a proposal', () => {
  const [changes, config] = payloads.filter((payload) => payload.kind === 'proposal');
  const type = payloadTypeOf('proposal');
  test('has either changes or configuration', () => {
    expect(refusal(envelope({ ...changes, config: config?.config }, type))).toBe('CODEC_SCHEMA');
    expect(refusal(envelope({ ...config, config: [] }, type))).toBe('CODEC_SCHEMA');
    expect(refusal(envelope({ ...config, cluster: 'prod' }, type))).toBe('CODEC_SCHEMA');
    for (const field of ['cluster', 'details', 'title', 'policies'])
      expect(refusal(envelope({ ...changes, [field]: field === 'policies' ? [] : '' }, type))).toBe('CODEC_SCHEMA');
  });
});

describe('a recorded mutation', () => {
  const type = payloadTypeOf('mutation');
  const statement = statementOf(mutation);

  test('names its object as the subject', () => {
    expect(subjectNameOf(attributes)).toBe('prod/apps/deployments/scale/prod-web/web');
    expect(
      subjectNameOf({ ...attributes, group: '', resource: 'nodes', subresource: '', namespace: '', name: 'n1' }),
    ).toBe('prod//nodes//n1');
    expect(statement.subject).toEqual([
      { name: 'prod/apps/deployments/scale/prod-web/web', digest: { sha256: mutation.attestation.digest.diff } },
    ]);
  });

  test('is refused when subject and predicate disagree', () => {
    const [subject] = statement.subject;
    expect(
      refusal(envelope({ ...statement, subject: [{ ...subject, name: 'prod/apps/deployments/prod-web/web' }] }, type)),
    ).toBe('LEDGER_TX_SUBJECT');
    expect(
      refusal(envelope({ ...statement, subject: [{ ...subject, digest: { sha256: hashOf('other') } }] }, type)),
    ).toBe('LEDGER_TX_SUBJECT');
    expect(refusal(envelope({ ...statement, subject: [subject, subject] }, type))).toBe('CODEC_SCHEMA');
    expect(refusal(envelope({ ...statement, predicateType: 'https://example/v1' }, type))).toBe('CODEC_SCHEMA');
  });

  test('is a line that any DSSE reader can parse', () => {
    const line = JSON.parse(utf8Decode(signTransaction(mutation, signer, sha256)));
    expect(Object.keys(line)).toEqual(['payload', 'payloadType', 'signatures']);
    expect(line.payload).toBe(toBase64(canonicalJson(statement)));
  });
});
