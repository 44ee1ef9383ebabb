import { expect, test } from 'vitest';
import { Mempool } from '../../../src/node/mempool.ts';
import { transactionHash } from '../../../src/ledger/transaction.ts';
import type { Hash } from '../../../src/types/brand.ts';
import { alone, changeOf, sha256, type TestChain } from '../ledger/test-chain.ts';

const BLOCKS = 40;
/** Far less than is asked for, and a block takes long: whoever waits for its turn in one queue waits for longer than it lives. */
const BLOCK_TXS = 40;
const BLOCK_MS = 2_000;
const LIFE_MS = 8_000;
/** What one organisation has pushed to all before, and pushes for each block. */
const FLOOD_AT_ONCE = 400;
const FLOOD_A_BLOCK = 60;
const CLIENTS = { greedy: 270, busy: 100, alice: 3 } as const;
type User = keyof typeof CLIENTS;

/** One that asks for one change after the other, and gives up what is not decided in its time. */
interface Client {
  readonly user: User;
  /** Both attestations of the change that it waits for. */
  txs: readonly Hash[];
  since: { readonly block: number; readonly ms: number };
}

class Crowd {
  readonly #chain: TestChain;
  readonly #pool: Mempool;
  readonly #clients: readonly Client[];
  #changes = 0;
  /** Blocks that each admitted change of a user took. */
  readonly waited: Record<User, number[]> = { greedy: [], busy: [], alice: [] };
  readonly givenUp: Record<User, number> = { greedy: 0, busy: 0, alice: 0 };

  constructor(chain: TestChain, pool: Mempool) {
    this.#chain = chain;
    this.#pool = pool;
    this.#clients = (Object.keys(CLIENTS) as User[]).flatMap((user) =>
      Array.from({ length: CLIENTS[user] }, () => ({ user, txs: [], since: { block: 0, ms: 0 } })),
    );
  }

  /** Who has nothing under way asks for something. */
  ask(block: number): void {
    const { nowMs } = this.#chain;
    for (const client of this.#clients) {
      if (client.txs.length > 0 && nowMs - client.since.ms < LIFE_MS) continue;
      if (client.txs.length > 0) this.givenUp[client.user] += 1;
      client.txs = this.push(client.user, ['alpha', 'beta']);
      client.since = { block, ms: nowMs };
    }
  }

  /** A change, attested by these. */
  push(user: string, nodes: readonly string[]): readonly Hash[] {
    this.#changes += 1;
    const name = `${user}-${this.#changes}`;
    const change = changeOf(name, {
      operation: 'CREATE',
      namespace: 'dev',
      name,
      uid: name,
      resourceVersion: '',
      user,
    });
    return nodes.map((node) => {
      const bytes = this.#chain.attest(change, node);
      const check = this.#chain.app.checkTx(bytes, this.#chain.nowMs);
      if (!check.ok) throw new Error(check.message);
      this.#pool.add(check, bytes);
      return check.hash;
    });
  }

  decided(tx: Hash, block: number): void {
    const client = this.#clients.find(({ txs }) => txs.includes(tx));
    if (client === undefined) return;
    this.waited[client.user].push(block - client.since.block);
    client.txs = [];
  }
}

test('P8: beside an organisation that floods the others and two users who ask for all there is, each change of a modest user is decided in the next block', () => {
  const chain = alone({ hooks: 2, params: { blockTxsMax: BLOCK_TXS } }).ready();
  const pool = new Mempool();
  const crowd = new Crowd(chain, pool);
  for (let i = 0; i < FLOOD_AT_ONCE; i += 1) crowd.push('flood', ['delta']);
  const flooded: number[] = [];
  for (let block = 0; block < BLOCKS; block += 1) {
    for (let i = 0; i < FLOOD_A_BLOCK; i += 1) crowd.push('flood', ['delta']);
    crowd.ask(block);
    const batch = pool.batch(1_048_576, BLOCK_TXS, chain.nowMs);
    expect(batch).toHaveLength(BLOCK_TXS);
    flooded.push(batch.filter((bytes) => pool.get(transactionHash(bytes, sha256))?.org === 'delta').length);
    const { txs, decisions } = chain.block(...batch);
    for (const { hash } of txs) pool.remove(hash);
    for (const { tx, result } of decisions) if (result.decision === 'ADMITTED') crowd.decided(tx, block);
    chain.advance(BLOCK_MS);
    pool.expire(chain.nowMs, 10_000);
  }
  const { waited, givenUp } = crowd;
  // A third of the places is the flood's, never more.
  expect(Math.max(...flooded)).toBeLessThanOrEqual(Math.ceil(BLOCK_TXS / 3));
  expect(waited.alice).toHaveLength(CLIENTS.alice * BLOCKS);
  expect(Math.max(...waited.alice)).toBe(0);
  expect(givenUp.alice).toBe(0);
  // The others share what is left alike, whoever asks for more; all of it is of use, although most of what they ask for comes to nothing.
  const [greedy, busy] = [waited.greedy.length, waited.busy.length];
  expect(greedy + busy).toBeGreaterThan(BLOCKS * (BLOCK_TXS / 3 - CLIENTS.alice - 3));
  expect(Math.abs(greedy - busy)).toBeLessThan(BLOCKS);
  expect(givenUp.greedy).toBeGreaterThan(greedy);
});
