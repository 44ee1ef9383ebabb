import { ChainError } from '../errors/chain-error.ts';

/**
 * A frame is u32 length | u8 type | u8 channel | payload, big-endian; the length counts what follows it. The channel is 0 except in
 * a message.
 */
export const FRAME_TYPE = {
  hello: 1,
  message: 2,
  request: 3,
  responseChunk: 4,
  refusal: 5,
  ping: 6,
  pong: 7,
  close: 8,
} as const;
export type FrameType = (typeof FRAME_TYPE)[keyof typeof FRAME_TYPE];

export const FRAME_HEADER_BYTES = 6;
const LENGTH_BYTES = 4;
/** Type and channel, which the length counts. */
const LENGTH_MIN = FRAME_HEADER_BYTES - LENGTH_BYTES;
const TYPE_MAX = FRAME_TYPE.close;
const CHANNEL_MAX = 3;
/** A body grows by doubling from here: a length that is only announced costs nothing. */
const BODY_BYTES_INITIAL = 16 * 1024;

export interface Frame {
  readonly type: FrameType;
  readonly channel: number;
  readonly payload: Uint8Array;
}

/** Bytes ready to be written. The payload is not copied: it must not change afterwards. One may go to several peers. */
export interface EncodedFrame {
  readonly header: Uint8Array;
  readonly payload: Uint8Array;
  readonly bytes: number;
}

const EMPTY = new Uint8Array(0);

export function encodeFrame(type: FrameType, channel = 0, payload: Uint8Array = EMPTY): EncodedFrame {
  const header = Buffer.allocUnsafe(FRAME_HEADER_BYTES);
  header.writeUInt32BE(LENGTH_MIN + payload.length, 0);
  header[4] = type;
  header[5] = channel;
  return { header, payload, bytes: FRAME_HEADER_BYTES + payload.length };
}

/**
 * Cuts a byte stream into frames: push a chunk, then take frames until there is none. Payloads are copies that the caller owns.
 * `next` throws NET_FRAME_TOO_LARGE, NET_FRAME_MALFORMED or NET_FRAME_UNKNOWN; after that the stream has no meaning any more.
 */
export class FrameDecoder {
  /** Of header and payload together. May be raised between two frames, once the peer is known. */
  frameBytesMax: number;
  readonly #header = Buffer.alloc(FRAME_HEADER_BYTES);
  #headerFilled = 0;
  #body: Buffer = Buffer.alloc(0);
  #bodyFilled = 0;
  #bodyBytes = 0;
  #chunk: Uint8Array = EMPTY;
  #offset = 0;
  #broken = false;

  constructor(frameBytesMax: number) {
    this.frameBytesMax = frameBytesMax;
  }

  /** Precondition: `next` has returned undefined since the last push. */
  push(chunk: Uint8Array): void {
    if (this.#offset < this.#chunk.length) throw new Error('the chunk before was not read to its end');
    this.#chunk = chunk;
    this.#offset = 0;
  }

  next(): Frame | undefined {
    if (this.#broken) return undefined;
    if (!this.#fillHeader()) return undefined;
    if (!this.#fillBody()) return undefined;
    const frame = {
      type: this.#header[4] as FrameType,
      channel: this.#header[5] ?? 0,
      payload: new Uint8Array(this.#body.buffer, this.#body.byteOffset, this.#bodyBytes),
    };
    this.#headerFilled = 0;
    this.#body = Buffer.alloc(0);
    this.#bodyFilled = 0;
    return frame;
  }

  #fillHeader(): boolean {
    if (this.#headerFilled === FRAME_HEADER_BYTES) return true;
    const part = this.#take(FRAME_HEADER_BYTES - this.#headerFilled);
    this.#header.set(part, this.#headerFilled);
    this.#headerFilled += part.length;
    // The length is judged as soon as it is there: a peer that announces too much is not waited for.
    if (this.#headerFilled >= LENGTH_BYTES) this.#checkLength(this.#header.readUInt32BE(0));
    if (this.#headerFilled < FRAME_HEADER_BYTES) {
      this.#release();
      return false;
    }
    this.#checkKind(this.#header[4] ?? 0, this.#header[5] ?? 0);
    this.#bodyBytes = this.#header.readUInt32BE(0) - LENGTH_MIN;
    return true;
  }

  #fillBody(): boolean {
    const part = this.#take(this.#bodyBytes - this.#bodyFilled);
    this.#reserve(this.#bodyFilled + part.length);
    this.#body.set(part, this.#bodyFilled);
    this.#bodyFilled += part.length;
    if (this.#bodyFilled === this.#bodyBytes) return true;
    this.#release();
    return false;
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#body.length) return;
    const wholeNow = bytes === this.#bodyBytes;
    const size = wholeNow
      ? bytes
      : Math.min(this.#bodyBytes, Math.max(bytes, this.#body.length * 2, BODY_BYTES_INITIAL));
    const grown = Buffer.allocUnsafeSlow(size);
    grown.set(this.#body.subarray(0, this.#bodyFilled));
    this.#body = grown;
  }

  #take(bytes: number): Uint8Array {
    const part = this.#chunk.subarray(this.#offset, this.#offset + bytes);
    this.#offset += part.length;
    return part;
  }

  /** A chunk that was read must not be kept alive by an idle connection. */
  #release(): void {
    this.#chunk = EMPTY;
    this.#offset = 0;
  }

  #checkLength(length: number): void {
    if (length < LENGTH_MIN) throw this.#fail('NET_FRAME_MALFORMED', `length ${length}`);
    if (length + LENGTH_BYTES > this.frameBytesMax) {
      throw this.#fail('NET_FRAME_TOO_LARGE', `${length + LENGTH_BYTES} bytes, at most ${this.frameBytesMax}`);
    }
  }

  #checkKind(type: number, channel: number): void {
    if (type < 1 || type > TYPE_MAX) throw this.#fail('NET_FRAME_UNKNOWN', `type ${type}`);
    const known = type === FRAME_TYPE.message ? channel >= 1 && channel <= CHANNEL_MAX : channel === 0;
    if (!known) throw this.#fail('NET_FRAME_UNKNOWN', `channel ${channel} in a frame of type ${type}`);
  }

  #fail(code: 'NET_FRAME_TOO_LARGE' | 'NET_FRAME_MALFORMED' | 'NET_FRAME_UNKNOWN', detail: string): ChainError {
    this.#broken = true;
    this.#release();
    return new ChainError(code, { peer: '', detail });
  }
}
