import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { blockOf, chain, opened, temporaryFolder } from './fixture.ts';

test('when a write fails, nothing behind it is written, and all that was durable is there after a restart', async () => {
  const dir = temporaryFolder();
  const script = fileURLToPath(new URL('commit-until-full.ts', import.meta.url));
  // A limit on the size of files fails like a full disk does, without one; 2 MB.
  const limited = `trap '' XFSZ; ulimit -f 2000; exec "$0" "$@"`;
  const child = spawnSync('bash', ['-c', limited, process.execPath, script, dir, chain], { encoding: 'utf8' });
  const said = JSON.parse(child.stdout) as { durable: number; codes: string[]; later: string };
  expect(said.codes).toHaveLength(1);
  expect(['STORE_FULL', 'STORE_IO']).toContain(said.codes[0]);
  expect(said.later).toBe(said.codes[0]);
  const store = await opened(dir);
  expect(said.durable).toBeGreaterThan(5);
  expect(store.lastHeight()).toBe(said.durable);
  for (let height = 1; height <= said.durable; height++) {
    expect(Buffer.from(store.block(height) ?? [])).toEqual(Buffer.from(blockOf(height).blockBytes));
  }
});
