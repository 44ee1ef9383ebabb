import { describe, expect, it } from 'vitest';
import { ChainError } from '../../../src/errors/chain-error.ts';
import { Submitter } from '../../../src/node/submitter.ts';
import type { CheckResult, ExecutedBlock } from '../../../src/ports/application.ts';
import type { Hash } from '../../../src/types/brand.ts';
import type { TxResult } from '../../../src/types/transaction.ts';

const hash = 'ab'.repeat(32) as Hash;
const ok: CheckResult = { ok: true, hash, org: 'alpha', user: '', lane: 'normal', bytes: 1, notAfterMs: 1, pair: null };
const bytes = new Uint8Array(1);

function result(decision: TxResult['decision']): TxResult {
  return { decision, code: 'OK', proposal: null, witnesses: [], binding: null, original: null };
}

function block(parts: Partial<Pick<ExecutedBlock, 'txs' | 'decisions'>>): ExecutedBlock {
  return { block: { header: { height: 7 } }, txs: [], decisions: [], ...parts } as unknown as ExecutedBlock;
}

const submitter = (check: () => CheckResult): Submitter => new Submitter({ submit: check }, () => Date.now());

describe('whoever submits hears', () => {
  it('what the quorum decided, once the block is durable', async () => {
    const s = submitter(() => ok);
    const outcome = s.submit(bytes, Date.now() + 5_000, 'decision');
    s.onCommitted(block({ txs: [{ hash, leaf: 3, result: result('ADMITTED') }] }));
    expect(await outcome).toEqual({ kind: 'committed', tx: hash, height: 7, leaf: 3, result: result('ADMITTED') });
    expect(s.waiting).toBe(0);
  });

  it('P8: nothing of a first witness before its pair is decided', async () => {
    const s = submitter(() => ok);
    const outcome = s.submit(bytes, Date.now() + 50, 'decision');
    s.onCommitted(block({ txs: [{ hash, leaf: 3, result: result('WAITING') }] }));
    expect(await outcome).toEqual({ kind: 'unknown', tx: hash });
  });

  it('the decision that a later block made for an earlier witness', async () => {
    const s = submitter(() => ok);
    const outcome = s.submit(bytes, Date.now() + 5_000, 'decision');
    s.onCommitted(block({ txs: [{ hash, leaf: 3, result: result('WAITING') }] }));
    s.onCommitted(block({ decisions: [{ tx: hash, leaf: 9, result: result('REFUSED') }] }));
    expect(await outcome).toMatchObject({ kind: 'committed', leaf: 9, result: { decision: 'REFUSED' } });
  });

  it('that it was refused before anybody had it', async () => {
    const s = submitter(() => ({ ok: false, code: 'LEDGER_TX_TOO_LARGE', message: 'too large' }));
    expect(await s.submit(bytes, Date.now() + 5_000, 'inclusion')).toEqual({
      kind: 'rejected',
      code: 'LEDGER_TX_TOO_LARGE',
      message: 'too large',
    });
  });

  it('that the node is overloaded', async () => {
    const s = submitter(() => {
      throw new ChainError('MEMPOOL_FULL', { org: 'alpha', transactions: 1 });
    });
    expect(await s.submit(bytes, Date.now() + 5_000, 'inclusion')).toEqual({
      kind: 'overloaded',
      code: 'MEMPOOL_FULL',
    });
  });

  it('that its outcome is unknown when the node stops', async () => {
    const s = submitter(() => ok);
    const outcome = s.submit(bytes, Date.now() + 60_000, 'inclusion');
    await Promise.resolve();
    s.stop();
    expect(await outcome).toEqual({ kind: 'unknown', tx: hash });
  });
});
