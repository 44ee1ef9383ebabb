import { ChainError } from '../../errors/chain-error.ts';
import { onDisk, walFailure } from './failure.ts';
import { frameLength, writeFrame } from './frame.ts';
import type { HeightMark } from './replay.ts';
import type { Segment, Segments } from './segments.ts';
import type { Slot, SlotFile } from './slots.ts';
import type { SignedTriple, WriteAheadLog } from '../../ports/log-file.ts';

/** A block body with its polka and votes is far below; more in one append is a defect. */
export const appendBytesMax = 64 * 1024 * 1024;

interface Call {
  readonly records: readonly Uint8Array[];
  readonly triple: SignedTriple;
  readonly height: number;
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: ChainError) => void;
}

/** Calls that were written with one write and one sync. */
interface Group {
  readonly calls: readonly Call[];
  readonly end: Slot['end'];
}

/**
 * The durability contract.
 *
 * An append resolves after two syncs, one after the other: that of its frame, then that of a slot which says "synced up to
 * this frame, last signed triple so and so". Both must be over because two situations have to be told apart when the
 * frame cannot be read at the next start: it was never finished (then nothing that depends on it was sent, and it is
 * dropped), or it was finished and got lost (then something may have been sent, and the node must not sign). If the slot
 * were written in the same sync as the frame, a power failure in the middle could leave the slot without the frame, byte
 * for byte what a disk leaves that lost a finished frame: no reader can tell these apart. With the order frame, sync,
 * slot, sync, each crash leaves one of these:
 *
 *   before the first sync is over      slot names the frame before; the new one is absent, torn, or whole: dropped, or kept
 *   between the syncs                  slot names the frame before; the new one is whole: kept
 *   while the slot is written          that slot is torn, the other one names the frame before; the new one is whole: kept
 *   after the second sync              slot names the frame: if it is not there, that is damage
 *
 * A frame that is kept though its append never resolved is harmless: it says at most that more was signed. A start makes
 * such frames durable before it names them in a slot (open.ts).
 *
 * The two syncs cost one round each when the log is idle. Under load they overlap: while the slot of one group is synced,
 * the frames of the next are, so that there is one pair of parallel syncs for each group, and every call that came
 * meanwhile is in the group. A slot is always written to the older of two places, and only after the newer one is durable.
 *
 * After a failed write or sync nobody knows what the disk holds (the kernel drops dirty pages that it could not write), so
 * the log refuses everything until it is opened again.
 */
export class SegmentedLog implements WriteAheadLog {
  readonly #segments: Segments;
  readonly #slots: SlotFile;
  #segment: Segment;
  /** Last durable slot. */
  #slot: Slot;
  /** Where the last written frame ends. */
  #end: Slot['end'];
  #start: Slot['start'];
  #marks: HeightMark[];
  #firstSegment: number;
  #waiting: Call[] = [];
  #running: Promise<void> | undefined;
  #failure: ChainError | undefined;
  #closed = false;

  constructor(options: {
    segments: Segments;
    slots: SlotFile;
    segment: Segment;
    slot: Slot;
    marks: readonly HeightMark[];
  }) {
    this.#segments = options.segments;
    this.#slots = options.slots;
    this.#segment = options.segment;
    this.#slot = options.slot;
    this.#end = options.slot.end;
    this.#start = options.slot.start;
    this.#firstSegment = options.slot.start.segment;
    this.#marks = [...options.marks];
  }

  /**
   * `height` is that of the records, for truncateBefore; left out, that of the triple. Records must not be changed until it
   * resolves. Rejects with WAL_IO, WAL_FULL, WAL_TOO_LARGE or WAL_CLOSED.
   */
  append(records: readonly Uint8Array[], triple: SignedTriple, height: number = triple.height): Promise<void> {
    const bytes = frameLength(records);
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#closed) return Promise.reject(new ChainError('WAL_CLOSED', { operation: 'append' }));
    if (bytes > appendBytesMax) {
      return Promise.reject(new ChainError('WAL_TOO_LARGE', { bytes, bytesMax: appendBytesMax }));
    }
    return new Promise<void>((resolve, reject) => {
      this.#waiting.push({ records, triple, height, bytes, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /**
   * Drops the oldest records as long as they are of heights below `height`. It needs no sync of its own: the new start goes
   * along with the next slot, and a crash before it only makes the next replay longer.
   */
  async truncateBefore(height: number): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const kept = this.#marks.findIndex((mark) => mark.height >= height);
    const first = kept < 0 ? undefined : this.#marks[kept];
    this.#marks = kept < 0 ? [] : this.#marks.slice(kept);
    this.#start = first?.at ?? { ...this.#end, sequence: this.#end.sequence + 1 };
  }

  /** Waits for the appends under way. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#running;
    await this.#segments.close();
    await this.#segment.file.close();
    await this.#slots.close();
  }

  async #run(): Promise<void> {
    let unconfirmed: Group | undefined;
    let taken: readonly Call[] = [];
    try {
      // Calls made in the same turn belong into one group.
      await Promise.resolve();
      while (this.#waiting.length > 0 || unconfirmed !== undefined) {
        const confirming = unconfirmed;
        taken = this.#takeGroup();
        const results = await Promise.allSettled([
          confirming === undefined ? undefined : this.#confirm(confirming),
          taken.length === 0 ? undefined : this.#write(taken),
        ]);
        const failed = results.find((result) => result.status === 'rejected');
        if (failed !== undefined) {
          unconfirmed = confirming;
          throw failed.reason;
        }
        unconfirmed = taken.length === 0 ? undefined : { calls: taken, end: this.#end };
        await this.#recycle();
      }
    } catch (error) {
      this.#failure = walFailure(this.#segment.path, 'append', error);
      for (const call of [...(unconfirmed?.calls ?? []), ...taken, ...this.#waiting]) call.reject(this.#failure);
      this.#waiting = [];
    }
    this.#running = undefined;
  }

  /** As many of the waiting calls as fit into the segment; if not even the first does, those that fit into the next. */
  #takeGroup(): readonly Call[] {
    const first = this.#waiting[0];
    if (first === undefined) return [];
    const left = this.#segment.bytes - this.#end.offset;
    const room = first.bytes <= left ? left : Math.max(first.bytes, this.#segments.bytes);
    let bytes = 0;
    let count = 0;
    for (const call of this.#waiting) {
      if (bytes + call.bytes > room) break;
      bytes += call.bytes;
      count += 1;
    }
    const taken = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    return taken;
  }

  /** One write and one sync for all of them. */
  async #write(calls: readonly Call[]): Promise<void> {
    const bytes = calls.reduce((sum, call) => sum + call.bytes, 0);
    let { segment, offset, sequence } = this.#end;
    if (offset + bytes > this.#segment.bytes) {
      const full = this.#segment;
      this.#segment = await this.#segments.next(segment + 1, bytes);
      await full.file.close();
      segment += 1;
      offset = 0;
    }
    const buffer = Buffer.allocUnsafe(bytes);
    const marks: HeightMark[] = [];
    const writtenAt = offset;
    let highest = this.#marks.at(-1)?.height ?? -1;
    for (const call of calls) {
      sequence += 1;
      const target = buffer.subarray(offset - writtenAt, offset - writtenAt + call.bytes);
      writeFrame(target, { logId: this.#slot.logId, segment, sequence, epoch: this.#slot.epoch }, call);
      if (call.height > highest) {
        marks.push({ height: call.height, at: { segment, offset, sequence } });
        highest = call.height;
      }
      offset += call.bytes;
    }
    const { path, file } = this.#segment;
    await onDisk(path, 'write', () => file.write(writtenAt, buffer));
    await onDisk(path, 'sync', () => file.sync());
    this.#end = { segment, offset, sequence };
    this.#marks.push(...marks);
    if (offset > this.#segment.bytes / 2) this.#segments.prepare();
  }

  async #confirm(group: Group): Promise<void> {
    const triple = (group.calls.at(-1) as Call).triple;
    const slot = { ...this.#slot, counter: this.#slot.counter + 1, start: this.#start, end: group.end, triple };
    await this.#slots.write(slot);
    this.#slot = slot;
    for (const call of group.calls) call.resolve();
  }

  /** Only what a durable slot does not need any more. */
  async #recycle(): Promise<void> {
    while (this.#firstSegment < this.#slot.start.segment) {
      await this.#segments.recycle(this.#firstSegment);
      this.#firstSegment += 1;
    }
  }
}

/** Stands for a log that may not be written to: the node only observes. */
export class RefusingLog implements WriteAheadLog {
  readonly #error: ChainError;

  constructor(condition: string, detail: string) {
    this.#error = new ChainError('WAL_UNUSABLE', { condition, detail });
  }

  append(): Promise<void> {
    return Promise.reject(this.#error);
  }

  async truncateBefore(): Promise<void> {}

  async close(): Promise<void> {}
}
