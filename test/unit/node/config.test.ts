import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ChainError } from '../../../src/errors/chain-error.ts';
import { hostAndPort, readNodeConfig } from '../../../src/node/config.ts';

const dir = mkdtempSync(join(tmpdir(), 'kubectl-chain-config-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const good = `apiVersion: kubectl-chain.dev/v1alpha1
kind: NodeConfig
org: alpha
genesisFile: genesis.json
dataDir: data
keys: {vote: keys/vote.pem, tx: keys/tx.pem, checkpoint: keys/checkpoint.pem}
peer: {listen: "127.0.0.1:7000", key: tls/peer.key, certificate: tls/peer.crt}
api: {listen: "127.0.0.1:7001", key: tls/api.key, certificate: tls/api.crt}
webhook: {listen: "127.0.0.1:7002", key: tls/w.key, certificate: tls/w.crt, clientCa: ca.pem}
cluster: {name: main}
`;

function failure(text: string): ChainError {
  const file = join(dir, 'node.yaml');
  writeFileSync(file, text);
  try {
    readNodeConfig(file);
  } catch (error) {
    return error as ChainError;
  }
  throw new Error('the configuration was accepted');
}

describe('the configuration of a node', () => {
  it('is read with paths relative to its own file', () => {
    const file = join(dir, 'good.yaml');
    writeFileSync(file, good);
    const config = readNodeConfig(file);
    expect(config.dataDir).toBe(join(dir, 'data'));
    expect(config.webhook?.clientCa).toBe(join(dir, 'ca.pem'));
    expect(config.log.level).toBe('info');
    expect(config.webhook?.nodeAgents).toBeUndefined();
    expect(config.catchUp).toEqual({ snapshotFromBlocks: 5_000 });
  });

  it('names the users that play the kubelet, where there are any', () => {
    const file = join(dir, 'agents.yaml');
    writeFileSync(file, good.replace('clientCa: ca.pem', 'clientCa: ca.pem, nodeAgents: [kwok]'));
    expect(readNodeConfig(file).webhook?.nodeAgents).toEqual(['kwok']);
  });

  it.each([
    ['an unknown field', good.replace('dataDir: data', 'dataDir: data\ndataDirr: x'), { line: 6, field: 'dataDirr' }],
    [
      'an unknown nested field',
      good.replace('cluster: {name: main}', 'cluster: {name: main, colour: red}'),
      { line: 10, field: 'cluster.colour' },
    ],
    ['a value of another type', good.replace('org: alpha', 'org: 7'), { line: 3, field: 'org' }],
    ['an address without a port', good.replace('"127.0.0.1:7001"', '"127.0.0.1"'), { line: 8, field: 'api.listen' }],
    [
      'a webhook that nobody is authenticated at',
      good.replace(', clientCa: ca.pem', ''),
      { line: 9, field: 'webhook' },
    ],
    [
      'a node agent that could end the text of a match condition',
      good.replace('clientCa: ca.pem', `clientCa: ca.pem, nodeAgents: ["k'"]`),
      { line: 9, field: 'webhook.nodeAgents.0' },
    ],
    ['a key given twice', good.replace('dataDir: data', 'dataDir: data\ndataDir: other'), { line: 6, field: '' }],
    ['broken YAML', good.replace('org: alpha', 'org: [alpha'), { field: '' }],
  ])('%s is refused with its line', (_what, text, place) => {
    const error = failure(text);
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.payload).toMatchObject(place);
    expect(error.message).toContain('node.yaml:');
  });

  it('names a file that cannot be read', () => {
    let error: unknown;
    try {
      readNodeConfig(join(dir, 'absent.yaml'));
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject({ code: 'CONFIG_UNREADABLE' });
  });

  it('splits addresses of both families', () => {
    expect(hostAndPort('[::1]:443')).toEqual({ host: '::1', port: 443 });
    expect(hostAndPort('node.alpha.example:8443')).toEqual({ host: 'node.alpha.example', port: 8443 });
  });
});
