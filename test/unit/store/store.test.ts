import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { openStoreForReading } from '../../../src/store/index.ts';
import { blockOf, chain, hashOf, minuteOf, opened, temporaryFolder } from './fixture.ts';
import type { Hash } from '../../../src/types/brand.ts';

describe('a committed block', () => {
  test('can be read back piece by piece, at once and after a restart', async () => {
    const dir = temporaryFolder();
    const store = await opened(dir);
    expect([store.created, store.lastHeight(), store.durableHeight()]).toEqual([true, -1, -1]);
    const committed = store.commitBlock(blockOf(1));
    expect([store.lastHeight(), store.durableHeight()]).toEqual([1, -1]);
    const check = (reader: typeof store): void => {
      const block = blockOf(1);
      expect(Buffer.from(reader.block(1) ?? [])).toEqual(Buffer.from(block.blockBytes));
      expect(Buffer.from(reader.certificate(1) ?? [])).toEqual(Buffer.from(block.certificateBytes));
      expect(reader.state(1)).toEqual(block.state);
      expect(reader.blockId(1)).toBe(block.blockId);
      expect(Buffer.from(reader.readLeaf(0) ?? [])).toEqual(Buffer.from(block.writes.leaves[0]?.[1] ?? []));
      expect(reader.readNode(0, 0)).toEqual(block.writes.nodes[0]?.[2]);
      expect(Buffer.from(reader.readBucket(1) ?? []).toString()).toBe('bucket at 1');
      expect(reader.index('object', 'shop/apps/1', { limit: 9 })).toEqual([0]);
      expect([
        reader.block(2),
        reader.certificate(2),
        reader.state(2),
        reader.readLeaf(7),
        reader.readNode(3, 0),
      ]).toEqual(Array(5).fill(undefined));
    };
    check(store);
    await committed;
    expect(store.durableHeight()).toBe(1);
    check(store);
    const reading = await openStoreForReading(dir);
    check(reading);
    await reading.close();
    await store.close();
    const again = await opened(dir);
    check(again);
    expect([again.created, again.lastHeight(), again.durableHeight()]).toEqual([false, 1, 1]);
  });

  test('stays visible while only the one before it is durable', async () => {
    const store = await opened(temporaryFolder());
    const first = store.commitBlock(blockOf(1));
    await Promise.resolve();
    await Promise.resolve();
    const second = store.commitBlock(blockOf(2));
    await first;
    expect([store.durableHeight(), store.lastHeight(), store.state(2)]).toEqual([1, 2, blockOf(2).state]);
    await second;
    expect([store.durableHeight(), store.state(2)]).toEqual([2, blockOf(2).state]);
  });

  test('that may linger is visible at once and written with the next that may not', async () => {
    const store = await opened(temporaryFolder());
    const lingering = [1, 2].map((height) => store.commitBlock(blockOf(height), 600_000));
    expect([store.lastHeight(), store.blockId(2), store.durableHeight()]).toEqual([2, blockOf(2).blockId, -1]);
    await store.local.put('other', new Uint8Array([1]));
    await Promise.all(lingering);
    expect(store.durableHeight()).toBe(2);
  });

  test('that lingers is written when its time is over, and when the store is closed', async () => {
    const dir = temporaryFolder();
    const store = await opened(dir);
    await store.commitBlock(blockOf(1), 1);
    const second = store.commitBlock(blockOf(2), 600_000);
    await store.close();
    await second;
    expect((await opened(dir)).lastHeight()).toBe(2);
  });

  test('follows the one before it, and the first is genesis or block 1', async () => {
    const store = await opened(temporaryFolder());
    await expect(store.commitBlock(blockOf(2))).rejects.toMatchObject({ code: 'STORE_HEIGHT' });
    await store.commitBlock({ ...blockOf(1), height: 0, blockBytes: new Uint8Array() });
    await store.commitBlock(blockOf(1));
    await expect(store.commitBlock(blockOf(1))).rejects.toMatchObject({ code: 'STORE_HEIGHT' });
    await expect(store.commitBlock(blockOf(3))).rejects.toMatchObject({ payload: { height: 3, last: 1 } });
    expect(store.block(0)).toEqual(new Uint8Array());
  });

  test('carries node-local values in the same transaction', async () => {
    const store = await opened(temporaryFolder());
    await store.commitBlock({ ...blockOf(1), local: [['checkpoint', Buffer.from('size 2')]] });
    expect(Buffer.from(store.local.get('checkpoint') ?? []).toString()).toBe('size 2');
  });

  test('empties a bucket that it writes as null', async () => {
    const store = await opened(temporaryFolder());
    await store.commitBlock(blockOf(1));
    const block = blockOf(2);
    const committed = store.commitBlock({ ...block, writes: { ...block.writes, buckets: [[1, null]] } });
    expect(store.readBucket(1)).toBeUndefined();
    await committed;
    expect(store.readBucket(1)).toBeUndefined();
  });

  test('many commits that are not waited for are all there, and in order', async () => {
    const store = await opened(temporaryFolder());
    const resolved: number[] = [];
    const commits = Array.from({ length: 60 }, (_, i) =>
      store.commitBlock(blockOf(i + 1)).then(() => resolved.push(i + 1)),
    );
    expect(store.index('object', 'shop/apps/0', { limit: 3 })).toEqual([118, 112, 106]);
    await Promise.all(commits);
    expect(resolved).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
    for (let height = 1; height <= 60; height++) {
      expect(Buffer.from(store.block(height) ?? [])).toEqual(Buffer.from(blockOf(height).blockBytes));
      expect(store.heightOfLeaf(2 * height - 2)).toBe(height);
      expect(store.heightOfLeaf(2 * height - 1)).toBe(height);
    }
    expect([store.heightOfLeaf(-1), store.heightOfLeaf(120)]).toEqual([undefined, undefined]);
  });
});

describe('an audit index', () => {
  test('gives the same pages as filtering a list, whatever is synced', async () => {
    const store = await opened(temporaryFolder());
    const blocks = Array.from({ length: 45 }, (_, i) => blockOf(i + 1));
    for (const block of blocks.slice(0, 25)) await store.commitBlock(block);
    const pending = blocks.slice(25).map((block) => store.commitBlock(block));
    const all = blocks.flatMap((block) => block.writes.indexes);
    const optional = fc.option(fc.integer({ min: 0, max: 100 }), { nil: undefined });
    const page = fc.record({ before: optional, from: optional, limit: fc.integer({ min: 0, max: 12 }) });
    const listed = (name: string, fits: (key: string) => boolean, { before = 1e9, from = 0, limit }: Page): number[] =>
      all
        .filter(([index, key, leaf]) => index === name && fits(key) && leaf < before && leaf >= from)
        .map(([, , leaf]) => leaf)
        .sort((a, b) => b - a)
        .slice(0, limit);
    type Page = { before?: number | undefined; from?: number | undefined; limit: number };
    const defined = ({ before, from, limit }: Page): { before?: number; from?: number; limit: number } => ({
      ...(before === undefined ? {} : { before }),
      ...(from === undefined ? {} : { from }),
      limit,
    });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3 }), page, (object, asked) => {
        const key = `shop/apps/${object}`;
        expect(store.index('object', key, defined(asked))).toEqual(listed('object', (k) => k === key, asked));
      }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 60 }), page, (a, b, asked) => {
        const until = minuteOf(Math.max(a, b));
        const since = minuteOf(Math.min(a, b));
        const expected = listed('time', (k) => k >= since && k < until, asked);
        expect(store.indexRange('time', { since, until }, defined(asked))).toEqual(expected);
      }),
    );
    expect(store.indexRange('time', {}, { limit: 99 })).toEqual(listed('time', () => true, { limit: 99 }));
    await Promise.all(pending);
    expect(store.indexRange('time', { since: minuteOf(20) }, { limit: 99 })).toHaveLength(26);
    expect(() => store.indexRange('object', {}, { limit: 1 })).toThrow(/cannot be a key/);
  });

  test('of times gives the leaves of one time, too', async () => {
    const store = await opened(temporaryFolder());
    for (let height = 1; height <= 25; height++) await store.commitBlock(blockOf(height));
    expect(store.index('time', minuteOf(10), { limit: 3 })).toEqual([36, 34, 32]);
    expect(store.index('time', minuteOf(90), { limit: 3 })).toEqual([]);
  });

  test('takes keys far longer than LMDB does, and does not confuse name and key', async () => {
    const store = await opened(temporaryFolder());
    const long = 'x'.repeat(5000);
    const block = blockOf(1);
    const indexes = [
      ['object', long, 0],
      ['obj', `ect${long}`, 1],
    ] as const;
    await store.commitBlock({ ...block, writes: { ...block.writes, indexes } });
    expect(store.index('object', long, { limit: 5 })).toEqual([0]);
    expect(store.index('object', `${long}x`, { limit: 5 })).toEqual([]);
  });
});

describe('bodies', () => {
  const bytes = Buffer.from('{"salt":"..."}');
  const hash = hashOf(bytes.toString());

  test('are kept by hash with who may see them, and deleted', async () => {
    const store = await opened(temporaryFolder());
    expect(store.hasBody(hash)).toBe(false);
    await store.putBody(hash, bytes, { orgs: ['alpha', 'beta'], expiresMs: 500 });
    expect(Buffer.from(store.getBody(hash) ?? [])).toEqual(bytes);
    expect(store.bodyInfo(hash)).toEqual({ orgs: ['alpha', 'beta'], expiresMs: 500 });
    expect(await store.deleteBody(hash)).toBe(true);
    expect([store.hasBody(hash), store.getBody(hash), store.expiredBodies(1e9, 10)]).toEqual([false, undefined, []]);
    expect(await store.deleteBody(hash)).toBe(false);
  });

  test('are refused under a hash that is not theirs', async () => {
    const store = await opened(temporaryFolder());
    await expect(store.putBody(hashOf('other'), bytes)).rejects.toMatchObject({ code: 'STORE_BODY_HASH' });
    await expect(store.putBody('zz' as Hash, bytes)).rejects.toMatchObject({ code: 'STORE_BODY_HASH' });
  });

  test('are found by expiry, the oldest first, by their latest info', async () => {
    const store = await opened(temporaryFolder());
    const put = (text: string, expiresMs: number | null): Promise<void> =>
      store.putBody(hashOf(text), Buffer.from(text), { orgs: [], expiresMs });
    await Promise.all([put('a', 300), put('b', 100), put('c', null), put('d', 200)]);
    expect(store.expiredBodies(250, 10)).toEqual([hashOf('b'), hashOf('d')]);
    expect(store.expiredBodies(300, 10)).toEqual([hashOf('b'), hashOf('d'), hashOf('a')]);
    await put('b', 400);
    expect(store.expiredBodies(300, 1)).toEqual([hashOf('d')]);
  });
});

describe('node-local values', () => {
  test('are kept by name, however long it is, and listed by prefix', async () => {
    const store = await opened(temporaryFolder());
    const long = 'observer/'.padEnd(3000, 'x');
    await Promise.all([
      store.local.put('observer/b', Buffer.from('1')),
      store.local.put('observer/a', Buffer.from('2')),
      store.local.put('other', Buffer.from('3')),
      store.local.put(long, Buffer.from('4')),
    ]);
    expect(store.local.names('observer/')).toEqual(['observer/a', 'observer/b']);
    expect(Buffer.from(store.local.get(long) ?? []).toString()).toBe('4');
    await store.local.delete('observer/a');
    expect([store.local.get('observer/a'), store.local.names('observer/')]).toEqual([undefined, ['observer/b']]);
  });
});

test('a closed store refuses reads and writes with a code', async () => {
  const store = await opened(temporaryFolder());
  await store.close();
  expect(() => store.readLeaf(0)).toThrow(/closed/);
  await expect(store.local.put('x', Buffer.from('1'))).rejects.toMatchObject({ code: 'STORE_CLOSED' });
  expect(store.chain).toBe(chain);
});
