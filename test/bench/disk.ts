import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { atEachSize, PAGE, RecordPages } from './audit.ts';
import { print } from './figure.ts';
import { anonymousBytes } from './process-usage.ts';

const SETTLE_MS = 5_000;
const BLOCK_BYTES = 512;
const PAGES_READ = 100;

/** What a node's store takes on the disk for each record, and of memory that the kernel cannot take back, with logs of growing size. */
export async function benchDisk(args: readonly string[]): Promise<void> {
  await atEachSize(args, async (records, node) => {
    // Somebody reads all over the log, and whatever the node keeps of that counts too.
    const pages = new RecordPages(node);
    for (let page = 1; page <= PAGES_READ; page += 1)
      await pages.ask(`?limit=${PAGE}&before=${Math.floor((records * page) / PAGES_READ)}`);
    pages.close();
    await sleep(SETTLE_MS);
    const used = bytesOnDisk(join(node.files.dataDir, 'db'));
    const subject = `${records} records`;
    print({ bench: 'disk', subject, metric: 'store, bytes a record', value: used / records, unit: 'B' });
    print({
      bench: 'disk',
      subject,
      metric: 'anonymous memory of the node',
      value: anonymousBytes(node.run.pid) / 1e6,
      unit: 'MB',
    });
  });
}

/** What the files really take, not how long they say that they are. */
function bytesOnDisk(dir: string): number {
  return readdirSync(dir, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).blocks * BLOCK_BYTES, 0);
}
