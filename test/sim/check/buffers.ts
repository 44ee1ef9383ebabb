import type { SimNode } from '../node.ts';
import type { CheckContext } from './context.ts';

/** No buffer grows with what peers send or with time. Bounds as the README of src/consensus states them, for n validators. */
const bounds: Readonly<Record<string, (n: number) => number>> = {
  // 8 past ones, present, next, locked and valid, and the newest of each validator.
  rounds: (n) => 12 + n,
  // Two votes of each validator, of both types, in each round.
  votes: (n) => 4 * n * (12 + n),
  proposals: (n) => 12 + n,
  polkas: () => 17,
  blocks: () => 64 + 8,
  nextHeight: (n) => 6 * (n + 1),
  exchange: (n) => 3 * (64 + 8 * n),
  waitingForDisk: (n) => 64 * n,
  // As many as the store may have under way, and a range of a peer.
  untold: () => 64 + 200,
};

/** What a run's clients give, at most, and a margin for what is given twice. */
const transactionsMax = 400;

export function checkBuffers(c: CheckContext, node: SimNode): void {
  const { host } = node;
  if (host === null || !node.correct) return;
  const n = host.app.info().validators.length;
  for (const [buffer, entries] of Object.entries(host.buffers())) {
    const max = bounds[buffer]?.(n) ?? transactionsMax;
    if (entries > max) c.fail(`bounds: node ${node.validator} keeps ${entries} entries in ${buffer}, more than ${max}`);
  }
}

/** On an idle chain: of a transaction that left the mempool nothing is remembered. */
export function checkNothingLeft(c: CheckContext, node: SimNode): void {
  if (node.host === null || !node.correct) return;
  const { mempool = 0, gossip = 0, exchange = 0 } = node.host.buffers();
  if (gossip > mempool)
    c.fail(`bounds: node ${node.validator} still remembers ${gossip} transactions, ${mempool} wait`);
  // For the next height, and of the faulty: eight blocks of each, and what stands for them.
  const faulty = node.host.app.info().validators.filter(({ id }) => c.isFaulty(id)).length;
  if (exchange > 16 * (faulty + 1)) c.fail(`bounds: node ${node.validator} is idle and keeps ${exchange} blocks`);
}
