import { ChainError } from '../errors/chain-error.ts';
import { registry, type ErrorCode } from '../errors/registry.ts';

/** Payloads of the frames that the mesh itself reads; all integers big-endian. Decoders throw NET_FRAME_MALFORMED. */

export const METHOD_BYTES_MAX = 64;
const CODE_BYTES_MAX = 64;
/** A reason for a person to read; whatever a peer sends beyond is not worth a log line. */
const DETAIL_BYTES_MAX = 512;
const ID_BYTES_MAX = 63;
const METHOD = /^[a-z0-9][a-z0-9./_-]{0,63}$/;
const CODE = /^[A-Z][A-Z0-9_]{0,63}$/;
const VALIDATOR_ID = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const HASH_BYTES = 32;
const INSTANCE_BYTES = 16;

export interface Hello {
  readonly version: number;
  /** Genesis hash, hexadecimal. */
  readonly chain: string;
  readonly id: string;
  /** Random, one for the life of a process: a restarted peer is told from one that dials twice. */
  readonly instance: string;
  /** Rises with every hello of an instance: which of two connections is the newer one is not a matter of arrival. */
  readonly counter: number;
}

export function encodeHello(hello: Hello): Uint8Array {
  const id = Buffer.from(hello.id, 'ascii');
  const out = Buffer.alloc(2 + HASH_BYTES + INSTANCE_BYTES + 4 + 1 + id.length);
  out.writeUInt16BE(hello.version, 0);
  out.write(hello.chain, 2, 'hex');
  out.write(hello.instance, 2 + HASH_BYTES, 'hex');
  out.writeUInt32BE(hello.counter, 2 + HASH_BYTES + INSTANCE_BYTES);
  out.writeUInt8(id.length, 2 + HASH_BYTES + INSTANCE_BYTES + 4);
  id.copy(out, out.length - id.length);
  return out;
}

/** Of another version only `version` can be relied on: the rest is empty then. */
export function decodeHello(payload: Uint8Array, version: number): Hello {
  const reader = new PayloadReader(payload);
  const theirs = reader.u16();
  if (theirs !== version) return { version: theirs, chain: '', id: '', instance: '', counter: 0 };
  const hello = {
    version,
    chain: reader.hex(HASH_BYTES),
    instance: reader.hex(INSTANCE_BYTES),
    counter: reader.u32(),
    id: reader.ascii(ID_BYTES_MAX, VALIDATOR_ID),
  };
  reader.end();
  return hello;
}

export interface Request {
  readonly id: number;
  readonly timeoutMs: number;
  readonly method: string;
  readonly body: Uint8Array;
}

export function isMethod(method: string): boolean {
  return METHOD.test(method);
}

export function encodeRequest(request: Request): Uint8Array {
  const method = Buffer.from(request.method, 'ascii');
  const head = Buffer.alloc(9 + method.length);
  head.writeUInt32BE(request.id, 0);
  head.writeUInt32BE(request.timeoutMs, 4);
  head.writeUInt8(method.length, 8);
  method.copy(head, 9);
  return Buffer.concat([head, request.body]);
}

export function decodeRequest(payload: Uint8Array): Request {
  const reader = new PayloadReader(payload);
  const id = reader.u32();
  const timeoutMs = reader.u32();
  const method = reader.ascii(METHOD_BYTES_MAX, METHOD);
  return { id, timeoutMs, method, body: reader.rest() };
}

export interface ResponseChunk {
  readonly id: number;
  readonly last: boolean;
  readonly body: Uint8Array;
}

export function encodeResponseChunk(chunk: ResponseChunk): Uint8Array {
  const out = Buffer.allocUnsafe(5 + chunk.body.length);
  out.writeUInt32BE(chunk.id, 0);
  out.writeUInt8(chunk.last ? 1 : 0, 4);
  out.set(chunk.body, 5);
  return out;
}

export function decodeResponseChunk(payload: Uint8Array): ResponseChunk {
  const reader = new PayloadReader(payload);
  const id = reader.u32();
  const flag = reader.u8();
  if (flag > 1) throw malformed(`flag ${flag}`);
  return { id, last: flag === 1, body: reader.rest() };
}

/** A refused request, or with id 0 the reason why the connection is closed. */
export interface Reason {
  readonly id: number;
  /** Any code of the registry; one that a newer release made is not an error here. */
  readonly code: string;
  readonly detail: string;
}

export function encodeReason(reason: Reason): Uint8Array {
  const code = Buffer.from(reason.code, 'ascii').subarray(0, CODE_BYTES_MAX);
  const detail = Buffer.from(printable(reason.detail), 'ascii').subarray(0, DETAIL_BYTES_MAX);
  const head = Buffer.alloc(7 + code.length);
  head.writeUInt32BE(reason.id, 0);
  head.writeUInt8(code.length, 4);
  code.copy(head, 5);
  head.writeUInt16BE(detail.length, 5 + code.length);
  return Buffer.concat([head, detail]);
}

export function decodeReason(payload: Uint8Array): Reason {
  const reader = new PayloadReader(payload);
  const id = reader.u32();
  const code = reader.ascii(CODE_BYTES_MAX, CODE);
  const length = reader.u16();
  if (length > DETAIL_BYTES_MAX) throw malformed(`detail of ${length} bytes`);
  const detail = printable(Buffer.from(reader.take(length)).toString('latin1'));
  reader.end();
  return { id, code, detail };
}

/** Counters are kept by code: a peer must not be able to make up new ones. */
export function knownCode(code: string): ErrorCode | 'UNKNOWN' {
  return Object.hasOwn(registry, code) ? (code as ErrorCode) : 'UNKNOWN';
}

/** A peer's words must not be able to forge lines of our log. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, DETAIL_BYTES_MAX);
}

function malformed(detail: string): ChainError<'NET_FRAME_MALFORMED'> {
  return new ChainError('NET_FRAME_MALFORMED', { peer: '', detail });
}

class PayloadReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  take(bytes: number): Buffer {
    if (this.#offset + bytes > this.#bytes.length) throw malformed(`ends after ${this.#bytes.length} bytes`);
    const part = this.#bytes.subarray(this.#offset, this.#offset + bytes);
    this.#offset += bytes;
    return part;
  }

  u8(): number {
    return this.take(1).readUInt8(0);
  }

  u16(): number {
    return this.take(2).readUInt16BE(0);
  }

  u32(): number {
    return this.take(4).readUInt32BE(0);
  }

  hex(bytes: number): string {
    return this.take(bytes).toString('hex');
  }

  ascii(bytesMax: number, pattern: RegExp): string {
    const length = this.u8();
    if (length > bytesMax) throw malformed(`name of ${length} bytes`);
    // Not 'ascii', which clears the eighth bit: two different names would become one.
    const text = this.take(length).toString('latin1');
    if (!pattern.test(text)) throw malformed('name with illegal characters');
    return text;
  }

  rest(): Uint8Array {
    return new Uint8Array(this.take(this.#bytes.length - this.#offset));
  }

  end(): void {
    if (this.#offset !== this.#bytes.length) throw malformed(`${this.#bytes.length - this.#offset} bytes too many`);
  }
}
