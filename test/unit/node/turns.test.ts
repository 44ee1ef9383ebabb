import { expect, test } from 'vitest';
import { Turns } from '../../../src/node/turns.ts';

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function turns(perTurn = 3, waitingMax = 10) {
  const done: string[] = [];
  const defects: unknown[] = [];
  const made = new Turns<string, string>(
    perTurn,
    waitingMax,
    (from, item) => {
      if (item === 'broken') throw new Error(item);
      done.push(`${from}${item}`);
    },
    (error) => defects.push(error),
  );
  return { made, done, defects };
}

test('what is little is done at once', () => {
  const { made, done } = turns();
  for (const item of ['1', '2', '3']) expect(made.offer('a', item)).toBe(true);
  expect(done).toEqual(['a1', 'a2', 'a3']);
  expect(made.size).toBe(0);
});

test('P8: of much a little is done in each turn, in which others get to run, and each place has its turn', async () => {
  const { made, done } = turns();
  for (let i = 0; i < 13; i += 1) expect(made.offer('m', String(i))).toBe(true);
  expect(made.offer('m', 'one too many')).toBe(false);
  expect(made.offer('a', '!')).toBe(true);
  expect(made.offer('b', '!')).toBe(true);
  expect(done).toEqual(['m0', 'm1', 'm2']);
  await nextTurn();
  expect(done.slice(3)).toEqual(['m3', 'a!', 'b!']);
  await nextTurn();
  // What comes meanwhile does not overtake.
  expect(made.offer('b', '?')).toBe(true);
  expect(done.slice(6)).toEqual(['m4', 'm5', 'm6']);
  while (made.size > 0) await nextTurn();
  expect(done.slice(9, 11)).toEqual(['m7', 'b?']);
  expect(done).toHaveLength(16);
});

test('one that cannot be done is told of, and holds up no other; after the end nothing is done', async () => {
  const { made, done, defects } = turns(1);
  made.offer('a', '1');
  made.offer('a', 'broken');
  made.offer('a', '2');
  while (made.size > 0) await nextTurn();
  expect([done, defects.length]).toEqual([['a1', 'a2'], 1]);
  expect(made.offer('a', '3')).toBe(true);
  made.stop();
  await nextTurn();
  expect(made.offer('a', '4')).toBe(false);
  expect(done).toEqual(['a1', 'a2']);
});
