import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { broken, verdictOf, type Report, type Verdict } from './verdict.ts';

/** What the tests need of the repository. The rest, built binaries above all, stays where it is. */
const copied = ['src', 'webhook', 'cmd', 'manifests', 'test', 'package.json', 'tsconfig.json'];
/** The slowest test on the list takes half a minute; this is for one that a fault makes hang, on a busy machine. */
const runTimeoutMs = 600_000;
const outputCharsMax = 2_000;

/** A property that fails says which error made it fail: an assertion, or something that only broke. */
const setup = `import fc from 'fast-check';
fc.configureGlobal({ includeErrorInReport: true });
`;
const config = `import { mergeConfig } from 'vitest/config';
import repository from './test/vitest.config.ts';
export default mergeConfig(repository, { test: { setupFiles: ['./mutants.setup.ts'] } });
`;

/** A copy of the sources in a temporary folder, where faults may be planted and tests run. */
export class Workbench {
  readonly root: string;
  readonly #report: string;
  #running: number | undefined;

  constructor(repository: string) {
    this.root = mkdtempSync(join(tmpdir(), 'kubectl-chain-mutants-'));
    this.#report = join(this.root, 'report.json');
    for (const name of copied) cpSync(join(repository, name), join(this.root, name), { recursive: true });
    writeFileSync(join(this.root, 'mutants.setup.ts'), setup);
    writeFileSync(join(this.root, 'mutants.config.ts'), config);
    symlinkSync(join(repository, 'node_modules'), join(this.root, 'node_modules'));
  }

  /** Runs one test file, or those of its tests whose names hold one of `named`; it stops at the first failure. */
  async test(project: string, file: string, named: readonly string[] = []): Promise<Verdict> {
    rmSync(this.#report, { force: true });
    const { code, output } = await this.#vitest(project, file, named);
    if (code === null) return broken(`the run did not end within ${runTimeoutMs} ms`);
    const report = this.#read();
    if (report === undefined) return broken(`no report: ${output}`);
    const verdict = verdictOf(report);
    // Failures outside of any test, such as an unhandled rejection, show in the exit code alone.
    if (verdict.kind === 'passed' && code !== 0) return broken(`vitest ended with ${code}: ${output}`);
    return verdict;
  }

  dispose(): void {
    this.#kill();
    rmSync(this.root, { recursive: true, force: true });
  }

  #vitest(
    project: string,
    file: string,
    named: readonly string[],
  ): Promise<{ readonly code: number | null; readonly output: string }> {
    const report = ['--reporter=json', `--outputFile=${this.#report}`];
    const names = named.length === 0 ? [] : [`--testNamePattern=${named.map((name) => RegExp.escape(name)).join('|')}`];
    const args = [
      'run',
      '--config',
      'mutants.config.ts',
      '--project',
      project,
      '--bail',
      '1',
      ...report,
      ...names,
      file,
    ];
    const child = spawn(process.execPath, [join(this.root, 'node_modules', 'vitest', 'vitest.mjs'), ...args], {
      cwd: this.root,
      // A group of its own, so that its workers go with it.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1' },
    });
    this.#running = child.pid;
    let output = '';
    const collect = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-outputCharsMax);
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#kill();
    }, runTimeoutMs);
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => {
        clearTimeout(timer);
        this.#running = undefined;
        resolve({ code: late ? null : (code ?? 1), output });
      });
    });
  }

  #kill(): void {
    if (this.#running === undefined) return;
    try {
      process.kill(-this.#running, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  #read(): Report | undefined {
    try {
      return JSON.parse(readFileSync(this.#report, 'utf8')) as Report;
    } catch {
      return undefined;
    }
  }
}
