import { expect, test } from 'vitest';
import fc from 'fast-check';
import { frameLength, readFrame, writeFrame, type Expected } from '../../../../src/store/wal/frame.ts';

const logId = new Uint8Array(16).fill(7);
const identity = { logId, segment: 5, sequence: 42, epoch: 3 };
const expected: Expected = { logId, segment: 5, sequence: 42, epochMin: 3, epochMax: 3 };
const triple = { height: 9, round: 2, step: 3 };

function frameOf(records: readonly Uint8Array[]): Buffer {
  const bytes = Buffer.alloc(frameLength(records));
  writeFrame(bytes, identity, { height: 10, triple, records });
  return bytes;
}

test('a frame gives back its records, its height and its triple', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }), (records) => {
      const bytes = frameOf(records);
      const frame = readFrame(bytes, 0, expected);
      expect(frame).toEqual({ length: bytes.length, epoch: 3, height: 10, triple, records });
    }),
  );
});

test.each([
  ['another segment', { segment: 6 }, 'none'],
  ['another sequence', { sequence: 41 }, 'none'],
  ['an earlier epoch', { epochMin: 4, epochMax: 4 }, 'none'],
  ['a later epoch', { epochMin: 1, epochMax: 2 }, 'none'],
  ['another log', { logId: new Uint8Array(16).fill(8) }, 'torn'],
] as const)('a frame of %s is not read', (_what, difference, result) => {
  expect(readFrame(frameOf([new Uint8Array(5)]), 0, { ...expected, ...difference })).toBe(result);
});

test('a frame that is cut off is torn, and zeros are no frame', () => {
  const bytes = frameOf([new Uint8Array(50).fill(1)]);
  for (let length = 64; length < bytes.length; length++)
    expect(readFrame(bytes.subarray(0, length), 0, expected)).toBe('torn');
  expect(readFrame(Buffer.alloc(200), 0, expected)).toBe('none');
  expect(readFrame(bytes, bytes.length - 10, expected)).toBe('none');
});
