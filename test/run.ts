/**
 * Runs every tier, or the ones named, and ends with one plain line `N passed, N failed, N skipped` summed over all of them.
 * Exit 1 if anything failed or was skipped, or a tier ran nothing.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ensureBinaries } from './control-plane/build.ts';

const root = dirname(import.meta.dirname);
const allTiers = ['unit', 'sim', 'cli', 'cluster', 'fault'] as const;
const needsControlPlane = new Set<string>(['cli', 'cluster']);
const staticChecks: readonly (readonly [name: string, command: string, args: readonly string[]])[] = [
  ['types', 'tsc', ['-p', 'tsconfig.json']],
  ['types of the pure parts', 'tsc', ['-p', 'src/tsconfig.pure.json']],
  ['lint', 'oxlint', ['--type-aware', '--quiet']],
  ['format', 'prettier', ['--check', '--log-level', 'warn', '.']],
  ['unused code', 'knip', []],
];

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

function run(command: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

async function runStatic(total: Tally): Promise<void> {
  for (const [name, command, args] of staticChecks) {
    const code = await run(join(root, 'node_modules', '.bin', command), args);
    console.log(`${code === 0 ? 'ok' : 'FAILED'}: ${name}`);
    if (code === 0) total.passed += 1;
    else total.failed += 1;
  }
}

async function runTier(tier: string, filters: readonly string[], total: Tally): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'kubectl-chain-test-'));
  const report = join(folder, 'report.json');
  try {
    const code = await run(process.execPath, [
      join(root, 'node_modules', 'vitest', 'vitest.mjs'),
      'run',
      '--config',
      join(root, 'test', 'vitest.config.ts'),
      '--project',
      tier,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
      ...filters,
    ]);
    const text = await readFile(report, 'utf8').catch(() => '');
    const parsed = text === '' ? null : (JSON.parse(text) as Record<string, number | boolean>);
    const passed = Number(parsed?.['numPassedTests'] ?? 0);
    const failed = Number(parsed?.['numFailedTests'] ?? 0);
    total.passed += passed;
    total.failed += failed;
    total.skipped += Number(parsed?.['numPendingTests'] ?? 0) + Number(parsed?.['numTodoTests'] ?? 0);
    // A suite that could not be loaded counts no test; it must not pass unseen.
    if ((code !== 0 && failed === 0) || passed + failed === 0) total.failed += 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const wanted = process.argv.slice(2);
const tiers = allTiers.filter((tier) => wanted.includes(tier));
const filters = wanted.filter((word) => !(allTiers as readonly string[]).includes(word));
const total: Tally = { passed: 0, failed: 0, skipped: 0 };
const selected = tiers.length > 0 ? tiers : allTiers;
if (selected.some((tier) => needsControlPlane.has(tier))) await ensureBinaries(['kube-apiserver', 'etcd', 'kubectl']);
if (tiers.length === 0) await runStatic(total);
for (const tier of selected) {
  console.log(`\n== ${tier}`);
  await runTier(tier, filters, total);
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed === 0 && total.skipped === 0 ? 0 : 1);
