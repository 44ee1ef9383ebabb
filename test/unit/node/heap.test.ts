import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const HEAP = join(import.meta.dirname, '..', '..', '..', 'src', 'node', 'heap.ts');
/** Makes objects of which some live for a while, in turns of the event loop; says how large the young generation became. */
const WORK = `
  import { getHeapSpaceStatistics } from 'node:v8';
  const young = () => getHeapSpaceStatistics().find((space) => space.space_name === 'new_space').space_size;
  let most = 0;
  const kept = [];
  const work = () => {
    for (let i = 0; i < 20_000; i += 1) kept.push({ i, list: [i, i + 1], text: 'y' + i });
    if (kept.length > 200_000) kept.splice(0, 100_000);
    most = Math.max(most, young());
  };
  for (let n = 0; n < 80; n += 1) {
    work();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  console.log(most);
`;

const megabytesOf = (code: string): number[] =>
  execFileSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => Number(line) / 1e6);

test('P6: the young generation grows to its size, in the process and in its threads, and not with the memory of the machine', () => {
  const inThread = `new (await import('node:worker_threads')).Worker(${JSON.stringify(WORK)}, { eval: true });`;
  const start = `import { boundGarbage } from ${JSON.stringify(HEAP)}; boundGarbage();`;
  const [own = 0, thread = 0] = megabytesOf(`${start}\n${WORK}\n${inThread}`);
  expect(own).toBeGreaterThan(10);
  expect(own).toBeLessThan(70);
  expect(thread).toBeGreaterThan(30);
  expect(thread).toBeLessThan(40);
});
