// The only file that runs on whatever Node (>= 20) the machine has. It installs the pinned dependencies, among them Node 24
// itself, and hands over to the TypeScript sources. Everything else may assume Node 24.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const marker = join(root, 'node_modules', '.installed-lock-hash');
const lock = join(root, '.cache', 'install.lock');

const entries = {
  quickstart: 'test/quickstart/main.ts',
  playground: 'test/playground/main.ts',
  sim: 'test/sim/main.ts',
  bench: 'test/bench/main.ts',
  mutants: 'test/mutants/main.ts',
  soak: 'test/soak/main.ts',
  test: 'test/run.ts',
};

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

function lockHash() {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .update(readFileSync(join(root, 'package.json')))
    .digest('hex');
}

function installed() {
  return existsSync(marker) && readFileSync(marker, 'utf8') === lockHash();
}

/** Waits for another install in this folder to end; breaks its lock if its process is gone. */
async function withInstallLock(action) {
  mkdirSync(dirname(lock), { recursive: true });
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      let owner = 0;
      try {
        owner = Number(readFileSync(lock, 'utf8'));
        // A lock file that is still empty is being written; only an old one is abandoned.
        if (owner === 0 && Date.now() - statSync(lock).mtimeMs < 5000) throw new Error('being written');
        process.kill(owner, 0);
      } catch (reason) {
        if (reason.code === 'ESRCH' || (reason.code === undefined && owner === 0 && reason.message !== 'being written'))
          rmSync(lock, { force: true });
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
  try {
    return action();
  } finally {
    rmSync(lock, { force: true });
  }
}

function install() {
  if (installed()) return;
  process.stderr.write('installing pinned dependencies (npm ci), about half a minute ...\n');
  const result = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (result.error) fail(`npm could not be started: ${result.error.message}. Install Node.js >= 20 with npm.`);
  if (result.status !== 0) fail('npm ci failed; its output above says why.');
  writeFileSync(marker, lockHash());
}

function node24() {
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath;
  const bundled = join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node');
  if (existsSync(bundled)) return bundled;
  return fail(
    `Node 24 comes from npm for linux on x64 and arm64 only; on ${process.platform}-${process.arch} install Node >= 24 yourself.`,
  );
}

const [command = '', ...args] = process.argv.slice(2);
const [name, tier] = command.split(':');
const entry = entries[name];
if (entry === undefined) fail(`unknown command "${command}"; known: ${Object.keys(entries).join(', ')}`);
if (Number(process.versions.node.split('.')[0]) < 20)
  fail(`Node ${process.versions.node} is too old: install Node >= 20.`);

await withInstallLock(install);
const node = node24();
const path = [dirname(node), join(root, 'node_modules', '.bin'), process.env.PATH].join(':');
const child = spawn(node, [join(root, entry), ...(tier ? [tier] : []), ...args], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, PATH: path },
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('error', (error) => fail(`could not start ${node}: ${error.message}`));
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));
