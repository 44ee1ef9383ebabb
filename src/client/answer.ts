import { fromBase64, parseJson } from '../codec/index.ts';
import { nativeBackend } from '../crypto/index.ts';
import { ChainError, isChainError } from '../errors/chain-error.ts';
import {
  decodeMerkleProofJson,
  decodeTransaction,
  encodeMerkleProofJson,
  verifyRecord,
  type CertifiedHead,
  type DecodedLeaf,
  type DecodedTransaction,
} from '../ledger/index.ts';
import type { Hash } from '../types/brand.ts';
import type { Json, JsonObject } from '../types/json.ts';
import type { Leaf } from '../types/transaction.ts';
import type { Answer } from './transport.ts';

const { sha256 } = nativeBackend;
/** As many bytes as a transport lets through. */
const answerBytesMax = 64 * 1024 * 1024;
/** A page of 500 records with proofs of 54 hashes, and the bucket of a state entry, have some hundred thousand values. */
const answerNodesMax = 2_000_000;
const textCharsMax = 2_000;

/** The log of a verified head. */
export interface Tree {
  readonly height: number;
  readonly size: number;
  readonly root: Hash;
}

/** A leaf that stands in the log of a verified head. */
export interface VerifiedLeaf {
  readonly index: number;
  readonly bytes: Uint8Array;
  /** RFC 6962 inclusion proof in `tree`. */
  readonly proof: readonly Hash[];
  readonly tree: Tree;
  readonly decoded: DecodedLeaf;
}

/** The leaf of a transaction, decoded. */
export interface VerifiedRecord {
  readonly index: number;
  readonly bytes: Uint8Array;
  readonly proof: readonly Hash[];
  readonly tree: Tree;
  readonly leaf: Leaf;
  readonly transaction: DecodedTransaction;
  /** Records of what observers saw become of this decision. */
  readonly observations: readonly VerifiedRecord[];
}

/** Throws CLIENT_REFUSED with the node's own code. */
export function accepted(answer: Answer): Answer {
  if (answer.status >= 200 && answer.status < 300) return answer;
  let refusal: { code?: Json; message?: Json; remedy?: Json } = {};
  try {
    refusal = (parseJson(answer.body) ?? {}) as typeof refusal;
  } catch {
    // Not one of our nodes, or something in between.
  }
  const text = (value: Json | undefined, fallback: string): string =>
    typeof value === 'string' ? value.slice(0, textCharsMax) : fallback;
  throw new ChainError('CLIENT_REFUSED', {
    code: text(refusal.code, `HTTP_${answer.status}`),
    message: text(refusal.message, `the node answered ${answer.status}`),
    remedy: text(refusal.remedy, ''),
  });
}

export function malformed(path: string, problem: string): ChainError<'CLIENT_ANSWER_FORM'> {
  return new ChainError('CLIENT_ANSWER_FORM', { path: path.slice(0, 200), problem });
}

export function jsonOf(answer: Answer): Json {
  return parseJson(answer.body, { bytesMax: answerBytesMax, nodesMax: answerNodesMax });
}

/** Throws CLIENT_ANSWER_FORM unless the answer is an object. */
export function objectOf(answer: Answer, path: string): JsonObject {
  const json = jsonOf(answer);
  if (json === null || typeof json !== 'object' || Array.isArray(json)) throw malformed(path, 'it is no object');
  return json as JsonObject;
}

export function listOf(json: JsonObject, key: string, path: string): JsonObject[] {
  const list = json[key];
  const isList = Array.isArray(list) && list.every((item) => item !== null && typeof item === 'object');
  if (!isList) throw malformed(path, `${key} is no list`);
  return list as JsonObject[];
}

/** Throws CLIENT_ANSWER_FORM, LEDGER_INCLUSION and what a leaf is refused for. */
export function verifiedLeaf(head: CertifiedHead, item: JsonObject): VerifiedLeaf {
  const { index, leaf, proof } = item;
  if (typeof index !== 'number' || typeof leaf !== 'string') throw malformed('leaf', 'index or leaf is missing');
  const bytes = fromBase64(leaf);
  const path = decodeMerkleProofJson(proof ?? null);
  const decoded = verifyRecord(head, index, bytes, path, sha256);
  const tree = { height: head.header.height, size: head.state.logSize, root: head.state.logRoot };
  return { index, bytes, proof: encodeMerkleProofJson(path), tree, decoded };
}

/** Throws CLIENT_ANSWER_FORM for the leaf of a block. */
export function recordOf(leaf: VerifiedLeaf, observations: readonly VerifiedRecord[] = []): VerifiedRecord {
  const { decoded, index, bytes, proof, tree } = leaf;
  if (decoded.kind !== 'transaction') throw malformed('records', `leaf ${index} is a block's`);
  return {
    index,
    bytes,
    proof,
    tree,
    leaf: decoded.leaf,
    transaction: decodeTransaction(decoded.tx, sha256),
    observations,
  };
}

/** An answer that does not verify, as opposed to none, a refusal, or a node that is behind. */
export function isLie(error: ChainError): boolean {
  return !noLies.has(error.code);
}

const noLies = new Set<string>(['CLIENT_UNREACHABLE', 'CLIENT_REFUSED', 'CLIENT_BEHIND', 'CLIENT_OUTCOME_UNKNOWN']);

/** True if a node refused with this code. */
export function isRefusal(error: unknown, code: string): boolean {
  return isChainError(error, 'CLIENT_REFUSED') && error.payload.code === code;
}
