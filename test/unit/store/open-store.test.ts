import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openStore, openStoreForReading } from '../../../src/store/index.ts';
import { storeFailure } from '../../../src/store/lmdb/failure.ts';
import { schemaWrite } from '../../../src/store/lmdb/migration.ts';
import { blockOf, chain, opened, temporaryFolder } from './fixture.ts';
import type { Hash } from '../../../src/types/brand.ts';

const otherChain = '0f'.repeat(32) as Hash;

describe('a data folder', () => {
  test('of another chain is refused, for writing and for reading, and not kept locked', async () => {
    const dir = temporaryFolder();
    await (await openStore(dir, { chain })).close();
    const refusal = { code: 'STORE_OTHER_CHAIN', payload: { dir, expected: otherChain, found: chain } };
    await expect(openStore(dir, { chain: otherChain })).rejects.toMatchObject(refusal);
    await expect(openStoreForReading(dir, { chain: otherChain })).rejects.toMatchObject(refusal);
    await (await openStore(dir, { chain })).close();
    expect(readdirSync(dir)).toEqual(['db']);
  });

  test('of a newer schema is refused', async () => {
    const dir = temporaryFolder();
    const store = await openStore(dir, { chain });
    await store.table.write([schemaWrite(99)]);
    await store.close();
    const refusal = { code: 'STORE_SCHEMA_NEWER', payload: { found: 99, supported: 1 } };
    await expect(openStore(dir, { chain })).rejects.toMatchObject(refusal);
    await expect(openStoreForReading(dir)).rejects.toMatchObject(refusal);
  });

  test('that does not exist is made, with its parents', async () => {
    const dir = join(temporaryFolder(), 'a', 'b');
    const store = await opened(dir);
    expect(store.created).toBe(true);
  });

  test('that is a file, or lies below one, is refused', async () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, '');
    await expect(openStore(file, { chain })).rejects.toMatchObject({ code: 'STORE_NOT_A_FOLDER' });
    await expect(openStore(join(file, 'data'), { chain })).rejects.toMatchObject({ code: 'STORE_NOT_A_FOLDER' });
    await expect(openStoreForReading(file)).rejects.toMatchObject({ code: 'STORE_NOT_A_FOLDER' });
  });

  test('without a store is not found by a reader, who leaves it empty', async () => {
    const dir = temporaryFolder();
    await expect(openStoreForReading(dir)).rejects.toMatchObject({ code: 'STORE_NOT_FOUND' });
    await expect(openStoreForReading(join(dir, 'none'))).rejects.toMatchObject({ code: 'STORE_NOT_FOUND' });
    expect(readdirSync(dir)).toEqual([]);
  });

  test('that may not be written is refused with the path', async () => {
    const dir = temporaryFolder();
    await (await openStore(dir, { chain })).close();
    chmodSync(dir, 0o500);
    try {
      // root may write everywhere; the mapping of the error is then all that can be tried.
      const refused = process.getuid?.() === 0 ? permissionFailure(dir) : openStore(dir, { chain });
      await expect(refused).rejects.toMatchObject({ code: 'STORE_PERMISSION' });
    } finally {
      chmodSync(dir, 0o700);
    }
  });
});

describe('a second process', () => {
  test('is refused while the first has the folder, but may read', async () => {
    const dir = temporaryFolder();
    const store = await opened(dir);
    const refusal = { code: 'STORE_IN_USE', payload: { dir, pid: process.pid, host: hostname() } };
    await expect(openStore(dir, { chain })).rejects.toMatchObject(refusal);
    await store.commitBlock(blockOf(1));
    const reading = await openStoreForReading(dir);
    expect(reading.lastHeight()).toBe(1);
    await reading.close();
    await store.close();
    await (await openStore(dir, { chain })).close();
  });

  test.each([
    ['of a process that is gone', { pid: 999_999_999, host: hostname(), started: '', token: 't' }],
    ['of an earlier process with our pid', { pid: process.pid, host: hostname(), started: 'boot/1', token: 't' }],
    ['that was cut off by a power failure', undefined],
  ])('takes over a lock %s', async (_what, holder) => {
    const dir = temporaryFolder();
    writeFileSync(join(dir, 'lock'), holder === undefined ? '{"pid":' : JSON.stringify(holder));
    await (await openStore(dir, { chain })).close();
    expect(readdirSync(dir)).toEqual(['db']);
  });

  test('does not take over a lock of another host', async () => {
    const dir = temporaryFolder();
    const holder = { pid: 1, host: 'elsewhere', started: '', token: 't' };
    writeFileSync(join(dir, 'lock'), JSON.stringify(holder));
    await expect(openStore(dir, { chain })).rejects.toMatchObject({
      code: 'STORE_IN_USE',
      payload: { host: 'elsewhere' },
    });
  });
});

test('failures of system and LMDB get the code that says what to do', () => {
  const codeOf = (error: unknown): string => storeFailure('/d', 'write', error).code;
  expect(codeOf(Object.assign(new Error('x'), { code: 'ENOSPC' }))).toBe('STORE_FULL');
  expect(codeOf(Object.assign(new Error('x'), { code: 27 }))).toBe('STORE_FULL');
  expect(codeOf(new Error('MDB_MAP_FULL: Environment mapsize limit reached'))).toBe('STORE_FULL');
  expect(codeOf(Object.assign(new Error('x'), { code: 'EROFS' }))).toBe('STORE_PERMISSION');
  expect(codeOf(Object.assign(new Error('x'), { code: 13 }))).toBe('STORE_PERMISSION');
  expect(codeOf(Object.assign(new Error('Input/output error'), { code: 5 }))).toBe('STORE_IO');
});

async function permissionFailure(path: string): Promise<never> {
  throw storeFailure(path, 'open', Object.assign(new Error('EACCES'), { code: 'EACCES' }));
}

test('the folder of the database is a folder', async () => {
  const dir = temporaryFolder();
  mkdirSync(join(dir, 'db'));
  const store = await opened(dir);
  expect(store.created).toBe(true);
});
