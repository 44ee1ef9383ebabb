import type { Channel } from '../ports/network.ts';
import type { EncodedFrame } from './frame.ts';
import type { NetLimits, QueueLimits } from './limits.ts';

/** Frames wait in lanes: `urgent` (keepalive, hello, close), then consensus, then the other three in turn. */
export type Lane = 'urgent' | Channel | 'bulk';

/** First in, first out, without moving what remains. */
class FrameQueue {
  #frames: (EncodedFrame | undefined)[] = [];
  #head = 0;
  bytes = 0;

  get length(): number {
    return this.#frames.length - this.#head;
  }

  push(frame: EncodedFrame): void {
    this.#frames.push(frame);
    this.bytes += frame.bytes;
  }

  shift(): EncodedFrame | undefined {
    const frame = this.#frames[this.#head];
    if (frame === undefined) return undefined;
    this.#frames[this.#head] = undefined;
    this.#head += 1;
    this.bytes -= frame.bytes;
    if (this.#head * 2 > this.#frames.length) {
      this.#frames = this.#frames.slice(this.#head);
      this.#head = 0;
    }
    return frame;
  }

  /** Makes room for a frame; returns how many of the oldest it dropped, or -1 if the frame itself can never fit. */
  makeRoom(bytes: number, limits: QueueLimits): number {
    if (bytes > limits.bytesMax) return -1;
    let dropped = 0;
    while (this.length > 0 && (this.length >= limits.framesMax || this.bytes + bytes > limits.bytesMax)) {
      this.shift();
      dropped += 1;
    }
    return dropped;
  }
}

/** What waits for one connection. `urgent` and `bulk` are bounded by those who fill them. */
export class SendQueues {
  readonly #lanes: Record<Lane, FrameQueue> = {
    urgent: new FrameQueue(),
    consensus: new FrameQueue(),
    control: new FrameQueue(),
    bulk: new FrameQueue(),
    transaction: new FrameQueue(),
  };
  readonly #limits: Record<Channel, QueueLimits>;
  #turn = 0;

  constructor(limits: NetLimits) {
    this.#limits = {
      consensus: limits.consensusQueue,
      control: limits.controlQueue,
      transaction: limits.transactionQueue,
    };
  }

  /** Returns how many frames of the channel were dropped for it (the frame itself, if it is larger than the whole queue). */
  pushMessage(channel: Channel, frame: EncodedFrame): number {
    const dropped = this.#lanes[channel].makeRoom(frame.bytes, this.#limits[channel]);
    if (dropped < 0) return 1;
    this.#lanes[channel].push(frame);
    return dropped;
  }

  push(lane: 'urgent' | 'bulk', frame: EncodedFrame): void {
    this.#lanes[lane].push(frame);
  }

  next(): EncodedFrame | undefined {
    return this.#lanes.urgent.shift() ?? this.#lanes.consensus.shift() ?? this.#nextInTurn();
  }

  bytesOf(lane: Lane): number {
    return this.#lanes[lane].bytes;
  }

  get bytes(): number {
    return Object.values(this.#lanes).reduce((sum, lane) => sum + lane.bytes, 0);
  }

  /** One frame of each lane in turn, so that a flood of transactions does not keep a lagging node from its blocks. */
  #nextInTurn(): EncodedFrame | undefined {
    const lanes = [this.#lanes.control, this.#lanes.bulk, this.#lanes.transaction];
    for (let step = 0; step < lanes.length; step += 1) {
      const frame = lanes[(this.#turn + step) % lanes.length]?.shift();
      if (frame === undefined) continue;
      this.#turn = (this.#turn + step + 1) % lanes.length;
      return frame;
    }
    return undefined;
  }
}
