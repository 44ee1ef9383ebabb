/** What a run of one test file came to. Only `caught` says that a test saw the fault. */
export type Verdict =
  | { readonly kind: 'passed'; readonly tests: number }
  /** An assertion failed in the test of this name. */
  | { readonly kind: 'caught'; readonly test: string }
  /** Nothing that proves anything: a file that does not load, no test, a timeout, an error that is no assertion. */
  | { readonly kind: 'broken'; readonly reason: string };

/** The part of vitest's JSON report that counts. */
export interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages?: readonly string[] | null;
    }[];
  }[];
}

const reasonCharsMax = 300;
/**
 * What counts as an assertion: `expect` (also of promises), a property of fast-check whose counterexample ended in one (the
 * workbench has it quote the error), and an error that the test itself threw, not the code under test.
 */
const assertions: readonly RegExp[] = [
  /^AssertionError\b/,
  /^Error: promise (?:resolved|rejected)[\s\S]*_Assertion\b/,
  /^Error: Property failed after \d+ tests[\s\S]*\nGot (?:AssertionError\b|error: [^\n]*\n\s+at [^\n]*\/test\/)/,
  /^Error: (?!Property failed)[^\n]*\n\s+at [^\n]*\/test\/(?!mutants\/)/,
];

/**
 * A test that fails proves something only if it ran and what failed is an assertion of its own: the file was loaded, and the first
 * failure of the test is one. (A test that throws before its first assertion also fails for want of one; that is no proof.)
 */
export function verdictOf(report: Report): Verdict {
  const unloaded = report.testResults.find((file) => file.assertionResults.length === 0);
  if (unloaded !== undefined) return broken(`does not load: ${unloaded.message}`);
  const tests = report.testResults.flatMap((file) => file.assertionResults);
  const failed = tests.filter((test) => test.status === 'failed');
  const passed = tests.filter((test) => test.status === 'passed');
  const caught = failed.find((test) => isAssertion(plain(test.failureMessages?.[0] ?? '')));
  if (caught !== undefined) return { kind: 'caught', test: caught.fullName };
  const other = failed[0];
  if (other !== undefined) return broken(`no assertion: ${other.fullName}: ${other.failureMessages?.[0] ?? ''}`);
  const unhappy = report.testResults.find((file) => file.status !== 'passed');
  if (unhappy !== undefined) return broken(`${unhappy.status}: ${unhappy.message}`);
  if (passed.length === 0) return broken('no test ran');
  return { kind: 'passed', tests: passed.length };
}

function isAssertion(message: string): boolean {
  return assertions.some((pattern) => pattern.test(message));
}

export function broken(reason: string): Verdict {
  return { kind: 'broken', reason: plain(reason).replace(/\s+/g, ' ').trim().slice(0, reasonCharsMax) };
}

/** Without the colours of a terminal. */
function plain(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replace(/\u001b\[[0-9;]*m/g, '');
}
