import type { z } from 'zod';
import type { Payload, MutationPayload } from '../types/transaction.ts';
import type { Hash, KeyId, PublicKeyHex } from '../types/brand.ts';
import type { Sha256, Signer, VerifyEd25519 } from '../ports/crypto.ts';
import { ChainError } from '../errors/chain-error.ts';
import {
  canonicalJson,
  decodeEnvelope,
  decodeWith,
  encodeEnvelope,
  fromHex,
  parseJson,
  preAuthEncoding,
  toHex,
} from '../codec/index.ts';
import { canonicalJsonOf, checkCanonical, checkVersion, memberOf, shown } from './canonical-structure.ts';
import { domainHashHex } from './domain-hash.ts';
import { TX_BYTES_MAX } from './limits.ts';
import { payloadSchemas } from './schema/payload.ts';
import { HASH_PATTERN } from './schema/scalars.ts';
import { MUTATION_PAYLOAD_TYPE, decodeStatement, statementOf } from './statement.ts';

/**
 * A transaction is one line, a DSSE v1 envelope (github.com/secure-systems-lab/dsse):
 *   {"payload":"<base64>","payloadType":"<type>","signatures":[{"keyid":"<hex>","sig":"<base64>"}]}
 * without spaces or newline, one signature, Ed25519 over the pre-authentication encoding
 *   "DSSEv1" SP len(type) SP type SP len(payload) SP payload.
 * The payload is RFC 8785 JSON: for a mutation an in-toto Statement (statement.ts), else the payload itself under
 * application/vnd.kubectl-chain.<kind>.v1+json. Its hash is SHA-256("kubectl-chain/tx/v1" 0x00 line).
 */
export interface DecodedTransaction {
  readonly hash: Hash;
  /** The envelope line, without newline. */
  readonly bytes: Uint8Array;
  readonly payload: Payload;
  readonly keyId: KeyId;
  /** 64 bytes. */
  readonly signature: Uint8Array;
  /** What the signature covers. */
  readonly signedBytes: Uint8Array;
}

const SIGNATURE_BYTES = 64;

/** DSSE payload type of a kind. */
export function payloadTypeOf(kind: Payload['kind']): string {
  return kind === 'mutation' ? MUTATION_PAYLOAD_TYPE : `application/vnd.kubectl-chain.${kind}.v1+json`;
}

/** The bytes that are signed as DSSE payload: the statement for a mutation, the payload itself otherwise. */
export function payloadBytesOf(payload: Payload): Uint8Array {
  return canonicalJson(payload.kind === 'mutation' ? statementOf(payload) : payload);
}

/** SHA-256 of the 32 raw bytes of the key, hexadecimal. */
export function keyIdOfPublicKey(publicKey: PublicKeyHex, sha256: Sha256): KeyId {
  return toHex(sha256(fromHex(publicKey))) as KeyId;
}

/** The envelope line. Throws CODEC_SCHEMA if the payload breaks its own bounds, LEDGER_TX_TOO_LARGE. */
export function signTransaction(payload: Payload, signer: Signer, sha256: Sha256): Uint8Array {
  const line = signedLine(payload, signer, sha256);
  // A line that its own decoder refuses must fail here and not at a validator.
  decodeTransaction(line, sha256);
  return line;
}

/** The same without a look at the bounds: for whoever has the line decoded at once anyway. */
export function signedLine(payload: Payload, signer: Signer, sha256: Sha256): Uint8Array {
  const payloadBytes = payloadBytesOf(payload);
  const payloadType = payloadTypeOf(payload.kind);
  return encodeEnvelope({
    payloadType,
    payload: payloadBytes,
    signatures: [
      {
        keyid: keyIdOfPublicKey(signer.publicKey, sha256),
        sig: signer.sign(preAuthEncoding(payloadType, payloadBytes)),
      },
    ],
  });
}

export function transactionHash(bytes: Uint8Array, sha256: Sha256): Hash {
  return domainHashHex(sha256, 'tx', bytes);
}

/**
 * Everything that can be said about a transaction without state and without the key: form, limits, version, canonical bytes,
 * schema, statement and predicate agree. The signature is judged by verifyTransaction.
 */
export function decodeTransaction(bytes: Uint8Array, sha256: Sha256): DecodedTransaction {
  if (bytes.length > TX_BYTES_MAX) {
    throw new ChainError('LEDGER_TX_TOO_LARGE', { bytes: bytes.length, bytesMax: TX_BYTES_MAX });
  }
  const { payloadType, payload: payloadBytes, signatures } = decodeEnvelope(bytes, { bytesMax: TX_BYTES_MAX });
  const [only] = signatures;
  if (only === undefined || signatures.length !== 1) {
    throw new ChainError('LEDGER_TX_SIGNATURES', { count: signatures.length });
  }
  if (!HASH_PATTERN.test(only.keyid)) throw new ChainError('LEDGER_TX_SIGNATURE_FORM', { field: 'keyid' });
  if (only.sig.length !== SIGNATURE_BYTES) throw new ChainError('LEDGER_TX_SIGNATURE_FORM', { field: 'sig' });
  const payload = decodePayload(payloadType, payloadBytes);
  const keyId = only.keyid as KeyId;
  return {
    hash: transactionHash(bytes, sha256),
    bytes,
    payload,
    keyId,
    signature: only.sig,
    signedBytes: preAuthEncoding(payloadType, payloadBytes),
  };
}

/**
 * Throws unless the envelope names exactly this key and its signature verifies. The key's id is compared because DSSE does
 * not sign it: somebody on the way could change it, and the same act would have another hash.
 */
export function verifyTransaction(
  decoded: DecodedTransaction,
  publicKey: PublicKeyHex,
  verify: VerifyEd25519,
  sha256: Sha256,
): void {
  if (keyIdOfPublicKey(publicKey, sha256) !== decoded.keyId)
    throw new ChainError('LEDGER_TX_KEY', { keyId: decoded.keyId });
  if (!verify(publicKey, decoded.signedBytes, decoded.signature)) {
    throw new ChainError('LEDGER_TX_SIGNATURE', { keyId: decoded.keyId });
  }
}

function decodePayload(payloadType: string, bytes: Uint8Array): Payload {
  const what = 'transaction';
  if (payloadType === MUTATION_PAYLOAD_TYPE)
    return decodeStatement(canonicalJsonOf(bytes, what, TX_BYTES_MAX, (json) => memberOf(json, 'predicate')).json);
  // Its objects may be kept as they are (the spec of a policy), so the strict parser makes them.
  const json = parseJson(bytes, { bytesMax: TX_BYTES_MAX });
  checkVersion(json, what);
  checkCanonical(bytes, json, what);
  const kind = memberOf(json, 'kind');
  if (typeof kind !== 'string' || !isPlainKind(kind) || payloadTypeOf(kind) !== payloadType) {
    throw new ChainError('LEDGER_TX_KIND', { payloadType: shown(payloadType), kind: shown(kind) });
  }
  return decodeWith(payloadSchemas[kind] as z.ZodType<Payload>, json, `${kind} transaction`);
}

function isPlainKind(kind: string): kind is Exclude<Payload['kind'], MutationPayload['kind']> {
  return kind !== 'mutation' && Object.hasOwn(payloadSchemas, kind);
}
