import { expect, test } from 'vitest';
import { encodeFrame, FrameDecoder, FRAME_TYPE, type Frame, type FrameType } from '../../../src/net/frame.ts';
import {
  decodeHello,
  decodeReason,
  decodeRequest,
  decodeResponseChunk,
  encodeHello,
  encodeReason,
  encodeRequest,
  encodeResponseChunk,
} from '../../../src/net/payload.ts';
import { isChainError } from '../../../src/errors/chain-error.ts';

/** xorshift32: the same bytes in every run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

function bytesOf(type: FrameType, channel: number, payload: Uint8Array): Uint8Array {
  const frame = encodeFrame(type, channel, payload);
  return Buffer.concat([frame.header, frame.payload]);
}

function decodeAll(decoder: FrameDecoder, chunks: Iterable<Uint8Array>): Frame[] {
  const frames: Frame[] = [];
  for (const chunk of chunks) {
    decoder.push(chunk);
    for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) frames.push(frame);
  }
  return frames;
}

function* slices(bytes: Uint8Array, sizeOf: () => number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length;) {
    const size = Math.max(1, sizeOf());
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

test('frames come out as they went in, however the stream is cut', () => {
  const next = random(7);
  const sent = Array.from({ length: 300 }, (_, i) => ({
    type: FRAME_TYPE.message,
    channel: 1 + (i % 3),
    payload: new Uint8Array(Math.floor(next() ** 4 * 60_000)).fill(i),
  }));
  const stream = Buffer.concat(sent.map(({ type, channel, payload }) => bytesOf(type, channel, payload)));
  for (const size of [() => 1 + next() * 10, () => 1 + next() * 5_000, () => 65_536, () => stream.length]) {
    const got = decodeAll(
      new FrameDecoder(100_000),
      slices(stream, () => Math.floor(size())),
    );
    expect(got.length).toBe(sent.length);
    expect(
      got.every(
        (frame, i) => frame.channel === sent[i]?.channel && Buffer.compare(frame.payload, sent[i].payload) === 0,
      ),
    ).toBe(true);
  }
});

test("a payload is the receiver's own copy and does not keep the chunk", () => {
  const chunk = bytesOf(FRAME_TYPE.message, 1, Uint8Array.of(1, 2, 3));
  const [frame] = decodeAll(new FrameDecoder(100), [chunk]);
  chunk.fill(9);
  expect([...(frame?.payload ?? [])]).toEqual([1, 2, 3]);
  expect(frame?.payload.buffer.byteLength).toBe(3);
});

test('an announced length costs no memory before the bytes arrive', () => {
  const decoder = new FrameDecoder(4 * 1024 * 1024);
  const before = process.memoryUsage().arrayBuffers;
  const headers = Array.from({ length: 500 }, () => new FrameDecoder(4 * 1024 * 1024));
  for (const each of [decoder, ...headers]) {
    decodeAll(each, [encodeFrame(FRAME_TYPE.message, 1, { length: 4 * 1024 * 1024 - 6 } as Uint8Array).header]);
  }
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20 * 1024 * 1024);
});

test('10^5 fuzzed streams give frames within the limits or a coded error, and never hang or crash', () => {
  const next = random(42);
  const outcomes = { frames: 0, errors: new Map<string, number>() };
  const valid = [
    bytesOf(
      FRAME_TYPE.hello,
      0,
      encodeHello({ version: 1, chain: 'ab'.repeat(32), id: 'beta', instance: 'cd'.repeat(16), counter: 1 }),
    ),
    bytesOf(FRAME_TYPE.request, 0, encodeRequest({ id: 1, timeoutMs: 5, method: 'get', body: Uint8Array.of(1) })),
    bytesOf(FRAME_TYPE.responseChunk, 0, encodeResponseChunk({ id: 1, last: true, body: Uint8Array.of(1) })),
    bytesOf(FRAME_TYPE.refusal, 0, encodeReason({ id: 1, code: 'NET_BUSY', detail: 'later' })),
    bytesOf(FRAME_TYPE.message, 2, Uint8Array.of(1, 2, 3)),
    bytesOf(FRAME_TYPE.ping, 0, new Uint8Array(0)),
  ];
  for (let run = 0; run < 100_000; run += 1) {
    // Half are valid frames with some bytes changed, half are noise.
    const pick = valid[Math.floor(next() * valid.length)] ?? new Uint8Array(0);
    const input =
      run % 2 === 0 ? Uint8Array.from(pick) : new Uint8Array(1 + Math.floor(next() * 40)).map(() => next() * 256);
    for (let flips = Math.floor(next() * 3); flips > 0; flips -= 1)
      input[Math.floor(next() * input.length)] = next() * 256;
    const decoder = new FrameDecoder(1_000);
    try {
      for (const frame of decodeAll(
        decoder,
        slices(input, () => Math.floor(next() * 30)),
      )) {
        outcomes.frames += 1;
        if (frame.payload.length > 994) throw new Error('payload beyond the limit');
        read(frame);
      }
    } catch (error) {
      if (!isChainError(error)) throw error;
      outcomes.errors.set(error.code, (outcomes.errors.get(error.code) ?? 0) + 1);
    }
  }
  expect(outcomes.frames).toBeGreaterThan(10_000);
  expect([...outcomes.errors.keys()].sort()).toEqual([
    'NET_FRAME_MALFORMED',
    'NET_FRAME_TOO_LARGE',
    'NET_FRAME_UNKNOWN',
  ]);
});

function read(frame: Frame): void {
  if (frame.type === FRAME_TYPE.hello) decodeHello(frame.payload, 1);
  if (frame.type === FRAME_TYPE.request) decodeRequest(frame.payload);
  if (frame.type === FRAME_TYPE.responseChunk) decodeResponseChunk(frame.payload);
  if (frame.type === FRAME_TYPE.refusal || frame.type === FRAME_TYPE.close) decodeReason(frame.payload);
}

test('after an error a stream gives nothing any more', () => {
  const decoder = new FrameDecoder(100);
  decoder.push(Uint8Array.of(0, 0, 0, 0, 0, 0));
  expect(() => decoder.next()).toThrowError(expect.objectContaining({ code: 'NET_FRAME_MALFORMED' }));
  decoder.push(bytesOf(FRAME_TYPE.ping, 0, new Uint8Array(0)));
  expect(decoder.next()).toBeUndefined();
});

test('hello, request and reason come out as they went in; words of a peer are made printable', () => {
  const hello = { version: 1, chain: '0f'.repeat(32), id: 'a-1', instance: 'e0'.repeat(16), counter: 4_294_967_295 };
  expect(decodeHello(encodeHello(hello), 1)).toEqual(hello);
  expect(decodeHello(encodeHello({ ...hello, version: 2 }), 1)).toMatchObject({ version: 2, id: '' });
  expect(() => decodeHello(Buffer.concat([encodeHello(hello), Buffer.alloc(1)]), 1)).toThrowError(/bytes too many/);
  expect(() => decodeHello(encodeHello({ ...hello, id: 'Alpha' }), 1)).toThrowError(/illegal/);
  const request = { id: 7, timeoutMs: 1_000, method: 'blocks/range.v1', body: Uint8Array.of(1, 2) };
  expect(decodeRequest(encodeRequest(request))).toEqual(request);
  const reason = { id: 3, code: 'NET_BUSY', detail: 'a\nb\u00e9' + 'x'.repeat(600) };
  const decoded = decodeReason(encodeReason(reason));
  expect(decoded).toMatchObject({ id: 3, code: 'NET_BUSY' });
  expect(decoded.detail).toMatch(/^a\?b\?x{508}$/);
});
