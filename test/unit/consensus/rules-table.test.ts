import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..', '..');
const core = join(root, 'src', 'consensus');
const page = readFileSync(join(core, 'README.md'), 'utf8');
const rows = page
  .split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .filter(({ length }) => length === 6)
  .filter(([, first = '']) => !/^(paper|before this|-+)/.test(first));
const quoted = (cell = ''): readonly string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);

/** The rows of the paper's lines. */
const ruleRows = rows.flatMap(([, paper = '', , , tests]) => {
  const [, from, to = from] = /^L(\d+)(?:-L(\d+))?$/.exec(paper) ?? [];
  return from === undefined ? [] : [{ from: Number(from), to: Number(to), tests: quoted(tests) }];
});
const transcript = (name: string): string =>
  readFileSync(join(root, 'test', 'datadriven', 'consensus', `${name}.txt`), 'utf8');

/** What a row names for what breaks: a transcript, or a test beside this one. */
function isThere(name: string): boolean {
  const file = name.endsWith('.test.ts')
    ? join(root, 'test', 'unit', 'consensus', name)
    : join(root, 'test', 'datadriven', 'consensus', `${name}.txt`);
  return existsSync(file);
}

describe("the tables of the core's page", () => {
  it('name files and tests that exist, at least one of each in a row', () => {
    expect(rows.length).toBeGreaterThan(20);
    for (const [, what, , where, tests] of rows) {
      const files = quoted(where).filter((name) => name.endsWith('.ts'));
      const missing = [
        ...files.filter((name) => !existsSync(join(core, name))),
        ...quoted(tests).filter((name) => !isThere(name)),
      ];
      expect(missing, what).toEqual([]);
      expect(files.length + quoted(where).length, what).toBeGreaterThan(0);
      expect(quoted(tests).length, what).toBeGreaterThan(0);
    }
  });

  it('cover every line of the pseudocode once, in order', () => {
    let next = 1;
    for (const { from, to } of ruleRows) {
      expect(from).toBe(next);
      next = to + 1;
    }
    expect(next).toBe(68);
  });

  it('name for each rule that the core traces a transcript in which it fires', () => {
    const traced = globSync('**/*.ts', { cwd: core }).flatMap((file) =>
      [...readFileSync(join(core, file), 'utf8').matchAll(/trace\(turn, [^)]*\)/g)].flatMap(([call]) =>
        [...call.matchAll(/'L(\d+)'/g)].map(([, line]) => Number(line)),
      ),
    );
    expect(new Set(traced).size).toBeGreaterThan(12);
    for (const line of new Set(traced)) {
      const row = ruleRows.find(({ from, to }) => from <= line && line <= to);
      const transcripts = (row?.tests ?? []).filter((name) => !name.endsWith('.test.ts')).map(transcript);
      expect(
        transcripts.filter((text) => new RegExp(`\\bL${line}\\b`).test(text)),
        `L${line}`,
      ).not.toEqual([]);
    }
  });
});
