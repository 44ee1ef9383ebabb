import { ChainError, isChainError } from '../src/errors/chain-error.ts';
import type { Readable } from 'node:stream';
import type { WebhookClock, WebhookLimits } from './options.ts';

/** What large bodies may have of all: the rest is for small ones, which nearly all are. */
export const largeBytesMax = (bytesMax: number): number => bytesMax - Math.floor(bytesMax / 4);

/** Bytes of all bodies that are held at one time. Large ones leave a quarter to small ones, so that whoever sends a few very large reviews does not keep the others out. */
export class BodyBudget {
  readonly #bytesMax: number;
  readonly #smallBytesMax: number;
  #used = 0;

  /** `smallBytesMax`: a body up to this size is small. */
  constructor(bytesMax: number, smallBytesMax: number) {
    this.#bytesMax = bytesMax;
    this.#smallBytesMax = smallBytesMax;
  }

  get used(): number {
    return this.#used;
  }

  reserve(): Reservation {
    return new Reservation((bytes, total) => {
      const bytesMax = total > this.#smallBytesMax ? largeBytesMax(this.#bytesMax) : this.#bytesMax;
      if (bytes > 0 && this.#used + bytes > bytesMax) throw new ChainError('WEBHOOK_BODIES_FULL', { bytesMax });
      this.#used += bytes;
    });
  }
}

/** One body's share; `release` gives it back, once. */
export class Reservation {
  readonly #take: (bytes: number, total: number) => void;
  #bytes = 0;

  /** `take`: so many bytes more of a body that is as large in all then. */
  constructor(take: (bytes: number, total: number) => void) {
    this.#take = take;
  }

  /** Makes the share at least `bytes`; throws WEBHOOK_BODIES_FULL. */
  growTo(bytes: number): void {
    if (bytes <= this.#bytes) return;
    this.#take(bytes - this.#bytes, bytes);
    this.#bytes = bytes;
  }

  release(): void {
    this.#take(-this.#bytes, 0);
    this.#bytes = 0;
  }
}

/**
 * Reads a body within its limits. What the headers announce is reserved before the first byte, so that bodies which will
 * not fit are turned away while they are still small.
 */
export async function readBody(
  stream: Readable,
  announcedBytes: number | undefined,
  reservation: Reservation,
  limits: WebhookLimits,
  clock: WebhookClock,
): Promise<Buffer> {
  const { bodyBytesMax, bodyTimeoutMs } = limits;
  const tooLarge = () => new ChainError('WEBHOOK_BODY_TOO_LARGE', { bytesMax: bodyBytesMax });
  if (announcedBytes !== undefined) {
    if (announcedBytes > bodyBytesMax) throw tooLarge();
    reservation.growTo(announcedBytes);
  }
  let expired = false;
  const cancel = clock.after(bodyTimeoutMs, () => {
    expired = true;
    stream.destroy();
  });
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    // Not destroyed on an error: the caller is told why.
    for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
      bytes += (chunk as Buffer).length;
      if (bytes > bodyBytesMax) throw tooLarge();
      reservation.growTo(bytes);
      chunks.push(chunk as Buffer);
    }
  } catch (error) {
    if (expired) throw new ChainError('WEBHOOK_BODY_SLOW', { timeoutMs: bodyTimeoutMs }, { cause: error });
    if (isChainError(error)) throw error;
    // The caller hung up, or its stream was reset.
    throw new ChainError('WEBHOOK_BODY_BROKEN', {}, { cause: error });
  } finally {
    cancel();
  }
  if (expired) throw new ChainError('WEBHOOK_BODY_SLOW', { timeoutMs: bodyTimeoutMs });
  if (announcedBytes !== undefined && bytes !== announcedBytes) throw new ChainError('WEBHOOK_BODY_BROKEN', {});
  return Buffer.concat(chunks, bytes);
}
