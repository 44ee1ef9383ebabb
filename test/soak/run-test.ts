import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';

/** Runs one file of the cluster tier with something in the environment that makes it longer. @throws Error unless it passes. */
export function runClusterTest(file: string, env: Readonly<Record<string, string>>): void {
  const root = dirname(dirname(import.meta.dirname));
  const { status } = spawnSync(
    join(root, 'node_modules', '.bin', 'vitest'),
    ['run', '--config', 'test/vitest.config.ts', '--project', 'cluster', file],
    { cwd: root, stdio: ['ignore', 2, 2], env: { ...process.env, ...env } },
  );
  if (status !== 0) throw new Error(`${file} ended with ${status ?? 'a signal'}; its output is above`);
}
