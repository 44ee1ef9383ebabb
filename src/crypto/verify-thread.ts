import { Worker } from 'node:worker_threads';
import type { SignedBytes } from '../ports/crypto.ts';
import type { VerifyBatch } from './verify-worker.ts';

/** A thread without work costs some 15 MB: it ends after this. */
const IDLE_MS = 10_000;

/**
 * One thread that verifies signatures by the batch. For those of which many are known before they are needed: handing over a batch costs what one signature costs, while
 * the thread pool takes a third of that for each.
 */
export class VerifyThread {
  readonly #waiting: ((areSound: readonly boolean[]) => void)[] = [];
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** Whether each is sound. If the thread cannot say, none is: whoever needs them verifies them himself. Looks at the bytes before it returns only. */
  verify(batch: readonly SignedBytes[]): Promise<readonly boolean[]> {
    if (batch.length === 0 || this.#isClosed) return Promise.resolve(batch.map(() => false));
    clearTimeout(this.#idle);
    const packed = packedOf(batch);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      const worker = (this.#worker ??= this.#start());
      worker.ref();
      worker.postMessage(packed, [packed.bytes.buffer]);
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#end();
  }

  #start(): Worker {
    const worker = new Worker(new URL('./verify-worker.ts', import.meta.url));
    // One at a time and in order, so each answer is that of who waits longest.
    worker.on('message', (areSound: readonly boolean[]) => {
      if (this.#worker !== worker) return;
      this.#waiting.shift()?.(areSound);
      if (this.#waiting.length > 0) return;
      // A process that has nothing else to do need not wait for a thread that has not either.
      worker.unref();
      this.#idle = setTimeout(() => void this.#end(), IDLE_MS);
      this.#idle.unref();
    });
    // It ends with that; 'exit' follows.
    worker.on('error', () => undefined);
    worker.once('exit', () => {
      if (this.#worker === worker) void this.#end();
    });
    return worker;
  }

  async #end(): Promise<void> {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    this.#worker = undefined;
    for (const resolve of this.#waiting.splice(0)) resolve([]);
    await worker?.terminate();
  }
}

/** In one array that is handed over, not copied again: each signature, then its message. */
function packedOf(batch: readonly SignedBytes[]): VerifyBatch {
  const bytes = new Uint8Array(
    batch.reduce((sum, { message, signature }) => sum + signature.length + message.length, 0),
  );
  let at = 0;
  for (const { signature, message } of batch) {
    bytes.set(signature, at);
    bytes.set(message, at + signature.length);
    at += signature.length + message.length;
  }
  return {
    keys: batch.map(({ publicKey }) => publicKey),
    signatures: batch.map(({ signature }) => signature.length),
    messages: batch.map(({ message }) => message.length),
    bytes,
  };
}
