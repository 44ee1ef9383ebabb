import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { encodePrivateKeyPem, generateSeed } from '../../src/crypto/index.ts';
import { makeGenesis, writeGenesis } from '../../src/node/genesis-command.ts';
import { Committee } from './committee.ts';
import { nodeConfig } from './founding.ts';
import { runChainNode, type SmallDisk } from './node-run.ts';

/** Members of a configuration that a test replaces; one level is merged. */
type Change = Readonly<Record<string, unknown>>;

let committee: Committee;
let dir: string;

beforeAll(async () => {
  committee = await Committee.found();
  dir = join(committee.dir, 'wrong');
  mkdirSync(dir);
  await committee.freePorts();
});

afterAll(() => committee?.close());

let files = 0;

/** Alpha's configuration with something else in it, as a file. Its data folder is one that does not exist. */
function configured(change: Change): { readonly file: string; readonly dataDir: string } {
  files += 1;
  const alpha = committee.node('alpha');
  const dataDir = join(dir, `data-${files}`);
  const config: Record<string, unknown> = {
    ...nodeConfig(committee.founded.layout, alpha.member, clientCa()),
    dataDir,
  };
  for (const [name, value] of Object.entries(change)) {
    const before = config[name];
    config[name] = typeof value === 'object' && typeof before === 'object' ? { ...before, ...value } : value;
  }
  const file = join(dir, `node-${files}.yaml`);
  writeFileSync(file, stringify(config));
  return { file, dataDir: config['dataDir'] as string };
}

const clientCa = (): string => join(committee.dir, 'client-ca.pem');
const filesOf = (org: string) => committee.founded.layout.org(org);

function written(name: string, text: string): string {
  const file = join(dir, name);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

/** The node must end by itself with exit 1 and two lines: what is wrong, with its code, and what to do. Returns both. */
async function refusal(file: string, disk?: SmallDisk): Promise<string> {
  const { code, stderr, stdout } = await runChainNode(['start', '--config', file], disk);
  expect(code, `${stdout}${stderr}`).toBe(1);
  const [problem = '', remedy = '', ...more] = stderr.trimEnd().split('\n');
  expect(problem).toMatch(/^error: .+ \[[A-Z_]+\]$/);
  expect(remedy).toMatch(/\w.*[.!]$/);
  expect(more, 'no stack trace').toEqual([]);
  return problem;
}

describe('a node that is given something wrong says what, and begins nothing', () => {
  it('the key of another organisation', async () => {
    const { file, dataDir } = configured({ keys: { vote: join(filesOf('beta').nodeDir, 'keys', 'vote.pem') } });
    expect(await refusal(file)).toMatch(/the vote key .* \[NODE_KEY_MISMATCH\]/);
    expect(existsSync(dataDir)).toBe(false);
  });

  it('a file that is no key', async () => {
    const { file, dataDir } = configured({ keys: { tx: filesOf('alpha').genesis } });
    expect(await refusal(file)).toMatch(
      /the tx key .*genesis\.json cannot be used: .*CRYPTO_PEM.*\[NODE_KEY_UNUSABLE\]/,
    );
    expect(existsSync(dataDir)).toBe(false);
  });

  it('an encrypted key and no passphrase, or a wrong one', async () => {
    const vote = written('encrypted.pem', encodePrivateKeyPem(generateSeed(), 'right horse'));
    const passphraseFile = written('passphrase', 'wrong horse\n');
    const [missing, wrong] = await Promise.all([
      refusal(configured({ keys: { vote } }).file),
      refusal(configured({ keys: { vote, passphraseFile } }).file),
    ]);
    expect(missing).toMatch(/encrypted\.pem.*CRYPTO_PASSPHRASE_MISSING.*\[NODE_KEY_UNUSABLE\]/);
    expect(wrong).toMatch(/encrypted\.pem.*CRYPTO_PASSPHRASE_WRONG.*\[NODE_KEY_UNUSABLE\]/);
    expect(`${missing}${wrong}`).not.toContain('horse');
  });

  it("a key of the mesh, the API or the webhook that is not its certificate's", async () => {
    const other = (name: string): string => join(filesOf('beta').nodeDir, 'tls', `${name}.key`);
    const problems = await Promise.all(
      ['peer', 'api', 'webhook'].map((part) => refusal(configured({ [part]: { key: other(part) } }).file)),
    );
    for (const problem of problems) expect(problem).toMatch(/\.key.*\[NODE_TLS_PAIR\]/);
  });

  it('a configuration with a typo: the line and the column', async () => {
    const { file, dataDir } = configured({});
    const text = readFileSync(file, 'utf8').replace('  listen: ', '  lisen: ');
    writeFileSync(file, text);
    const line = text.split('\n').findIndex((each) => each.includes('lisen')) + 1;
    expect(await refusal(file)).toContain(`${file}:${line}:3: peer.lisen: unknown field [CONFIG_INVALID]`);
    expect(existsSync(dataDir)).toBe(false);
  });

  it('a genesis in which it has no validator', async () => {
    expect(await refusal(configured({ org: 'omega' }).file)).toMatch(/organisation omega .*\[NODE_NOT_A_VALIDATOR\]/);
  });

  it('a file where the data folder should be', async () => {
    const dataDir = written('data-file', 'not a folder\n');
    expect(await refusal(configured({ dataDir }).file)).toMatch(/data-file is not a folder \[STORE_NOT_A_FOLDER\]/);
    expect(readFileSync(dataDir, 'utf8')).toBe('not a folder\n');
  });

  it('a port that is taken, and gives its data folder free again', async () => {
    const { api, peer, webhook } = committee.node('alpha').member.ports;
    const config = configured({});
    for (const [port, what] of [
      [peer, 'the mesh'],
      [api, 'the API'],
      [webhook, 'the webhook'],
    ] as const) {
      const server = await listeningOn(port);
      try {
        expect(await refusal(config.file)).toContain(
          `${what} cannot listen on 127.0.0.1:${port}: the port is taken [NODE_PORT_IN_USE]`,
        );
      } finally {
        await new Promise((resolve) => server.close(resolve));
      }
      expect(readdirSync(config.dataDir)).not.toContain('lock');
    }
  });
});

function listeningOn(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', reject);
    server.listen({ port, host: '127.0.0.1' }, () => resolve(server));
  });
}

describe('a data folder', () => {
  it('that a running node uses is not opened twice', async () => {
    const alpha = committee.node('alpha');
    await alpha.start();
    await alpha.answering();
    const problem = await refusal(configured({ dataDir: alpha.files.dataDir }).file);
    expect(problem).toContain(`is in use by process ${alpha.run.pid} `);
    expect(problem).toContain('[STORE_IN_USE]');
    expect((await alpha.reader.status()).org).toBe('alpha');
    expect((await alpha.stop()).code).toBe(0);
  });

  it('of another chain is refused and stays as it is', async () => {
    const { layout, members } = committee.founded;
    const planFile = written(
      'other-plan.yaml',
      readFileSync(layout.planFile, 'utf8').replace('chainName: fault', 'chainName: other'),
    );
    const genesis = await makeGenesis(
      planFile,
      members.map(({ org }) => layout.org(org).descriptor),
    );
    await writeGenesis(join(dir, 'other-genesis.json'), genesis);
    const { dataDir } = filesOf('alpha');
    const config = configured({ dataDir, genesisFile: join(dir, 'other-genesis.json') });
    const problem = await refusal(config.file);
    expect(problem).toContain(
      `belongs to chain ${committee.founded.genesisHash}, not to ${genesis.hash} [STORE_OTHER_CHAIN]`,
    );
    expect(readdirSync(dataDir)).not.toContain('lock');
  });

  it('without write permission is named, with what was tried', async () => {
    const config = configured({});
    mkdirSync(config.dataDir);
    const problem = await refusal(config.file, { dir: config.dataDir, options: 'size=1m,ro' });
    expect(problem).toContain(config.dataDir);
    expect(problem).toContain('[STORE_PERMISSION]');
  });

  it('on a full disk is named', async () => {
    const config = configured({});
    mkdirSync(config.dataDir);
    const problem = await refusal(config.file, { dir: config.dataDir, options: 'size=4m' });
    expect(problem).toMatch(/no space left .*\[WAL_FULL\]/);
    expect(problem).toContain(config.dataDir);
  });

  it('on a disk without room for the first page is named, and the process does not crash', async () => {
    const config = configured({});
    mkdirSync(config.dataDir);
    const problem = await refusal(config.file, { dir: config.dataDir, options: 'size=16k' });
    expect(problem).toMatch(/no space left .*\[STORE_FULL\]/);
    expect(problem).toContain(config.dataDir);
  });
});
