import { expect, test } from 'vitest';
import { lateMs, Mempool } from '../../../src/node/mempool.ts';
import { QueueTime } from '../../../src/node/queue-time.ts';
import type { Hash } from '../../../src/types/brand.ts';

const BLOCKS = 100;
const WARM_UP = 20;
const BLOCK_TXS = 40;
const BLOCK_MS = 2_000;
const LIFE_MS = 8_000;
const CLIENTS = { greedy: 270, busy: 100, alice: 3 } as const;
type User = keyof typeof CLIENTS;

interface Client {
  readonly user: User;
  hash: Hash | null;
  sinceMs: number;
}

/** Clients that ask for one change after the other, of a chain that can do a tenth of that. */
function crowd(isTold: boolean) {
  const pool = new Mempool();
  const time = new QueueTime();
  const counts = { decided: { greedy: 0, busy: 0, alice: 0 }, refused: { greedy: 0, busy: 0, alice: 0 }, inVain: 0 };
  const clients = (Object.keys(CLIENTS) as User[]).flatMap((user) =>
    Array.from({ length: CLIENTS[user] }, (): Client => ({ user, hash: null, sinceMs: 0 })),
  );
  const waiting = new Map<Uint8Array, Client>();
  let serial = 0;
  const ask = (client: Client, nowMs: number): void => {
    const { user } = client;
    const ahead = pool.ahead('a', user, nowMs);
    if (isTold && ahead !== null && time.waitMs(ahead) > LIFE_MS - lateMs) {
      counts.refused[user] += 1;
      return;
    }
    serial += 1;
    const bytes = new Uint8Array(10);
    client.hash = serial.toString(16).padStart(64, '0') as Hash;
    client.sinceMs = nowMs;
    const notAfterMs = nowMs + LIFE_MS;
    pool.add({ ok: true, hash: client.hash, org: 'a', user, lane: 'normal', bytes: 10, notAfterMs, pair: null }, bytes);
    waiting.set(bytes, client);
  };
  for (let block = 0; block < BLOCKS; block += 1) {
    const nowMs = block * BLOCK_MS;
    const counted = block >= WARM_UP;
    for (const client of clients) {
      if (client.hash !== null && nowMs - client.sinceMs < LIFE_MS) continue;
      if (client.hash !== null && counted) counts.inVain += 1;
      client.hash = null;
      ask(client, nowMs);
    }
    const batch = pool.batch(1_048_576, BLOCK_TXS, nowMs);
    for (const bytes of batch) {
      const client = waiting.get(bytes);
      waiting.delete(bytes);
      if (client?.hash === null || client === undefined) continue;
      pool.remove(client.hash);
      client.hash = null;
      if (counted) counts.decided[client.user] += 1;
    }
    time.decided(batch.length, pool.size, nowMs + BLOCK_MS);
    pool.expire(nowMs + BLOCK_MS, 0);
  }
  return counts;
}

test('P8: in an overload nearly all who are not served hear so at once, none is served less for it, and a modest user is never told so', () => {
  const untold = crowd(false);
  expect(untold.inVain).toBeGreaterThan(1_000);
  const told = crowd(true);
  expect(told.inVain).toBeLessThan(untold.inVain / 50);
  expect(told.refused.alice).toBe(0);
  expect(told.decided.alice).toBe(CLIENTS.alice * (BLOCKS - WARM_UP));
  expect(told.refused.greedy).toBeGreaterThan(1_000);
  for (const user of ['greedy', 'busy'] as const)
    expect(told.decided[user]).toBeGreaterThanOrEqual(untold.decided[user]);
  expect(Math.abs(told.decided.greedy - told.decided.busy)).toBeLessThan(BLOCKS);
});
