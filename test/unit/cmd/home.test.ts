import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { configFile, parseHomeConfig, readHomeConfig, writeHomeConfig } from '../../../cmd/kubectl-chain/home.ts';
import { expectCode } from '../codec/expect-code.ts';

const config = (endpoints: string): string => `chains:
  - name: prod
    genesisHash: "${'ab'.repeat(32)}"
    endpoints: ${endpoints}
    caBundle: all.crt
`;

test('an endpoint may have an authority of its own, beside those that have the common one; what is written is read alike', () => {
  const home = mkdtempSync(join(tmpdir(), 'kubectl-chain-home-'));
  onTestFinished(() => rmSync(home, { recursive: true }));
  const text = config('["https://a.example:7001", {url: "https://b.example:7001", caBundle: b.crt}]');
  const read = parseHomeConfig('config.yaml', text);
  expect(read.chains[0]).toMatchObject({
    endpoints: ['https://a.example:7001', 'https://b.example:7001'],
    caBundle: 'all.crt',
    caBundles: { 'https://b.example:7001': 'b.crt' },
  });
  writeHomeConfig(home, read);
  expect(readHomeConfig(home)).toEqual(read);
  expect(configFile(home)).toContain(home);
  const plain = parseHomeConfig('config.yaml', config('["https://a.example:7001"]'));
  expect(plain.chains[0]).not.toHaveProperty('caBundles');
});

test.each([
  ['{url: "http://b.example", caBundle: b.crt}', 'must be an https URL'],
  ['{url: "https://b.example", ca: b.crt}', 'ca'],
  ['7', ''],
])('%s is a mistake with its place', (endpoint, problem) => {
  const payload = expectCode('CLI_CONFIG', () => parseHomeConfig('config.yaml', config(`[${endpoint}]`)));
  expect(payload).toMatchObject({ line: 4 });
  expect(payload['problem']).toContain(problem);
});
