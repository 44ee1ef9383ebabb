import { expect, test } from 'vitest';
import { Backoff } from '../../../src/net/backoff.ts';
import { encodeFrame, FRAME_TYPE } from '../../../src/net/frame.ts';
import { defaultLimits } from '../../../src/net/limits.ts';
import { SendQueues } from '../../../src/net/send-queue.ts';

const frame = (mark: number, bytes = 1) => encodeFrame(FRAME_TYPE.message, 1, new Uint8Array(bytes).fill(mark));

function drain(queues: SendQueues): number[] {
  const marks: number[] = [];
  for (let next = queues.next(); next !== undefined; next = queues.next()) marks.push(next.payload[0] ?? -1);
  return marks;
}

test('urgent leaves first, then consensus, then the others in turn', () => {
  const queues = new SendQueues(defaultLimits);
  for (const mark of [1, 2, 3]) queues.pushMessage('transaction', frame(mark));
  for (const mark of [11, 12]) queues.pushMessage('control', frame(mark));
  for (const mark of [21, 22]) queues.push('bulk', frame(mark));
  for (const mark of [31, 32]) queues.pushMessage('consensus', frame(mark));
  queues.push('urgent', frame(41));
  expect(drain(queues)).toEqual([41, 31, 32, 11, 21, 1, 12, 22, 2, 3]);
  expect(queues.bytes).toBe(0);
});

test('a full queue drops its oldest frames, by count and by bytes, and says how many', () => {
  const limits = { ...defaultLimits, consensusQueue: { framesMax: 3, bytesMax: 1_000 } };
  const queues = new SendQueues(limits);
  expect([1, 2, 3, 4].map((mark) => queues.pushMessage('consensus', frame(mark)))).toEqual([0, 0, 0, 1]);
  expect(queues.pushMessage('consensus', frame(5, 985))).toBe(2);
  expect(queues.pushMessage('consensus', frame(6, 995))).toBe(1);
  expect(drain(queues)).toEqual([4, 5]);
});

test('one full channel does not cost another one its frames', () => {
  const queues = new SendQueues({ ...defaultLimits, transactionQueue: { framesMax: 2, bytesMax: 1_000 } });
  queues.pushMessage('consensus', frame(1));
  for (let i = 0; i < 100; i += 1) queues.pushMessage('transaction', frame(50 + i));
  expect(drain(queues)).toEqual([1, 148, 149]);
});

test('the order stays first in, first out over many thousands of frames', () => {
  const queues = new SendQueues(defaultLimits);
  const out: number[] = [];
  let pushed = 0;
  for (let round = 0; round < 2_000; round += 1) {
    for (let i = 0; i < 3; i += 1)
      queues.pushMessage('control', encodeFrame(FRAME_TYPE.message, 3, Buffer.from(`${pushed++}`)));
    for (let i = 0; i < (round % 5) + 1; i += 1) {
      const next = queues.next();
      if (next !== undefined) out.push(Number(Buffer.from(next.payload).toString()));
    }
  }
  expect(out).toEqual([...Array(out.length).keys()]);
  expect(out.length).toBeGreaterThan(4_000);
});

test('the backoff doubles up to its cap, half of it random, and starts anew only after a stable minute', () => {
  const fixed = (value: number) => new Backoff(defaultLimits, () => value);
  const delays = (backoff: Backoff, count: number) => Array.from({ length: count }, () => backoff.nextDelayMs());
  expect(delays(fixed(0), 8)).toEqual([50, 100, 200, 400, 800, 1_600, 2_500, 2_500]);
  const backoff = fixed(1 - Number.EPSILON);
  expect(Math.round(delays(backoff, 40).at(-1) ?? 0)).toBe(5_000);
  backoff.connectionEnded(59_999);
  expect(Math.round(backoff.nextDelayMs())).toBe(5_000);
  backoff.connectionEnded(60_000);
  expect(Math.round(backoff.nextDelayMs())).toBe(100);
});
