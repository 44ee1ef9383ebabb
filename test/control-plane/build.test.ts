import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { BINARY_NAMES, describeBinary, ETCD_VERSION } from './binaries.ts';
import { ensureBinaries } from './build.ts';

let root: string;
let cacheDir: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'build-'));
  cacheDir = join(root, 'cache');
  vi.stubEnv('KUBEBUILDER_ASSETS', '');
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true, force: true });
});

/** Puts a stand-in for `go` on the PATH that says a version, counts its builds and "compiles" for 200 ms. */
function installGo(version: string, exitCode = 0): () => number {
  const bin = join(root, 'bin');
  const counter = join(root, 'builds');
  mkdirSync(bin);
  writeFileSync(counter, '');
  const script = `#!/bin/sh
if [ "$1" = env ]; then echo ${version}; exit 0; fi
echo build >> ${counter}
echo "undefined: something" >&2
sleep 0.2
while [ "$1" != -o ]; do shift; done
[ ${exitCode} = 0 ] && echo binary > "$2" && chmod +x "$2"
exit ${exitCode}
`;
  writeFileSync(join(bin, 'go'), script);
  chmodSync(join(bin, 'go'), 0o755);
  vi.stubEnv('PATH', `${bin}:/usr/bin:/bin`);
  return () => readFileSync(counter, 'utf8').split('\n').length - 1;
}

test('runs side by side build once, later ones not at all', async () => {
  const builds = installGo('go1.26.8');
  const lines: string[] = [];
  const options = { cacheDir, onProgress: (line: string) => lines.push(line) };
  const results = await Promise.all([ensureBinaries(['etcd'], options), ensureBinaries(['etcd'], options)]);
  const etcd = join(cacheDir, `etcd-${ETCD_VERSION}`, 'etcd');
  expect(results).toEqual([{ etcd }, { etcd }]);
  expect(await ensureBinaries(['etcd'], options)).toEqual({ etcd });
  expect(builds()).toBe(1);
  expect(lines.join('\n')).toMatch(/etcd: waiting for the build of process \d+/);
  expect(lines.at(-1)).toMatch(/^etcd [\d.]+: built in \d+ s$/);
});

test('a failed build tells what the compiler said, and leaves nothing that looks built', async () => {
  const builds = installGo('go1.26.8', 1);
  const options = { cacheDir, onProgress: () => {} };
  await expect(ensureBinaries(['kubectl'], options)).rejects.toThrow(/go build of kubectl[^]*undefined: something/);
  await expect(ensureBinaries(['kubectl'], options)).rejects.toThrow('go build of kubectl');
  expect(builds()).toBe(2);
});

test('a missing Go is named', async () => {
  vi.stubEnv('PATH', join(root, 'empty'));
  const message = 'Go 1.26 or newer is needed to build etcd 3.6.8, but there is no `go` on the PATH';
  await expect(ensureBinaries(['etcd'], { cacheDir })).rejects.toThrow(message);
});

test.each(['go1.25.9', 'go1.9'])('a Go that is too old is named: %s', async (version) => {
  const builds = installGo(version);
  await expect(ensureBinaries(['etcd'], { cacheDir })).rejects.toThrow(`but \`go\` on the PATH is ${version}`);
  expect(builds()).toBe(0);
});

test('binaries in KUBEBUILDER_ASSETS are taken from there', async () => {
  const builds = installGo('go1.26.8');
  const assets = join(root, 'assets');
  mkdirSync(assets);
  writeFileSync(join(assets, 'etcd'), '', { mode: 0o755 });
  vi.stubEnv('KUBEBUILDER_ASSETS', assets);
  const found = await ensureBinaries(['etcd', 'kubectl'], { cacheDir, onProgress: () => {} });
  expect(found.etcd).toBe(join(assets, 'etcd'));
  expect(found.kubectl.startsWith(cacheDir)).toBe(true);
  expect(builds()).toBe(1);
});

test.each(BINARY_NAMES)('the go.mod of %s requires the version that the binary is cached under', (name) => {
  const { moduleDir, goPackage, version } = describeBinary(name);
  const goMod = readFileSync(join(moduleDir, 'go.mod'), 'utf8');
  const required = [...goMod.matchAll(/^(?:require )?\t?(\S+) v(\S+)$/gm)].find(([, module]) =>
    `${goPackage}/`.startsWith(`${module}/`),
  );
  expect(required?.[2]).toBe(version);
});
