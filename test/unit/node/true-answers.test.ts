import { describe, expect, it } from 'vitest';
import { nativeBackend } from '../../../src/crypto/index.ts';
import { signTransaction } from '../../../src/ledger/transaction.ts';
import { createAdmissionLedger } from '../../../src/node/admission.ts';
import type { SubmitOutcome } from '../../../src/node/submitter.ts';
import type { ClusterId, Hash, ValidatorId } from '../../../src/types/brand.ts';
import type { Proposal } from '../../../src/types/proposal.ts';
import type { TxResult } from '../../../src/types/transaction.ts';
import type { MutationPayload } from '../../../src/types/transaction.ts';
import { changeOf, hashOf, signerOf } from '../ledger/test-chain.ts';

type Deps = Parameters<typeof createAdmissionLedger>[0];

const tx = hashOf('tx');
const change = { ...changeOf('image v2'), admissionUid: 'review' };
const body = new Uint8Array(1);

function committed(decision: TxResult['decision'], code: string): SubmitOutcome {
  const result = { decision, code, proposal: null, witnesses: [], binding: null, original: null };
  return { kind: 'committed', tx, height: 7, leaf: 9, result };
}

/** What a node answers for what became of its transaction. */
function ledger(outcome: SubmitOutcome, more: Partial<Deps> = {}, open: Proposal | null = null) {
  let submitted = 0;
  const submitter = {
    submit: () => {
      submitted += 1;
      return Promise.resolve(outcome);
    },
  };
  const reader = {
    refusedOpenProposal: () => (open === null ? null : { proposal: open, code: 'GOVERNANCE_VOTES_MISSING' as const }),
    info: () => ({ timeMs: 1_000 }),
    proposal: () => undefined,
    leaseOf: () => null,
    evaluate: () => ({ kind: 'unmatched' as const }),
  };
  const deps = {
    chain: hashOf('genesis'),
    node: 'alpha' as ValidatorId,
    cluster: 'prod' as ClusterId,
    signed: (payload: MutationPayload, submit: (tx: Uint8Array) => Promise<SubmitOutcome>) =>
      submit(signTransaction(payload, signerOf('alpha tx'), nativeBackend.sha256)),
    reader,
    submitter,
    clusterKey: () => undefined,
    putBody: () => Promise.resolve(),
    bodyOrgs: () => [],
    obstacle: () => null,
    settled: () => Promise.resolve(),
    unobstructed: () => Promise.resolve(),
    queuedMs: () => null,
    witnessed: () => Promise.resolve(false),
    refusedAgain: () => undefined,
    now: () => 1_000,
    warn: () => undefined,
    ...more,
  } as unknown as Deps;
  const decide = () => createAdmissionLedger(deps).decide(change, body, 9_000);
  return { decide, submitted: () => submitted };
}

describe('P8: the answer to a review is what became of it', () => {
  it('admitted only if a quorum committed it as admitted', async () => {
    expect(await ledger(committed('ADMITTED', 'OK')).decide()).toMatchObject({ kind: 'admitted', height: 7, leaf: 9 });
    expect(await ledger(committed('REFUSED', 'GOVERNANCE_VOTES_REQUIRED')).decide()).toMatchObject({
      kind: 'refused',
      code: 'GOVERNANCE_VOTES_REQUIRED',
    });
  });

  it('not admitted if it was committed too late to take effect', async () => {
    expect(await ledger(committed('EXPIRED', 'LEDGER_EXPIRED')).decide()).toEqual({
      kind: 'unavailable',
      code: 'OUTCOME_TOO_LATE',
    });
  });

  it('no refusal for want of votes that are in the block being decided', async () => {
    const state = { voted: false };
    const reader = {
      refusedOpenProposal: () =>
        state.voted ? null : { proposal: {} as Proposal, code: 'GOVERNANCE_VOTES_REQUIRED' as const },
      info: () => ({ timeMs: 1_000 }),
      proposal: () => undefined,
      evaluate: () => ({ kind: 'unmatched' }),
    };
    const settled = async (): Promise<void> => {
      state.voted = true;
    };
    const more = { reader, settled } as unknown as Partial<Deps>;
    expect(await ledger(committed('ADMITTED', 'OK'), more).decide()).toMatchObject({ kind: 'admitted' });
  });

  it('not recorded if it was rejected before anybody had it', async () => {
    const rejected: SubmitOutcome = { kind: 'rejected', code: 'LEDGER_NOT_A_HOOK', message: '' };
    expect(await ledger(rejected).decide()).toEqual({ kind: 'unavailable', code: 'LEDGER_NOT_A_HOOK' });
  });

  it('unknown if nothing was heard of it', async () => {
    expect(await ledger({ kind: 'unknown', tx }).decide()).toEqual({ kind: 'unknown', tx, code: 'OUTCOME_UNKNOWN' });
  });

  it('not recorded if anything fails before it was submitted', async () => {
    const failing = ledger(committed('ADMITTED', 'OK'), { putBody: () => Promise.reject(new Error('disk')) });
    expect(await failing.decide()).toEqual({ kind: 'unavailable', code: 'NODE_NOT_READY' });
    expect(failing.submitted()).toBe(0);
  });
});

describe('P8: a change that would not be decided in time', () => {
  const behind = (queuedMs: number | null, more: Partial<Deps> = {}) =>
    ledger(committed('ADMITTED', 'OK'), { queuedMs: () => queuedMs, ...more });

  it('is refused before anybody has it, to be repeated', async () => {
    const late = behind(6_500);
    expect(await late.decide()).toEqual({ kind: 'overloaded', code: 'ADMISSION_QUEUE_LONG' });
    expect(late.submitted()).toBe(0);
  });

  it('goes by the time that the caller has, where that is less', async () => {
    const short = behind(3_000, { now: () => 6_500 });
    expect(await short.decide()).toMatchObject({ code: 'ADMISSION_QUEUE_LONG' });
    const long = behind(3_000, { now: () => 4_000 });
    expect(await long.decide()).toMatchObject({ kind: 'admitted' });
  });

  it('is none for a user of whom little waits', async () => {
    expect(await behind(null).decide()).toMatchObject({ kind: 'admitted' });
  });

  it('is submitted where the other hook has taken it on, which would wait for it in vain', async () => {
    const joined = behind(60_000, { witnessed: () => Promise.resolve(true) });
    expect(await joined.decide()).toMatchObject({ kind: 'admitted' });
  });
});

describe('a refused change whose proposal is open', () => {
  it('is answered from what is committed, without another transaction', async () => {
    const repeated = ledger(committed('ADMITTED', 'OK'), {}, { id: 3 } as Proposal);
    expect(await repeated.decide()).toMatchObject({ kind: 'refused', proposal: { id: 3 }, height: null });
    expect(repeated.submitted()).toBe(0);
  });
});

it('what is submitted lives for eight seconds by the later of clock and chain', async () => {
  const seen: { notAfterMs: number }[] = [];
  const submit = (bytes: Uint8Array): Promise<SubmitOutcome> => {
    const { payload } = JSON.parse(new TextDecoder().decode(bytes)) as { payload: string };
    const statement = JSON.parse(Buffer.from(payload, 'base64').toString()) as { predicate: { notAfterMs: number } };
    seen.push(statement.predicate);
    return Promise.resolve({ kind: 'unknown', tx: '' as Hash });
  };
  await ledger({ kind: 'unknown', tx }, { submitter: { submit } as never, now: () => 5_000 }).decide();
  await ledger({ kind: 'unknown', tx }, { submitter: { submit } as never, now: () => 0 }).decide();
  expect(seen.map(({ notAfterMs }) => notAfterMs)).toEqual([13_000, 9_000]);
});
