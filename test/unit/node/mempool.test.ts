import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isChainError } from '../../../src/errors/chain-error.ts';
import { fewWaiting, Mempool, orgBytesMax, orgTransactionsMax } from '../../../src/node/mempool.ts';
import type { Lane, PairHint } from '../../../src/ports/application.ts';
import type { Hash } from '../../../src/types/brand.ts';

let serial = 0;

function put(
  pool: Mempool,
  org: string,
  lane: Lane = 'normal',
  bytes = 10,
  notAfterMs = 10_000,
  pair: PairHint | null = null,
  user = '',
): Hash {
  serial += 1;
  const hash = serial.toString(16).padStart(64, '0') as Hash;
  const content = new Uint8Array(bytes).fill(org.charCodeAt(0));
  pool.add({ ok: true, hash, org, user, lane, bytes, notAfterMs, pair }, content);
  owners.set(content, { hash, user });
  return hash;
}

/** A change of a user that waits with organisation `a`. */
const putOf = (pool: Mempool, user: string): Hash => put(pool, 'a', 'normal', 10, 10_000, null, user);
const owners = new WeakMap<Uint8Array, { readonly hash: Hash; readonly user: string }>();
const usersOf = (batch: Uint8Array[]): string[] => batch.map((bytes) => owners.get(bytes)?.user ?? '?');

/** A block took them; whose they were. */
function commit(pool: Mempool, batch: Uint8Array[]): string[] {
  for (const bytes of batch) pool.remove(owners.get(bytes)?.hash ?? ('' as Hash));
  return usersOf(batch);
}

const orgsOf = (batch: Uint8Array[]): string => batch.map((bytes) => String.fromCharCode(bytes[0] ?? 0)).join('');

describe('the mempool', () => {
  it('takes from the organisations in turn, so that none shuts the others out', () => {
    const pool = new Mempool();
    for (let i = 0; i < 10; i += 1) put(pool, 'a');
    put(pool, 'b');
    put(pool, 'c');
    const batch = orgsOf(pool.batch(1_000, 6, 0));
    expect(batch).toHaveLength(6);
    expect(batch).toContain('b');
    expect(batch).toContain('c');
  });

  it('says how many changes go before the next one of a user, as they are taken in turn', () => {
    const pool = new Mempool();
    expect(pool.ahead('a', 'greedy', 0)).toBeNull();
    for (let i = 0; i < 20; i += 1) putOf(pool, 'greedy');
    for (let i = 0; i < 10; i += 1) putOf(pool, 'second');
    for (let i = 0; i < fewWaiting - 1; i += 1) putOf(pool, 'modest');
    for (let i = 0; i < 90; i += 1) put(pool, 'b');
    put(pool, 'c');
    // Of its own user ten, of the greedy one eleven, what the modest one has, and as many of another organisation as of this one.
    const before = 10 + 11 + (fewWaiting - 1);
    expect(pool.ahead('a', 'second', 0)).toBe(before + before + 1 + 1);
    expect(pool.ahead('a', 'greedy', 0)).toBe(20 + 10 + (fewWaiting - 1) + 38 + 1);
    // Little or nothing of these waits.
    expect(pool.ahead('a', 'modest', 0)).toBeNull();
    expect(pool.ahead('a', 'third', 0)).toBeNull();
    expect(pool.ahead('b', 'modest', 0)).toBeNull();
  });

  it('what comes, what is taken and what is late counts at once', () => {
    const pool = new Mempool();
    for (let i = 0; i < 12; i += 1) putOf(pool, 'alice');
    expect(pool.ahead('a', 'alice', 0)).toBe(12);
    const gone = putOf(pool, 'alice');
    expect(pool.ahead('a', 'alice', 0)).toBe(13);
    pool.remove(gone);
    expect(pool.ahead('a', 'alice', 0)).toBe(12);
    // They live until 10 s; with less than two left a block takes them last.
    expect(pool.ahead('a', 'alice', 7_900)).toBe(12);
    expect(pool.ahead('a', 'alice', 8_200)).toBeNull();
    expect(pool.ahead('a', 'alice', 0)).toBe(12);
  });

  it('fills the reserved lane first', () => {
    const pool = new Mempool();
    put(pool, 'a');
    put(pool, 'b', 'reserved');
    expect(orgsOf(pool.batch(10, 10, 0))).toBe('b');
  });

  it('P8: leaves room for changes however many ballots one organisation sends', () => {
    const pool = new Mempool();
    for (let i = 0; i < 100; i += 1) put(pool, 'x', 'reserved');
    put(pool, 'a');
    put(pool, 'b');
    const batch = orgsOf(pool.batch(100, 10, 0));
    expect(batch).toHaveLength(10);
    expect(batch).toContain('a');
    expect(batch).toContain('b');
    expect(batch.startsWith('xxxxx')).toBe(true);
  });

  it('gives the reserved lane all the room that nobody else wants', () => {
    const pool = new Mempool();
    for (let i = 0; i < 100; i += 1) put(pool, 'x', 'reserved');
    expect(pool.batch(1_000, 10, 0)).toHaveLength(10);
  });

  it('keeps the order of one organisation', () => {
    const pool = new Mempool();
    const sizes = [5, 6, 7];
    for (const size of sizes) put(pool, 'a', 'normal', size);
    expect(pool.batch(1_000, 10, 0).map((bytes) => bytes.length)).toEqual(sizes);
  });

  it('P8: takes from the users of one organisation in turn, and what its node says itself is not behind them', () => {
    const pool = new Mempool();
    for (let i = 0; i < 200; i += 1) putOf(pool, 'greedy');
    for (let i = 0; i < 100; i += 1) putOf(pool, 'busy');
    putOf(pool, 'alice');
    put(pool, 'a');
    put(pool, 'a');
    expect(usersOf(pool.batch(10_000, 6, 0))).toEqual(['', 'greedy', '', 'busy', 'alice', 'greedy']);
  });

  it('P8: who was served waits behind those who were not: each of many users has a place within few batches', () => {
    const pool = new Mempool();
    const users = Array.from({ length: 30 }, (_, i) => `user-${i}`);
    for (const user of users) for (let i = 0; i < 5; i += 1) putOf(pool, user);
    const served: string[] = [];
    for (let block = 0; block < 3; block += 1) served.push(...commit(pool, pool.batch(10_000, 10, 0)));
    expect(served.toSorted()).toEqual(users.toSorted());
  });

  it('P8: one user never takes the last places of its organisation', () => {
    const pool = new Mempool();
    for (let i = 0; i < orgTransactionsMax / 2; i += 1) putOf(pool, 'greedy');
    expect(() => putOf(pool, 'greedy')).toThrowError(expect.objectContaining({ code: 'MEMPOOL_FULL' }));
    putOf(pool, 'alice');
    put(pool, 'a');
    expect(pool.size).toBe(orgTransactionsMax / 2 + 2);
  });

  it('P8: nor the last bytes', () => {
    const pool = new Mempool();
    const third = Math.floor(orgBytesMax / 3);
    const large = (user: string): Hash => put(pool, 'a', 'normal', third, 10_000, null, user);
    large('greedy');
    large('alice');
    expect(() => large('greedy')).toThrowError(expect.objectContaining({ code: 'MEMPOOL_FULL' }));
    large('bob');
  });

  it('P8: what nobody waits for any more takes no place of what somebody waits for, and little of the rest', () => {
    const pool = new Mempool();
    for (let i = 0; i < 100; i += 1) put(pool, 'a', 'normal', 10, 5_000 + i, null, 'late');
    for (let i = 0; i < 10; i += 1) put(pool, 'a', 'normal', 10, 13_000, null, 'live');
    const users = usersOf(pool.batch(10_000, 40, 5_500));
    expect(users.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 'live'));
    expect(users.slice(10)).toEqual(Array.from({ length: 10 }, () => 'late'));
    expect(usersOf(pool.batch(10_000, 10, 5_500))).not.toContain('late');
    // It is recorded as expired in the end, however small the blocks are.
    expect(pool.batch(10, 1, 20_000)).toHaveLength(1);
  });

  it('refuses the share of one organisation beyond its bound and still takes the others', () => {
    const pool = new Mempool();
    for (let i = 0; i < orgTransactionsMax; i += 1) put(pool, 'a', 'normal', 1);
    let refused: unknown;
    try {
      put(pool, 'a', 'normal', 1);
    } catch (error) {
      refused = error;
    }
    expect(isChainError(refused, 'MEMPOOL_FULL')).toBe(true);
    put(pool, 'b');
    expect(pool.size).toBe(orgTransactionsMax + 1);
  });

  it('does not hold one transaction twice and gives its room back', () => {
    const pool = new Mempool();
    const hash = put(pool, 'a');
    expect(
      pool.add(
        { ok: true, hash, org: 'a', user: '', lane: 'normal', bytes: 10, notAfterMs: 1, pair: null },
        new Uint8Array(10),
      ),
    ).toBe(false);
    pool.remove(hash);
    pool.remove(hash);
    expect(pool.size).toBe(0);
    expect(pool.batch(100, 10, 0)).toEqual([]);
  });

  it('lets go of what expired long ago', () => {
    const pool = new Mempool();
    const old = put(pool, 'a', 'normal', 10, 100);
    put(pool, 'a');
    expect(pool.expire(1_000, 500).map(({ hash }) => hash)).toEqual([old]);
    expect(pool.size).toBe(1);
  });

  it('knows while a change waits for its other witness', () => {
    const pool = new Mempool();
    const pair = { key: 'cd'.repeat(32) as Hash, witnesses: 2 };
    const first = put(pool, 'a', 'normal', 10, 1_000, pair);
    expect(pool.hasHalves).toBe(true);
    const second = put(pool, 'b', 'normal', 10, 1_000, pair);
    expect(pool.hasHalves).toBe(false);
    pool.remove(first);
    expect(pool.hasHalves).toBe(true);
    pool.remove(second);
    expect(pool.hasHalves).toBe(false);
  });

  it('never exceeds the limits of a batch and never repeats a transaction', () => {
    const property = fc.property(
      fc.array(
        fc.record({
          org: fc.constantFrom('a', 'b', 'c'),
          lane: fc.constantFrom<Lane>('normal', 'reserved'),
          bytes: fc.integer({ min: 1, max: 50 }),
        }),
        { maxLength: 60 },
      ),
      fc.integer({ min: 0, max: 400 }),
      fc.integer({ min: 0, max: 30 }),
      (txs, bytesMax, txsMax) => {
        const pool = new Mempool();
        for (const { org, lane, bytes } of txs) put(pool, org, lane, bytes);
        const batch = pool.batch(bytesMax, txsMax, 0);
        expect(batch.length).toBeLessThanOrEqual(txsMax);
        expect(batch.reduce((sum, tx) => sum + tx.length, 0)).toBeLessThanOrEqual(bytesMax);
        expect(new Set(batch).size).toBe(batch.length);
        expect(pool.size).toBe(txs.length);
      },
    );
    fc.assert(property);
  });
});
