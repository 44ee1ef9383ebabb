import { dirname } from 'node:path';
import { defineConfig } from 'vitest/config';

const tier = (name: string, include: string[], testTimeoutMs: number, sequential = false) => ({
  extends: true as const,
  test: { name, include, testTimeout: testTimeoutMs, hookTimeout: testTimeoutMs, fileParallelism: !sequential },
});

export default defineConfig({
  root: dirname(import.meta.dirname),
  test: {
    expect: { requireAssertions: true },
    pool: 'forks',
    maxWorkers: 2,
    passWithNoTests: false,
    // Real API servers and real processes need minutes on two cores; a unit test that needs them is in the wrong tier.
    projects: [
      tier('unit', ['test/unit/**/*.test.ts', 'test/datadriven/**/*.test.ts', 'test/vectors/**/*.test.ts'], 60_000),
      tier('sim', ['test/sim/**/*.test.ts'], 900_000),
      tier('fault', ['test/fault/**/*.test.ts'], 300_000, true),
      tier('cluster', ['test/control-plane/**/*.test.ts', 'test/cluster/**/*.test.ts'], 400_000, true),
      tier('cli', ['test/cli/**/*.test.ts'], 300_000, true),
    ],
  },
});
