import type { BlockVerdict } from '../consensus/index.ts';
import { certificateHashOf } from '../ledger/certificate.ts';
import { transactionHash } from '../ledger/transaction.ts';
import type { Application, ExecutedBlock } from '../ports/application.ts';
import type { Sha256 } from '../ports/crypto.ts';
import type { Hash, Height, ValidatorId } from '../types/brand.ts';
import type { Block, Certificate } from '../types/chain.ts';
import { BlockPace } from './block-pace.ts';
import type { Mempool } from './mempool.ts';

interface Deps {
  readonly app: Application;
  readonly self: ValidatorId;
  readonly mempool: Mempool;
  readonly sha256: Sha256;
  readonly now: () => number;
  readonly warn: (message: string, details: object) => void;
}

/** Blocks of the height in progress that were executed here: made of the mempool, or received. */
export class BlockWork {
  readonly #d: Deps;
  readonly #executed = new Map<Hash, ExecutedBlock>();
  readonly #pace = new BlockPace();

  constructor(deps: Deps) {
    this.#d = deps;
  }

  get(blockId: Hash): ExecutedBlock | undefined {
    return this.#executed.get(blockId);
  }

  /** Transactions of the next block, at most. */
  get txsMax(): number {
    const { blockTxsMax, timeoutProposeMs } = this.#d.app.info().params;
    return this.#pace.txsMax(blockTxsMax, timeoutProposeMs);
  }

  /** The height is decided. */
  clear(): void {
    this.#executed.clear();
  }

  /** A block of what waits; null if there is nothing to put in and it may not be empty, or the height is over. */
  build(height: Height, lastCertificate: Certificate | null, allowEmpty: boolean): ExecutedBlock | null {
    const { app, mempool, self, sha256, now } = this.#d;
    const info = app.info();
    if (info.height + 1 !== height) return null;
    const { blockBytesMax } = info.params;
    const startedMs = now();
    const timeMs = Math.max(startedMs, info.timeMs + 1);
    const txs = mempool.batch(blockBytesMax, this.txsMax, timeMs);
    const executed = app.prepareProposal({
      height,
      proposer: self,
      timeMs,
      previous: info.blockId,
      lastCertificate,
      lastCertificateHash: certificateHashOf(lastCertificate, sha256),
      txs,
    });
    this.#pace.note(txs.length, now() - startedMs);
    this.#dropRefused(txs, executed);
    if (executed.txs.length === 0 && !allowEmpty) return null;
    this.#executed.set(executed.blockId, executed);
    return executed;
  }

  /** What the core hears of a block whose body is here; null if its height is over. */
  verdict(height: Height, blockId: Hash, block: Block): BlockVerdict | null {
    const { app, now, warn } = this.#d;
    if (app.info().height + 1 !== height) return null;
    const startedMs = now();
    const result = app.processProposal(block);
    this.#pace.note(block.txs.length, now() - startedMs);
    if (!result.ok) {
      warn('block is invalid here', { height, blockId, code: result.code, reason: result.message });
      return { ok: false, detail: `${result.code}: ${result.message}` };
    }
    this.#executed.set(blockId, result.executed);
    return this.verdictOf(result.executed);
  }

  verdictOf(executed: ExecutedBlock): BlockVerdict {
    const { proposer, timeMs, appHash } = executed.block.header;
    const index = this.#d.app.info().validators.findIndex(({ id }) => id === proposer);
    return { ok: true, proposer: index, timeMs, appHash };
  }

  /** What the state machine did not take can never be taken in this state; keeping it would make empty work for ever. */
  #dropRefused(offered: readonly Uint8Array[], executed: ExecutedBlock): void {
    if (offered.length === executed.txs.length) return;
    const { app, mempool, now, sha256 } = this.#d;
    const taken = new Set(executed.txs.map(({ hash }) => hash));
    for (const bytes of offered) {
      const hash = transactionHash(bytes, sha256);
      if (taken.has(hash)) continue;
      // One that still passes the check met a limit of the block: it waits for the next.
      if (executed.txs.length > 0 && app.checkTx(bytes, now()).ok) continue;
      mempool.remove(hash);
    }
  }
}
