import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectOneLogWith, expectSoundFolders } from './checks.ts';
import { Committee, type Change, type FaultNode } from './committee.ts';
import { openStore, openStoreForReading } from '../../src/store/index.ts';
import { numberKey, stateBucketKey } from '../../src/store/lmdb/key.ts';
import { Load } from './load.ts';
import { waitFor } from './wait-for.ts';

/** Index of delta among the validators, which stand in the order of their names. */
const DELTA = 2;

let committee: Committee;
let delta: FaultNode;
const changes: Change[] = [];

beforeAll(async () => {
  committee = await Committee.found();
  delta = committee.node('delta');
  await committee.start();
});

afterAll(() => committee?.close());

async function load(name: string, count: number): Promise<void> {
  const running = new Load(committee, name, 4);
  try {
    await running.progress(count);
  } finally {
    await running.stop();
    changes.push(...running.changes);
  }
}

/** Height through which delta says that it signs nothing. */
async function through(): Promise<number> {
  return waitFor('the height', async () => {
    const height = /through height (\d+)/.exec((await delta.reader.status()).notReady.join('\n'))?.[1];
    return height === undefined ? undefined : Number(height);
  });
}

/** Delta signed nothing from `first` through `last`, and signs again later. */
async function expectSilence(first: number, last: number): Promise<void> {
  await load('after', 8);
  await waitFor('a signature of delta', async () => {
    changes.push(await committee.mustChange(`more-${changes.length}`));
    return (await delta.reader.signers(last + 1)).flat().includes(DELTA) ? true : undefined;
  });
  const silent = (await delta.reader.signers(first)).slice(0, last - first + 1);
  expect(silent.flat()).not.toContain(DELTA);
  expect((await delta.reader.status()).notReady).toEqual([]);
  await expectOneLogWith(committee, changes);
}

describe('P7: a node that does not know what it signed', () => {
  const backup = (): string => join(committee.dir, 'yesterday');

  it('(its folder comes from a backup) signs nothing before all that it may have signed is decided', async () => {
    await load('before', 10);
    const made = await delta.command('backup', '--out', backup());
    expect(made).toMatchObject({ code: 0, stderr: '' });
    await load('since', 20);
    await delta.kill();
    const { height } = await committee.agreed();
    rmSync(delta.files.dataDir, { recursive: true });
    cpSync(backup(), delta.files.dataDir, { recursive: true });
    const told = await delta.command('restore');
    expect(told).toMatchObject({ code: 0, stderr: '' });
    expect(told.stdout).toContain('the node will sign nothing until');
    await delta.start();
    await delta.answering();
    const last = await through();
    expect(last).toBeGreaterThanOrEqual(height + 1);
    await expectSilence(height + 1, last);
  });

  it('(its disk is a new one) does the same without being told', async () => {
    await delta.kill();
    const { height } = await committee.agreed();
    rmSync(delta.files.dataDir, { recursive: true });
    mkdirSync(delta.files.dataDir);
    await delta.start();
    await delta.answering();
    const last = await through();
    expect(last).toBe(height + 2);
    await expectSilence(height + 1, last);
  });

  it('(its disk is a new one, and only two others are there) waits for the third, who alone may know', async () => {
    const beta = committee.node('beta');
    await delta.kill();
    await beta.kill();
    rmSync(delta.files.dataDir, { recursive: true });
    await delta.start();
    await delta.answering();
    await waitFor('two reports', async () => {
      const said = (await delta.reader.status()).notReady.join('\n');
      return said.includes('3 other validators must say where they are (2 did)') ? true : undefined;
    });
    await beta.start();
    await beta.ready();
    expect(await through()).toBeGreaterThan(0);
    await load('both', 5);
    await expectOneLogWith(committee, changes);
  });

  it('takes the word of its operator, who knows better', async () => {
    await delta.stop();
    const { height } = await committee.agreed();
    expect(await delta.command('restore', '--through', String(height))).toMatchObject({ code: 0 });
    await delta.start();
    await delta.ready();
    await load('word', 5);
    expect((await delta.reader.signers(height + 1)).flat()).toContain(DELTA);
  });
});

describe('P3: a damaged store', () => {
  const file = (): string => join(delta.files.dataDir, 'db', 'data.mdb');

  /** A leaf, a certificate, a block and a part of the state, each with a bit turned or gone. */
  async function damage(): Promise<void> {
    const reading = await openStoreForReading(delta.files.dataDir);
    const { chain } = reading;
    await reading.close();
    const store = await openStore(delta.files.dataDir, { chain });
    const leaf = Uint8Array.from(store.table.get(numberKey('leaf', 20)) ?? []);
    leaf[40] = (leaf[40] ?? 0) ^ 1;
    await store.table.write([
      [numberKey('leaf', 20), leaf],
      [numberKey('certificate', 9), null],
      [numberKey('block', 12), new Uint8Array([7])],
      [stateBucketKey(77), new Uint8Array([1, 2, 3])],
    ]);
    await store.close();
  }

  it('is healed from own blocks and those of the peers, and says which; the damaged one is kept', async () => {
    expect((await delta.stop()).code).toBe(0);
    expect((await delta.command('repair')).stdout).toContain('nothing to repair');
    await damage();
    expect((await delta.fsck()).ok).toBe(false);
    const { code, stdout } = await delta.command('repair', '-o', 'json');
    expect(code).toBe(0);
    const { height, healed } = JSON.parse(stdout) as { height: number; healed: { height: number; from: string }[] };
    expect(healed.length).toBeGreaterThan(0);
    expect(height).toBe((await committee.agreed()).height);
    expect((await delta.fsck()).problems).toEqual([]);
    expect(readdirSync(delta.files.dataDir).filter((name) => name.startsWith('db-damaged-'))).toHaveLength(1);
    await delta.start();
    await delta.ready();
    await load('healed', 5);
    await expectOneLogWith(committee, changes);
    expect((await delta.reader.signers(height + 1)).flat()).toContain(DELTA);
  });

  it('that is refused when no peer is there changes nothing', async () => {
    await delta.stop();
    await damage();
    const before = readFileSync(file());
    await Promise.all(committee.nodes.map((node) => node.stop()));
    const { code, stderr } = await delta.command('repair');
    expect(code).toBe(1);
    expect(stderr).toContain('[REPAIR_NO_SOURCE]');
    expect(readFileSync(file()).equals(before)).toBe(true);
    await Promise.all(committee.nodes.filter((node) => node !== delta).map((node) => node.start()));
  });

  it('that was cut is refused with a coded error by the node and by fsck', async () => {
    truncateSync(file(), 5_000);
    await delta.start();
    expect((await delta.run.exited).code).toBe(1);
    expect(delta.run.logTail).toContain('[STORE_DAMAGED]');
    const { code, stderr } = await delta.command('fsck');
    expect(code).toBe(1);
    expect(stderr).toContain('[STORE_DAMAGED]');
  });

  it('that cannot be read at all is made from the peers, and the node knows that it forgot', async () => {
    expect((await delta.command('repair')).code).toBe(0);
    await delta.start();
    await delta.answering();
    expect((await delta.reader.status()).notReady.join('\n')).toContain('restored from a backup');
    await load('rebuilt', 5);
    await expectOneLogWith(committee, changes);
  });

  it('whose repair was interrupted before its last step is not started, and the next repair ends it', async () => {
    await delta.stop();
    const work = join(delta.files.dataDir, 'repairing');
    mkdirSync(work);
    renameSync(join(delta.files.dataDir, 'db'), join(work, 'db'));
    writeFileSync(join(work, 'complete'), '');
    await delta.start();
    expect((await delta.run.exited).code).toBe(1);
    expect(delta.run.logTail).toContain('[STORE_REPAIR_UNFINISHED]');
    expect((await delta.command('repair')).stdout).toContain('nothing to repair');
    expect(existsSync(work)).toBe(false);
    await delta.start();
    await delta.answering();
    await load('ended', 5);
    await expectOneLogWith(committee, changes);
    await expectSoundFolders(committee);
  });
});
