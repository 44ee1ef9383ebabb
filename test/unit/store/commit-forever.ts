// Commits blocks until it is killed, several at a time; says the height of each that is durable.
import { writeSync } from 'node:fs';
import { openStore } from '../../../src/store/index.ts';
import { blockOf } from './block-fixture.ts';
import type { Hash } from '../../../src/types/brand.ts';

const [dir = '', chain = ''] = process.argv.slice(2);
const store = await openStore(dir, { chain: chain as Hash });
for (;;) {
  const next = store.lastHeight() < 0 ? 1 : store.lastHeight() + 1;
  const commits = [next, next + 1, next + 2].map(async (height) => {
    await store.commitBlock(blockOf(height));
    writeSync(1, `${height}\n`);
  });
  await Promise.all(commits);
}
