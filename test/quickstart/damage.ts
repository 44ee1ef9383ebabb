import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openStoreForReading } from '../../src/store/index.ts';
import { numberKey } from '../../src/store/lmdb/key.ts';

/**
 * Copies a stopped node's data folder and changes one byte of one record in the copy, where the record is stored.
 * @throws Error if the folder does not hold the record as it is stored.
 */
export async function copyWithChangedByte(dataDir: string, copyDir: string, record: number): Promise<void> {
  cpSync(dataDir, copyDir, { recursive: true });
  const store = await openStoreForReading(copyDir);
  const stored = store.table.get(numberKey('leaf', record));
  const bytes = stored === undefined ? undefined : Buffer.from(stored);
  await store.close();
  if (bytes === undefined) throw new Error(`record ${record} is not in ${copyDir}`);

  const file = join(copyDir, 'db', 'data.mdb');
  const content = readFileSync(file);
  // Pages are copied when they are written, so an older page may hold the same bytes: all of them are changed.
  let found = 0;
  for (let at = content.indexOf(bytes); at >= 0; at = content.indexOf(bytes, at + bytes.length)) {
    const middle = at + Math.floor(bytes.length / 2);
    content[middle] = (content[middle] ?? 0) ^ 1;
    found += 1;
  }
  if (found === 0) throw new Error(`record ${record} was not found in ${file}`);
  writeFileSync(file, content);
}
