import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Mempool } from '../../../src/node/mempool.ts';
import { ackDelayMs, TransactionGossip } from '../../../src/node/transaction-gossip.ts';
import type { CheckResult } from '../../../src/ports/application.ts';
import type { PeerNetwork } from '../../../src/ports/network.ts';
import type { ValidatorId } from '../../../src/types/brand.ts';
import { hashOf } from '../ledger/test-chain.ts';

const alpha = 'alpha' as ValidatorId;
const push = (text: string): Uint8Array => Buffer.concat([Buffer.from([1]), Buffer.from(text)]);

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('what still waits after a while is acknowledged in one frame, what is in a block by then is not', () => {
  const sent: Uint8Array[] = [];
  const mempool = new Mempool();
  const gossip = new TransactionGossip({
    app: {
      checkTx: (bytes: Uint8Array): CheckResult => {
        const hash = hashOf(Buffer.from(bytes).toString());
        return { ok: true, hash, org: 'alpha', lane: 'normal', notAfterMs: 9_000, pair: null } as never;
      },
    },
    mempool,
    network: { send: (_to: string, _channel: string, bytes: Uint8Array) => sent.push(bytes) } as unknown as PeerNetwork,
    peers: () => [alpha],
    now: () => Date.now(),
    onAvailable: () => undefined,
    onDefect: () => undefined,
    metrics: { received: () => undefined },
  });
  for (const text of ['decided', 'one', 'other']) gossip.onFrame(alpha, push(text));
  mempool.remove(hashOf('decided'));
  vi.advanceTimersByTime(ackDelayMs - 1);
  expect(sent).toEqual([]);
  vi.advanceTimersByTime(1);
  const hashes = ['one', 'other'].map((text) => Buffer.from(hashOf(text), 'hex'));
  expect(sent.map((frame) => Buffer.from(frame))).toEqual([Buffer.concat([Buffer.from([2, 0, 2]), ...hashes])]);
  // All of them decided: nothing is said at all.
  gossip.onFrame(alpha, push('later'));
  mempool.remove(hashOf('later'));
  vi.advanceTimersByTime(10 * ackDelayMs);
  expect(sent).toHaveLength(1);
});
