// Commits blocks until the disk (here: the limit on a file's size) is full; says what happened as one line of JSON.
import { openStore } from '../../../src/store/index.ts';
import { blockOf } from './block-fixture.ts';
import type { Hash } from '../../../src/types/brand.ts';

const [dir = '', chain = ''] = process.argv.slice(2);
const store = await openStore(dir, { chain: chain as Hash });
const codes = new Set<string>();
while (codes.size === 0) {
  // Several wait at once: none of those behind the failing one may succeed.
  const commits: Promise<void>[] = [];
  for (let wave = 0; wave < 3; wave++) {
    // The first wave is the large one, so that it fails while the others wait.
    for (let i = 0; i < 3; i++) {
      const height = Math.max(0, store.lastHeight()) + 1;
      const local = wave === 0 ? ([[`large ${height}`, new Uint8Array(20_000)]] as const) : [];
      commits.push(store.commitBlock({ ...blockOf(height), local }));
    }
    for (const commit of commits) commit.catch(() => {});
    await Promise.resolve();
    await Promise.resolve();
  }
  for (const result of await Promise.allSettled(commits)) {
    if (result.status === 'rejected') codes.add(String((result.reason as { code?: unknown }).code ?? result.reason));
  }
}
const later = await store.local.put('small', Buffer.from('1')).then(
  () => 'written',
  (error: { code?: unknown }) => String(error.code),
);
process.stdout.write(`${JSON.stringify({ durable: store.durableHeight(), codes: [...codes], later })}\n`);
await store.close();
