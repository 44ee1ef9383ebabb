// Commits blocks until the disk (here: the limit on a file's size) is full; says what happened as one line of JSON.
import { openStore } from '../../../src/store/index.ts';
import { blockOf } from './block-fixture.ts';
import type { Hash } from '../../../src/types/brand.ts';

const [dir = '', chain = ''] = process.argv.slice(2);
const store = await openStore(dir, { chain: chain as Hash });
const codes = new Set<string>();
while (codes.size === 0) {
  // Several wait at once: none of those behind the failing one may succeed.
  const heights = [1, 2, 3, 4].map((offset) => Math.max(0, store.lastHeight()) + offset);
  for (const result of await Promise.allSettled(heights.map((height) => store.commitBlock(blockOf(height))))) {
    if (result.status === 'rejected') codes.add(String((result.reason as { code?: unknown }).code ?? result.reason));
  }
}
const later = await store.local.put('small', Buffer.from('1')).then(
  () => 'written',
  (error: { code?: unknown }) => String(error.code),
);
process.stdout.write(`${JSON.stringify({ durable: store.durableHeight(), codes: [...codes], later })}\n`);
await store.close();
