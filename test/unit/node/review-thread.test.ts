import { monitorEventLoopDelay } from 'node:perf_hooks';
import { expect, onTestFinished, test } from 'vitest';
import { ReviewThread, type ReviewThreadLimits } from '../../../src/node/review-thread.ts';
import { readReview, type ReadOutcome } from '../../../webhook/index.ts';
import { exclusionsFor } from '../../../src/change/index.ts';
import { isChainError } from '../../../src/errors/chain-error.ts';
import type { ClusterId } from '../../../src/types/brand.ts';
import { bytesOf, CLUSTER_KEY, configMapUpdate, context, type Plain } from '../change/reviews.ts';

function thread(limits: Partial<ReviewThreadLimits> = {}, key: Uint8Array | null = CLUSTER_KEY): ReviewThread {
  const made = new ReviewThread({
    cluster: 'prod-1' as ClusterId,
    exclusions: {},
    clusterKey: () => key ?? undefined,
    now: () => Date.now(),
    limits,
  });
  onTestFinished(() => made.close());
  return made;
}

const review = (keys: number): Plain => {
  const data = (value: string): Record<string, string> =>
    Object.fromEntries(Array.from({ length: keys }, (_, i) => [`key-${i}`, value]));
  return configMapUpdate(data('before'), data('after'));
};
const bytes = (built: unknown): Uint8Array<ArrayBuffer> => new Uint8Array(bytesOf(built));
const soon = (): number => Date.now() + 60_000;
const codeOf = (error: unknown): string => (isChainError(error) ? error.code : String(error));
const codeIn = (outcome: ReadOutcome): string => (outcome.ok ? 'OK' : codeOf(outcome.error));

test('what the thread reads is what the event loop would have read', async () => {
  const built = review(2_000);
  const here = readReview(bytesOf(built), { exclusions: exclusionsFor({}), attest: context });
  const there = await thread().read(bytes(built), soon());
  expect(there).toEqual(here);
  expect(there.ok && there.review.change?.attestation.attributes.name).toBe('settings');
});

test('a review that is refused keeps its code and its uid; without the cluster key there is no change', async () => {
  const reader = thread({}, null);
  const broken = review(1);
  broken['request'].operation = 'PATCH';
  const refused = await reader.read(bytes(broken), soon());
  expect(refused).toMatchObject({ ok: false, uid: broken['request'].uid });
  expect(codeIn(refused)).toBe('CHANGE_REVIEW_SHAPE');
  expect(codeIn(await reader.read(bytes('{"a":1,"a":2}'), soon()))).toBe('CODEC_JSON_DUPLICATE_KEY');
  const keyless = await reader.read(bytes(review(1)), soon());
  expect(keyless.ok && keyless.review.change).toBe(undefined);
});

test('the event loop goes on while the thread reads what would hold it for seconds', async () => {
  const large = bytes(review(60_000));
  const reader = thread();
  await reader.read(bytes(review(1)), soon());
  const copy = new Uint8Array(large);
  const startedMs = performance.now();
  readReview(copy, { exclusions: exclusionsFor({}), attest: context });
  const inlineMs = performance.now() - startedMs;
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const outcome = await reader.read(large, soon());
  delay.disable();
  expect(outcome.ok).toBe(true);
  // A share of what it takes here, not a number of milliseconds: the machine is as busy for both.
  expect(delay.max / 1e6).toBeLessThan(Math.max(100, inlineMs / 3));
});

test('each review has its outcome in time: one that takes too long, those behind it, and the next one', async () => {
  const reader = thread({ jobTimeoutMs: 300 });
  const endless = reader.read(bytes(review(150_000)), soon());
  const waiting = reader.read(bytes(review(1)), soon());
  const late = reader.read(bytes(review(2)), Date.now());
  expect(codeIn(await late)).toBe('WEBHOOK_REVIEW_COSTLY');
  expect(await endless).toMatchObject({ ok: false, uid: review(1)['request'].uid });
  expect(codeIn(await endless)).toBe('WEBHOOK_REVIEW_COSTLY');
  expect((await waiting).ok).toBe(true);
  expect(reader.load).toBe(0);
});

test('what nobody waits for any more is kept no longer, and not read to its end', async () => {
  const reader = thread();
  const large = bytes(review(150_000));
  const first = reader.read(new Uint8Array(large), Date.now() + 1_500);
  const behind = reader.read(large, Date.now());
  expect(codeIn(await behind)).toBe('WEBHOOK_REVIEW_COSTLY');
  expect(reader.load).toBeLessThanOrEqual(1);
  await first;
  expect(reader.load).toBe(0);
  expect((await reader.read(bytes(review(1)), soon())).ok).toBe(true);
});

test('a thread that runs out of memory takes nothing with it', async () => {
  const reader = thread({ heapMegabytesMax: 24 });
  expect(codeIn(await reader.read(bytes(review(150_000)), soon()))).toBe('WEBHOOK_REVIEW_COSTLY');
  expect((await reader.read(bytes(review(1)), soon())).ok).toBe(true);
});

test('more waiting reviews than allowed are turned away, and it ends when it has nothing to do', async () => {
  const reader = thread({ waitingMax: 2, idleMs: 1 });
  const read = Array.from({ length: 5 }, (_, i) => reader.read(bytes(review(i + 1)), soon()));
  const codes = await Promise.allSettled(read);
  expect(codes.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
  expect(codes.flatMap((result) => (result.status === 'rejected' ? [codeOf(result.reason)] : []))).toEqual([
    'WEBHOOK_BUSY',
    'WEBHOOK_BUSY',
    'WEBHOOK_BUSY',
  ]);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect((await reader.read(bytes(review(1)), soon())).ok).toBe(true);
});

test('P6: who sends many large reviews waits behind whoever sends one, and does not take the last place', async () => {
  const reader = thread({ waitingMax: 8 });
  const done: string[] = [];
  const read = (user: string): Promise<string> => {
    const built = review(1);
    built['request'].userInfo = { ...built['request'].userInfo, username: user };
    const outcome = reader.read(bytes(built), soon()).then(codeIn, codeOf);
    return outcome.then((code) => (code === 'OK' ? done.push(user) : undefined, code));
  };
  // None is read before the thread has started.
  const greedy = Array.from({ length: 10 }, () => read('greedy'));
  const modest = [read('alice'), read('bob')];
  expect(await Promise.all(modest)).toEqual(['OK', 'OK']);
  const codes = await Promise.all(greedy);
  expect(codes.filter((code) => code === 'OK')).toHaveLength(5);
  expect(codes.filter((code) => code === 'WEBHOOK_USER_BUSY')).toHaveLength(5);
  expect(done.slice(0, 3)).toEqual(['greedy', 'alice', 'bob']);
  expect(reader.load).toBe(0);
});
