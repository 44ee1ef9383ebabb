import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { toHex, utf8Decode, utf8Encode } from '../../../src/codec/index.ts';
import {
  BUCKET_COUNT,
  bucketOf,
  decodeBucket,
  encodeBucket,
  stateKey,
  stateProofFromJson,
  stateProofToJson,
  StateTree,
  verifyStateProof,
  type StateOverlay,
  type StateProof,
} from '../../../src/ledger/index.ts';
import type { Hash } from '../../../src/types/brand.ts';
import { sha256 } from './fixtures.ts';
import { codeOf } from './refusal.ts';

/** Where buckets are stored, as dumb as it can be. */
class Store {
  readonly buckets = new Map<number, Uint8Array>();
  readBucket(bucket: number): Uint8Array | undefined {
    return this.buckets.get(bucket);
  }
  write(overlay: StateOverlay): void {
    for (const [bucket, bytes] of overlay.bucketWrites()) {
      if (bytes === null) this.buckets.delete(bucket);
      else this.buckets.set(bucket, bytes);
    }
  }
}

/** The root by the written definition: every bucket sorted, encoded and hashed, then 16 levels, no sharing. */
function dumbRoot(entries: ReadonlyMap<string, string>): Hash {
  const domain = (name: string) => utf8Encode(`kubectl-chain/${name}/v1\0`);
  const buckets = new Map<number, [string, string][]>();
  for (const [key, value] of [...entries].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const bucket = bucketOf(sha256, key);
    buckets.set(bucket, [...(buckets.get(bucket) ?? []), [key, value]]);
  }
  const u = (width: number, n: number) =>
    Uint8Array.from({ length: width }, (_, i) => (n / 256 ** (width - 1 - i)) & 255);
  const zeros = new Uint8Array(32);
  let level: Uint8Array[] = Array.from({ length: BUCKET_COUNT }, (_, bucket) => {
    const list = buckets.get(bucket);
    if (list === undefined) return zeros;
    const parts = list.flatMap(([k, v]) => [u(2, k.length), utf8Encode(k), u(4, utf8Encode(v).length), utf8Encode(v)]);
    return sha256(domain('state-bucket'), ...parts);
  });
  const empty = new Map<string, Uint8Array>();
  while (level.length > 1) {
    level = Array.from({ length: level.length / 2 }, (_, i) => {
      const [left, right] = [level[2 * i] as Uint8Array, level[2 * i + 1] as Uint8Array];
      const name = left === right ? toHex(left) : '';
      const known = name === '' ? undefined : empty.get(name);
      const hash = known ?? sha256(domain('state-node'), left, right);
      if (name !== '') empty.set(name, hash);
      return hash;
    });
  }
  return toHex(level[0] as Uint8Array) as Hash;
}

/** Several keys of one bucket, found by trying. */
function collidingKeys(count: number): string[] {
  const byBucket = new Map<number, string[]>();
  for (let i = 0; ; i++) {
    const key = `k/${i}`;
    const bucket = bucketOf(sha256, key);
    const keys = [...(byBucket.get(bucket) ?? []), key];
    if (keys.length === count) return keys;
    byBucket.set(bucket, keys);
  }
}

const colliding = collidingKeys(3);
const text = (value: Uint8Array | undefined) => (value === undefined ? undefined : utf8Decode(value));

describe('the state tree', () => {
  let empty: StateTree;
  beforeAll(() => {
    empty = StateTree.load(new Store(), sha256);
  });

  test('has the defined root when it is empty, and when it holds a few entries', () => {
    expect(empty.root()).toBe(dumbRoot(new Map()));
    const overlay = empty.overlay();
    const entries = new Map([...colliding, 'meta', 'params'].map((key, i) => [key, `value ${i}`]));
    for (const [key, value] of entries) overlay.put(key, utf8Encode(value));
    expect(overlay.root()).toBe(dumbRoot(entries));
    expect(overlay.root()).not.toBe(empty.root());
  });

  test('finds the bucket by the first 16 bits of the hash of the key', () => {
    const hash = toHex(sha256(utf8Encode('meta')));
    expect(bucketOf(sha256, 'meta')).toBe(Number.parseInt(hash.slice(0, 4), 16));
  });

  test('does not depend on the order of writes', () => {
    const forward = empty.overlay();
    const backward = empty.overlay();
    for (const key of colliding) forward.put(key, utf8Encode(key));
    for (const key of colliding.toReversed()) backward.put(key, utf8Encode(key));
    expect(forward.root()).toBe(backward.root());
    expect(forward.bucketWrites()).toEqual(backward.bucketWrites());
  });

  test('forgets what was written and deleted again: no bucket to write, the old root', () => {
    const overlay = empty.overlay();
    overlay.put('a', utf8Encode('1'));
    expect(overlay.bucketWrites()).toHaveLength(1);
    overlay.delete('a');
    overlay.delete('never-there');
    expect(overlay.root()).toBe(empty.root());
    expect(overlay.bucketWrites()).toEqual([]);
  });

  test('after a rollback is as if nothing had happened, also for what was committed before and hashed in between', () => {
    const store = new Store();
    const tree = StateTree.load(store, sha256);
    const before = tree.overlay();
    for (const key of ['a', 'b', ...colliding]) before.put(key, utf8Encode('old'));
    store.write(before);
    tree.apply(before);
    const overlay = tree.overlay();
    const start = overlay.mark();
    overlay.put('a', utf8Encode('new'));
    overlay.delete('b');
    overlay.put('c', utf8Encode('new'));
    expect(overlay.root()).not.toBe(tree.root());
    overlay.rollback(start);
    expect(['a', 'b', 'c'].map((key) => text(overlay.get(key)))).toEqual(['old', 'old', undefined]);
    expect(overlay.root()).toBe(tree.root());
    expect(overlay.bucketWrites()).toEqual([]);
    // The same bucket again, for another of its keys: what was rolled back must not be written with it.
    overlay.put(colliding[0] as string, utf8Encode('new'));
    const second = overlay.mark();
    overlay.put(colliding[1] as string, utf8Encode('newer'));
    overlay.rollback(second);
    store.write(overlay);
    tree.apply(overlay);
    expect(colliding.map((key) => text(tree.get(key)))).toEqual(['new', 'old', 'old']);
  });

  test('behaves like a plain map through puts, deletes, rollbacks, commits and reloads', () => {
    const keys = [...colliding, 'a', 'b', 'c/d', 'object/x'];
    const step = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({
          do: fc.constant('put' as const),
          key: fc.constantFrom(...keys),
          value: fc.string({ maxLength: 6 }),
        }),
      },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), key: fc.constantFrom(...keys) }) },
      fc.record({ do: fc.constantFrom('mark' as const, 'rollback' as const, 'commit' as const, 'root' as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const store = new Store();
        const tree = StateTree.load(store, sha256);
        let overlay = tree.overlay();
        let model = new Map<string, string>();
        let marked: { mark: ReturnType<StateOverlay['mark']>; model: Map<string, string> } | undefined;
        for (const now of steps) {
          if (now.do === 'put') {
            overlay.put(now.key, utf8Encode(now.value));
            model.set(now.key, now.value);
          } else if (now.do === 'delete') {
            overlay.delete(now.key);
            model.delete(now.key);
          } else if (now.do === 'mark') {
            marked = { mark: overlay.mark(), model: new Map(model) };
          } else if (now.do === 'rollback' && marked !== undefined) {
            overlay.rollback(marked.mark);
            model = new Map(marked.model);
          } else if (now.do === 'root') {
            overlay.root();
          } else if (now.do === 'commit') {
            const root = overlay.root();
            store.write(overlay);
            tree.apply(overlay);
            expect(tree.root()).toBe(root);
            overlay = tree.overlay();
            marked = undefined;
          }
          for (const key of keys) expect(text(overlay.get(key))).toBe(model.get(key));
        }
        const root = overlay.root();
        store.write(overlay);
        tree.apply(overlay);
        expect(tree.root()).toBe(root);
        for (const key of keys) {
          expect(text(tree.get(key))).toBe(model.get(key));
          expect(text(verifyStateProof(root, key, tree.prove(key), sha256).value)).toBe(model.get(key));
        }
        expect(root).toBe(dumbRoot(model));
      }),
      { numRuns: 10, seed: 20_260_101 },
    );
  });

  test('loaded again from the store has the same root', () => {
    const store = new Store();
    const tree = StateTree.load(store, sha256);
    const overlay = tree.overlay();
    for (let i = 0; i < 500; i++) overlay.put(`object/${i}`, utf8Encode(String(i)));
    store.write(overlay);
    tree.apply(overlay);
    expect(StateTree.load(store, sha256).root()).toBe(tree.root());
  });

  test('refuses an overlay that was made on an older state', () => {
    const store = new Store();
    const tree = StateTree.load(store, sha256);
    const first = tree.overlay();
    const second = tree.overlay();
    first.put('a', utf8Encode('1'));
    store.write(first);
    tree.apply(first);
    expect(codeOf(() => tree.apply(second))).toBe('LEDGER_STATE_OVERLAY');
    expect(codeOf(() => second.get('a'))).toBe('LEDGER_STATE_OVERLAY');
    expect(codeOf(() => second.put('a', utf8Encode('2')))).toBe('LEDGER_STATE_OVERLAY');
    expect(codeOf(() => empty.apply(tree.overlay()))).toBe('LEDGER_STATE_OVERLAY');
  });

  test('refuses a mark that was rolled back before', () => {
    const overlay = empty.overlay();
    const start = overlay.mark();
    overlay.put('a', utf8Encode('1'));
    const later = overlay.mark();
    overlay.rollback(start);
    expect(codeOf(() => overlay.rollback(later))).toBe('LEDGER_STATE_OVERLAY');
  });

  test('refuses keys and values that have no place in it', () => {
    const overlay = empty.overlay();
    for (const key of ['', 'a b', 'ä', 'x'.repeat(513), 'a\n'])
      expect([key, codeOf(() => overlay.put(key, new Uint8Array()))]).toEqual([key, 'LEDGER_STATE_KEY']);
    expect(codeOf(() => overlay.put('a', new Uint8Array(4 * 1024 * 1024 + 1)))).toBe('LEDGER_STATE_VALUE');
  });

  test('gives no proof while the store is ahead of it', () => {
    const store = new Store();
    const tree = StateTree.load(store, sha256);
    const overlay = tree.overlay();
    overlay.put('a', utf8Encode('1'));
    store.write(overlay);
    expect(codeOf(() => tree.prove('a'))).toBe('LEDGER_STATE_MOVED');
    tree.apply(overlay);
    expect(text(verifyStateProof(tree.root(), 'a', tree.prove('a'), sha256).value)).toBe('1');
  });
});

describe('a state proof', () => {
  const store = new Store();
  let tree: StateTree;
  const [present, other, absent] = colliding as [string, string, string];
  beforeAll(() => {
    tree = StateTree.load(store, sha256);
    const overlay = tree.overlay();
    for (const key of [present, other, 'elsewhere']) overlay.put(key, utf8Encode(`value of ${key}`));
    store.write(overlay);
    tree.apply(overlay);
  });
  const check = (key: string, proof: StateProof, root = tree.root()) =>
    codeOf(() => verifyStateProof(root, key, proof, sha256));

  test('shows a value, and that there is none, in a shared and in an empty bucket', () => {
    expect(text(verifyStateProof(tree.root(), present, tree.prove(present), sha256).value)).toBe(`value of ${present}`);
    expect(verifyStateProof(tree.root(), absent, tree.prove(absent), sha256)).toEqual({ value: undefined });
    expect(verifyStateProof(tree.root(), 'nobody', tree.prove('nobody'), sha256)).toEqual({ value: undefined });
  });

  test('survives its JSON form', () => {
    const proof = tree.prove(present);
    expect(stateProofFromJson(stateProofToJson(proof))).toEqual(proof);
    expect(codeOf(() => stateProofFromJson({ ...stateProofToJson(proof), extra: 1 }))).toBe('CODEC_SCHEMA');
  });

  test('fails when anything of it is changed', () => {
    const proof = tree.prove(present);
    expect(
      check(present, proof, tree.prove('x').siblings.length === 16 ? (`${'0'.repeat(63)}1` as Hash) : tree.root()),
    ).toBe('LEDGER_STATE_PROOF');
    expect(check(present, { ...proof, siblings: proof.siblings.slice(1) })).toBe('LEDGER_STATE_PROOF');
    expect(check(present, { ...proof, siblings: [...proof.siblings, new Uint8Array(32)] })).toBe('LEDGER_STATE_PROOF');
    expect(check(present, { ...proof, siblings: proof.siblings.toReversed() })).toBe('LEDGER_STATE_PROOF');
    expect(check(present, { ...proof, siblings: proof.siblings.map((s, i) => (i === 5 ? s.slice(1) : s)) })).toBe(
      'LEDGER_STATE_PROOF',
    );
    for (let i = 0; i < proof.bucket.length; i++) {
      const bucket = proof.bucket.slice();
      bucket[i] = (bucket[i] ?? 0) ^ 1;
      expect(check(present, { ...proof, bucket })).toBe('LEDGER_STATE_PROOF');
    }
  });

  test('of another key cannot hide an entry', () => {
    expect(check(present, tree.prove('elsewhere'))).toBe('LEDGER_STATE_PROOF');
    const without = decodeBucket(0, tree.prove(present).bucket).filter((entry) => utf8Decode(entry.key) !== present);
    expect(check(present, { ...tree.prove(present), bucket: encodeBucket(without) })).toBe('LEDGER_STATE_PROOF');
    expect(check(present, { ...tree.prove(present), bucket: new Uint8Array() })).toBe('LEDGER_STATE_PROOF');
  });
});

describe('a bucket', () => {
  test('of large values comes back as it was encoded', () => {
    const large = ['a', 'b', 'c'].map((key, i) => ({
      key: utf8Encode(key),
      value: new Uint8Array(100_000 * i).fill(i),
    }));
    expect(decodeBucket(0, encodeBucket(large))).toEqual(large);
  });
  const entries = ['a', 'ab', 'b'].map((key) => ({ key: utf8Encode(key), value: utf8Encode(`value ${key}`) }));
  test('comes back as it was encoded', () => {
    expect(decodeBucket(0, encodeBucket(entries))).toEqual(entries);
    expect(decodeBucket(0, new Uint8Array())).toEqual([]);
  });
  test('is refused when it is cut off, unsorted, doubled, or names an empty key', () => {
    const bytes = encodeBucket(entries);
    const whole = new Set([0, ...entries.map((_, i) => encodeBucket(entries.slice(0, i + 1)).length)]);
    for (let end = 0; end < bytes.length; end++) {
      expect([end, codeOf(() => decodeBucket(0, bytes.subarray(0, end)))]).toEqual([
        end,
        whole.has(end) ? 'accepted' : 'LEDGER_STATE_BUCKET',
      ]);
    }
    expect(codeOf(() => decodeBucket(0, encodeBucket(entries.toReversed())))).toBe('LEDGER_STATE_BUCKET');
    expect(codeOf(() => decodeBucket(0, encodeBucket([...entries, ...entries.slice(2)])))).toBe('LEDGER_STATE_BUCKET');
    expect(codeOf(() => decodeBucket(0, new Uint8Array(6)))).toBe('LEDGER_STATE_BUCKET');
  });
});

describe('a state key', () => {
  test('joins its parts and spells each list of parts in one way', () => {
    expect(stateKey(sha256, 'binding', 'prod', 'system:serviceaccount:ns:sa')).toBe(
      'binding/prod/system:serviceaccount:ns:sa',
    );
    expect(stateKey(sha256, 'binding', 'prod', 'ä b/c%#')).toBe('binding/prod/%C3%A4%20b%2Fc%25%23');
    expect(stateKey(sha256, 'a', 'b/c')).not.toBe(stateKey(sha256, 'a/b', 'c'));
  });
  test('of any parts fits, and differs from that of other parts', () => {
    const part = fc.string({ unit: 'binary', maxLength: 40 }).map((s) => s.repeat(12));
    fc.assert(
      fc.property(
        fc.array(part, { minLength: 1, maxLength: 4 }),
        fc.array(part, { minLength: 1, maxLength: 4 }),
        (a, b) => {
          const [first, second] = [stateKey(sha256, 'p', ...a), stateKey(sha256, 'p', ...b)];
          expect(first).toMatch(/^[!-~]{1,512}$/);
          expect(first === second).toBe(JSON.stringify(a) === JSON.stringify(b));
        },
      ),
      { numRuns: 80, seed: 7 },
    );
    const long = 'u'.repeat(600);
    expect(stateKey(sha256, 'binding', 'prod', `${long}1`)).not.toBe(stateKey(sha256, 'binding', 'prod', `${long}2`));
    expect(stateKey(sha256, 'binding', 'prod', long)).toHaveLength(512);
  });
});
