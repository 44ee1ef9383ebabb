import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { NeverStored, type Followed, type RecordedWrite } from '../../../src/cluster/never-stored.ts';
import { ObjectHistory } from '../../../src/cluster/object-history.ts';
import { RESULTS_MAX, TX_BYTES_MAX } from '../../../src/ledger/limits.ts';
import { signTransaction } from '../../../src/ledger/index.ts';
import { nativeBackend } from '../../../src/crypto/index.ts';
import type { ClusterId, Hash, LeafIndex, ValidatorId } from '../../../src/types/brand.ts';
import type { ChangeAttributes } from '../../../src/types/change.ts';
import type { ObservedResult } from '../../../src/types/transaction.ts';
import { hashOf, signerOf } from '../ledger/fixtures.ts';

const startMs = 1_800_000_000_000;
const everyMs = 5_000;

beforeEach(() => void vi.useFakeTimers({ now: startMs }));
afterEach(() => void vi.useRealTimers());

/** A followed resource of an API server at version `revision`, told of nothing by itself. */
class FakeWatch implements Followed {
  readonly resource;
  history = new ObjectHistory();
  isSynced = true;
  position: Followed['position'];
  hurried = 0;
  #revision = 10;

  constructor(resource = 'configmaps') {
    this.resource = { group: '', version: 'v1', resource, kind: 'X', namespaced: true };
    this.list();
  }

  list(objects: readonly { uid: string; resourceVersion: string; content: string; deleting: boolean }[] = []): void {
    this.history.relist(String(this.#revision), objects, Date.now());
    this.#readTo(this.#revision);
  }

  /** The next version of an object is stored and shown. */
  saw(uid: string, content: string | null, deleting = content === null): string {
    this.#revision += 1;
    this.history.saw(uid, String(this.#revision), content, deleting);
    this.#readTo(this.#revision);
    return String(this.#revision);
  }

  /** Something else is stored in the cluster. */
  elsewhere(): void {
    this.#revision += 1;
  }

  get revision(): bigint {
    return BigInt(this.#revision);
  }

  hurry(): void {
    this.hurried += 1;
  }

  /** What the API server tells whoever asks for it. */
  bookmark(): void {
    this.#readTo(this.#revision);
  }

  #readTo(revision: number): void {
    this.position = { resourceVersion: String(revision), atMs: Date.now(), sinceMs: startMs };
  }
}

function attributesOf(more: Partial<ChangeAttributes>): ChangeAttributes {
  return {
    cluster: 'prod' as ClusterId, operation: 'CREATE', group: '', version: 'v1', resource: 'configmaps', subresource: '', namespace: 'd', name: 'n', uid: 'u',
    resourceVersion: '', user: 'u', groups: [], generatedName: false, options: '', paths: [], pathsTruncated: false, ...more,
  }; // prettier-ignore
}

/** One observer of a cluster with these watches. */
function world(
  watches: readonly FakeWatch[] = [new FakeWatch()],
  kept: { leaf: number | undefined } = { leaf: undefined },
) {
  const log: RecordedWrite[] = [];
  const said: (readonly ObservedResult[])[] = [];
  const state = { isObserver: true, isOnLog: true, unsaid: 0, asked: 0, hasRevision: true };
  const never = new NeverStored({
    logSize: () => log.length,
    records: async function* (from, to) {
      yield* log.slice(from, to);
    },
    isObserver: () => state.isObserver,
    watchOf: ({ resource }) => watches.find((watch) => watch.resource.resource === resource),
    revision: async (watch) => {
      state.asked += 1;
      if (!state.hasRevision) throw new Error('no answer');
      return (watch as FakeWatch).revision;
    },
    publish: async (results) => {
      if (state.isOnLog) said.push(results);
      return state.isOnLog;
    },
    position: { load: () => kept.leaf, save: (leaf) => void (kept.leaf = leaf) },
    unsaid: (count) => void (state.unsaid += count),
    now: () => performance.now(),
  });
  const admit = (more: Partial<ChangeAttributes>, commitment = 'c'): RecordedWrite => {
    const record = { leaf: log.length as LeafIndex, attributes: attributesOf(more), commitment: commitment as Hash, decidedMs: Date.now() }; // prettier-ignore
    log.push(record);
    return record;
  };
  const pass = async (ms: number): Promise<void> => {
    for (let waitedMs = 0; waitedMs < ms; waitedMs += everyMs) {
      await vi.advanceTimersByTimeAsync(Math.min(everyMs, ms - waitedMs));
      for (const watch of watches) watch.history.prune(() => false, Date.now());
      await never.look();
    }
  };
  const stored = (record: RecordedWrite, isNext = true): void =>
    never.stored({ leaf: record.leaf, nodes: [], attestation: { attributes: record.attributes, commitment: { diff: record.commitment, strict: record.commitment } } } as never, isNext); // prettier-ignore
  const leaves = (): number[] => said.flat().map(({ decision }) => decision);
  return { log, said, state, never, admit, pass, stored, leaves, watch: watches[0] as FakeWatch, kept };
}

describe('P4 of what was only recorded it is said that it was never stored', () => {
  test('once no API server can store it any more, and everything until then was read', async () => {
    const { admit, pass, leaves, said, watch, state } = world();
    await pass(everyMs);
    admit({ uid: 'refused' });
    await pass(65_000);
    expect(state.asked).toBe(0);
    watch.elsewhere();
    await pass(everyMs);
    expect(state.asked).toBe(1);
    expect(watch.hurried).toBeGreaterThan(0);
    expect(leaves()).toEqual([]);
    watch.bookmark();
    await pass(everyMs);
    expect(said).toEqual([[{ decision: 0, persisted: false, uid: '', resourceVersion: '' }]]);
    await pass(300_000);
    expect(leaves()).toEqual([0]);
  });

  test('of an object that came and went at once, or came when its request was about to time out, it is not said', async () => {
    const { admit, pass, leaves, watch } = world();
    await pass(everyMs);
    admit({ uid: 'gone' });
    admit({ uid: 'slow' });
    watch.saw('gone', 'x');
    watch.saw('gone', null);
    await pass(60_000);
    watch.saw('slow', 'x');
    await pass(300_000);
    expect(leaves()).toEqual([]);
  });

  test('nor of one that came and went before the observer followed, or while it was away', async () => {
    const { admit, pass, leaves, watch } = world();
    await pass(everyMs);
    admit({ uid: 'missed' });
    await vi.advanceTimersByTimeAsync(1_000);
    watch.list();
    await pass(300_000);
    expect(leaves()).toEqual([]);
  });

  test('nor of one that it has forgotten, because the log came to it so late', async () => {
    const { log, pass, leaves, watch } = world();
    await pass(everyMs);
    const decidedMs = Date.now();
    watch.saw('forgotten', 'x');
    watch.saw('forgotten', null);
    await pass(200_000);
    expect(watch.history.first('forgotten').kind).toBe('unknown');
    log.push({
      leaf: 0 as LeafIndex,
      attributes: attributesOf({ uid: 'forgotten' }),
      commitment: 'c' as Hash,
      decidedMs,
    });
    await pass(300_000);
    expect(leaves()).toEqual([]);
  });

  test('of an update whose base is still there, or that another recorded one took the place of', async () => {
    const { admit, pass, leaves, watch, stored } = world();
    const update = (uid: string, resourceVersion: string, commitment: string) =>
      admit({ operation: 'UPDATE', uid, resourceVersion }, commitment);
    const base = watch.saw('kept', 'x');
    const raced = watch.saw('raced', 'x');
    await pass(everyMs);
    update('kept', base, 'a');
    const lost = update('raced', raced, 'a');
    const won = update('raced', raced, 'b');
    const same = update('raced', raced, 'b');
    watch.saw('raced', 'y');
    stored(won);
    await pass(80_000);
    expect(leaves()).toEqual([0, lost.leaf]);
    expect(leaves()).not.toContain(same.leaf);
  });

  test('but not where it is not known who wrote the next version, nor of one that others wrote over within a second', async () => {
    const { admit, pass, leaves, watch, stored } = world();
    const base = watch.saw('u', 'x');
    await pass(everyMs);
    const first = admit({ operation: 'UPDATE', uid: 'u', resourceVersion: base }, 'a');
    const second = watch.saw('u', 'y');
    stored(first);
    const over = admit({ operation: 'UPDATE', uid: 'u', resourceVersion: second }, 'b');
    watch.saw('u', 'z');
    stored(over);
    const other = watch.saw('other', 'x');
    // A match that an absence lies before says nothing of the version after the base.
    const third = admit({ operation: 'UPDATE', uid: 'other', resourceVersion: other }, 'c');
    stored(admit({ operation: 'UPDATE', uid: 'other', resourceVersion: other }, 'd'), false);
    watch.saw('other', 'y');
    admit({ operation: 'UPDATE', uid: 'other', resourceVersion: other, subresource: 'status' }, 'e');
    await pass(300_000);
    expect(third.leaf).toBe(2);
    expect(leaves()).toEqual([]);
  });

  test('of a deletion only while the object is there and goes on living', async () => {
    const { admit, pass, leaves, watch } = world();
    for (const uid of ['gone', 'finalizers', 'alive']) watch.saw(uid, 'x');
    await pass(everyMs);
    for (const uid of ['gone', 'finalizers', 'alive', 'unknown'])
      admit({ operation: 'DELETE', uid, resourceVersion: '1' });
    watch.saw('gone', null);
    watch.saw('finalizers', 'x', true);
    // Somebody else changed it meanwhile.
    watch.saw('alive', 'y');
    await pass(80_000);
    expect(leaves()).toEqual([2]);
  });

  test('of what leaves nothing, and of what nobody follows, nothing is said and nothing waits', async () => {
    const { admit, pass, leaves, state } = world();
    await pass(everyMs);
    admit({ operation: 'CONNECT', subresource: 'exec' });
    admit({ subresource: 'eviction' });
    admit({ uid: '' });
    admit({ resource: 'secrets' });
    const refused = admit({ uid: 'refused' });
    await pass(70_000);
    expect(leaves()).toEqual([refused.leaf]);
    expect(state.asked).toBe(1);
  });

  test('one that is not followed keeps the others waiting for two minutes, and is counted', async () => {
    const other = new FakeWatch('secrets');
    const { admit, pass, leaves, state } = world([new FakeWatch(), other]);
    await pass(everyMs);
    other.isSynced = false;
    admit({ resource: 'secrets', uid: 's' });
    const refused = admit({ uid: 'refused' });
    await pass(120_000);
    expect(leaves()).toEqual([]);
    await pass(90_000);
    expect(leaves()).toEqual([refused.leaf]);
    expect(state.unsaid).toBe(1);
  });

  test('so does an API server that does not answer; nothing is lost where it does again', async () => {
    const { admit, pass, leaves, state } = world();
    await pass(everyMs);
    admit({ uid: 'refused' });
    state.hasRevision = false;
    await pass(120_000);
    expect(leaves()).toEqual([]);
    state.hasRevision = true;
    await pass(everyMs);
    expect(leaves()).toEqual([0]);
  });

  test('10,000 that a quota refused are twenty transactions, each is said once, and a lost one is made again', async () => {
    const { admit, pass, said, leaves, state, kept } = world();
    await pass(everyMs);
    for (let i = 0; i < 10_000; i += 1) admit({ uid: `refused-${i}` });
    state.isOnLog = false;
    await pass(90_000);
    expect(kept.leaf).toBe(0);
    state.isOnLog = true;
    await pass(everyMs);
    expect(said).toHaveLength(20);
    expect(leaves()).toEqual(Array.from({ length: 10_000 }, (_, i) => i));
    expect(kept.leaf).toBe(10_000);
  });

  test('an observer that begins says nothing of before; one that was restarted goes on where it was', async () => {
    const first = world();
    first.admit({ uid: 'before' });
    await first.pass(everyMs);
    first.admit({ uid: 'after' });
    await first.pass(30_000);
    const next = world([first.watch], first.kept);
    next.log.push(...first.log);
    await next.pass(60_000);
    expect(next.leaves()).toEqual([]);
    await next.pass(10_000);
    expect(next.leaves()).toEqual([1]);
  });

  test('who is not an observer says nothing, also later of the time in which it was none', async () => {
    const { admit, pass, leaves, state } = world();
    state.isObserver = false;
    await pass(everyMs);
    admit({ uid: 'refused' });
    await pass(80_000);
    state.isObserver = true;
    await pass(80_000);
    expect(leaves()).toEqual([]);
  });
});

test('the most that is said at once fits into one transaction', () => {
  const results = Array.from({ length: RESULTS_MAX }, (_, i) => ({
    decision: (Number.MAX_SAFE_INTEGER - i) as LeafIndex,
    persisted: false,
    uid: '',
    resourceVersion: '',
  }));
  const node = 'a'.repeat(63) as ValidatorId;
  const payload = { v: 1, alg: 'ed25519', chain: hashOf('chain'), kind: 'observation', notAfterMs: startMs, node, cluster: 'c'.repeat(63) as ClusterId, sequence: 1, results } as const; // prettier-ignore
  expect(signTransaction(payload, signerOf('alpha tx'), nativeBackend.sha256).length).toBeLessThan(TX_BYTES_MAX);
});
