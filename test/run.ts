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
const allTiers = ['unit', 'sim', 'cluster', 'cli', 'fault'] as const;
type Tier = (typeof allTiers)[number];
const clusterFiles = (...names: readonly string[]) => names.map((name) => `test/cluster/${name}.test.ts`);
/** A third of the cluster tier by time, so that the two lists of its step end together. */
const besideFiles = clusterFiles('dishonest-node', 'quickstart', 'recording', 'survival');
/** The one keeps all processors busy, which others beside it would take for slowness of what they test; the other has seconds to find what it plants. */
const aloneFiles = clusterFiles('attribution', 'bypass');
interface Part {
  readonly tier: Tier;
  /** Arguments of vitest that choose among the tier's files. */
  readonly files?: readonly string[];
}
/** Parts of one list run one after the other, the lists of one step beside each other: those with real processes mostly wait. */
const steps: readonly (readonly (readonly Part[])[])[] = [
  [[{ tier: 'unit' }, { tier: 'sim' }]],
  [
    [{ tier: 'cluster', files: [...besideFiles, ...aloneFiles].map((file) => `--exclude=${file}`) }],
    [{ tier: 'cli' }, { tier: 'fault' }, { tier: 'cluster', files: besideFiles }],
  ],
  [[{ tier: 'cluster', files: aloneFiles }]],
];
const needsControlPlane = new Set<Tier>(['cli', 'cluster']);
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

/** Exit code. With `kept`, what it prints is put there instead of on the terminal. */
function run(command: string, args: readonly string[], kept?: Buffer[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const output = kept === undefined ? 'inherit' : 'pipe';
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', output, output] });
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => kept?.push(chunk));
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
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

async function runPart({ tier, files = [] }: Part, total: Tally, kept?: Buffer[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'kubectl-chain-test-'));
  const report = join(folder, 'report.json');
  try {
    const vitest = [
      join(root, 'node_modules', 'vitest', 'vitest.mjs'),
      'run',
      '--config',
      join(root, 'test', 'vitest.config.ts'),
      '--project',
      tier,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
      ...files,
      ...filters,
    ];
    const code = await run(process.execPath, vitest, kept);
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

/** What a list beside another one prints comes when a part has ended, so that they do not mix. */
async function runList(list: readonly Part[], isBeside: boolean): Promise<void> {
  for (const part of list) {
    const kept = isBeside ? [] : undefined;
    if (kept === undefined) console.log(`\n== ${part.tier}`);
    await runPart(part, total, kept);
    if (kept !== undefined) process.stdout.write(`\n== ${part.tier}\n${Buffer.concat(kept).toString('utf8')}`);
  }
}

const wanted = process.argv.slice(2);
const tiers = allTiers.filter((tier) => wanted.includes(tier));
const filters = wanted.filter((word) => !(allTiers as readonly string[]).includes(word));
const total: Tally = { passed: 0, failed: 0, skipped: 0 };
const selected = tiers.length > 0 ? tiers : allTiers;
if (selected.some((tier) => needsControlPlane.has(tier))) await ensureBinaries(['kube-apiserver', 'etcd', 'kubectl']);
if (wanted.length === 0) {
  await runStatic(total);
  for (const step of steps) await Promise.all(step.map((list, i) => runList(list, i > 0)));
} else {
  await runList(
    selected.map((tier) => ({ tier })),
    false,
  );
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed === 0 && total.skipped === 0 ? 0 : 1);
