import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import type { Fault } from './fault.ts';
import { plant } from './fault.ts';
import { faults } from './faults.ts';
import { Workbench } from './workbench.ts';

/**
 * Plants each fault of faults.ts in a copy of the sources and runs the tests that must notice it. One JSON line a fault on stdout,
 * `{fault, file, caughtBy, caught}`; what goes on and why on stderr. Exit 1 if a fault survives or a named test fails without one.
 *   --only N     the Nth of the list, from 1
 *   --grep TEXT  those whose sentence or file holds the text
 */
const { values } = parseArgs({ options: { only: { type: 'string' }, grep: { type: 'string' } } });
const selected = select(faults, values);
if (selected.length === 0) fail('no fault fits; the list has ' + faults.length);

const repository = dirname(dirname(import.meta.dirname));
const bench = new Workbench(repository);
process.once('exit', () => bench.dispose());
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));

const unsound = await unsoundTests(bench, selected);
let survived = 0;
for (const fault of selected) {
  const number = faults.indexOf(fault) + 1;
  const startedMs = performance.now();
  const { caughtBy, reasons } = await hunt(bench, fault, unsound);
  const caught = caughtBy !== null;
  if (!caught) survived += 1;
  process.stdout.write(`${JSON.stringify({ fault: fault.fault, file: fault.file, caughtBy, caught })}\n`);
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
  say(`${number}/${faults.length} ${caught ? 'caught' : 'SURVIVED'} in ${seconds} s: ${fault.fault}`);
  if (!caught) for (const reason of reasons) say(`    ${reason}`);
}
say(`${selected.length - survived} caught, ${survived} survived`);
process.exitCode = survived === 0 ? 0 : 1;

function select(all: readonly Fault[], { only, grep }: { only?: string; grep?: string }): readonly Fault[] {
  if (only !== undefined && !/^[1-9]\d*$/.test(only)) fail(`--only wants a number, not ${only}`);
  return all.filter(
    (fault, i) =>
      (only === undefined || i + 1 === Number(only)) &&
      (grep === undefined || `${fault.fault} ${fault.file}`.toLowerCase().includes(grep.toLowerCase())),
  );
}

/** A test that fails by itself proves nothing about a fault. Test file to why it cannot be used. */
async function unsoundTests(bench: Workbench, chosen: readonly Fault[]): Promise<ReadonlyMap<string, string>> {
  const files = [...new Set(chosen.flatMap(({ tests }) => tests))];
  const found = new Map<string, string>();
  for (const [i, file] of files.entries()) {
    const uses = chosen.filter(({ tests }) => tests.includes(file));
    const named = uses.flatMap((fault) => fault.named ?? []);
    // Whole, unless every use of it is of tests that are named.
    const verdict = await bench.test(uses[0]?.project ?? '', file, named.length === uses.length ? named : []);
    say(`without a fault ${i + 1}/${files.length}: ${file}: ${verdict.kind}`);
    if (verdict.kind === 'caught') found.set(file, `fails without a fault: ${verdict.test}`);
    if (verdict.kind === 'broken') found.set(file, `cannot be run without a fault: ${verdict.reason}`);
  }
  for (const [file, reason] of found) say(`UNSOUND ${file}: ${reason}`);
  return found;
}

async function hunt(
  bench: Workbench,
  fault: Fault,
  unsound: ReadonlyMap<string, string>,
): Promise<{ caughtBy: string | null; reasons: readonly string[] }> {
  const reasons: string[] = [];
  let remove: () => void;
  try {
    remove = plant(bench.root, fault);
  } catch (error) {
    return { caughtBy: null, reasons: [(error as Error).message] };
  }
  try {
    for (const test of fault.tests) {
      const reason = unsound.get(test);
      if (reason !== undefined) {
        reasons.push(`${test} ${reason}`);
        continue;
      }
      const verdict = await bench.test(fault.project, test, fault.named === undefined ? [] : [fault.named]);
      if (verdict.kind === 'caught') return { caughtBy: `${test} > ${verdict.test}`, reasons };
      reasons.push(`${test}: ${verdict.kind === 'passed' ? `all ${verdict.tests} tests pass` : verdict.reason}`);
    }
    return { caughtBy: null, reasons };
  } finally {
    remove();
  }
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

function fail(text: string): never {
  say(text);
  process.exit(1);
}
