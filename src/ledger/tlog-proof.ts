import { ChainError, isChainError } from '../errors/chain-error.ts';
import { fromBase64, toBase64 } from '../codec/index.ts';

/**
 * c2sp.org/tlog-proof: one record's proof as a text file that is checked offline:
 *   c2sp.org/tlog-proof@v1
 *   extra <base64>           here the leaf's bytes
 *   index <decimal>
 *   <base64 of each hash of the inclusion proof, from the leaf's sibling upwards>
 *   (empty line)
 *   <the checkpoint, a signed note>
 */
export interface TlogProof {
  readonly extra: Uint8Array | undefined;
  readonly index: number;
  readonly proof: readonly Uint8Array[];
  /** Verbatim. */
  readonly checkpoint: string;
}

const FIRST_LINE = 'c2sp.org/tlog-proof@v1';
const HASH_BYTES = 32;
const PROOF_HASHES_MAX = 54;
const DECIMAL = /^(?:0|[1-9][0-9]*)$/;

export function formatTlogProof(proof: TlogProof): string {
  const lines = [FIRST_LINE];
  if (proof.extra !== undefined) lines.push(`extra ${toBase64(proof.extra)}`);
  lines.push(`index ${proof.index}`, ...proof.proof.map(toBase64), '', proof.checkpoint);
  return lines.join('\n');
}

/** Form only: neither the inclusion nor the checkpoint is verified. Throws LEDGER_TLOG_PROOF_FORM. */
export function parseTlogProof(text: string): TlogProof {
  const split = text.indexOf('\n\n');
  if (split < 0) throw malformed('no empty line before the checkpoint');
  const lines = text.slice(0, split).split('\n');
  if (lines.shift() !== FIRST_LINE) throw malformed(`the first line is not ${FIRST_LINE}`);
  const extra =
    lines[0]?.startsWith('extra ') === true ? decode((lines.shift() ?? '').slice('extra '.length)) : undefined;
  const index = lines.shift() ?? '';
  if (!index.startsWith('index ')) throw malformed('no index line');
  const digits = index.slice('index '.length);
  if (!DECIMAL.test(digits) || !Number.isSafeInteger(Number(digits))) throw malformed('the index is no decimal number');
  if (lines.length > PROOF_HASHES_MAX) throw malformed(`more than ${PROOF_HASHES_MAX} hashes`);
  const proof = lines.map(decode);
  if (proof.some((hash) => hash.length !== HASH_BYTES)) throw malformed('a hash is not 32 bytes');
  return { extra, index: Number(digits), proof, checkpoint: text.slice(split + 2) };
}

function decode(encoded: string): Uint8Array {
  try {
    return fromBase64(encoded);
  } catch (error) {
    if (isChainError(error, 'CODEC_BASE64')) throw malformed('a line is not base64', error);
    throw error;
  }
}

function malformed(detail: string, cause?: unknown): ChainError<'LEDGER_TLOG_PROOF_FORM'> {
  return new ChainError('LEDGER_TLOG_PROOF_FORM', { detail }, cause === undefined ? {} : { cause });
}
