import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { copyStore, openStore, openStoreForReading } from '../../../src/store/index.ts';
import { looksCut, requireReadable } from '../../../src/store/lmdb/readable.ts';
import { chain, temporaryFolder } from './fixture.ts';

const PAGE = 4_096;
const ENTRIES = 3_000;
const HEADER_BYTES = 24;
/** One that is read in good time is told from one that never ends. */
const SILENCE_MS = 5_000;

/** A sound store of some hundred pages. */
async function filled(): Promise<{ dir: string; db: string; file: string }> {
  const dir = temporaryFolder();
  const store = await openStore(dir, { chain });
  for (let i = 0; i < ENTRIES; i += 500)
    await store.table.write(
      Array.from({ length: 500 }, (_, j) => [
        Buffer.from(`\u0005key-${String(i + j).padStart(6, '0')}`),
        Buffer.alloc(100, j),
      ]),
    );
  await store.close();
  return { dir, db: join(dir, 'db'), file: join(dir, 'db', 'data.mdb') };
}

/** Root of the tree as the newest meta page has it, and the pages that it names: 64 bits, data format 2. */
function treeOf(file: string): { root: number; nodes: number[]; children: number[]; page: Buffer } {
  const bytes = readFileSync(file);
  const metas = [bytes.subarray(0, PAGE), bytes.subarray(PAGE, 2 * PAGE)];
  const newest = metas.toSorted((a, b) => Number(b.readBigUInt64LE(152) - a.readBigUInt64LE(152)))[0] as Buffer;
  const root = Number(newest.readBigUInt64LE(136));
  const page = Buffer.from(bytes.subarray(root * PAGE, (root + 1) * PAGE));
  const count = page.readUInt16LE(20) >> 1;
  // Offsets count from the end of the header.
  const nodes = Array.from({ length: count }, (_, i) => HEADER_BYTES + page.readUInt16LE(HEADER_BYTES + 2 * i));
  return { root, nodes, children: nodes.map((at) => page.readUInt32LE(at)), page };
}

function patch(file: string, at: number, bytes: Buffer): void {
  const fd = openSync(file, 'r+');
  writeSync(fd, bytes, 0, bytes.length, at);
  closeSync(fd);
}

describe('P8: a database file', () => {
  test('that is sound is read to its end, and does not look cut', async () => {
    const { dir, db } = await filled();
    expect(looksCut(db)).toBe(false);
    await requireReadable(db);
    await (await openStoreForReading(dir, { whole: true })).close();
    expect(existsSync(join(dir, 'opening'))).toBe(false);
  });

  test('that was cut does not end whoever opens it, for writing, reading and copying; nothing stays locked', async () => {
    const { dir, file } = await filled();
    const whole = readFileSync(file);
    for (const size of [whole.length >> 1, whole.length - 20 * PAGE, PAGE, 100]) {
      writeFileSync(file, whole);
      truncateSync(file, size);
      const damaged = { code: 'STORE_DAMAGED', payload: { where: file } };
      await expect(openStore(dir, { chain }), `cut to ${size}`).rejects.toMatchObject(damaged);
      await expect(openStoreForReading(dir, { chain })).rejects.toMatchObject(damaged);
      await expect(copyStore(dir, join(temporaryFolder(), 'copy'))).rejects.toMatchObject(damaged);
      expect(statSync(file).size).toBe(size);
      expect(existsSync(join(dir, 'lock'))).toBe(false);
    }
    writeFileSync(file, whole);
    await (await openStore(dir, { chain })).close();
  });

  test('with pages of zeros is found by whoever reads all of it', async () => {
    const { dir, file } = await filled();
    const whole = readFileSync(file);
    const { root, children } = treeOf(file);
    expect(children.length).toBeGreaterThan(5);
    for (const page of [root, children[0] ?? 0, children.at(-1) ?? 0]) {
      writeFileSync(file, whole);
      patch(file, page * PAGE, Buffer.alloc(PAGE));
      await expect(openStoreForReading(dir, { chain, whole: true }), `page ${page}`).rejects.toMatchObject({
        code: 'STORE_DAMAGED',
      });
    }
  });

  test('whose pages point at each other, so that reading never ends or goes back, is found', async () => {
    const { db, file } = await filled();
    const { root, nodes, children, page } = treeOf(file);
    // The third child is the first one again.
    page.writeUInt32LE(children[0] ?? 0, nodes[2] ?? 0);
    patch(file, root * PAGE, page);
    await expect(requireReadable(db, SILENCE_MS)).rejects.toMatchObject({ code: 'STORE_DAMAGED' });
  });

  test('on which a process ended while it opened it is read through by the next one first', async () => {
    const { dir, file } = await filled();
    patch(file, treeOf(file).root * PAGE, Buffer.alloc(PAGE));
    writeFileSync(join(dir, 'opening'), '');
    await expect(openStore(dir, { chain })).rejects.toMatchObject({ code: 'STORE_DAMAGED' });
    // And by the one after it.
    expect(existsSync(join(dir, 'opening'))).toBe(true);
  });

  test('is marked from the moment it is opened until its user has read what it needs', async () => {
    const { dir } = await filled();
    const store = await openStore(dir, { chain });
    expect(existsSync(join(dir, 'opening'))).toBe(true);
    store.opened();
    expect(existsSync(join(dir, 'opening'))).toBe(false);
    await store.close();
  });
});
