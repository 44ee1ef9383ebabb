import { z } from 'zod';
import type { AppState, BlockHeader, Certificate, Validator } from '../types/chain.ts';
import type { Hash } from '../types/brand.ts';
import type { Json } from '../types/json.ts';
import type { Sha256 } from '../ports/crypto.ts';
import { ChainError } from '../errors/chain-error.ts';
import { decodeWith, fromHex, toHex } from '../codec/index.ts';
import { checkVersion, memberOf } from './canonical-structure.ts';
import {
  certificateFromJson,
  certificateToJson,
  verifyCertificate,
  type CertificateCrypto,
  type CertificateJson,
} from './certificate.ts';
import { appHashOf, appStateSchema, blockIdOf, headerSchema, validatorsHashOf } from './header.ts';
import { decodeLeaf, type DecodedLeaf } from './leaf.ts';
import { leafHash } from './merkle.ts';
import { verifyConsistency, verifyInclusion } from './merkle-verify.ts';
import { hash } from './schema/scalars.ts';
import { verifyStateProof, type StateProof } from './state-proof.ts';

/**
 * What a node proves everything against: a header, the q precommits for it, and the three parts of its app hash. Who trusts the
 * validator set of that height needs to trust nothing else.
 */
export interface CertifiedHead {
  readonly header: BlockHeader;
  readonly certificate: Certificate;
  readonly state: AppState;
}

/** What the reader trusts already: the chain's name, and the set that is active at the head's height, in consensus order. */
export interface HeadTrust {
  readonly genesisHash: Hash;
  readonly validators: readonly Validator[];
}

export interface HeadCrypto extends CertificateCrypto {
  readonly sha256: Sha256;
}

/** The form of the API. */
export interface HeadJson {
  readonly header: BlockHeader;
  readonly certificate: CertificateJson;
  readonly state: AppState;
}

const headSchema = z.strictObject({ header: headerSchema, certificate: z.unknown(), state: appStateSchema });
/** A tree of 2^53 leaves is 53 deep; a proof of consistency has at most one hash more. */
const PROOF_HASHES_MAX = 54;
const merkleProofSchema = z.array(hash).max(PROOF_HASHES_MAX);

export function encodeHeadJson(head: CertifiedHead): HeadJson {
  return { header: head.header, certificate: certificateToJson(head.certificate), state: head.state };
}

/** Throws CODEC_SCHEMA, CODEC_BASE64, LEDGER_VERSION, LEDGER_ALGORITHM, LEDGER_CERTIFICATE_FORM. */
export function decodeHeadJson(json: Json): CertifiedHead {
  checkVersion(memberOf(json, 'header') ?? null, 'block header');
  const { header, state } = decodeWith(headSchema, json, 'head');
  return { header, certificate: certificateFromJson(memberOf(json, 'certificate') ?? null), state };
}

/** Inclusion and consistency proofs travel as lists of hexadecimal hashes. */
export function encodeMerkleProofJson(proof: readonly Uint8Array[]): Hash[] {
  return proof.map((node) => toHex(node) as Hash);
}

/** Throws CODEC_SCHEMA. */
export function decodeMerkleProofJson(json: Json): Uint8Array[] {
  return decodeWith(merkleProofSchema, json, 'Merkle proof').map(fromHex);
}

/**
 * Throws unless a quorum of the trusted set committed exactly this header on this chain, and `state` is what it commits to.
 * LEDGER_HEAD_CHAIN, _VALIDATORS, _MISMATCH, _STATE, LEDGER_CERTIFICATE_*.
 */
export function verifyHead(head: CertifiedHead, trust: HeadTrust, crypto: HeadCrypto): void {
  const { header, certificate, state } = head;
  const { height } = header;
  if (header.chain !== trust.genesisHash) {
    throw new ChainError('LEDGER_HEAD_CHAIN', { expected: trust.genesisHash, found: header.chain });
  }
  if (validatorsHashOf(trust.validators, crypto.sha256) !== header.validatorsHash) {
    throw new ChainError('LEDGER_HEAD_VALIDATORS', { height });
  }
  if (certificate.height !== height) throw new ChainError('LEDGER_HEAD_MISMATCH', { height, field: 'height' });
  if (certificate.blockId !== blockIdOf(header, crypto.sha256)) {
    throw new ChainError('LEDGER_HEAD_MISMATCH', { height, field: 'block id' });
  }
  if (appHashOf(state, crypto.sha256) !== header.appHash) throw new ChainError('LEDGER_HEAD_STATE', { height });
  verifyCertificate(certificate, trust.validators, trust.genesisHash, crypto);
}

/**
 * The leaf that is proven to stand at `index` in the log of a verified head. Its own bytes are hashed, nothing is encoded again.
 * Throws LEDGER_INCLUSION, LEDGER_RECORD_MISMATCH, and what decodeLeaf throws.
 */
export function verifyRecord(
  head: CertifiedHead,
  index: number,
  bytes: Uint8Array,
  proof: readonly Uint8Array[],
  sha256: Sha256,
): DecodedLeaf {
  const { logSize, logRoot } = head.state;
  verifyInclusion(sha256, index, logSize, leafHash(sha256, bytes), proof, fromHex(logRoot));
  const decoded = decodeLeaf(bytes);
  const height = decoded.kind === 'block' ? decoded.leaf.block.height : decoded.leaf.height;
  if (decoded.kind === 'transaction' && decoded.leaf.index !== index) {
    throw new ChainError('LEDGER_RECORD_MISMATCH', { index, field: 'index' });
  }
  if (height > head.header.height) throw new ChainError('LEDGER_RECORD_MISMATCH', { index, field: 'height' });
  return decoded;
}

/** The value of a state key after the head's block, undefined if proven absent. Throws LEDGER_STATE_PROOF. */
export function verifyStateEntry(
  head: CertifiedHead,
  key: string,
  proof: StateProof,
  sha256: Sha256,
): Uint8Array | undefined {
  return verifyStateProof(head.state.stateRoot, key, proof, sha256).value;
}

/** Throws LEDGER_CONSISTENCY unless the newer verified head's log begins with the older one's. */
export function verifyHeadContinues(
  older: CertifiedHead,
  newer: CertifiedHead,
  proof: readonly Uint8Array[],
  sha256: Sha256,
): void {
  const [from, to] = [older.state, newer.state];
  verifyConsistency(sha256, from.logSize, to.logSize, proof, fromHex(from.logRoot), fromHex(to.logRoot));
}
