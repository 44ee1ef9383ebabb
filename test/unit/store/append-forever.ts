// Appends records to a log until it is killed, several at a time; says the number of each that is durable.
import { writeSync } from 'node:fs';
import { openWal } from '../../../src/store/index.ts';

const [dir = '', mode = 'create'] = process.argv.slice(2);
const segmentBytes = 64 * 1024;
const { wal, replay } = await openWal(dir, { mode: mode === 'create' ? 'create' : 'resume', segmentBytes });
let number = replay.triple?.height ?? 0;
for (;;) {
  const appends = [1, 2, 3, 4].map(async (offset) => {
    const mine = number + offset;
    const record = Buffer.from(`${mine}:${'x'.repeat((mine * 37) % 900)}`);
    await wal.append([record], { height: mine, round: 0, step: 1 });
    writeSync(1, `${mine}\n`);
  });
  await Promise.all(appends);
  number += 4;
  if (number % 100 === 0) await wal.truncateBefore(number - 150);
}
