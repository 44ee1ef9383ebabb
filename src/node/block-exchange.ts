import { ByteReader, ByteWriter, fromHex, toHex } from '../codec/index.ts';
import type { PeerNetwork } from '../ports/network.ts';
import type { Sha256 } from '../ports/crypto.ts';
import type { Hash, ValidatorId } from '../types/brand.ts';
import type { Block, BlockHeader, Certificate } from '../types/chain.ts';
import { ChainError } from '../errors/chain-error.ts';
import { blockIdOf, decodeHeader, headerBytes } from '../ledger/header.ts';
import { certificateHashOf, decodeCertificate, encodeCertificate } from '../ledger/certificate.ts';
import { decodeBlock, encodeBlock, txRootOf } from '../ledger/block.ts';
import { BLOCK_BYTES_CAP } from '../ledger/limits.ts';
import { transactionHash } from '../ledger/transaction.ts';
import { isOwnFault } from './blame.ts';
import type { Mempool } from './mempool.ts';

/** How long a missing body is waited for before it is asked for; announcements usually come with the proposal. */
const fetchDelayMs = 30;
/** Between two attempts to get what is missing. */
const fetchIntervalMs = 250;
const fetchTimeoutMs = 2_000;
/** Blocks of undecided heights kept from one proposer; a correct one makes one a round. */
const blocksPerProposerMax = 8;
/** Transactions in one block, for the decoder; the governed limit is lower. */
const blockTxsHardMax = 20_000;
const headerBytesMax = 64 * 1024;
/** Of an answer with transactions: their number, and the length before each. */
const answerFrameBytes = 2;
const txFrameBytes = 4;
const certificateBytesMax = 16 * 1024;

interface Partial {
  readonly header: Block['header'];
  readonly lastCertificate: Block['lastCertificate'];
  readonly hashes: readonly Hash[];
  readonly from: ValidatorId;
}

interface Wanted {
  readonly height: number;
  readonly holders: () => readonly ValidatorId[];
  readonly ready: (block: Block) => void;
  attempts: number;
  timer: NodeJS.Timeout;
}

interface Deps {
  readonly network: PeerNetwork;
  readonly mempool: Mempool;
  readonly sha256: Sha256;
  /** Last committed height: everything up to it is dropped. */
  readonly height: () => number;
  /** The last committed block, if it has this id: a peer that heard its certificate may still lack its body. */
  readonly lastBlock: (blockId: Hash) => Uint8Array | undefined;
  readonly warn: (message: string, details: object) => void;
}

/**
 * Bodies of blocks that consensus names. A proposer announces header, certificate and the hashes of the transactions; the
 * bodies of these were pushed to everybody before, so that a block is put together from the mempool, and only what is
 * missing is pulled. A block that is named by its id alone is pulled whole.
 */
export class BlockExchange {
  readonly #deps: Deps;
  readonly #blocks = new Map<Hash, Block>();
  readonly #partials = new Map<Hash, Partial>();
  readonly #wanted = new Map<Hash, Wanted>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Blocks, parts of blocks and wishes in memory. */
  get size(): number {
    return this.#blocks.size + this.#partials.size + this.#wanted.size;
  }

  get(blockId: Hash): Block | undefined {
    return this.#blocks.get(blockId);
  }

  /** A complete block: made here, or pulled. */
  put(blockId: Hash, block: Block): void {
    this.#blocks.set(blockId, block);
    this.#partials.delete(blockId);
    const wanted = this.#wanted.get(blockId);
    if (wanted === undefined) return;
    clearTimeout(wanted.timer);
    this.#wanted.delete(blockId);
    wanted.ready(block);
  }

  /** Tells all peers what the block is made of. */
  announce(blockId: Hash): void {
    const block = this.#blocks.get(blockId);
    if (block !== undefined) this.#deps.network.broadcast('consensus', encodeAnnouncement(block, this.#deps.sha256));
  }

  /** Calls `ready` once, when the block is here; at once if it is. */
  want(height: number, blockId: Hash, holders: () => readonly ValidatorId[], ready: (block: Block) => void): void {
    const here = this.#blocks.get(blockId);
    if (here !== undefined) return ready(here);
    const known = this.#wanted.get(blockId);
    if (known !== undefined) clearTimeout(known.timer);
    const timer = setTimeout(() => void this.#fetch(blockId), fetchDelayMs);
    this.#wanted.set(blockId, { height, holders, ready, attempts: 0, timer });
    this.#assemble(blockId);
  }

  /** Frame of a peer, without its first byte. Throws a coded error if it is malformed. */
  onAnnouncement(from: ValidatorId, frame: Uint8Array): void {
    const announcement = decodeAnnouncement(frame, from);
    const { header } = announcement;
    if (header.height <= this.#deps.height() || header.height > this.#deps.height() + 2) return;
    const blockId = blockIdOf(header, this.#deps.sha256);
    // Otherwise anybody could put another body under a sound header, and a valid block would look invalid here.
    requireBodyOf(header, announcement.lastCertificate, announcement.hashes, this.#deps.sha256);
    if (this.#blocks.has(blockId) || this.#partials.has(blockId)) return;
    const ofSender = [...this.#partials.values()].filter((partial) => partial.from === from).length;
    if (ofSender >= blocksPerProposerMax && !this.#wanted.has(blockId)) return;
    this.#partials.set(blockId, announcement);
    this.#assemble(blockId);
  }

  /** A transaction arrived: a block may be complete now. */
  onTransaction(): void {
    for (const blockId of [...this.#wanted.keys()]) this.#assemble(blockId);
  }

  /** Answers for the mesh. */
  serveBlock(request: Uint8Array): Uint8Array {
    const blockId = toHex(request) as Hash;
    const block = this.#blocks.get(blockId);
    return block === undefined ? (this.#deps.lastBlock(blockId) ?? new Uint8Array()) : encodeBlock(block);
  }

  serveTransactions(request: Uint8Array): Uint8Array {
    const reader = new ByteReader(request);
    const count = reader.u16();
    const writer = new ByteWriter();
    const inBlocks = new Map<Hash, Uint8Array>();
    for (const block of this.#blocks.values())
      for (const tx of block.txs) inBlocks.set(transactionHash(tx, this.#deps.sha256), tx);
    const wanted = new Set<Hash>();
    for (let i = 0; i < count; i += 1) wanted.add(toHex(reader.bytes(32)) as Hash);
    reader.end();
    const found: Uint8Array[] = [];
    // Each once, and no more than a block holds: a short question must not make an answer without end.
    let room = BLOCK_BYTES_CAP - answerFrameBytes;
    for (const hash of wanted) {
      const bytes = this.#deps.mempool.get(hash)?.bytes ?? inBlocks.get(hash);
      if (bytes === undefined) continue;
      room -= bytes.length + txFrameBytes;
      if (room < 0) break;
      found.push(bytes);
    }
    writer.u16(found.length);
    for (const bytes of found) writer.lengthPrefixed(bytes, 65_535);
    return writer.finish();
  }

  /** Heights up to this one are decided. */
  forgetThrough(height: number): void {
    for (const [id, block] of this.#blocks) if (block.header.height <= height) this.#blocks.delete(id);
    for (const [id, partial] of this.#partials) if (partial.header.height <= height) this.#partials.delete(id);
    for (const [id, wanted] of this.#wanted) {
      if (wanted.height > height) continue;
      clearTimeout(wanted.timer);
      this.#wanted.delete(id);
    }
  }

  stop(): void {
    this.forgetThrough(Number.MAX_SAFE_INTEGER);
  }

  /** Puts a block together if everything is here. Returns the hashes that are not, or null without an announcement. */
  #assemble(blockId: Hash, extra?: ReadonlyMap<Hash, Uint8Array>): readonly Hash[] | null {
    const partial = this.#partials.get(blockId);
    if (partial === undefined) return null;
    const missing: Hash[] = [];
    const txs: Uint8Array[] = [];
    for (const hash of partial.hashes) {
      const bytes = this.#deps.mempool.get(hash)?.bytes ?? extra?.get(hash);
      if (bytes === undefined) missing.push(hash);
      else txs.push(bytes);
    }
    if (missing.length === 0)
      this.put(blockId, { header: partial.header, lastCertificate: partial.lastCertificate, txs });
    return missing;
  }

  async #fetch(blockId: Hash): Promise<void> {
    const wanted = this.#wanted.get(blockId);
    if (wanted === undefined) return;
    const missing = this.#assemble(blockId);
    if (!this.#wanted.has(blockId)) return;
    const partial = this.#partials.get(blockId);
    const holders = [...new Set([...(partial === undefined ? [] : [partial.from]), ...wanted.holders()])];
    const holder = holders[wanted.attempts % Math.max(1, holders.length)];
    wanted.attempts += 1;
    // Armed before the request, so that a holder that never answers does not stop the search.
    wanted.timer = setTimeout(() => void this.#fetch(blockId), fetchIntervalMs);
    if (holder === undefined) return;
    try {
      // Only what is missing, as long as that works; a holder without it is asked for the whole block.
      if (missing !== null && missing.length > 0 && missing.length <= 65_535 && wanted.attempts <= 2)
        await this.#fetchTransactions(blockId, holder, missing);
      else await this.#fetchWhole(blockId, holder);
    } catch (error) {
      // Whoever waited for the body executes it at once: what that runs into is not about the peer, and ends the process.
      if (isOwnFault(error)) throw error;
      this.#deps.warn('block body not had from peer', { blockId, holder, reason: (error as Error).message });
    }
  }

  async #fetchTransactions(blockId: Hash, holder: ValidatorId, missing: readonly Hash[]): Promise<void> {
    const writer = new ByteWriter();
    writer.u16(missing.length);
    for (const hash of missing) writer.bytes(fromHex(hash));
    const reader = new ByteReader(await this.#deps.network.request(holder, 'txs', writer.finish(), fetchTimeoutMs));
    const found = new Map<Hash, Uint8Array>();
    const count = reader.u16();
    for (let i = 0; i < count; i += 1) {
      const bytes = reader.lengthPrefixed(65_535);
      found.set(transactionHash(bytes, this.#deps.sha256), bytes);
    }
    reader.end();
    this.#assemble(blockId, found);
  }

  async #fetchWhole(blockId: Hash, holder: ValidatorId): Promise<void> {
    const bytes = await this.#deps.network.request(holder, 'block', fromHex(blockId), fetchTimeoutMs);
    if (bytes.length === 0) return;
    const block = decodeBlock(bytes);
    requireBodyOf(
      block.header,
      block.lastCertificate,
      block.txs.map((tx) => transactionHash(tx, this.#deps.sha256)),
      this.#deps.sha256,
    );
    if (blockIdOf(block.header, this.#deps.sha256) !== blockId) {
      this.#deps.network.drop(holder, 'sent another block than the one asked for');
      return;
    }
    if (this.#wanted.has(blockId)) this.put(blockId, block);
  }
}

export const announcementKind = 2;

/** Throws NODE_BLOCK_BODY unless certificate and transactions are the ones that the header commits to. */
export function requireBodyOf(
  header: BlockHeader,
  lastCertificate: Certificate | null,
  hashes: readonly Hash[],
  sha256: Sha256,
): void {
  const fits =
    txRootOf(hashes, sha256) === header.txRoot &&
    certificateHashOf(lastCertificate, sha256) === header.lastCertificateHash;
  if (!fits) throw new ChainError('NODE_BLOCK_BODY', { height: header.height });
}

/** The same of a whole block. */
export function requireBody(block: Block, sha256: Sha256): void {
  requireBodyOf(
    block.header,
    block.lastCertificate,
    block.txs.map((tx) => transactionHash(tx, sha256)),
    sha256,
  );
}

function encodeAnnouncement(block: Block, sha256: Sha256): Uint8Array {
  const writer = new ByteWriter();
  writer.u8(announcementKind);
  writer.lengthPrefixed(headerBytes(block.header), headerBytesMax);
  writer.lengthPrefixed(
    block.lastCertificate === null ? new Uint8Array() : encodeCertificate(block.lastCertificate),
    certificateBytesMax,
  );
  writer.u32(block.txs.length);
  for (const tx of block.txs) writer.bytes(fromHex(transactionHash(tx, sha256)));
  return writer.finish();
}

function decodeAnnouncement(frame: Uint8Array, from: ValidatorId): Partial {
  const reader = new ByteReader(frame);
  const header = decodeHeader(reader.lengthPrefixed(headerBytesMax));
  const certificate = reader.lengthPrefixed(certificateBytesMax);
  const count = Math.min(reader.u32(), blockTxsHardMax);
  const hashes: Hash[] = [];
  for (let i = 0; i < count; i += 1) hashes.push(toHex(reader.bytes(32)) as Hash);
  reader.end();
  return { header, lastCertificate: certificate.length === 0 ? null : decodeCertificate(certificate), hashes, from };
}
