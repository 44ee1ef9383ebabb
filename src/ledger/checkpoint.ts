import type { Hash, PublicKeyHex, ValidatorId } from '../types/brand.ts';
import type { Validator } from '../types/chain.ts';
import type { Sha256, Signer, VerifyEd25519 } from '../ports/crypto.ts';
import { ChainError, isChainError } from '../errors/chain-error.ts';
import { ByteReader, concatBytes, fromBase64, fromHex, toBase64, toHex, utf8Encode } from '../codec/index.ts';
import { u64 } from './big-endian.ts';
import {
  NOTE_LINES_MAX,
  NOTE_TYPE_COSIGNATURE_V1,
  NOTE_TYPE_ED25519,
  formatNote,
  noteKeyId,
  parseNote,
  type NoteSignature,
} from './signed-note.ts';

/**
 * c2sp.org/tlog-checkpoint: three lines, origin, size and root in base64; no extension lines. Validators sign it after their local
 * commit, with their checkpoint key, as c2sp.org/tlog-cosignature cosignature/v1:
 *   signature = timestamp in seconds (8, big-endian) || Ed25519 over "cosignature/v1\ntime <timestamp>\n" || the three lines
 * A served note holds exactly q lines of the one type asked for.
 */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Hash;
}

export interface Cosignature {
  /** Seconds since the epoch, as cosignature/v1 counts. */
  readonly timeSeconds: number;
  /** 64 bytes. */
  readonly signature: Uint8Array;
}

const HASH_BYTES = 32;
const SIGNATURE_BYTES = 64;
const DECIMAL = /^(?:0|[1-9][0-9]*)$/;
const ORIGIN_HASH_CHARS = 16;

/** The log's name: unique by the genesis hash, readable by the chain's name. */
export function originOf(chainName: string, genesisHash: Hash): string {
  return `kubectl-chain.dev/${chainName}/${genesisHash.slice(0, ORIGIN_HASH_CHARS)}`;
}

/** Key name of one validator's cosignatures, a schema-less URL below the log's. */
export function cosignerName(origin: string, validator: ValidatorId): string {
  return `${origin}/${validator}`;
}

/** The note's text, with its final newline. Throws LEDGER_CHECKPOINT_FORM. */
export function checkpointText(checkpoint: Checkpoint): string {
  const { origin, size, root } = checkpoint;
  if (origin === '' || origin.includes('\n')) throw malformed('an origin that is no line');
  if (!Number.isSafeInteger(size) || size < 0) throw malformed(`size ${size}`);
  return `${origin}\n${size}\n${toBase64(fromHex(root))}\n`;
}

/** Strict inverse of checkpointText. Throws LEDGER_CHECKPOINT_FORM. */
export function parseCheckpointText(text: string): Checkpoint {
  const [origin, size, root, end, ...rest] = text.split('\n');
  if (origin === undefined || size === undefined || root === undefined || end !== '' || rest.length > 0) {
    throw malformed('not exactly three lines');
  }
  if (origin === '') throw malformed('no origin');
  if (!DECIMAL.test(size) || !Number.isSafeInteger(Number(size)))
    throw malformed('the size is no decimal number up to 2^53 - 1');
  const hash = decodeRoot(root);
  return { origin, size: Number(size), root: toHex(hash) as Hash };
}

/** What a validator signs. */
export function cosignatureBytes(text: string, timeSeconds: number): Uint8Array {
  return utf8Encode(`cosignature/v1\ntime ${timeSeconds}\n${text}`);
}

export function cosign(checkpoint: Checkpoint, timeSeconds: number, signer: Signer): Cosignature {
  checkTime(timeSeconds);
  return { timeSeconds, signature: signer.sign(cosignatureBytes(checkpointText(checkpoint), timeSeconds)) };
}

/** The line of a validator's cosignature, to be put under the checkpoint. */
export function cosignatureLine(
  sha256: Sha256,
  origin: string,
  validator: Pick<Validator, 'id' | 'checkpointKey'>,
  cosignature: Cosignature,
): NoteSignature {
  checkTime(cosignature.timeSeconds);
  const name = cosignerName(origin, validator.id);
  return {
    name,
    keyId: noteKeyId(sha256, name, NOTE_TYPE_COSIGNATURE_V1, validator.checkpointKey),
    signature: concatBytes(u64(cosignature.timeSeconds), cosignature.signature),
  };
}

export interface CheckpointCrypto {
  readonly sha256: Sha256;
  readonly verifyEd25519: VerifyEd25519;
}

/** Throws LEDGER_CHECKPOINT_SIGNATURE unless the validator's checkpoint key signed this checkpoint at this time. */
export function verifyCosignature(
  checkpoint: Checkpoint,
  validator: Pick<Validator, 'id' | 'checkpointKey'>,
  cosignature: Cosignature,
  verify: VerifyEd25519,
): void {
  const name = cosignerName(checkpoint.origin, validator.id);
  const { timeSeconds, signature } = cosignature;
  if (signature.length !== SIGNATURE_BYTES) throw badLine(name, `${signature.length} bytes of signature`);
  checkTime(timeSeconds);
  const message = cosignatureBytes(checkpointText(checkpoint), timeSeconds);
  if (verify(validator.checkpointKey, message, signature) !== true) throw badLine(name, 'it does not verify');
}

/**
 * A served note: the checkpoint with exactly q verified cosignatures, the newest ones. Each line is checked before, since one bad line
 * spoils a note for Go's note.Open. Bad ones are left out. Throws LEDGER_CHECKPOINT_QUORUM if fewer than q are good.
 */
export function assembleCheckpoint(
  checkpoint: Checkpoint,
  validators: readonly Validator[],
  cosignatures: ReadonlyMap<ValidatorId, Cosignature>,
  crypto: CheckpointCrypto,
): string {
  const good: { readonly line: NoteSignature; readonly timeSeconds: number }[] = [];
  for (const validator of validators) {
    const cosignature = cosignatures.get(validator.id);
    if (cosignature === undefined || !isGood(checkpoint, validator, cosignature, crypto.verifyEd25519)) continue;
    good.push({
      line: cosignatureLine(crypto.sha256, checkpoint.origin, validator, cosignature),
      timeSeconds: cosignature.timeSeconds,
    });
  }
  if (!isQuorum(good.length, validators.length)) throw noQuorum(good.length, validators.length);
  const newest = good.sort((a, b) => b.timeSeconds - a.timeSeconds).slice(0, quorumOf(validators.length));
  return formatNote({ text: checkpointText(checkpoint), signatures: newest.map(({ line }) => line) });
}

export interface VerifiedCheckpoint {
  readonly checkpoint: Checkpoint;
  /** Seconds; one for each validator that signed, in the set's order. */
  readonly times: readonly { readonly validator: ValidatorId; readonly timeSeconds: number }[];
}

/**
 * The checkpoint of a note that more than two thirds of `validators` cosigned; distinct validators are counted, not lines. Lines of unknown
 * keys are ignored, as C2SP says; a known key's line that does not verify fails the whole note. How fresh it must be is the caller's.
 * Throws LEDGER_NOTE_FORM, LEDGER_CHECKPOINT_FORM, _ORIGIN, _SIGNATURE, _QUORUM.
 */
export function verifyCheckpoint(
  note: string,
  origin: string,
  validators: readonly Validator[],
  crypto: CheckpointCrypto,
): VerifiedCheckpoint {
  const { text, signatures } = parseNote(note);
  const checkpoint = parseCheckpointText(text);
  if (checkpoint.origin !== origin) {
    throw new ChainError('LEDGER_CHECKPOINT_ORIGIN', { expected: origin, found: checkpoint.origin });
  }
  const known = new Map<string, Validator>();
  for (const validator of validators) {
    const name = cosignerName(origin, validator.id);
    const keyId = noteKeyId(crypto.sha256, name, NOTE_TYPE_COSIGNATURE_V1, validator.checkpointKey);
    known.set(`${name} ${keyId}`, validator);
  }
  const newest = new Map<ValidatorId, number>();
  let checked = 0;
  for (const line of signatures) {
    const validator = known.get(`${line.name} ${line.keyId}`);
    if (validator === undefined) continue;
    if (++checked > NOTE_LINES_MAX) throw badLine(line.name, `more than ${NOTE_LINES_MAX} lines of known keys`);
    const cosignature = decodeCosignature(line);
    verifyCosignature(checkpoint, validator, cosignature, crypto.verifyEd25519);
    newest.set(validator.id, Math.max(cosignature.timeSeconds, newest.get(validator.id) ?? 0));
  }
  if (!isQuorum(newest.size, validators.length)) throw noQuorum(newest.size, validators.length);
  const times = validators.flatMap(({ id }) => {
    const timeSeconds = newest.get(id);
    return timeSeconds === undefined ? [] : [{ validator: id, timeSeconds }];
  });
  return { checkpoint, times };
}

/** One cosignature's timestamp and signature out of its line. Throws LEDGER_CHECKPOINT_SIGNATURE. */
function decodeCosignature(line: NoteSignature): Cosignature {
  const { name, signature } = line;
  if (signature.length !== 8 + SIGNATURE_BYTES) throw badLine(name, `${signature.length} bytes instead of 72`);
  try {
    const reader = new ByteReader(signature);
    return { timeSeconds: reader.u64(), signature: reader.bytes(SIGNATURE_BYTES) };
  } catch (error) {
    if (isChainError(error, 'CODEC_BINARY_RANGE')) throw badLine(name, 'a time beyond 2^53 - 1');
    throw error;
  }
}

/** A checkpoint signed as a plain Ed25519 note under the log's own name: only for the file that Go's verifier reads. */
export function plainNote(checkpoint: Checkpoint, signer: Signer, sha256: Sha256): string {
  const { origin } = checkpoint;
  const text = checkpointText(checkpoint);
  const keyId = noteKeyId(sha256, origin, NOTE_TYPE_ED25519, signer.publicKey);
  return formatNote({ text, signatures: [{ name: origin, keyId, signature: signer.sign(utf8Encode(text)) }] });
}

/** Throws LEDGER_NOTE_FORM, LEDGER_CHECKPOINT_FORM, _ORIGIN, _SIGNATURE. */
export function verifyPlainNote(
  note: string,
  origin: string,
  publicKey: PublicKeyHex,
  crypto: CheckpointCrypto,
): Checkpoint {
  const { text, signatures } = parseNote(note);
  const checkpoint = parseCheckpointText(text);
  if (checkpoint.origin !== origin) {
    throw new ChainError('LEDGER_CHECKPOINT_ORIGIN', { expected: origin, found: checkpoint.origin });
  }
  const keyId = noteKeyId(crypto.sha256, origin, NOTE_TYPE_ED25519, publicKey);
  const line = signatures.find((candidate) => candidate.name === origin && candidate.keyId === keyId);
  if (line === undefined) throw badLine(origin, 'it is missing');
  if (
    line.signature.length !== SIGNATURE_BYTES ||
    crypto.verifyEd25519(publicKey, utf8Encode(text), line.signature) !== true
  ) {
    throw badLine(origin, 'it does not verify');
  }
  return checkpoint;
}

function isGood(
  checkpoint: Checkpoint,
  validator: Validator,
  cosignature: Cosignature,
  verify: VerifyEd25519,
): boolean {
  try {
    verifyCosignature(checkpoint, validator, cosignature, verify);
    return true;
  } catch (error) {
    if (isChainError(error, 'LEDGER_CHECKPOINT_SIGNATURE') || isChainError(error, 'LEDGER_CHECKPOINT_FORM'))
      return false;
    throw error;
  }
}

function decodeRoot(root: string): Uint8Array {
  try {
    const hash = fromBase64(root);
    if (hash.length === HASH_BYTES) return hash;
  } catch (error) {
    if (!isChainError(error, 'CODEC_BASE64')) throw error;
  }
  throw malformed('the root is not the base64 of 32 bytes');
}

function checkTime(timeSeconds: number): void {
  if (!Number.isSafeInteger(timeSeconds) || timeSeconds < 0) throw malformed(`time ${timeSeconds}`);
}

const isQuorum = (votes: number, validators: number): boolean => 3 * votes > 2 * validators;
const quorumOf = (validators: number): number => Math.floor((2 * validators) / 3) + 1;

function malformed(detail: string): ChainError<'LEDGER_CHECKPOINT_FORM'> {
  return new ChainError('LEDGER_CHECKPOINT_FORM', { detail });
}

function badLine(name: string, detail: string): ChainError<'LEDGER_CHECKPOINT_SIGNATURE'> {
  return new ChainError('LEDGER_CHECKPOINT_SIGNATURE', { name, detail });
}

function noQuorum(signatures: number, validators: number): ChainError<'LEDGER_CHECKPOINT_QUORUM'> {
  return new ChainError('LEDGER_CHECKPOINT_QUORUM', { signatures, validators });
}
