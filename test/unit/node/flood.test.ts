import { describe, expect, it } from 'vitest';
import { nativeBackend } from '../../../src/crypto/index.ts';
import { signTransaction } from '../../../src/ledger/transaction.ts';
import { createAdmissionLedger } from '../../../src/node/admission.ts';
import { RefusalBudget, RefusalCount, summaryIntervalMs } from '../../../src/node/refusals.ts';
import type { SubmitOutcome } from '../../../src/node/submitter.ts';
import { ChainError } from '../../../src/errors/chain-error.ts';
import type { ClusterId, ValidatorId } from '../../../src/types/brand.ts';
import type { ChangeAttestation } from '../../../src/types/change.ts';
import type { Proposal } from '../../../src/types/proposal.ts';
import type { MutationPayload } from '../../../src/types/transaction.ts';
import { changeOf, hashOf, signerOf } from '../ledger/test-chain.ts';

type Deps = Parameters<typeof createAdmissionLedger>[0];

/** A node's way to the log with a clock of its own; `open` are digests with an open proposal. */
function node(more: Partial<Deps> = {}) {
  const seen = {
    submitted: 0,
    again: [] as number[],
    nowMs: 1_000_000,
    open: new Set<string>(),
    witnessed: new Set<string>(),
    matched: true,
  };
  const result = { decision: 'REFUSED', code: 'GOVERNANCE_VOTES_REQUIRED', proposal: null, witnesses: [], binding: null, original: null } as const; // prettier-ignore
  const committed: SubmitOutcome = { kind: 'committed', tx: hashOf('tx'), height: 7, leaf: 9, result };
  const deps = {
    chain: hashOf('genesis'),
    node: 'alpha' as ValidatorId,
    cluster: 'prod' as ClusterId,
    signed: (payload: MutationPayload, submit: (tx: Uint8Array) => Promise<SubmitOutcome>) =>
      submit(signTransaction(payload, signerOf('alpha tx'), nativeBackend.sha256)),
    reader: {
      refusedOpenProposal: (_attributes: unknown, { diff }: { diff: string }) =>
        seen.open.has(diff) ? { proposal: { id: 3 } as Proposal, code: 'GOVERNANCE_VOTES_MISSING' as const } : null,
      info: () => ({ timeMs: 1_000 }),
      proposal: () => undefined,
      leaseOf: () => null,
      evaluate: () =>
        seen.matched ? { kind: 'needs-votes', policies: [], approvals: 1, proposal: null } : { kind: 'unmatched' },
    },
    submitter: {
      submit: () => {
        seen.submitted += 1;
        return Promise.resolve(committed);
      },
    },
    clusterKey: () => undefined,
    putBody: () => Promise.resolve(),
    bodyOrgs: () => [],
    obstacle: () => null,
    unobstructed: () => Promise.resolve(),
    witnessed: ({ digest }: ChangeAttestation) => Promise.resolve(seen.witnessed.has(digest.diff)),
    queuedMs: () => null,
    refusedAgain: (proposal: number) => void seen.again.push(proposal),
    settled: () => Promise.resolve(),
    now: () => seen.nowMs,
    warn: () => undefined,
    ...more,
  } as unknown as Deps;
  const ledger = createAdmissionLedger(deps);
  const decide = (attestation: ChangeAttestation) => ledger.decide(attestation, new Uint8Array(1), seen.nowMs + 8_000);
  return { seen, decide };
}

const review = (what: string, uid: string, user = 'alice'): ChangeAttestation => {
  const change = changeOf(what);
  return { ...change, attributes: { ...change.attributes, user }, admissionUid: uid };
};

describe('a flood of refused writes', () => {
  it('a controller that repeats one for ever: no transaction, a number for its proposal', async () => {
    const { seen, decide } = node();
    const first = review('v2', 'u0');
    await decide(first);
    seen.open.add(first.digest.diff);
    for (let i = 1; i <= 1_000; i += 1) expect((await decide(review('v2', `u${i}`))).kind).toBe('refused');
    expect(seen.submitted).toBe(1);
    expect(seen.again).toEqual(Array.from({ length: 1_000 }, () => 3));
  });

  it('two thousand distinct ones of one user: a bounded number of records, 429 beyond; others, and what is allowed, go on', async () => {
    const { seen, decide } = node();
    const kinds: string[] = [];
    for (let i = 0; i < 2_000; i += 1) kinds.push((await decide(review(`v${i}`, `u${i}`))).kind);
    expect(seen.submitted).toBe(300);
    expect(kinds.filter((kind) => kind === 'overloaded')).toHaveLength(1_700);
    expect((await decide(review('v1', 'of bob', 'bob'))).kind).toBe('refused');
    seen.matched = false;
    expect((await decide(review('v1', 'allowed'))).kind).not.toBe('overloaded');
    seen.matched = true;
    expect((await decide(review('v2', 'too early'))).kind).toBe('overloaded');
    seen.nowMs += 1_000;
    expect((await decide(review('v2', 'a second later'))).kind).toBe('refused');
    expect((await decide(review('v3', 'at once after it'))).kind).toBe('overloaded');
  });

  it('what another hook has taken on is not left half: this one joins, at the same cost again and no more', async () => {
    const { seen, decide } = node();
    for (let i = 0; i < 300; i += 1) await decide(review(`v${i}`, `u${i}`));
    expect((await decide(review('v300', 'u300'))).kind).toBe('overloaded');
    for (let i = 300; i < 1_000; i += 1) seen.witnessed.add(review(`v${i}`, '').digest.diff);
    const kinds: string[] = [];
    for (let i = 300; i < 1_000; i += 1) kinds.push((await decide(review(`v${i}`, `again ${i}`))).kind);
    expect(seen.submitted).toBe(600);
    expect(kinds.filter((kind) => kind === 'refused')).toHaveLength(300);
  });

  it('a million users do not make the node remember them all', () => {
    const budget = new RefusalBudget();
    for (let i = 0; i < 300; i += 1) budget.take('alice', 0);
    expect(budget.take('alice', 0)).toBe(false);
    for (let i = 0; i < 9_999; i += 1) budget.take(`user-${i}`, 0);
    expect(budget.take('alice', 0)).toBe(false);
    for (let i = 0; i < 10_000; i += 1) budget.take(`other-${i}`, 0);
    // Forgotten, and given its share anew: that is the price of a bound.
    expect(budget.take('alice', 0)).toBe(true);
  });
});

describe('one summary an hour', () => {
  it('says how often what was refused, once an hour is over, and what came meanwhile is in the next', () => {
    const count = new RefusalCount();
    expect(count.due(9 * summaryIntervalMs)).toBe(undefined);
    for (let i = 0; i < 5; i += 1) count.add(7, 1_000 + i);
    count.add(3, 2_000);
    expect(count.due(999 + summaryIntervalMs)).toBe(undefined);
    const nowMs = 1_000 + summaryIntervalMs;
    const summary = count.due(nowMs);
    expect(summary).toEqual({ sinceMs: 1_000, untilMs: nowMs, proposals: [{ proposal: 3, count: 1 }, { proposal: 7, count: 5 }], others: 0 }); // prettier-ignore
    count.add(7, nowMs + 5);
    if (summary !== undefined) count.written(summary);
    expect(count.due(nowMs + summaryIntervalMs - 1)).toBe(undefined);
    expect(count.due(nowMs + summaryIntervalMs)).toMatchObject({
      sinceMs: nowMs,
      proposals: [{ proposal: 7, count: 1 }],
    });
  });

  it('names five hundred proposals and counts the rest', () => {
    const count = new RefusalCount();
    for (let i = 1; i <= 600; i += 1) count.add(i, 0);
    const summary = count.due(summaryIntervalMs);
    expect(summary?.proposals).toHaveLength(500);
    expect(summary?.others).toBe(100);
    if (summary !== undefined) count.written(summary);
    expect(count.isEmpty).toBe(true);
  });
});

describe('a replayed review', () => {
  it('has the earlier outcome and makes no second record; a repetition while it is decided waits for the same', async () => {
    const { seen, decide } = node();
    const [first, second] = await Promise.all([decide(review('v2', 'u')), decide(review('v2', 'u'))]);
    expect(second).toEqual(first);
    expect(await decide(review('v2', 'u'))).toEqual(first);
    expect(seen.submitted).toBe(1);
    seen.nowMs += 71_000;
    await decide(review('v2', 'u'));
    expect(seen.submitted).toBe(2);
  });

  it('another change under a known uid is refused, and so is the same change of another user', async () => {
    const { seen, decide } = node();
    await decide(review('v2', 'u'));
    for (const forged of [review('v3', 'u'), review('v2', 'u', 'mallory')])
      expect(await decide(forged)).toEqual({ kind: 'unavailable', code: 'ADMISSION_UID_REUSED' });
    expect(seen.submitted).toBe(1);
  });

  it('what was given to nobody may be asked again', async () => {
    let isBlocked = true;
    const { seen, decide } = node({
      obstacle: () => (isBlocked ? new ChainError('NO_QUORUM', { connected: 1, needed: 3 }) : null),
    });
    expect((await decide(review('v2', 'u'))).kind).toBe('unavailable');
    isBlocked = false;
    expect((await decide(review('v2', 'u'))).kind).toBe('refused');
    expect(seen.submitted).toBe(1);
  });
});

describe('a node that has lost its peers this moment', () => {
  const gone = (): ChainError => new ChainError('NO_QUORUM', { connected: 1, needed: 3 });

  it('waits for them a while before it refuses, and decides if they come', async () => {
    let isBack = false;
    let waitedMs = 0;
    const { decide } = node({
      obstacle: () => (isBack ? null : gone()),
      unobstructed: (limitMs) => {
        waitedMs = limitMs;
        isBack = true;
        return Promise.resolve();
      },
    });
    expect((await decide(review('v2', 'u'))).kind).toBe('refused');
    expect(waitedMs).toBe(2_000);
    const { decide: still } = node({ obstacle: gone });
    expect(await still(review('v2', 'u'))).toEqual({ kind: 'unavailable', code: 'NO_QUORUM' });
  });
});
