import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ChainError } from '../../../src/errors/chain-error.ts';
import { decodeTransaction, signTransaction, transactionHash } from '../../../src/ledger/index.ts';
import { RecordService, SPOOL_BOUNDS_DEFAULT, type SpoolBounds } from '../../../src/node/record-service.ts';
import type { SubmitOutcome } from '../../../src/node/submitter.ts';
import type { RecordOutcome } from '../../../src/ports/record-ledger.ts';
import { Spool } from '../../../src/store/index.ts';
import type { ValidatorId } from '../../../src/types/brand.ts';
import type { SpooledRecordPayload } from '../../../src/types/transaction.ts';
import { alone, CLUSTER, hashOf, sha256, signerOf, type TestChain } from '../ledger/test-chain.ts';
import { pod } from '../ledger/spools.ts';

const keyId = hashOf('cluster key');
const EVENTUALLY = { timeout: 20_000, interval: 5 };
let dir: string;
let chain: TestChain;
let spool: Spool;
let service: RecordService;
/** What the chain does with a transaction. */
let answers: 'commits' | 'hangs' | 'hangs-and-commits' | 'refuses';
let hasQuorum: boolean;
let submitted: SpooledRecordPayload[];
let outcomes: RecordOutcome['kind'][];
const running: RecordService[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'records-'));
  chain = alone().ready();
  answers = 'commits';
  hasQuorum = true;
  submitted = [];
  outcomes = [];
});
afterEach(async () => {
  for (const each of running.splice(0)) await each.stop();
  rmSync(dir, { recursive: true, force: true });
});

function submit(bytes: Uint8Array): Promise<SubmitOutcome> {
  const { payload } = decodeTransaction(bytes, sha256);
  if (payload.kind === 'spooled-record') submitted.push(payload);
  const tx = transactionHash(bytes, sha256);
  if (answers === 'refuses') return Promise.resolve({ kind: 'rejected', code: 'LEDGER_NOT_A_HOOK', message: '' });
  if (answers === 'hangs') return new Promise((resolve) => setTimeout(() => resolve({ kind: 'unknown', tx }), 20));
  const executed = chain.block(bytes).txs[0];
  if (answers === 'hangs-and-commits' || executed === undefined) return Promise.resolve({ kind: 'unknown', tx });
  const { leaf, result } = executed;
  return Promise.resolve({ kind: 'committed', tx, height: chain.app.info().height, leaf, result });
}

async function begin(bounds: SpoolBounds = SPOOL_BOUNDS_DEFAULT): Promise<RecordService> {
  spool = await Spool.open(join(dir, 'spool'), { newId: () => 'ab'.repeat(16) });
  service = new RecordService({
    chain: chain.app.genesisHash,
    node: 'alpha' as ValidatorId,
    cluster: CLUSTER,
    sign: (payload) => signTransaction(payload, signerOf('alpha tx'), sha256),
    spool,
    bounds,
    reader: chain.app,
    submitter: { submit },
    obstacle: () => (hasQuorum ? null : new ChainError('NO_QUORUM', { connected: 1, needed: 3 })),
    now: () => Date.now(),
    metrics: { recorded: (outcome) => void outcomes.push(outcome), spool: () => undefined },
    warn: () => undefined,
  });
  service.start();
  running.push(service);
  return service;
}

const record = (name: string, withinMs = 1_450) => service.record(pod(name), keyId, Date.now() + withinMs);
const head = () => chain.app.spoolHead('alpha', 'ab'.repeat(16));
const drained = () => vi.waitFor(() => expect(service.status().pending).toBe(0), EVENTUALLY);

/** Everything that the log holds of the node's spools, in the log's order. */
function anchored(): string[] {
  return chain.blocks.flatMap(({ block }) =>
    block.txs.flatMap((tx) => {
      const { payload } = decodeTransaction(tx, sha256);
      if (payload.kind !== 'spooled-record') return [];
      return payload.entries.map((e) => ('gap' in e ? `gap ${e.gap} ${e.count}` : e.attributes.name));
    }),
  );
}
const names = (count: number, prefix = 'p') => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

describe('while the quorum answers', () => {
  test('a write is committed before it is answered', async () => {
    await begin();
    expect(await record('a')).toMatchObject({ kind: 'committed', leaf: expect.any(Number) as number });
    expect(anchored()).toEqual(['a']);
  });

  test('many at once are few transactions, in order', async () => {
    await begin();
    const all = await Promise.all(names(60).map((name) => record(name)));
    expect(all.every(({ kind }) => kind === 'committed' || kind === 'spooled')).toBe(true);
    await drained();
    expect(anchored()).toEqual(names(60));
    expect(submitted.length).toBeLessThan(20);
    expect(Math.max(...submitted.map(({ entries }) => entries.length))).toBeLessThanOrEqual(32);
  });

  test('what was committed without a word of it is not written twice', async () => {
    await begin();
    answers = 'hangs-and-commits';
    expect((await record('a')).kind).toBe('spooled');
    answers = 'commits';
    await record('b');
    await drained();
    expect(anchored()).toEqual(['a', 'b']);
  });
});

describe('while it does not', () => {
  test('a write waits once for a silent quorum, the next ones do not wait, and all are anchored in order', async () => {
    await begin();
    answers = 'hangs';
    expect((await record('first')).kind).toBe('spooled');
    // Nobody waits a second time: the clock of each is much longer than what all of them take.
    const waits = vi.spyOn(globalThis, 'setTimeout');
    for (const name of names(20)) expect((await record(name)).kind).toBe('spooled');
    expect(waits.mock.calls.filter(([, ms]) => ms === 1_000)).toEqual([]);
    waits.mockRestore();
    expect(anchored()).toEqual([]);
    answers = 'commits';
    await drained();
    expect(anchored()).toEqual(['first', ...names(20)]);
    expect((await record('after')).kind).toBe('committed');
  });

  test('without a quorum nothing is submitted, and nobody waits', async () => {
    await begin();
    hasQuorum = false;
    for (const name of names(5)) expect((await record(name)).kind).toBe('spooled');
    expect(submitted).toEqual([]);
    hasQuorum = true;
    await drained();
    expect(anchored()).toEqual(names(5));
  });

  test('a batch that is refused stays in the spool', async () => {
    await begin();
    answers = 'refuses';
    expect((await record('a')).kind).toBe('spooled');
    expect(service.status()).toMatchObject({ pending: 1, oldestMs: expect.any(Number) as number });
    answers = 'commits';
    await drained();
    expect(anchored()).toEqual(['a']);
  });
});

describe('a restart', () => {
  test('anchors what was acknowledged, and nothing twice: also what was committed while nobody looked', async () => {
    await begin();
    hasQuorum = false;
    for (const name of names(40)) await record(name);
    // Its end writes nothing, so the folder is what kill -9 leaves.
    await service.stop();
    hasQuorum = true;
    answers = 'hangs-and-commits';
    await begin();
    await drained();
    await service.stop();
    answers = 'commits';
    await begin();
    expect((await record('after')).kind).toBe('committed');
    expect(anchored()).toEqual([...names(40), 'after']);
    expect(head()?.next).toBe(41);
  });

  test('with a folder that is older than the log goes on behind it', async () => {
    await begin();
    for (const name of names(3)) await record(name);
    await drained();
    await service.stop();
    rmSync(join(dir, 'spool'), { recursive: true });
    // The same spool, as of before it held anything.
    await begin();
    await vi.waitFor(() => expect(spool.next).toBe(3), EVENTUALLY);
    await record('after');
    await drained();
    expect(anchored()).toEqual([...names(3), 'after']);
  });
});

describe('a spool that is full', () => {
  const bounds = { recordsMax: 10, bytesMax: 1_000_000 };

  test('takes no more, counts what it did not take, and says so in the log, where it stands', async () => {
    await begin(bounds);
    hasQuorum = false;
    for (const name of names(10)) expect((await record(name)).kind).toBe('spooled');
    for (const name of names(7, 'lost')) expect((await record(name)).kind).toBe('lost');
    expect(service.status()).toMatchObject({ lost: 7, gapSinceMs: expect.any(Number) as number });
    expect(outcomes.filter((outcome) => outcome === 'lost')).toHaveLength(7);
    hasQuorum = true;
    await vi.waitFor(() => expect(service.status().gapSinceMs).toBeNull(), EVENTUALLY);
    await record('after');
    await drained();
    expect(anchored()).toEqual([...names(10), 'gap open 0', 'gap closed 7', 'after']);
    expect(chain.app.spoolTotals('alpha')).toMatchObject({ records: 11, gaps: 1, lost: 7, openSinceMs: null });
  });

  test('by its bytes as well', async () => {
    await begin({ recordsMax: 1_000, bytesMax: 5_000 });
    hasQuorum = false;
    const kinds = [];
    for (const name of names(12)) kinds.push((await record(name)).kind);
    expect(kinds).toContain('lost');
    expect(service.status().bytes).toBeLessThan(8_000);
  });

  test('and is left so by a process that ends: the next one says that nobody knows how many', async () => {
    await begin(bounds);
    hasQuorum = false;
    for (const name of [...names(10), 'lost']) await record(name);
    await service.stop();
    hasQuorum = true;
    await begin(bounds);
    await drained();
    expect((await record('after')).kind).not.toBe('lost');
    await drained();
    expect(anchored()).toEqual([...names(10), 'gap open 0', 'gap closed null', 'after']);
  });

  test('writes that could not even be offered are counted with them', async () => {
    await begin();
    await record('a');
    service.missed();
    service.missed();
    await record('b');
    await drained();
    expect(anchored().filter((entry) => !entry.startsWith('gap'))).toEqual(['a', 'b']);
    expect(chain.app.spoolTotals('alpha')).toMatchObject({ lost: 2, openSinceMs: null });
  });
});

describe('a slow disk', () => {
  test('is not waited for beyond the time of the hook; what it keeps later is anchored all the same', async () => {
    await begin();
    const append = spool.append.bind(spool);
    let release: (() => void) | undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    spool.append = async (entries) => {
      const place = await append(entries);
      await held;
      return place;
    };
    expect(await record('slow', 30)).toEqual({ kind: 'lost', reason: 'the disk is slow' });
    release?.();
    await vi.waitFor(() => expect(anchored()).toEqual(['slow']), EVENTUALLY);
  });

  test('that fails loses the write, says so, and is tried again', async () => {
    await begin();
    const append = spool.append.bind(spool);
    spool.append = () => Promise.reject(new ChainError('STORE_FULL', { path: dir }));
    expect((await record('a')).kind).toBe('lost');
    spool.append = append;
    await record('b');
    await drained();
    expect(anchored()).toEqual(['gap open 0', 'gap closed 1', 'b']);
  });
});
