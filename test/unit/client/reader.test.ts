import { describe, expect, test } from 'vitest';
import { memoryLastSeen, type LastSeenStore } from '../../../src/client/last-seen.ts';
import { ChainReader } from '../../../src/client/reader.ts';
import { nativeBackend } from '../../../src/crypto/index.ts';
import { isChainError } from '../../../src/errors/chain-error.ts';
import { auditKey } from '../../../src/ledger/audit-index.ts';
import { objectKey, policyKey } from '../../../src/ledger/execute/keys.ts';
import type { ApiBackend, RecordQuery } from '../../../src/ports/api-backend.ts';
import { attributesOf, changeOf, CLUSTER, TestChain } from '../ledger/test-chain.ts';
import { FakeNode, FakeTransport, tampering } from './fake-node.ts';

const { sha256 } = nativeBackend;
const honest = 'https://honest.example';
const liar = 'https://liar.example';
const web = attributesOf({ namespace: 'dev' });
const webKey = auditKey.object(web);
const webLatest = objectKey(sha256, web);

/** Three changes of dev/web and one of dev/api, admitted as no policy matches them. */
function writtenChain(): TestChain {
  const chain = new TestChain().ready();
  for (const content of ['one', 'two', 'three']) chain.review(changeOf(content, { namespace: 'dev' }));
  chain.review(changeOf('other', { namespace: 'dev', name: 'api' }));
  return chain;
}

/** Tests that only read share one: its state tree takes half a second. */
const shared = writtenChain();
const chainOfChanges = (): TestChain => shared;

function readerOf(chain: TestChain, transport: FakeTransport, lastSeen: LastSeenStore = memoryLastSeen()): ChainReader {
  return new ChainReader({
    genesisHash: chain.app.genesisHash,
    endpoints: [liar, honest],
    transport,
    lastSeen,
    nowMs: () => chain.nowMs,
    maxAgeMs: 60_000,
  });
}

const codeOf = (error: unknown): string => (isChainError(error) ? error.code : String(error));

describe('a reader that pins only the genesis', () => {
  test('reads heads, state, leaves, blocks and histories of an honest node', async () => {
    const chain = chainOfChanges();
    const reader = readerOf(chain, new FakeTransport().add(honest, new FakeNode(chain)));
    expect((await reader.head())?.header.height).toBe(5);
    const { values } = await reader.state([policyKey('production'), policyKey('absent')]);
    expect(values.get(policyKey('production'))).toBeDefined();
    expect(values.get(policyKey('absent'))).toBeUndefined();
    const history = await reader.history('object', webKey, webLatest, 50);
    expect(history.isProvenComplete).toBe(true);
    expect(history.records.map(({ index }) => index)).toEqual([6, 4, 2]);
    const times = await reader.times(history.records);
    expect([...times.keys()].sort((a, b) => a - b)).toEqual([2, 3, 4]);
    expect((await reader.blocks([2]))[0]?.header.timeMs).toBe(times.get(2));
    expect(reader.liars).toEqual([]);
  });

  test('has block times from what came with the records, and asks for those that did not', async () => {
    const chain = chainOfChanges();
    const all = new FakeTransport().add(honest, new FakeNode(chain));
    const reader = readerOf(chain, all);
    const { records } = await reader.history('object', webKey, webLatest, 50);
    const asked = all.asked.length;
    const times = await reader.times(records);
    expect(all.asked).toHaveLength(asked);
    expect([...times.keys()].sort((a, b) => a - b)).toEqual([2, 3, 4]);
    // One that shows the leaves of records for those of their blocks says nothing of any time.
    const withoutBlocks = tampering('/v1/records', (page: Page) => ({ ...page, blocks: page.items }));
    const other = new FakeTransport().add(honest, new FakeNode(chain), withoutBlocks);
    const cautious = readerOf(chain, other);
    const same = await cautious.history('object', webKey, webLatest, 50);
    expect(await cautious.times(same.records)).toEqual(times);
    expect(other.asked.some((path) => path.includes('/v1/leaves'))).toBe(true);
  });

  test('says of a part of a history that it is not complete, and still finds a gap in it', async () => {
    const chain = chainOfChanges();
    const reader = readerOf(chain, new FakeTransport().add(honest, new FakeNode(chain)));
    const newest = await reader.history('object', webKey, webLatest, 2);
    expect(newest.isProvenComplete).toBe(false);
    expect(newest.records.map(({ index }) => index)).toEqual([6, 4]);
    expect(newest.next).toBe(4);
  });

  test('finds out that the newest record was left out of a part of a history', async () => {
    const chain = chainOfChanges();
    const node = new FakeNode(chain);
    const older = {
      ...bound(node),
      records: (query: RecordQuery) => node.records({ ...query, before: query.before ?? 6 }),
    };
    const reader = readerOf(chain, new FakeTransport().add(liar, older));
    await expect(reader.history('object', webKey, webLatest, 1)).rejects.toMatchObject({
      code: 'CLIENT_NO_VERIFIED_ANSWER',
    });
    expect(reader.liars[0]?.code).toBe('CLIENT_INCOMPLETE');
  });

  test('is shown that an object has no history', async () => {
    const chain = chainOfChanges();
    const reader = readerOf(chain, new FakeTransport().add(honest, new FakeNode(chain)));
    const nobody = attributesOf({ namespace: 'dev', name: 'nobody' });
    const history = await reader.history('object', auditKey.object(nobody), objectKey(sha256, nobody), 50);
    expect(history).toMatchObject({ isProvenComplete: true, records: [] });
  });

  test('submits, and finds its record proven', async () => {
    const chain = writtenChain();
    const reader = readerOf(chain, new FakeTransport().add(honest, new FakeNode(chain)));
    chain.review(changeOf('guarded'), ['alpha']);
    chain.held(1);
    const { result } = await reader.submit(chain.sign({ ...chain.ballot('beta', 1), notAfterMs: chain.nowMs + 8_000 }));
    expect(result.decision).toBe('DONE');
    expect(chain.proposal(1).votes.map(({ org }) => org)).toEqual(['beta']);
  });

  test('hears of a refusal in the words of the node', async () => {
    const chain = writtenChain();
    const reader = readerOf(chain, new FakeTransport().add(honest, new FakeNode(chain)));
    const ballot = chain.sign({ ...chain.ballot('beta', 7), notAfterMs: chain.nowMs + 8_000 });
    await expect(reader.submit(ballot)).rejects.toMatchObject({ code: 'CLIENT_REFUSED' });
  });

  test('knows a fresh tree from one that a quorum has not called the newest lately', async () => {
    const chain = chainOfChanges();
    const transport = new FakeTransport().add(honest, new FakeNode(chain));
    expect(await readerOf(chain, transport).freshness()).toMatchObject({ isFresh: true });
    const stale = new ChainReader({
      genesisHash: chain.app.genesisHash,
      endpoints: [honest],
      transport,
      lastSeen: memoryLastSeen(),
      nowMs: () => chain.nowMs + 120_000,
      maxAgeMs: 60_000,
    });
    expect(await stale.freshness()).toMatchObject({
      isFresh: false,
      reason: 'the cosignatures of a quorum are too old',
    });
  });

  test('does not call fresh what is older than the tree that a quorum calls the newest', async () => {
    const chain = chainOfChanges();
    const [node, behind] = [new FakeNode(chain), new FakeNode(chain)];
    behind.shownHeight = 3;
    const split = { ...bound(behind), checkpoint: () => node.checkpoint(true) };
    expect(await readerOf(chain, new FakeTransport().add(honest, split)).freshness()).toMatchObject({ isFresh: false });
  });

  test('says that nobody is there', async () => {
    const chain = chainOfChanges();
    await expect(readerOf(chain, new FakeTransport()).head()).rejects.toMatchObject({ code: 'CLIENT_UNREACHABLE' });
  });
});

interface Lie {
  readonly lie: string;
  readonly path: string;
  readonly change: (json: never) => unknown;
  readonly read: (reader: ChainReader) => Promise<unknown>;
  readonly code: string;
}

const history = (reader: ChainReader): Promise<unknown> => reader.history('object', webKey, webLatest, 50);
const newest = (reader: ChainReader): Promise<unknown> => reader.records({ actor: 'ci' });
const policy = (reader: ChainReader): Promise<unknown> => reader.state([policyKey('production')]);
interface Page {
  items: { index: number; leaf: string; proof: string[] }[];
  blocks: { index: number; leaf: string; proof: string[] }[];
  next: number | null;
}
/** Another character of the alphabet in the middle of a base64 text. */
const altered = (text: string): string => {
  const at = Math.floor(text.length / 2);
  return text.slice(0, at) + (text.charAt(at) === 'A' ? 'B' : 'A') + text.slice(at + 1);
};

const lies: readonly Lie[] = [
  {
    lie: 'alters a record',
    path: '/v1/records',
    change: ({ items }: Page) => {
      (items[0] as { leaf: string }).leaf = altered(items[0]?.leaf ?? '');
    },
    read: history,
    code: 'LEDGER_INCLUSION',
  },
  {
    lie: 'alters the time of a block',
    path: '/v1/records',
    change: ({ blocks }: Page) => {
      const [block] = blocks;
      if (block === undefined) return;
      const text = Buffer.from(block.leaf, 'base64').toString();
      block.leaf = Buffer.from(text.replace(/"timeMs":\d/, '"timeMs":2')).toString('base64');
    },
    read: history,
    code: 'LEDGER_INCLUSION',
  },
  {
    lie: 'leaves out the newest record',
    path: '/v1/records',
    change: ({ items }: Page) => void items.shift(),
    read: history,
    code: 'CLIENT_INCOMPLETE',
  },
  {
    lie: 'leaves out a record in the middle',
    path: '/v1/records',
    change: ({ items }: Page) => void items.splice(1, 1),
    read: history,
    code: 'CLIENT_INCOMPLETE',
  },
  {
    lie: 'leaves out the oldest record',
    path: '/v1/records',
    change: ({ items }: Page) => void items.pop(),
    read: history,
    code: 'CLIENT_INCOMPLETE',
  },
  {
    lie: 'leaves out everything',
    path: '/v1/records',
    change: (page: Page) => ({ ...page, items: [], next: null }),
    read: history,
    code: 'CLIENT_INCOMPLETE',
  },
  {
    lie: 'reorders records',
    path: '/v1/records',
    change: ({ items }: Page) => void items.reverse(),
    read: history,
    code: 'CLIENT_ANSWER_FORM',
  },
  {
    lie: 'shows one record twice',
    path: '/v1/records',
    change: ({ items }: Page) => void items.push(items.at(-1) as never),
    read: newest,
    code: 'CLIENT_ANSWER_FORM',
  },
  {
    lie: 'says that a record stands elsewhere',
    path: '/v1/records',
    change: ({ items }: Page) => {
      (items[0] as { index: number }).index += 1;
    },
    read: newest,
    code: 'LEDGER_INCLUSION',
  },
  {
    lie: 'alters a value of the state',
    path: '/v1/state',
    change: ({ entries }: { entries: { proof: { bucket: string } }[] }) => {
      const [entry] = entries;
      if (entry !== undefined) entry.proof.bucket = altered(entry.proof.bucket);
    },
    read: policy,
    code: 'LEDGER_STATE_PROOF',
  },
  {
    lie: 'leaves out a value of the state',
    path: '/v1/state',
    change: (json: object) => ({ ...json, entries: [] }),
    read: policy,
    code: 'CLIENT_ANSWER_FORM',
  },
  {
    lie: 'alters a header',
    path: '/v1/head',
    change: ({ header }: { header: { timeMs: number } }) => {
      header.timeMs += 1;
    },
    read: (reader) => reader.head(),
    code: 'LEDGER_HEAD_MISMATCH',
  },
  {
    lie: 'claims a longer log',
    path: '/v1/head',
    change: ({ state }: { state: { logSize: number } }) => {
      state.logSize += 1;
    },
    read: (reader) => reader.head(),
    code: 'LEDGER_HEAD_STATE',
  },
  {
    lie: 'shows fewer precommits than a quorum',
    path: '/v1/head',
    change: ({ certificate }: { certificate: { signatures: unknown[] } }) => void certificate.signatures.splice(2),
    read: (reader) => reader.head(),
    code: 'LEDGER_CERTIFICATE_QUORUM',
  },
  {
    lie: 'serves another genesis',
    path: '/v1/genesis',
    change: (json: object) => ({ ...json, chainName: 'other' }),
    read: (reader) => reader.head(),
    code: 'CLIENT_GENESIS',
  },
  {
    lie: 'answers with something else than JSON of the API',
    path: '/v1/head',
    change: () => [1, 2],
    read: (reader) => reader.head(),
    code: '',
  },
];

describe('a node that', () => {
  test.each(lies)('$lie is named as a liar, and another node is asked', async ({ path, change, read, code }) => {
    const chain = chainOfChanges();
    const transport = new FakeTransport()
      .add(liar, new FakeNode(chain), tampering(path, change))
      .add(honest, new FakeNode(chain));
    const reader = readerOf(chain, transport);
    await read(reader);
    expect(reader.liars.map(({ endpoint }) => endpoint)).toEqual([liar]);
    expect(reader.liars[0]?.code ?? '').toMatch(code === '' ? /^(CODEC|LEDGER)_/ : new RegExp(`^${code}`));
  });

  test.each(lies)('$lie is not believed where no other node is there', async ({ path, change, read }) => {
    const chain = chainOfChanges();
    const reader = readerOf(chain, new FakeTransport().add(liar, new FakeNode(chain), tampering(path, change)));
    const error = await read(reader).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(codeOf(error)).toBe('CLIENT_NO_VERIFIED_ANSWER');
  });

  test('rolls back to what was seen before is passed over, although all that it shows was certified once', async () => {
    const chain = chainOfChanges();
    const lastSeen = memoryLastSeen();
    await readerOf(chain, new FakeTransport().add(honest, new FakeNode(chain)), lastSeen).head();
    const behind = new FakeNode(chain);
    behind.shownHeight = 2;
    await expect(readerOf(chain, new FakeTransport().add(liar, behind), lastSeen).head()).rejects.toMatchObject({
      code: 'CLIENT_BEHIND',
    });
    const reader = readerOf(chain, new FakeTransport().add(liar, behind).add(honest, new FakeNode(chain)), lastSeen);
    expect((await reader.head())?.header.height).toBe(5);
  });

  test('shows an older tree than the one that a quorum has just called the newest is passed over', async () => {
    const chain = chainOfChanges();
    const node = new FakeNode(chain);
    const reader = readerOf(chain, new FakeTransport().add(honest, node));
    await reader.freshness();
    node.shownHeight = 3;
    await expect(reader.head()).rejects.toMatchObject({ code: 'CLIENT_BEHIND' });
  });

  test('forks the chain behind what was seen is found out by the proof of consistency', async () => {
    const chain = chainOfChanges();
    const fork = new TestChain().ready();
    for (const content of ['1', '2', '3', '4', '5']) fork.review(changeOf(content, { namespace: 'dev' }));
    const lastSeen = memoryLastSeen();
    await readerOf(chain, new FakeTransport().add(honest, new FakeNode(chain)), lastSeen).head();
    const reader = readerOf(chain, new FakeTransport().add(liar, new FakeNode(fork)), lastSeen);
    await expect(reader.head()).rejects.toMatchObject({ code: 'CLIENT_NO_VERIFIED_ANSWER' });
    expect(reader.liars[0]?.code).toBe('LEDGER_CONSISTENCY');
  });

  test('puts records of another object into a history is named', async () => {
    const chain = chainOfChanges();
    const transport = new FakeTransport().add(liar, {
      ...bound(new FakeNode(chain)),
      records: (query) =>
        new FakeNode(chain).records({
          ...query,
          filter: { by: 'object', key: auditKey.object({ ...web, name: 'api', cluster: CLUSTER }) },
        }),
    });
    const reader = readerOf(chain, transport);
    await expect(history(reader)).rejects.toMatchObject({ code: 'CLIENT_NO_VERIFIED_ANSWER' });
    expect(reader.liars[0]?.code).toBe('CLIENT_FOREIGN_RECORD');
  });

  test('says that a transaction stands at another record is named', async () => {
    const chain = writtenChain();
    chain.review(changeOf('guarded'));
    chain.held(1);
    const transport = new FakeTransport().add(
      liar,
      new FakeNode(chain),
      tampering('/v1/transactions', (json: object) => ({ ...json, leaf: 2 })),
    );
    const ballot = chain.sign({ ...chain.ballot('beta', 1), notAfterMs: chain.nowMs + 8_000 });
    await expect(readerOf(chain, transport).submit(ballot)).rejects.toMatchObject({ code: 'CLIENT_RESULT_MISMATCH' });
  });
});

/** The node's methods as own functions, so that one can be replaced. */
function bound(node: FakeNode): ApiBackend {
  const methods = [
    'genesis',
    'status',
    'head',
    'block',
    'leaf',
    'consistency',
    'state',
    'records',
    'submit',
    'body',
    'canonicalize',
    'checkpoint',
  ] as const;
  return Object.fromEntries(
    methods.map((name) => [name, (node[name] as (...args: unknown[]) => unknown).bind(node)]),
  ) as unknown as ApiBackend;
}
