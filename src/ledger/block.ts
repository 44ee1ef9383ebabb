import type { Block, Certificate } from '../types/chain.ts';
import type { Hash } from '../types/brand.ts';
import type { Sha256 } from '../ports/crypto.ts';
import { ChainError } from '../errors/chain-error.ts';
import { ByteReader, concatBytes, fromHex, toHex } from '../codec/index.ts';
import { prefixed, u32, u8 } from './big-endian.ts';
import { CERTIFICATE_BYTES_MAX, certificateHashOf, decodeCertificate, encodeCertificate } from './certificate.ts';
import { decodeHeader, headerBytes } from './header.ts';
import { BLOCK_BYTES_CAP, BLOCK_TXS_CAP, HEADER_BYTES_MAX, TX_BYTES_MAX } from './limits.ts';
import { rootOfLeafHashes, leafHash } from './merkle.ts';
import { transactionHash } from './transaction.ts';

/**
 * A block as it travels and is stored, big-endian:
 *   version 1 (1) | header length (4) | header (RFC 8785) | certificate length (4), 0 at height 1 | last certificate |
 *   number of transactions (4) | each: length (4) | envelope line
 */
const VERSION = 1;

export function encodeBlock(block: Block): Uint8Array {
  const { header, lastCertificate, txs } = block;
  if (txs.length > BLOCK_TXS_CAP) throw tooMany(txs.length);
  const oversized = txs.find((tx) => tx.length > TX_BYTES_MAX);
  if (oversized !== undefined) {
    throw new ChainError('LEDGER_TX_TOO_LARGE', { bytes: oversized.length, bytesMax: TX_BYTES_MAX });
  }
  const bytes = concatBytes(
    u8(VERSION),
    prefixed(headerBytes(header)),
    prefixed(lastCertificate === null ? new Uint8Array() : encodeCertificate(lastCertificate)),
    u32(txs.length),
    ...txs.flatMap((tx) => [u32(tx.length), tx]),
  );
  if (bytes.length > BLOCK_BYTES_CAP) throw tooLarge(bytes.length);
  return bytes;
}

/** Form and hard caps; what belongs together is checkBlockParts'. Throws CODEC_*, LEDGER_BLOCK_*, LEDGER_CERTIFICATE_FORM, LEDGER_VERSION. */
export function decodeBlock(bytes: Uint8Array): Block {
  if (bytes.length > BLOCK_BYTES_CAP) throw tooLarge(bytes.length);
  const reader = new ByteReader(bytes);
  const version = reader.u8();
  if (version !== VERSION) throw new ChainError('LEDGER_VERSION', { what: 'block', version: String(version) });
  const header = decodeHeader(reader.lengthPrefixed(HEADER_BYTES_MAX));
  const certificate = reader.lengthPrefixed(CERTIFICATE_BYTES_MAX);
  const lastCertificate = certificate.length === 0 ? null : decodeCertificate(certificate);
  const length = reader.u32();
  if (length > BLOCK_TXS_CAP) throw tooMany(length);
  const txs: Uint8Array[] = [];
  for (let i = 0; i < length; i++) txs.push(reader.lengthPrefixed(TX_BYTES_MAX));
  reader.end();
  return { header, lastCertificate, txs };
}

/** RFC 6962 root over the transactions' hashes, each a leaf of 32 bytes. */
export function txRootOf(hashes: readonly Hash[], sha256: Sha256): Hash {
  return toHex(
    rootOfLeafHashes(
      sha256,
      hashes.map((hash) => leafHash(sha256, fromHex(hash))),
    ),
  ) as Hash;
}

/**
 * Header, last certificate and transactions belong together, and the block keeps to the governed limits. The certificate's
 * signatures are verifyCertificate's, as the set of the height before is needed for them.
 * Throws LEDGER_BLOCK_TX_ROOT, LEDGER_BLOCK_LAST_CERTIFICATE, LEDGER_BLOCK_TOO_LARGE.
 */
export function checkBlockParts(
  block: Block,
  limits: { readonly blockBytesMax: number; readonly blockTxsMax: number },
  sha256: Sha256,
): void {
  const { header, lastCertificate, txs } = block;
  within('transactions', txs.length, limits.blockTxsMax);
  within('bytes of transactions', txBytesOf(txs), limits.blockBytesMax);
  checkLastCertificate(block, lastCertificate, sha256);
  const hashes = txs.map((tx) => transactionHash(tx, sha256));
  if (txRootOf(hashes, sha256) !== header.txRoot)
    throw new ChainError('LEDGER_BLOCK_TX_ROOT', { height: header.height });
}

/** What counts against `blockBytesMax`: the envelope lines, without framing, header and certificate, which are small and fixed. */
export function txBytesOf(txs: readonly Uint8Array[]): number {
  return txs.reduce((sum, tx) => sum + tx.length, 0);
}

function checkLastCertificate({ header }: Block, certificate: Certificate | null, sha256: Sha256): void {
  const refuse = (detail: string) => new ChainError('LEDGER_BLOCK_LAST_CERTIFICATE', { height: header.height, detail });
  if ((certificate === null) !== (header.height === 1)) throw refuse('exactly the first block has none');
  if (certificateHashOf(certificate, sha256) !== header.lastCertificateHash) throw refuse('its hash is another one');
  if (certificate === null) return;
  if (certificate.height !== header.height - 1) throw refuse(`it is of height ${certificate.height}`);
  if (certificate.blockId !== header.previous) throw refuse('it is for another block than the previous one');
}

function within(what: string, value: number, max: number): void {
  if (value > max) throw new ChainError('LEDGER_BLOCK_TOO_LARGE', { what, value, max });
}

function tooLarge(value: number): ChainError<'LEDGER_BLOCK_TOO_LARGE'> {
  return new ChainError('LEDGER_BLOCK_TOO_LARGE', { what: 'bytes', value, max: BLOCK_BYTES_CAP });
}

function tooMany(value: number): ChainError<'LEDGER_BLOCK_TOO_LARGE'> {
  return new ChainError('LEDGER_BLOCK_TOO_LARGE', { what: 'transactions', value, max: BLOCK_TXS_CAP });
}
