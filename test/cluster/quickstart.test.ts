import { expect, test } from 'vitest';
import { ROOT } from '../playground/paths.ts';
import { runCommand } from '../playground/run-command.ts';

const TIMEOUT_MS = 390_000;
const STEPS = 8;

interface Summary {
  readonly ok: boolean;
  readonly steps: readonly { readonly name: string; readonly ok: boolean; readonly ms: number }[];
  readonly figures: Readonly<Record<string, number>>;
}

test('the quickstart goes as told, ends by itself, and its last line sums it up', { timeout: TIMEOUT_MS }, async () => {
  const args = ['run', '--silent', 'quickstart', '--', '--exit'];
  const { code, stdout, stderr } = await runCommand('npm', args, { cwd: ROOT, timeoutMs: TIMEOUT_MS - 10_000 });
  // On a failure both outputs tell where it stopped.
  expect({ code, stderr: code === 0 ? '' : stderr, stdout: code === 0 ? '' : stdout.slice(-4_000) }).toEqual({
    code: 0,
    stderr: '',
    stdout: '',
  });
  const summary = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Summary;
  expect(summary.ok).toBe(true);
  expect(summary.steps.map(({ ok }) => ok)).toEqual(Array.from({ length: STEPS }, () => true));
  expect(summary.figures['refusedWithoutQuorumMs']).toBeLessThan(10_000);
});
