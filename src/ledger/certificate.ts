import { z } from 'zod';
import type { Certificate, Validator } from '../types/chain.ts';
import type { Hash, Height, Round } from '../types/brand.ts';
import type { Json } from '../types/json.ts';
import type { Sha256, VerifyEd25519 } from '../ports/crypto.ts';
import { ChainError } from '../errors/chain-error.ts';
import { ByteReader, concatBytes, decodeWith, fromBase64, fromHex, toBase64, toHex } from '../codec/index.ts';
import { u16, u32, u64, u8 } from './big-endian.ts';
import { checkVersion } from './canonical-structure.ts';
import { domainHashHex, ZERO_HASH } from './domain-hash.ts';
import { VALIDATORS_MAX } from './limits.ts';
import { count, hash, height, round, signatureText } from './schema/scalars.ts';

/**
 * A certificate is binary, big-endian:
 *   version 1 (1) | algorithm 1 = Ed25519 (1) | height (8) | round (4) | block id (32) | count (2) |
 *   count x ( validator index (2) | signature (64) ), by index, each once.
 * Its hash is SHA-256("kubectl-chain/certificate/v1" 0x00 bytes).
 */
const VERSION = 1;
const ALGORITHM_ED25519 = 1;
const SIGNATURE_BYTES = 64;
const HASH_BYTES = 32;
const FIXED_BYTES = 1 + 1 + 8 + 4 + HASH_BYTES + 2;
export const CERTIFICATE_BYTES_MAX = FIXED_BYTES + VALIDATORS_MAX * (2 + SIGNATURE_BYTES);

export function encodeCertificate(certificate: Certificate): Uint8Array {
  const { signatures } = certificate;
  checkForm(signatures);
  if (signatures.length > VALIDATORS_MAX) throw malformed(`${signatures.length} signatures, at most ${VALIDATORS_MAX}`);
  return concatBytes(
    u8(VERSION),
    u8(ALGORITHM_ED25519),
    u64(certificate.height),
    u32(certificate.round),
    fromHex(certificate.blockId),
    u16(signatures.length),
    ...signatures.flatMap(({ validator, signature }) => [u16(validator), signature]),
  );
}

/** Throws CODEC_BINARY_*, LEDGER_VERSION, LEDGER_ALGORITHM, LEDGER_CERTIFICATE_FORM. */
export function decodeCertificate(bytes: Uint8Array): Certificate {
  const reader = new ByteReader(bytes);
  const version = reader.u8();
  if (version !== VERSION) throw new ChainError('LEDGER_VERSION', { what: 'certificate', version: String(version) });
  const algorithm = reader.u8();
  if (algorithm !== ALGORITHM_ED25519) {
    throw new ChainError('LEDGER_ALGORITHM', { what: 'certificate', algorithm: String(algorithm) });
  }
  const at = {
    height: reader.u64() as Height,
    round: reader.u32() as Round,
    blockId: toHex(reader.bytes(HASH_BYTES)) as Hash,
  };
  const length = reader.u16();
  if (length > VALIDATORS_MAX) throw malformed(`${length} signatures, at most ${VALIDATORS_MAX}`);
  const signatures: { validator: number; signature: Uint8Array }[] = [];
  for (let i = 0; i < length; i++)
    signatures.push({ validator: reader.u16(), signature: reader.bytes(SIGNATURE_BYTES) });
  reader.end();
  checkForm(signatures);
  return { ...at, signatures };
}

/** What a header names as its last certificate: zeros where there is none, at height 1. */
export function certificateHashOf(certificate: Certificate | null, sha256: Sha256): Hash {
  if (certificate === null) return ZERO_HASH;
  return domainHashHex(sha256, 'certificate', encodeCertificate(certificate));
}

const certificateSchema = z.strictObject({
  v: z.literal(VERSION),
  alg: z.literal('ed25519'),
  height: height.refine((value) => value >= 1, 'the first block is 1'),
  round,
  blockId: hash,
  signatures: z
    .array(z.strictObject({ validator: count.max(VALIDATORS_MAX - 1), signature: signatureText }))
    .max(VALIDATORS_MAX),
});

/** The form of the API. */
export type CertificateJson = z.infer<typeof certificateSchema>;

export function certificateToJson(certificate: Certificate): CertificateJson {
  const { height: atHeight, round: atRound, blockId, signatures } = certificate;
  return {
    v: VERSION,
    alg: 'ed25519',
    height: atHeight,
    round: atRound,
    blockId,
    signatures: signatures.map(({ validator, signature }) => ({ validator, signature: toBase64(signature) })),
  };
}

/** Throws CODEC_SCHEMA, CODEC_BASE64, LEDGER_VERSION, LEDGER_ALGORITHM, LEDGER_CERTIFICATE_FORM. */
export function certificateFromJson(json: Json): Certificate {
  checkVersion(json, 'certificate');
  const decoded = decodeWith(certificateSchema, json, 'certificate');
  const signatures = decoded.signatures.map(({ validator, signature }) => ({
    validator,
    signature: fromBase64(signature),
  }));
  checkForm(signatures);
  return { height: decoded.height, round: decoded.round, blockId: decoded.blockId, signatures };
}

/** The bytes that a precommit signs; `signBytes` of src/consensus is one. It comes in, since the ledger does not know who orders blocks. */
export type PrecommitBytes = (
  chain: Hash,
  vote: { readonly type: 'precommit'; readonly height: Height; readonly round: Round; readonly blockId: Hash },
) => Uint8Array;

export interface CertificateCrypto {
  readonly verifyEd25519: VerifyEd25519;
  readonly precommitBytes: PrecommitBytes;
}

/**
 * Throws unless more than two thirds of `validators` (the set of that height, in consensus order) signed a precommit for this
 * block id at this height and round of `chain`, and every signature that is there verifies. Which block the id names is the
 * caller's to check. LEDGER_CERTIFICATE_FORM, _VALIDATOR, _QUORUM, _SIGNATURE.
 */
export function verifyCertificate(
  certificate: Certificate,
  validators: readonly Validator[],
  chain: Hash,
  crypto: CertificateCrypto,
): void {
  const { height: atHeight, round: atRound, blockId, signatures } = certificate;
  checkForm(signatures);
  // q = floor(2n/3) + 1, as 3 * votes > 2 * n; equal powers, each validator once.
  if (!(3 * signatures.length > 2 * validators.length)) {
    throw new ChainError('LEDGER_CERTIFICATE_QUORUM', { signatures: signatures.length, validators: validators.length });
  }
  const message = crypto.precommitBytes(chain, { type: 'precommit', height: atHeight, round: atRound, blockId });
  for (const { validator: index, signature } of signatures) {
    const validator = validators[index];
    if (validator === undefined) {
      throw new ChainError('LEDGER_CERTIFICATE_VALIDATOR', { validator: index, validators: validators.length });
    }
    if (crypto.verifyEd25519(validator.voteKey, message, signature) !== true) {
      throw new ChainError('LEDGER_CERTIFICATE_SIGNATURE', { validator: validator.id, height: atHeight });
    }
  }
}

function checkForm(signatures: Certificate['signatures']): void {
  let previous = -1;
  for (const { validator, signature } of signatures) {
    if (!Number.isSafeInteger(validator) || validator >= VALIDATORS_MAX) throw malformed(`validator ${validator}`);
    if (validator <= previous) throw malformed('signatures are not sorted by validator, each once');
    if (signature.length !== SIGNATURE_BYTES) throw malformed(`a signature of ${signature.length} bytes`);
    previous = validator;
  }
}

function malformed(detail: string): ChainError<'LEDGER_CERTIFICATE_FORM'> {
  return new ChainError('LEDGER_CERTIFICATE_FORM', { detail });
}
