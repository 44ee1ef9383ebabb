import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as joined } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { nativeBackend } from '../../../src/crypto/index.ts';
import { signBytes } from '../../../src/consensus/index.ts';
import {
  appHashOf,
  bucketHash,
  decodeSnapshotHead,
  encodeCertificate,
  encodeSnapshotHead,
  hashAt,
  verifyHead,
  verifyRecord,
  verifySnapshotHead,
  type SnapshotHead,
} from '../../../src/ledger/index.ts';
import { NodeApiBackend } from '../../../src/node/api-backend.ts';
import { checkedBuckets } from '../../../src/node/snapshot-fetch.ts';
import { decodeBuckets, encodeBucketsRequest } from '../../../src/node/snapshot-server.ts';
import { encodeSets } from '../../../src/node/validator-sets.ts';
import { ByteWriter, fromHex, toHex } from '../../../src/codec/index.ts';
import { checkStore, openStoreForReading } from '../../../src/store/index.ts';
import { numberKey } from '../../../src/store/lmdb/key.ts';
import type { Hash } from '../../../src/types/brand.ts';
import { changeOf, genesisOf, TestChain } from '../ledger/test-chain.ts';
import { admit, join, rotation, settled } from '../ledger/set-changes.ts';
import { ledgerFunctions } from '../store/real-chain.ts';
import { DecidedChain, type DecidedBlock, FakePeers, fetchHistory, fetchState, Node } from './snapshot-fixture.ts';

const { sha256 } = nativeBackend;
const crypto = { ...nativeBackend, precommitBytes: signBytes };
const HEIGHT = 40;
/** Decided by those who go on. */
const LATER = 44;
const empty = new Uint8Array();

let decided: DecidedChain;
/** What a node of that height shows. */
let shown: Uint8Array;

/** Some of everything: an approval that is voted on and used, and many changes of a few objects. */
beforeAll(async () => {
  const chain = new TestChain().ready();
  chain.review(changeOf('voted', { user: 'ann@alpha' }));
  chain.held(1);
  for (const org of ['beta', 'gamma']) chain.vote(org, 1);
  chain.review(changeOf('voted', { user: 'ann@alpha' }));
  decided = new DecidedChain(chain);
  decided.note();
  decided.grow(LATER - decided.decided.length);
  const dir = mkdtempSync(joined(tmpdir(), 'chain-shown-'));
  const node = new Node(decided, dir);
  await node.open();
  await node.follow(decided.decided.slice(0, HEIGHT));
  shown = node.server.serveHead(empty);
  await node.store.close();
  rmSync(dir, { recursive: true });
});

const headOf = (node: Node): SnapshotHead => decodeSnapshotHead(node.server.serveHead(empty));
const filledOf = ({ bucketHashes }: SnapshotHead): number[] =>
  Array.from({ length: 65_536 }, (_, bucket) => bucket).filter((bucket) =>
    bucketHashes.subarray(bucket * 32, bucket * 32 + 32).some((byte: number) => byte !== 0),
  );
const bucketsOf = (node: Node, height: number, buckets: readonly number[]) =>
  decodeBuckets(node.server.serveBuckets(encodeBucketsRequest(height, buckets)));
const flipped = (bytes: Uint8Array): Uint8Array => bytes.map((byte, i) => (i === bytes.length - 1 ? byte ^ 1 : byte));

describe('what a snapshot is proven by', () => {
  const verify = (head: SnapshotHead) =>
    verifySnapshotHead(
      head,
      { genesisHash: decided.genesis.hash, validators: decided.chain.genesis.validators },
      crypto,
    );

  it('is encoded in one way, and verifies against the set that certified it', () => {
    const head = decodeSnapshotHead(shown);
    expect(Buffer.compare(encodeSnapshotHead(head), shown)).toBe(0);
    expect(verify(head).blockId).toBe(decided.decided[HEIGHT - 1]?.certificate.blockId);
    expect(head.state).toEqual(decided.chain.blocks[HEIGHT - 1]?.state);
  });

  const other = 'ab'.repeat(32) as Hash;
  const changes: readonly [what: string, code: string, change: (head: SnapshotHead) => Partial<SnapshotHead>][] = [
    [
      'a leaf',
      'LEDGER_SNAPSHOT',
      ({ leaves }) => ({ leaves: leaves.map((leaf, i) => (i === 0 ? flipped(leaf) : leaf)) }),
    ],
    ['one leaf less', 'LEDGER_SNAPSHOT', ({ leaves }) => ({ leaves: leaves.slice(1) })],
    [
      'a node of the edge',
      'LEDGER_SNAPSHOT',
      ({ edge }) => ({ edge: edge.map((node, i) => (i === 0 ? flipped(node) : node)) }),
    ],
    ['one node more', 'LEDGER_SNAPSHOT', ({ edge }) => ({ edge: [...edge, new Uint8Array(32)] })],
    [
      'the hash of a bucket',
      'LEDGER_SNAPSHOT',
      ({ bucketHashes }) => ({ bucketHashes: bucketHashes.map((byte, i) => (i === 32 * 7 ? byte ^ 1 : byte)) }),
    ],
    ['the state root', 'LEDGER_HEAD_STATE', ({ state }) => ({ state: { ...state, stateRoot: other } })],
    ['the size of the log', 'LEDGER_HEAD_STATE', ({ state }) => ({ state: { ...state, logSize: state.logSize + 1 } })],
    [
      'a header for another state',
      'LEDGER_HEAD_MISMATCH',
      ({ block, state }) => {
        const changed = { ...state, stateRoot: other };
        const header = { ...block.header, appHash: appHashOf(changed, sha256) };
        return { block: { ...block, header }, state: changed };
      },
    ],
    [
      'too few signatures',
      'LEDGER_CERTIFICATE_QUORUM',
      ({ certificate }) => ({ certificate: { ...certificate, signatures: certificate.signatures.slice(2) } }),
    ],
  ];
  for (const [what, code, change] of changes) {
    it(`is refused with ${what} changed`, () => {
      const head = decodeSnapshotHead(shown);
      expect(() => verify({ ...head, ...change(head) })).toThrow(expect.objectContaining({ code }) as Error);
    });
  }

  it('has its buckets in order, none of them empty, and nothing behind', () => {
    expect(() => decodeSnapshotHead(new Uint8Array([...shown, 0]))).toThrow(
      expect.objectContaining({ code: 'CODEC_BINARY_TRAILING' }) as Error,
    );
    const zeroed = Uint8Array.from(shown);
    zeroed.fill(0, -32);
    expect(() => decodeSnapshotHead(zeroed)).toThrow(expect.objectContaining({ code: 'LEDGER_SNAPSHOT' }) as Error);
  });
});

describe('a chunk', () => {
  const answer = (...buckets: readonly (readonly [number, Uint8Array])[]): Uint8Array => {
    const writer = new ByteWriter().u16(buckets.length);
    for (const [bucket, bytes] of buckets) writer.u16(bucket).lengthPrefixed(bytes, 1_000_000);
    return writer.finish();
  };

  it('is taken bucket by bucket, each with the hash that the certified root follows from', async () => {
    const node = await Node.of(decided, HEIGHT);
    const head = headOf(node);
    const asked = filledOf(head).slice(0, 3);
    const sent = bucketsOf(node, HEIGHT, asked);
    const [[first, bytes] = [0, empty], second = [0, empty]] = sent;
    const check = (bytesOfAnswer: Uint8Array) => checkedBuckets(bytesOfAnswer, asked, head.bucketHashes, sha256);
    expect(check(answer(...sent)).map(([bucket]) => bucket)).toEqual(asked);
    // Fewer are no lie: what is left is asked for again.
    expect(check(answer([first, bytes]))).toHaveLength(1);
    const wrong = expect.objectContaining({ code: 'SNAPSHOT_BUCKET' }) as Error;
    expect(() => check(answer([first, flipped(bytes)], second))).toThrow(wrong);
    expect(() => check(answer([first, empty]))).toThrow(wrong);
    expect(() => check(answer([first, bytes], [first, bytes]))).toThrow(wrong);
    expect(() => check(answer([first, second[1]]))).toThrow(wrong);
    expect(() => checkedBuckets(answer([first, bytes]), asked.slice(1), head.bucketHashes, sha256)).toThrow(wrong);
  });
});

describe('the state that a node shows', () => {
  it('of a height that is over is still whole, as long as somebody asks for it', async () => {
    const node = await Node.of(decided, 20);
    const head = headOf(node);
    const filled = filledOf(head);
    await node.follow(decided.decided.slice(20, HEIGHT));
    const bytes = bucketsOf(node, 20, filled);
    const hashes = bytes.map(([bucket, value]) => [bucket, toHex(bucketHash(sha256, value))]);
    expect(hashes).toEqual(filled.map((bucket) => [bucket, toHex(hashAt(head.bucketHashes, bucket))]));
    expect(node.server.savedBytes).toBeGreaterThan(0);
    expect(headOf(node).block.header.height).toBe(20);
    node.nowMs += 31_000;
    expect(headOf(node).block.header.height).toBe(HEIGHT);
    expect(node.server.savedBytes).toBe(0);
    expect(bucketsOf(node, 20, filled)).toEqual([]);
  });

  it('is none before the first block', async () => {
    expect((await Node.of(decided, 0)).server.serveHead(empty)).toEqual(empty);
  });
});

type Answer = (method: string, request: Uint8Array) => Uint8Array;

const answersOf =
  (node: Node): Answer =>
  (method, request) =>
    node.answer(method, request);
const honest = async (through = HEIGHT): Promise<Answer> => answersOf(await Node.of(decided, through));
/** Shows what is true, and sends something else. */
const liar = async (): Promise<Answer> => {
  const tell = await honest();
  return (method, request) => (method === 'buckets' ? flipped(tell(method, request)) : tell(method, request));
};

/** Takes a state over and starts again from it. */
async function adopt(node: Node, network: FakePeers): Promise<void> {
  const { ready } = await fetchState(node, network);
  if (ready === null) throw new Error('no state was had');
  await node.store.adoptSnapshot(ready);
  await node.store.close();
  await node.open();
}

async function problemsOf(node: Node): Promise<readonly unknown[]> {
  const reading = await openStoreForReading(node.dir);
  try {
    return [...checkStore(reading, ledgerFunctions)];
  } finally {
    await reading.close();
  }
}

/** Everything that follows from the chain, in the place where the state is now. */
function contentsOf({ store }: Node): Map<string, string> {
  const found = new Map<string, string>();
  const live = [7, 14, 15][store.liveSpace];
  for (const [key, value] of store.table.entries({ from: Buffer.from([0]), to: Buffer.from([255]) })) {
    const isState = key[0] === live;
    // Another place of the state is not looked at; which one it is, and what is this node's own, may differ.
    if (!isState && [1, 7, 14, 15].includes(key[0] ?? 0)) continue;
    found.set(isState ? `state ${key.toString('hex', 1)}` : key.toString('hex'), Buffer.from(value).toString('hex'));
  }
  return found;
}

describe('a node that is far behind', () => {
  it('has the certified state, drops who sends something else, and goes on from there like all others', async () => {
    const node = await Node.of(decided, 0);
    const network = new FakePeers();
    network
      .add('liar', await liar())
      .add('a', await honest())
      .add('b', await honest(HEIGHT - 3));
    await adopt(node, network);
    expect(new Set(network.dropped)).toEqual(new Set(['liar']));
    expect(network.asked).toContain('b buckets');
    expect(node.store.gap).toMatchObject({ through: 0, from: HEIGHT });
    // The next block needs the state, the edge of the log and the last certificate.
    await node.follow(decided.decided.slice(HEIGHT));
    expect(node.app.info()).toEqual((await Node.of(decided, LATER)).app.info());
    expect(await problemsOf(node)).toEqual([]);
  });

  it('takes nothing that a quorum of the pinned chain did not certify', async () => {
    const foreign = new DecidedChain(new TestChain(genesisOf({ orgs: ['mallory', 'trudy', 'oscar', 'eve'] })).ready());
    foreign.note();
    foreign.grow(HEIGHT);
    const node = await Node.of(decided, 0);
    const network = new FakePeers().add('forger', answersOf(await Node.of(foreign)));
    expect((await fetchState(node, network)).ready).toBeNull();
    expect(network.dropped).toEqual(['forger']);
    expect(network.asked).not.toContain('forger buckets');
  });

  it('follows every change of the validator set from the genesis on, and believes none that is not handed over', async () => {
    const chain = new TestChain();
    chain.run(rotation(chain, 'alpha', 'checkpoint'));
    settled(chain);
    admit(chain);
    chain.block();
    join(chain);
    settled(chain);
    const changed = new DecidedChain(chain);
    changed.note();
    changed.grow(HEIGHT);
    const node = await Node.of(changed, 0);
    const source = await Node.of(changed);
    const silent: Answer = (method, request) =>
      method === 'validator-sets' ? encodeSets([]) : source.answer(method, request);
    const untold = new FakePeers().add('silent', silent);
    expect((await fetchState(node, untold)).ready).toBeNull();
    expect(untold.dropped).toEqual(['silent']);
    const network = new FakePeers().add('a', answersOf(source));
    await adopt(node, network);
    expect(node.app.info()).toEqual(source.app.info());
    expect(node.app.validators()).toHaveLength(5);
    expect(await fetchHistory(node, network)).toEqual({ diverged: [] });
    expect(contentsOf(node)).toEqual(contentsOf(source));
  });

  it('asks for no state unless it is worth it, whatever height a peer names', async () => {
    const node = await Node.of(decided, HEIGHT - 9);
    const near = new FakePeers().add('a', await honest());
    expect((await fetchState(node, near, { target: HEIGHT })).ready).toBeNull();
    expect(near.asked).toEqual([]);
    const fetch = await fetchState(node, near, { target: 1_000_000 });
    expect([fetch.ready, fetch.isUnderWay]).toEqual([null, false]);
    expect(near.asked).toEqual(['a snapshot']);
    // Not again at once.
    fetch.consider(1_000_000);
    await fetch.settled();
    expect(near.asked).toHaveLength(1);
  });

  it('that ends in the middle still has its old state, and asks only for the rest afterwards', async () => {
    const node = await Node.of(decided, 5);
    const before = contentsOf(node);
    let written = 0;
    const first = await fetchState(node, new FakePeers().add('a', await honest()), {
      onWrite: (fetch, buckets) => {
        written += buckets;
        void fetch.stop();
      },
    });
    expect(first.ready).toBeNull();
    expect(contentsOf(node)).toEqual(before);
    await node.store.close();
    await node.open();
    expect(node.app.info().height).toBe(5);
    let rest = 0;
    const second = await fetchState(node, new FakePeers().add('a', await honest(LATER)), {
      onWrite: (_fetch, buckets) => (rest += buckets),
    });
    expect(second.ready?.height).toBe(LATER);
    const { of } = second.progress ?? { of: 0 };
    expect(written).toBeGreaterThan(0);
    expect(rest).toBeLessThan(of);
  });

  it('goes on with another state when nobody keeps the one that it began with', async () => {
    const node = await Node.of(decided, 0);
    const source = await Node.of(decided, HEIGHT);
    const network = new FakePeers().add('a', answersOf(source));
    let isGone = false;
    const fetch = await fetchState(node, network, {
      onWrite: () => {
        if (isGone) return;
        isGone = true;
        source.nowMs += 60_000;
        void source.follow(decided.decided.slice(HEIGHT));
      },
    });
    expect(fetch.ready?.height).toBe(LATER);
    expect(network.dropped).toEqual([]);
  });
});

describe('the history that a snapshot leaves out', () => {
  it('is executed from the oldest block on, and makes the store what that of the others is', async () => {
    const node = await Node.of(decided, 0);
    const network = new FakePeers().add('a', await honest());
    await adopt(node, network);
    await node.follow(decided.decided.slice(HEIGHT));
    expect(await fetchHistory(node, network)).toEqual({ diverged: [] });
    expect(node.store.gap).toBeNull();
    expect(await problemsOf(node)).toEqual([]);
    const other = await Node.of(decided, LATER);
    expect(contentsOf(node)).toEqual(contentsOf(other));
    expect([...Array(other.app.info().state.logSize).keys()].map((leaf) => node.store.heightOfLeaf(leaf))).toEqual(
      [...Array(other.app.info().state.logSize).keys()].map((leaf) => other.store.heightOfLeaf(leaf)),
    );
  });

  it('is not answered as if it were whole while it is not; what is proven without it is', async () => {
    const node = await Node.of(decided, 8);
    await adopt(node, new FakePeers().add('a', await honest()));
    await node.follow(decided.decided.slice(HEIGHT, HEIGHT + 1));
    const { store, app } = node;
    const deps = { genesis: node.genesis, store, reader: app, lastCertificate: () => null };
    const api = new NodeApiBackend(deps as unknown as ConstructorParameters<typeof NodeApiBackend>[0]);
    // An object of the newest block, that others are about too.
    const filter = { by: 'object', key: `prod/apps/deployments/dev/web-${HEIGHT % 7}` } as const;
    const query = { filter, withBlocks: true, sinceMs: null, untilMs: null, before: null, limit: 10 } as const;
    expect(store.index('object', filter.key, { limit: 10 })).toHaveLength(1);
    const { logSize } = app.info().state;
    const notHere = { code: 'HISTORY_NOT_HERE', payload: { from: 9, to: HEIGHT - 1 } };
    const refused = expect.objectContaining(notHere) as Error;
    await expect(api.records(query)).rejects.toMatchObject(notHere);
    expect(() => api.block(20)).toThrow(refused);
    expect(() => api.leaf(store.state(8)?.logSize ?? 0, logSize)).toThrow(refused);
    // Itself it is here, but not what stands beside it.
    expect(() => api.leaf(0, logSize)).toThrow(refused);
    expect(() => api.consistency(3, logSize)).toThrow(refused);
    expect(() => api.archived([1])).toThrow(refused);
    const head = api.head();
    const leaf = api.leaf(logSize - 1, logSize);
    if (head === undefined || leaf === undefined) throw new Error('the newest leaf is not answered');
    verifyHead(head, { genesisHash: node.genesis.hash, validators: app.info().validators }, crypto);
    expect(verifyRecord(head, leaf.index, leaf.leaf, leaf.proof.map(fromHex), sha256).kind).toBe('block');
    expect(api.block(8)?.header.height).toBe(8);
    expect(api.block(HEIGHT)?.header.height).toBe(HEIGHT);
    expect(api.block(HEIGHT + 2)).toBeUndefined();
    expect(api.leaf(logSize, logSize)).toBeUndefined();
    expect(store.heightOfLeaf(logSize - 1)).toBe(HEIGHT + 1);
  });

  it('goes on from the blocks that were here, after an end in the middle and over a second snapshot', async () => {
    const node = await Node.of(decided, 8);
    const before = new FakePeers().add('a', await honest(20));
    await adopt(node, before);
    expect(node.store.gap).toMatchObject({ through: 8, from: 20 });
    expect(await problemsOf(node)).toEqual([]);
    await node.follow(decided.decided.slice(20, 22));
    // A few blocks of it, from a peer that has no more.
    const few = await honest(12);
    await node.store.close();
    await node.open();
    const some = new FakePeers().add('few', few);
    await Promise.race([fetchHistory(node, some), untilThrough(node, 12)]);
    await adopt(node, new FakePeers().add('a', await honest()));
    expect(node.store.gap).toMatchObject({ through: 12, from: HEIGHT });
    expect(node.store.heightOfLeaf((node.store.state(12)?.logSize ?? 0) - 1)).toBe(12);
    expect(node.store.heightOfLeaf(node.store.state(12)?.logSize ?? 0)).toBeUndefined();
    expect(await problemsOf(node)).toEqual([]);
    expect(await fetchHistory(node, new FakePeers().add('a', await honest()))).toEqual({ diverged: [] });
    expect(await problemsOf(node)).toEqual([]);
    expect(contentsOf(node)).toEqual(contentsOf(await Node.of(decided, HEIGHT)));
  });

  it('that does not lead to the block that the node began with stops its signing, and the gap stays', async () => {
    const node = await Node.of(decided, 0);
    await adopt(node, new FakePeers().add('a', await honest()));
    const other = encodeCertificate((decided.decided[HEIGHT] as DecidedBlock).certificate);
    await node.store.table.write([[numberKey('certificate', HEIGHT), other]]);
    const { diverged } = await fetchHistory(node, new FakePeers().add('a', await honest()));
    expect(diverged).toEqual([expect.stringContaining(`${HEIGHT}: `)]);
    expect(node.store.gap).toMatchObject({ through: HEIGHT - 1, from: HEIGHT });
  });

  it('of another chain is refused block by block, and its sender dropped', async () => {
    const node = await Node.of(decided, 0);
    await adopt(node, new FakePeers().add('a', await honest()));
    const foreign = new DecidedChain(new TestChain(genesisOf({ orgs: ['mallory', 'trudy', 'oscar', 'eve'] })).ready());
    foreign.note();
    const network = new FakePeers().add('forger', answersOf(await Node.of(foreign))).add('a', await honest());
    expect(await fetchHistory(node, network)).toEqual({ diverged: [] });
    expect(network.dropped).toEqual(['forger']);
    expect(contentsOf(node)).toEqual(contentsOf(await Node.of(decided, HEIGHT)));
  });
});

async function untilThrough(node: Node, height: number): Promise<void> {
  while (node.store.gap?.through !== height) await new Promise((resolve) => setTimeout(resolve, 10));
}
