import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withFault } from '../../mutants/fault.ts';
import { faults } from '../../mutants/faults.ts';
import { verdictOf, type Report } from '../../mutants/verdict.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

describe('the list of planted faults', () => {
  it('fits the sources: what is replaced stands there as stated', () => {
    const misfits = faults.flatMap((fault) => {
      try {
        withFault(read(fault.file), fault);
        return [];
      } catch (error) {
        return [`${fault.fault} ${(error as Error).message}`];
      }
    });
    expect(misfits).toEqual([]);
  });

  it('names tests that exist, of the project that they belong to', () => {
    for (const { fault, tests, project, named } of faults) {
      expect(tests.length, fault).toBeGreaterThan(0);
      for (const test of tests) {
        expect(existsSync(join(root, test)), test).toBe(true);
        expect(test.startsWith('test/sim/') ? 'sim' : 'unit', test).toBe(project);
        if (named !== undefined) expect(read(test), fault).toContain(named);
      }
    }
  });

  it('tells each fault once, and covers every part that can lie, lose or let through', () => {
    expect(new Set(faults.map(({ fault }) => fault)).size).toBe(faults.length);
    const parts = new Set(faults.map(({ file }) => file.replace(/^src\//, '').split('/')[0]));
    expect(parts).toEqual(
      new Set([
        'api',
        'change',
        'client',
        'cluster',
        'codec',
        'consensus',
        'crypto',
        'governance',
        'ledger',
        'net',
        'node',
        'store',
        'webhook',
      ]),
    );
  });
});

describe('planting a fault', () => {
  const at = { file: 'a.ts', find: 'x', replace: 'y' };

  it('replaces the one place, or the one that is meant', () => {
    expect(withFault('a x b', at)).toBe('a y b');
    expect(withFault('x x x', { ...at, ordinal: 2 })).toBe('x y x');
  });

  it.each([
    ['a place that is not there', 'abc', at],
    ['one of several, not said which', 'x x', at],
    ['an ordinal beyond the last', 'x x', { ...at, ordinal: 3 }],
    ['nothing new', 'x', { ...at, replace: 'x' }],
    ['nothing at all', 'x', { ...at, find: '' }],
  ])('refuses %s', (_what, text, fault) => {
    expect(() => withFault(text, fault)).toThrow(/^a\.ts: /);
  });
});

describe('a fault counts as caught', () => {
  const report = (failure: string | null, status = 'failed'): Report => ({
    testResults: [
      {
        name: 'x.test.ts',
        status: failure === null ? 'passed' : 'failed',
        message: '',
        assertionResults: [{ fullName: 'a test', status, failureMessages: failure === null ? [] : [failure] }],
      },
    ],
  });
  const here = '\n    at /tmp/copy/test/unit/x.test.ts:1:1';
  const there = '\n    at decode (/tmp/copy/src/codec/x.ts:1:1)';

  it.each([
    ['an assertion', `AssertionError: expected 1 to be 2${here}`],
    ['an assertion about a promise', `Error: promise resolved "undefined" instead of rejecting\n    at _Assertion.f`],
    [
      'a property',
      `Error: Property failed after 2 tests\nCounterexample: [0]\n\nGot AssertionError: expected 1${here}`,
    ],
    ['an error that the test itself throws', `Error: byte 5 went unnoticed${here}`],
  ])('when %s fails', (_what, failure) => {
    expect(verdictOf(report(failure))).toEqual({ kind: 'caught', test: 'a test' });
  });

  it.each([
    ['a timeout', `TestTimeoutError: Test timed out in 60000ms.${here}`],
    ['a mistake in the planted code', `ReferenceError: x is not defined${there}`],
    ['an error of the code under test', `Error: not ready${there}`],
    [
      'a property that only broke',
      `Error: Property failed after 1 tests\n\nGot TypeError: x is not a function${there}`,
    ],
    ['a coded error', `ChainError: the key stands twice${there}`],
  ])('not by %s', (_what, failure) => {
    expect(verdictOf(report(failure)).kind).toBe('broken');
  });

  it('not when the file does not load, or no test ran', () => {
    const unloaded = { name: 'x.test.ts', status: 'failed', message: 'SyntaxError: x', assertionResults: [] };
    expect(verdictOf({ testResults: [unloaded] }).kind).toBe('broken');
    expect(verdictOf({ testResults: [] }).kind).toBe('broken');
    expect(verdictOf(report(null, 'skipped')).kind).toBe('broken');
  });

  it('not when everything passes', () => {
    expect(verdictOf(report(null, 'passed'))).toEqual({ kind: 'passed', tests: 1 });
  });
});
