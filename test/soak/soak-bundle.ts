/** P1: one proposal for 500 objects on a real API server: one review, one vote, each applied once in any order. */
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';

const OBJECTS = 500;

export async function soak(): Promise<Readonly<Record<string, number>>> {
  const root = dirname(dirname(import.meta.dirname));
  const { status } = spawnSync(
    join(root, 'node_modules', '.bin', 'vitest'),
    ['run', '--config', 'test/vitest.config.ts', '--project', 'cluster', 'test/cluster/bundle.test.ts'],
    { cwd: root, stdio: ['ignore', 2, 2], env: { ...process.env, BUNDLE_OBJECTS: String(OBJECTS) } },
  );
  if (status !== 0) throw new Error(`the test ended with ${status ?? 'a signal'}; its output is above`);
  return { objects: OBJECTS };
}
