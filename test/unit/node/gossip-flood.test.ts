import { expect, test } from 'vitest';
import { Mempool } from '../../../src/node/mempool.ts';
import { TransactionGossip } from '../../../src/node/transaction-gossip.ts';
import type { CheckResult } from '../../../src/ports/application.ts';
import type { PeerNetwork } from '../../../src/ports/network.ts';
import type { ValidatorId } from '../../../src/types/brand.ts';
import { hashOf } from '../ledger/test-chain.ts';

const mallory = 'mallory' as ValidatorId;
const alpha = 'alpha' as ValidatorId;
const push = (text: string): Uint8Array => Buffer.concat([Buffer.from([1]), Buffer.from(text)]);

/** Resolves when nothing waits any more. */
async function allChecked(gossip: TransactionGossip): Promise<void> {
  while (gossip.waiting > 0) await new Promise((resolve) => setImmediate(resolve));
}

test('P8: a peer that pushes forged transactions without end is left unread, and the others are not', async () => {
  let nowMs = 0;
  let checked = 0;
  const counts: Record<string, number> = {};
  const gossip = new TransactionGossip({
    app: {
      checkTx: (bytes: Uint8Array): CheckResult => {
        checked += 1;
        const text = Buffer.from(bytes).toString();
        if (text.startsWith('forged')) return { ok: false, code: 'LEDGER_SIGNATURE', message: '' } as never;
        return {
          ok: true,
          hash: hashOf(text),
          org: 'alpha',
          user: '',
          lane: 'normal',
          notAfterMs: 9_000,
          pair: null,
        } as never;
      },
    },
    mempool: new Mempool(),
    network: { send: () => undefined, broadcast: () => undefined } as unknown as PeerNetwork,
    peers: () => [],
    now: () => nowMs,
    onAvailable: () => undefined,
    onDefect: (error) => {
      throw error;
    },
    metrics: { received: (outcome) => void (counts[outcome] = (counts[outcome] ?? 0) + 1) },
  });
  for (let i = 0; i < 20_000; i += 1) {
    expect(gossip.onFrame(mallory, push(`forged ${i}`))).toBe(true);
    if (i % 500 === 499) await allChecked(gossip);
  }
  expect(checked).toBe(5_000);
  expect(counts).toEqual({ refused: 5_000, ignored: 15_000 });
  for (let i = 0; i < 100; i += 1) gossip.onFrame(alpha, push(`honest ${i}`));
  await allChecked(gossip);
  expect(counts['new']).toBe(100);
  // A second later it may err five hundred times more.
  nowMs = 1_000;
  for (let i = 0; i < 1_000; i += 1) gossip.onFrame(mallory, push(`forged again ${i}`));
  await allChecked(gossip);
  expect(counts['refused']).toBe(5_500);
});
