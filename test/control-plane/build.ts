/**
 * Builds the real binaries of the control plane from their Go modules, once for each version.
 *
 * As a script: `node test/control-plane/build.ts [name...]` prints one absolute path a line; without names, the three that every cluster
 * needs.
 */
import { execFile, spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import {
  BINARY_NAMES,
  describeBinary,
  isBinaryName,
  REPOSITORY_DIR,
  type Binary,
  type BinaryName,
} from './binaries.ts';
import { guard, release } from './guardian.ts';
import { withLock } from './lock.ts';

export interface EnsureBinariesOptions {
  /** Receives lines without newline: what is being done and for how long. Default: standard error. */
  readonly onProgress?: (line: string) => void;
  /** Default: the repository's `.cache/bin`. */
  readonly cacheDir?: string;
}

const CACHE_DIR = join(REPOSITORY_DIR, '.cache', 'bin');

const PROGRESS_INTERVAL_MS = 10_000;
const GO_VERSION_MIN = { major: 1, minor: 26 };
/** The last lines of a failed build that are worth showing. */
const ERROR_LINES_MAX = 40;

/**
 * Absolute paths of the named binaries, building those that the cache does not hold. Where `KUBEBUILDER_ASSETS` is set, a binary found in
 * that folder is taken from there, whatever its version.
 * @throws Error naming Go if it is missing or too old, or with the compiler's last lines if a build fails.
 */
export async function ensureBinaries<Name extends BinaryName>(
  names: readonly Name[],
  options: EnsureBinariesOptions = {},
): Promise<Record<Name, string>> {
  const onProgress = options.onProgress ?? ((line: string) => process.stderr.write(`${line}\n`));
  const cacheDir = options.cacheDir ?? CACHE_DIR;
  const paths: Partial<Record<Name, string>> = {};
  for (const name of names) paths[name] = findBuilt(cacheDir, name) ?? (await buildLocked(cacheDir, name, onProgress));
  return paths as Record<Name, string>;
}

function findBuilt(cacheDir: string, name: BinaryName): string | undefined {
  const assets = process.env['KUBEBUILDER_ASSETS'];
  const cached = cachedPath(cacheDir, name);
  return (assets ? [resolve(assets, name), cached] : [cached]).find(isExecutable);
}

function cachedPath(cacheDir: string, name: BinaryName): string {
  return join(cacheDir, `${name}-${describeBinary(name).version}`, name);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** One build at a time: the compiler uses every core by itself, and two runs side by side never build the same thing twice. */
function buildLocked(cacheDir: string, name: BinaryName, onProgress: (line: string) => void): Promise<string> {
  return withLock(
    join(cacheDir, 'build.lock'),
    async () => findBuilt(cacheDir, name) ?? (await build(name, cachedPath(cacheDir, name), onProgress)),
    {
      onWait: (holderPid, waitedMs) =>
        onProgress(`${name}: waiting for the build of process ${holderPid}, ${seconds(waitedMs)}`),
    },
  );
}

async function build(name: BinaryName, target: string, onProgress: (line: string) => void): Promise<string> {
  const binary = describeBinary(name);
  await requireGo(name, binary);
  const folder = dirname(target);
  mkdirSync(folder, { recursive: true });
  for (const leftover of readdirSync(folder)) if (leftover !== name) rmSync(join(folder, leftover), { force: true });
  const temporary = join(folder, `.${name}.${process.pid}`);

  const since = performance.now();
  onProgress(`${name} ${binary.version}: building with Go, once for this version`);
  await runGoBuild(name, binary, temporary, (doing) =>
    onProgress(`${name} ${binary.version}: ${doing}, ${seconds(performance.now() - since)}`),
  );
  renameSync(temporary, target);
  onProgress(`${name} ${binary.version}: built in ${seconds(performance.now() - since)}`);
  return target;
}

function runGoBuild(
  name: BinaryName,
  binary: Binary,
  output: string,
  onProgress: (doing: string) => void,
): Promise<void> {
  const args = ['build', '-mod=readonly', '-trimpath', '-buildvcs=false', '-ldflags', binary.ldflags.join(' ')];
  const child = spawn('go', [...args, '-o', output, binary.goPackage], {
    cwd: binary.moduleDir,
    env: goEnvironment(),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (child.pid !== undefined) guard(child.pid);

  let tail = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-20_000);
  });
  const timer = setInterval(() => {
    const last = tail.trimEnd().split('\n').at(-1) ?? '';
    onProgress(last.startsWith('go: downloading') ? last.slice('go: '.length) : 'compiling');
  }, PROGRESS_INTERVAL_MS);

  return new Promise<void>((resolvePromise, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolvePromise();
      else {
        const lines = tail.trimEnd().split('\n').slice(-ERROR_LINES_MAX).join('\n');
        reject(new Error(`go build of ${name} ended with ${signal ?? `exit code ${code}`}:\n${lines}`));
      }
    });
  }).finally(() => {
    clearInterval(timer);
    if (child.pid !== undefined) release(child.pid);
  });
}

/** Static binaries, and no go.work of a folder above; everything else (GOPROXY, GOFLAGS, caches) is the caller's. */
function goEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, CGO_ENABLED: '0', GOWORK: 'off' };
}

async function requireGo(name: BinaryName, binary: Binary): Promise<void> {
  const wanted = `Go ${GO_VERSION_MIN.major}.${GO_VERSION_MIN.minor} or newer is needed to build ${name} ${binary.version}`;
  let version: string;
  try {
    // In the module's folder, where Go may switch to a newer toolchain by itself.
    const run = await promisify(execFile)('go', ['env', 'GOVERSION'], { cwd: binary.moduleDir, env: goEnvironment() });
    version = run.stdout.trim();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      throw new Error(`${wanted}, but there is no \`go\` on the PATH: install it from https://go.dev/dl`, {
        cause: error,
      });
    throw new Error(`${wanted}, but \`go env GOVERSION\` failed`, { cause: error });
  }
  const [, major = '0', minor = '0'] = /^go(\d+)\.(\d+)/.exec(version) ?? [];
  const found = Number(major) * 1000 + Number(minor);
  if (!version.startsWith('devel') && found < GO_VERSION_MIN.major * 1000 + GO_VERSION_MIN.minor)
    throw new Error(`${wanted}, but \`go\` on the PATH is ${version}: install a newer one from https://go.dev/dl`);
}

function seconds(durationMs: number): string {
  return `${Math.round(durationMs / 1000)} s`;
}

if (import.meta.main) {
  const wanted = process.argv.length > 2 ? process.argv.slice(2) : ['kube-apiserver', 'etcd', 'kubectl'];
  const unknown = wanted.filter((name) => !isBinaryName(name));
  if (unknown.length > 0) {
    process.stderr.write(`unknown: ${unknown.join(', ')}; known: ${BINARY_NAMES.join(', ')}\n`);
    process.exitCode = 2;
  } else {
    try {
      const paths = await ensureBinaries(wanted.filter(isBinaryName));
      process.stdout.write(`${Object.values(paths).join('\n')}\n`);
    } catch (error) {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      process.exitCode = 1;
    }
  }
}
