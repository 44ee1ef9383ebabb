import { ByteReader, ByteWriter } from '../codec/index.ts';
import { verifyCertificate } from '../consensus/index.ts';
import { ChainError, isChainError } from '../errors/chain-error.ts';
import { decodeBlock } from '../ledger/block.ts';
import { decodeCertificate } from '../ledger/certificate.ts';
import { blockIdOf } from '../ledger/header.ts';
import type { Application, ExecutedBlock } from '../ports/application.ts';
import type { Sha256, SignedBytes, VerifyEd25519 } from '../ports/crypto.ts';
import type { PeerNetwork } from '../ports/network.ts';
import type { Hash, Height, ValidatorId } from '../types/brand.ts';
import type { Block, Certificate } from '../types/chain.ts';
import { isPeersFault } from './blame.ts';
import { LookAhead } from './look-ahead.ts';

/** Blocks in one answer: enough to keep disk and network busy, few enough to change the peer soon. */
const rangeBlocksMax = 200;
/** Bytes of one answer; a single block is sent whatever its size. */
const rangeBytesMax = 8 * 1024 * 1024;
const requestTimeoutMs = 5_000;
const retryMs = 300;
/** Between two lines of the log while catching up. */
const progressBlocks = 1_000;

interface StoredBlocks {
  block(height: number): Uint8Array | undefined;
  certificate(height: number): Uint8Array | undefined;
}

interface Deps {
  readonly app: Application;
  readonly chain: Hash;
  readonly network: PeerNetwork;
  readonly sha256: Sha256;
  readonly verify: VerifyEd25519;
  /** Has another thread check what `app` and `verify` will be asked soon. */
  readonly ahead?: (batch: readonly SignedBytes[]) => Promise<void>;
  readonly requireBody: (block: Block) => void;
  /** Commits an executed block; resolves when it is durable, which takes longer where more follow. */
  readonly apply: (executed: ExecutedBlock, certificate: Certificate, moreFollow: boolean) => Promise<void>;
  /** Tells consensus, once the block is durable. */
  readonly onSynced: (certificate: Certificate) => void;
  /** A certified block computes to something else here: this node must stop signing. */
  readonly onDivergence: (height: Height, detail: string) => void;
  /** A certified block cannot be executed, or not be kept, and no peer is to blame: the process must end. */
  readonly fatal: (error: unknown) => void;
  /** True where a whole state is on its way, so that blocks need not be executed; hears of every height that peers name. */
  readonly instead: (target: number) => boolean;
  readonly info: (message: string, details: object) => void;
}

interface DecidedBlock {
  readonly block: Block;
  readonly certificate: Certificate;
}

interface Asked {
  readonly from: number;
  readonly peer: ValidatorId;
  readonly range: Promise<readonly DecidedBlock[]>;
}

/**
 * Pulls decided blocks with their certificates from peers until this node is where they are. A certificate proves its block,
 * so any peer will do; one that sends something wrong is dropped and the next is asked.
 */
export class Syncer {
  readonly #d: Deps;
  #target = 0;
  #running: Promise<void> | null = null;
  #isBehind = false;
  #stopped = false;
  #turn = 0;
  #told = 0;
  /** The last range that was applied, until it is durable. */
  #storing: Promise<void> = Promise.resolve();

  constructor(deps: Deps) {
    this.#d = deps;
  }

  /** Height that peers showed; 0 if none above ours was seen. */
  get target(): number {
    return this.#target;
  }

  get isRunning(): boolean {
    return this.#running !== null;
  }

  /**
   * True while certified blocks above ours keep coming. A height that a peer only names proves nothing: if it counted, one lying
   * validator could keep every other node from answering its hook.
   */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  /** Peers are at `height`: everything below it is decided. */
  want(height: Height, from: ValidatorId | null): void {
    this.#target = Math.max(this.#target, height - 1);
    if (this.#d.instead(height - 1)) return;
    if (this.#running !== null || this.#stopped || this.#d.app.info().height >= this.#target) return;
    this.#running = this.#run(from).finally(() => {
      this.#running = null;
      this.#isBehind = false;
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(first: ValidatorId | null): Promise<void> {
    const { app, info } = this.#d;
    info('catching up', { from: app.info().height, to: this.#target });
    let preferred = first;
    let ahead: Asked | null = null;
    let failures = 0;
    let isAtEnd = false;
    while (!this.#stopped && app.info().height < this.#target && !this.#d.instead(this.#target)) {
      const before = app.info().height;
      const asked: Asked | null = ahead?.from === before + 1 ? ahead : this.#ask(before + 1, preferred);
      preferred = null;
      ahead = null;
      if (asked !== null) {
        try {
          const range = await asked.range;
          const last = range.at(-1)?.block.header.height ?? before;
          // The next range is on its way, from another peer, while this one is executed.
          if (last > before && last < this.#target) ahead = this.#ask(last + 1, null);
          await this.#take(asked.peer, range);
        } catch (error) {
          info('range not had from peer', { peer: asked.peer, reason: (error as Error).message });
        }
      }
      this.#isBehind = app.info().height > before;
      if (this.#isBehind) {
        failures = 0;
        this.#tell();
        // What was decided while this node pulled is asked for too, from everybody: on an idle chain nobody would tell it.
        isAtEnd = app.info().height >= this.#target;
        if (isAtEnd) this.#target = app.info().height + 1;
        continue;
      }
      // Nobody has it: the height that was shown may have been a lie, and the next message of a peer asks again.
      failures += 1;
      if (isAtEnd && failures < this.#d.network.connected().length) continue;
      if (isAtEnd || failures > 2 * Math.max(1, this.#d.network.connected().length)) break;
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
    await this.#stored(this.#storing).catch(() => undefined);
    if (app.info().height < this.#target) this.#target = app.info().height;
    info('caught up', { height: app.info().height });
  }

  #tell(): void {
    const { height } = this.#d.app.info();
    if (height < this.#told + progressBlocks || height >= this.#target) return;
    this.#told = height;
    this.#d.info('catching up', { height, to: this.#target });
  }

  /** Asks for the range that begins at a height: `preferred` if it is connected, otherwise the next peer in turn; null if there is none. */
  #ask(from: number, preferred: ValidatorId | null): Asked | null {
    const { network } = this.#d;
    const peers = network.connected();
    const peer =
      preferred !== null && peers.includes(preferred) ? preferred : peers[this.#turn++ % Math.max(1, peers.length)];
    if (peer === undefined) return null;
    const range = network.request(peer, 'blocks', encodeRangeRequest(from), requestTimeoutMs).then((answer) => {
      try {
        return decodeRange(answer);
      } catch (error) {
        network.drop(peer, (error as Error).message);
        throw error;
      }
    });
    // One that was asked for ahead may never be looked at.
    range.catch(() => undefined);
    return { from, peer, range };
  }

  /**
   * Executes and commits what was sent; resolves when what was sent before is durable, so that this range is executed while that one is written. What does
   * not verify costs the peer its connection. What this node's own store or state runs into does not: it would meet every peer's block alike, so nothing
   * more is asked for.
   */
  async #take(peer: ValidatorId, range: readonly DecidedBlock[]): Promise<void> {
    const { app, network, ahead } = this.#d;
    const lookAhead = ahead === undefined ? undefined : new LookAhead({ ...this.#d, ahead }, range);
    let durable: Promise<void> = Promise.resolve();
    const applied: Certificate[] = [];
    try {
      for (const [at, { block, certificate }] of range.entries()) {
        await lookAhead?.ready(at);
        // A turn for everything else: peers are heard, and what is applied is written.
        await new Promise((resolve) => setImmediate(resolve));
        if (this.#stopped) break;
        // Consensus may have decided it meanwhile.
        if (block.header.height <= app.info().height) continue;
        const executed = this.#check(block, certificate);
        durable = this.#d.apply(executed, certificate, at < range.length - 1);
        applied.push(certificate);
      }
    } catch (error) {
      if (isPeersFault(error)) network.drop(peer, error.message);
      else if (!isChainError(error, 'STATE_DIVERGENCE')) {
        this.#stopped = true;
        this.#d.fatal(error);
      }
      throw error;
    } finally {
      const before = this.#storing;
      this.#storing = durable.then(() => {
        for (const certificate of applied) this.#d.onSynced(certificate);
      });
      // It is looked at when the next range is applied.
      this.#storing.catch(() => undefined);
      await this.#stored(before);
    }
  }

  async #stored(range: Promise<void>): Promise<void> {
    // Who writes has said so where it matters; here it only ends.
    await range.catch((error: unknown) => {
      this.#stopped = true;
      throw error;
    });
  }

  #check(block: Block, certificate: Certificate): ExecutedBlock {
    try {
      return executeCertified(this.#d, block, certificate);
    } catch (error) {
      if (isChainError(error, 'STATE_DIVERGENCE')) {
        this.#stopped = true;
        this.#d.onDivergence(block.header.height, error.message);
      }
      throw error;
    }
  }
}

/**
 * Executes the next block. Throws SYNC_RANGE_INVALID, NODE_BLOCK_BODY or a code of the certificate unless it is that and proven,
 * STATE_DIVERGENCE if it is, but computes to something else here, and what this node's own store or state runs into.
 */
export function executeCertified(
  deps: {
    readonly app: Application;
    readonly chain: Hash;
    readonly sha256: Sha256;
    readonly verify: VerifyEd25519;
    readonly requireBody: (block: Block) => void;
  },
  block: Block,
  certificate: Certificate,
): ExecutedBlock {
  const { app, chain, sha256, verify, requireBody } = deps;
  const info = app.info();
  const blockId = blockIdOf(block.header, sha256);
  const { height } = block.header;
  if (height !== info.height + 1 || certificate.height !== height || certificate.blockId !== blockId)
    throw new ChainError('SYNC_RANGE_INVALID', { height, reason: 'the certificate is of another block' });
  verifyCertificate({ chain, voteKeys: info.validators.map(({ voteKey }) => voteKey), verify }, certificate);
  requireBody(block);
  const result = app.processProposal(block);
  if (!result.ok)
    throw new ChainError('STATE_DIVERGENCE', { height, blockId, detail: `${result.code}: ${result.message}` });
  return result.executed;
}

/** What asks for blocks from a height on; `decodeRange` reads the answer. */
export function encodeRangeRequest(from: number): Uint8Array {
  return new ByteWriter().u64(from).u16(rangeBlocksMax).finish();
}

/** Answers a peer that is behind: as many blocks from the height on as fit. */
export function serveRange(store: StoredBlocks, request: Uint8Array): Uint8Array {
  const reader = new ByteReader(request);
  const from = reader.u64();
  const count = Math.min(reader.u16(), rangeBlocksMax);
  reader.end();
  const found: { block: Uint8Array; certificate: Uint8Array }[] = [];
  let bytes = 0;
  for (let height = from; height < from + count; height += 1) {
    const block = store.block(height);
    const certificate = store.certificate(height);
    if (block === undefined || certificate === undefined) break;
    bytes += block.length + certificate.length;
    if (found.length > 0 && bytes > rangeBytesMax) break;
    found.push({ block, certificate });
  }
  const writer = new ByteWriter();
  writer.u16(found.length);
  for (const { block, certificate } of found)
    writer.lengthPrefixed(block, rangeBytesMax * 2).lengthPrefixed(certificate, 65_535);
  return writer.finish();
}

export function decodeRange(answer: Uint8Array): DecidedBlock[] {
  const reader = new ByteReader(answer);
  const count = Math.min(reader.u16(), rangeBlocksMax);
  const range: DecidedBlock[] = [];
  for (let i = 0; i < count; i += 1) {
    range.push({
      // A view: decoding copies each transaction, and what is kept of a block must not keep the whole answer.
      block: decodeBlock(reader.lengthPrefixedView(rangeBytesMax * 2)),
      certificate: decodeCertificate(reader.lengthPrefixed(65_535)),
    });
  }
  reader.end();
  return range;
}
