import { writeSync } from 'node:fs';
import { openLmdb } from './database.ts';
import { damagedExit, type Progress } from './readable.ts';

/** A process that reads a whole database, for readable.ts: what LMDB does to it, it does to nobody else. */
const reportedEach = 1_000;

const [path = ''] = process.argv.slice(2);

function damaged(detail: string): never {
  writeSync(1, detail);
  process.exit(damagedExit);
}

const database = openLmdb(path, { readOnly: true });
let entries = 0;
let bytes = 0;
let last: Buffer = Buffer.alloc(0);
// Every key, from the first on: none is empty, and none begins with a byte above this.
for (const { key, value } of database.getRange({ start: Buffer.of(0), end: Buffer.alloc(64, 0xff) })) {
  if (entries > 0 && Buffer.compare(key, last) <= 0) damaged(`its keys are out of order after ${entries} entries`);
  bytes += value.length;
  last = Buffer.from(key);
  entries += 1;
  if (entries % reportedEach === 0) process.send?.({ entries, bytes } satisfies Progress);
}
const { entryCount } = database.getStats() as { readonly entryCount?: number };
if (entryCount !== undefined && entryCount !== entries) damaged(`it has ${entries} of ${entryCount} entries`);
await database.close();
process.disconnect?.();
