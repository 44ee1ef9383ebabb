import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { badNames, importsOf, impurities, leftovers, wrongImports } from './rules.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const tracked = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter((path) => path !== '' && existsSync(join(root, path)));
const sources = tracked.filter((path) => /\.(?:ts|mjs)$/.test(path));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const own = 'test/unit/tidy/';

describe('the house rules', () => {
  it('imports go only in the directions that the architecture allows', () => {
    expect(sources.flatMap((path) => wrongImports(path, read(path)))).toEqual([]);
  });

  it('the pure parts use no clock, randomness, timer, process or promise', () => {
    expect(sources.flatMap((path) => impurities(path, read(path)))).toEqual([]);
  });

  it('no file is called utils, helpers or common', () => {
    expect(tracked.flatMap(badNames)).toEqual([]);
  });

  it('nothing is skipped, left to do, or bound to one machine', () => {
    expect(sources.filter((path) => !path.startsWith(own)).flatMap((path) => leftovers(path, read(path)))).toEqual([]);
  });

  it('every folder of sources says what it is for', () => {
    const folders = new Set(
      sources
        .filter((path) => /^(?:src|webhook|cmd|test)\//.test(path))
        .map((path) => path.split('/').slice(0, 2).join('/')),
    );
    const missing = [...folders]
      .map((folder) => (folder.endsWith('.ts') || folder.endsWith('.mjs') ? dirname(folder) : folder))
      .filter(
        (folder) =>
          !existsSync(join(root, folder, 'README.md')) && !['test', 'test/unit', 'cmd/kubectl-chain'].includes(folder),
      );
    expect([...new Set(missing)]).toEqual([]);
  });

  it('the lock file names no address of a registry', () => {
    expect(read('package-lock.json')).not.toMatch(/"resolved": *"http/);
  });
});

describe('each rule fires on a planted violation', () => {
  it('finds imports of every form', () => {
    expect(
      importsOf("import { a } from './a.ts';\nexport * from './b.ts';\nawait import('./c.ts');\nimport './d.ts';"),
    ).toEqual(['./a.ts', './b.ts', './c.ts', './d.ts']);
  });

  it('an import against the direction', () => {
    expect(wrongImports('src/consensus/x.ts', "import { openStore } from '../store/index.ts';")).toHaveLength(1);
    expect(wrongImports('src/codec/x.ts', "import { readFileSync } from 'node:fs';")).toHaveLength(1);
    expect(
      wrongImports('cmd/kubectl-chain/audit.ts', "const n = await import('../../src/node/node.ts');"),
    ).toHaveLength(1);
    expect(wrongImports('src/ledger/x.ts', "import { toHex } from '../codec/index.ts';")).toEqual([]);
  });

  it.each([
    'export async function f() {}',
    'const now = Date.now();',
    'const r = Math.random();',
    'setTimeout(f, 1);',
    'process.exit(1);',
    'return new Promise(f);',
  ])('%s in a pure part', (code) => {
    expect(impurities('src/ledger/x.ts', code)).toHaveLength(1);
  });

  it('words in comments and messages are no code', () => {
    expect(impurities('src/ledger/x.ts', "// Date and async\nconst a = 'await the Date';")).toEqual([]);
  });

  it('a name that says nothing, a skipped test, something left to do, a path of one machine', () => {
    expect(badNames('src/codec/utils.ts')).toHaveLength(1);
    expect(leftovers('test/x.test.ts', "it.skip('x')")).toHaveLength(1);
    expect(leftovers('src/x.ts', '// TODO later')).toHaveLength(1);
    expect(leftovers('src/x.ts', "const d = '/work/x';")).toHaveLength(1);
  });
});
