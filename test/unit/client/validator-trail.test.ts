import { expect, test } from 'vitest';
import { memoryLastSeen } from '../../../src/client/last-seen.ts';
import { ChainReader } from '../../../src/client/reader.ts';
import { isChainError } from '../../../src/errors/chain-error.ts';
import type { HandoverProof } from '../../../src/ports/api-backend.ts';
import { admit, join, rotation, settled } from '../ledger/set-changes.ts';
import { TestChain } from '../ledger/test-chain.ts';
import { FakeNode, FakeTransport } from './fake-node.ts';

const endpoint = 'https://a.example';

/** Three changes of the set: a key of alpha, a fifth organisation, a key of it. */
function changedThrice(): TestChain {
  const chain = new TestChain();
  chain.run(rotation(chain, 'alpha', 'checkpoint'));
  settled(chain);
  admit(chain);
  chain.block();
  join(chain);
  settled(chain);
  chain.run(rotation(chain, 'epsilon', 'tls'));
  return settled(chain);
}

/** A node that shows other handovers than those of its chain. */
class AlteringNode extends FakeNode {
  alter: (items: readonly HandoverProof[]) => readonly HandoverProof[] = (items) => items;

  override handovers(from: number, limit: number): readonly HandoverProof[] {
    return this.alter(super.handovers(from, limit));
  }
}

function readerOf(node: FakeNode): ChainReader {
  return new ChainReader({
    genesisHash: node.chain.app.genesisHash,
    endpoints: [endpoint],
    transport: new FakeTransport().add(endpoint, node),
    lastSeen: memoryLastSeen(),
    nowMs: () => node.chain.nowMs,
    maxAgeMs: 60_000,
  });
}

/** The code of what made the reader refuse. */
async function refusal(reader: ChainReader): Promise<string> {
  try {
    await reader.head();
    return 'taken';
  } catch (error) {
    return isChainError(error) && isChainError(error.cause) ? error.cause.code : String(error);
  }
}

test('a reader that pinned the genesis walks every handover, and reads what any of the sets decided', async () => {
  const chain = changedThrice();
  const reader = readerOf(new FakeNode(chain));
  expect((await reader.head())?.header.height).toBe(chain.blocks.length);
  const sets = await reader.validatorSets();
  expect(sets.map(({ n, validators }) => [n, validators.length])).toEqual([
    [0, 4],
    [1, 4],
    [2, 5],
    [3, 5],
  ]);
  expect(sets.every(({ isHandedOver }) => isHandedOver)).toBe(true);
  expect(await reader.blocks(chain.blocks.map((_, i) => i + 1))).toHaveLength(chain.blocks.length);
});

test('it follows a change that is made while it reads, also before it is handed over', async () => {
  const chain = new TestChain();
  chain.block();
  const reader = readerOf(new FakeNode(chain));
  await reader.head();
  chain.run(rotation(chain, 'beta', 'tx'));
  chain.block();
  expect((await reader.head())?.header.height).toBe(3);
  expect((await reader.validatorSets()).at(-1)).toMatchObject({ n: 1, isHandedOver: false });
  settled(chain);
  expect((await reader.validatorSets()).at(-1)).toMatchObject({ n: 1, isHandedOver: true });
  chain.run(rotation(chain, 'gamma', 'tx'));
  await reader.head();
  expect((await reader.validatorSets()).map(({ isHandedOver }) => isHandedOver)).toEqual([true, true, false]);
});

test.each([
  ['one is skipped', (all: readonly HandoverProof[]) => all.filter(({ n }) => n !== 2), 'CLIENT_HANDOVER'],
  ['none is shown', () => [], 'LEDGER_HEAD_VALIDATORS'],
  [
    'the quorum before has not signed',
    (all: readonly HandoverProof[]) => with2(all, { before: null }),
    'CLIENT_HANDOVER',
  ],
  [
    'the quorum after has not signed',
    (all: readonly HandoverProof[]) => with2(all, { after: null }),
    'CLIENT_HANDOVER',
  ],
  [
    'the note is of an earlier set and log',
    (all: readonly HandoverProof[]) => with2(all, { before: all[0]?.before ?? '' }),
    'LEDGER_CHECKPOINT_QUORUM',
  ],
  [
    'too few have signed',
    (all: readonly HandoverProof[]) => with2(all, { after: lessOne(all[1]?.after) }),
    'LEDGER_CHECKPOINT_QUORUM',
  ],
  [
    'the leaf is another',
    (all: readonly HandoverProof[]) => with2(all, { leaf: all[0]?.leaf as HandoverProof['leaf'] }),
    'LEDGER_INCLUSION',
  ],
  [
    'the block is of another height',
    (all: readonly HandoverProof[]) => with2(all, { head: all[2]?.head as HandoverProof['head'] }),
    'LEDGER_HEAD_VALIDATORS',
  ],
] as const)('a node that lies about the handovers is not believed: %s', async (_what, alter, code) => {
  const node = new AlteringNode(changedThrice());
  node.alter = alter as AlteringNode['alter'];
  const reader = readerOf(node);
  expect(await refusal(reader)).toBe(code);
  expect(reader.liars).toHaveLength(1);
});

test('what the old set signs for a height that is the new one’s is worth nothing', async () => {
  const chain = changedThrice();
  const node = new FakeNode(chain);
  const reader = readerOf(node);
  await reader.head();
  const forged = new FakeNode(chain);
  const later = chain.blocks.at(-1) as TestChain['blocks'][number];
  const old = new TestChain(chain.genesis);
  old.block();
  forged.head = () => {
    const first = node.block(1);
    if (first === undefined) throw new Error('no block');
    return { ...first, header: { ...first.header, height: later.block.header.height } };
  };
  expect(await refusal(readerOf(forged))).toMatch(/^LEDGER_HEAD/);
});

function with2(all: readonly HandoverProof[], more: Partial<HandoverProof>): readonly HandoverProof[] {
  return all.map((item) => (item.n === 2 ? { ...item, ...more } : item));
}

function lessOne(note: string | null | undefined): string {
  return (note ?? '').trimEnd().split('\n').slice(0, -1).join('\n') + '\n';
}
