import { encodeBlock } from '../ledger/block.ts';
import { encodeCertificate } from '../ledger/certificate.ts';
import type { ExecutedBlock } from '../ports/application.ts';
import type { Certificate } from '../types/chain.ts';
import type { Store, CommittedBlock } from '../store/index.ts';

/** Blocks that are decided but not yet synced in the store; beyond, consensus waits for the disk. */
export const pendingBlocksMax = 64;

/** What the store keeps of a decided block. */
export function committedBlock(executed: ExecutedBlock, certificate: Certificate): CommittedBlock {
  return {
    height: executed.block.header.height,
    blockId: executed.blockId,
    blockBytes: encodeBlock(executed.block),
    certificateBytes: encodeCertificate(certificate),
    state: executed.state,
    writes: executed.writes,
  };
}

/**
 * Decided blocks on their way into the store. A block is durable in the write-ahead log when it is decided, so the next
 * height need not wait for LMDB (the store's reads see a commit at once). The log of a height may be dropped only after
 * `onDurable` was called for it.
 */
export class CommitPipeline {
  readonly #store: Pick<Store, 'commitBlock'>;
  readonly #onDurable: (height: number) => void;
  readonly #onFailure: (error: unknown) => void;
  #tail: Promise<void> = Promise.resolve();
  #pending = 0;
  #waiting: (() => void)[] = [];

  constructor(
    store: Pick<Store, 'commitBlock'>,
    onDurable: (height: number) => void,
    onFailure: (error: unknown) => void,
  ) {
    this.#store = store;
    this.#onDurable = onDurable;
    this.#onFailure = onFailure;
  }

  get pending(): number {
    return this.#pending;
  }

  get isFull(): boolean {
    return this.#pending >= pendingBlocksMax;
  }

  /** Makes the block readable at once; resolves when it is durable in the store, which may begin `lingerMs` later. */
  push(block: CommittedBlock, lingerMs = 0): Promise<void> {
    this.#pending += 1;
    const done = this.#store.commitBlock(block, lingerMs).then(
      () => {
        this.#pending -= 1;
        for (const wake of this.#waiting.splice(0)) wake();
        this.#onDurable(block.height);
      },
      (error: unknown) => {
        this.#onFailure(error);
        throw error;
      },
    );
    done.catch(() => undefined);
    this.#tail = done;
    return done;
  }

  /** Resolves when fewer than `pendingBlocksMax` blocks are under way. */
  async room(): Promise<void> {
    while (this.isFull) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Resolves when everything pushed so far is durable. */
  drained(): Promise<void> {
    return this.#tail;
  }
}
