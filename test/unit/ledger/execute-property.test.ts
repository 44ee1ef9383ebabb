import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ProposedChange, BallotChoice } from '../../../src/types/transaction.ts';
import { alone, changeOf, notPersisted, ORGS, persisted } from './test-chain.ts';

/**
 * Beside the state machine stands a model that knows nothing of leases, due lists or indexes: it only keeps who voted what on which proposal and which approvals were used,
 * and says of every admission whether it was allowed to happen. It is asked about safety only, so it may be far simpler than what it judges.
 */
interface ModelProposal {
  readonly digests: readonly string[];
  readonly author: string | null;
  readonly claims: Set<string>;
  readonly ballots: Map<string, BallotChoice>;
  /** For each digest, the uid that it was used for, and whether that use was confirmed or made void. */
  readonly used: Map<string, { uid: string; confirmed: boolean }>;
}

const USERS = ['ci', 'ann@alpha', 'ann@beta'];
const changes: readonly ProposedChange[] = [
  changeOf('image v2'),
  changeOf('image v3'),
  changeOf('image v2', { name: 'api', uid: 'uid-2' }),
  changeOf('new', { operation: 'CREATE', name: 'new', uid: 'uid-3' }),
  changeOf('exec', { operation: 'CONNECT', resource: 'deployments', name: 'web', uid: '' }),
];

type Step =
  | { readonly do: 'review'; readonly change: number; readonly user: number; readonly uid: boolean }
  | { readonly do: 'again' }
  | { readonly do: 'free' }
  | { readonly do: 'propose'; readonly org: number; readonly changes: readonly number[] }
  | { readonly do: 'claim' | 'unclaim'; readonly org: number; readonly proposal: number }
  | { readonly do: 'ballot'; readonly org: number; readonly proposal: number; readonly choice: BallotChoice }
  | { readonly do: 'hold'; readonly proposal: number }
  | { readonly do: 'approve'; readonly first: number; readonly proposal: number }
  | {
      readonly do: 'observe';
      readonly org: number;
      readonly both: boolean;
      readonly back: number;
      readonly persisted: boolean;
    }
  | { readonly do: 'withdraw'; readonly org: number; readonly proposal: number }
  | { readonly do: 'pass'; readonly ms: number };

const org = fc.nat({ max: ORGS.length - 1 });
const change = fc.nat({ max: changes.length - 1 });
/** Counted back from the newest, so that most steps meet something that goes on. */
const proposal = fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 3 }) });
const choice = fc.oneof(
  { weight: 5, arbitrary: fc.constant<BallotChoice>('approve') },
  { weight: 1, arbitrary: fc.constantFrom<BallotChoice>('reject', 'abstain') },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('review' as const), change, user: fc.nat({ max: 2 }), uid: fc.boolean() }),
  },
  { weight: 10, arbitrary: fc.constant({ do: 'again' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'free' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('propose' as const),
      org,
      changes: fc.uniqueArray(change, { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('claim' as const, 'claim' as const, 'unclaim' as const),
      org,
      proposal,
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('ballot' as const), org, proposal, choice }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('hold' as const), proposal }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('approve' as const), first: org, proposal }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('observe' as const),
      org,
      both: fc.boolean(),
      back: fc.nat({ max: 2 }),
      persisted: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('withdraw' as const), org, proposal }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('pass' as const),
      ms: fc.constantFrom(1_000, 70_000, 120_000, 600_000, 3_600_000, 86_400_000),
    }),
  },
);

class Run {
  readonly chain = alone().ready();
  readonly model = new Map<number, ModelProposal>();
  readonly admitted: { leaf: number; uid: string; proposal: number; digest: string }[] = [];
  #sequence = 0;
  #last: readonly [ProposedChange, string, boolean] = [changes[0]!, USERS[0]!, false];
  covered = { admissions: 0, reuses: 0, freed: 0 };

  apply(s: Step): void {
    switch (s.do) {
      case 'review':
        this.#last = [changes[s.change]!, USERS[s.user]!, s.uid];
        return this.#review(...this.#last);
      case 'again':
        // Whoever was told to wait for votes asks again, and so does who was admitted.
        return this.#review(...this.#last);
      case 'free':
        this.chain.review(changeOf('status', { subresource: 'status' }));
        return;
      case 'propose': {
        const name = ORGS[s.org]!;
        this.chain.propose(
          name,
          s.changes.map((i) => changes[i]!),
        );
        return this.#learn(name);
      }
      case 'claim':
      case 'unclaim': {
        const { id, known } = this.#newest(s.proposal);
        if (known === undefined) return;
        const took = this.chain.claim(ORGS[s.org]!, id, { claim: s.do === 'claim', sequence: ++this.#sequence });
        if (took === 'DONE OK') known.claims[s.do === 'claim' ? 'add' : 'delete'](ORGS[s.org]!);
        return;
      }
      case 'ballot': {
        const { id, known } = this.#newest(s.proposal);
        if (known === undefined) return;
        const took = this.chain.vote(ORGS[s.org]!, id, { choice: s.choice, sequence: ++this.#sequence });
        if (took === 'DONE OK') known.ballots.set(ORGS[s.org]!, s.choice);
        return;
      }
      case 'hold': {
        const { id, known } = this.#newest(s.proposal);
        if (known !== undefined) this.chain.held(id);
        return;
      }
      case 'approve': {
        // What a committee does, its author trying to vote as well, so that random walks get to admissions at all.
        this.apply({ do: 'hold', proposal: s.proposal });
        this.apply({ do: 'claim', org: s.first, proposal: s.proposal });
        for (const i of [0, 1, 2])
          this.apply({ do: 'ballot', org: (s.first + i) % ORGS.length, proposal: s.proposal, choice: 'approve' });
        return;
      }
      case 'observe':
        for (const i of s.both ? [0, 1] : [0]) this.#observe(ORGS[(s.org + i) % ORGS.length]!, s.back, s.persisted);
        return;
      case 'withdraw': {
        const { id, known } = this.#newest(s.proposal);
        if (known !== undefined) this.chain.withdraw(ORGS[s.org]!, id);
        return;
      }
      case 'pass':
        this.chain.advance(s.ms).block();
        return;
    }
  }

  /** Safety: what is admitted was approved, by others than its authors, and is not used a second time. */
  #review(base: ProposedChange, user: string, otherUid: boolean): void {
    const create = base.attributes.operation === 'CREATE';
    const uid = create && otherUid ? 'uid-4' : base.attributes.uid;
    const reviewed = { ...base, attributes: { ...base.attributes, user, uid } };
    const { leaf, result } = this.chain.review(reviewed);
    this.#learn(null);
    if (result.decision !== 'ADMITTED') return;
    const digest = reviewed.digest.diff;
    const known = this.model.get(result.proposal ?? -1);
    if (known === undefined) throw new Error('a governed change was admitted without a proposal');
    expect(known.digests).toContain(digest);
    const authors = new Set([...known.claims, ...(known.author === null ? [] : [known.author])]);
    expect(authors.size).toBeGreaterThan(0);
    const approvals = [...known.ballots].filter(([by, what]) => what === 'approve' && !authors.has(by));
    expect(approvals.length).toBeGreaterThanOrEqual(2);
    const used = known.used.get(digest);
    this.covered.admissions += 1;
    if (used !== undefined) {
      this.covered.reuses += 1;
      expect(used).toEqual({ uid, confirmed: false });
      expect(reviewed.attributes.operation).not.toBe('CONNECT');
    }
    known.used.set(digest, { uid, confirmed: false });
    this.admitted.push({ leaf, uid, proposal: result.proposal!, digest });
  }

  #observe(by: string, back: number, seen: boolean): void {
    const decision = this.admitted.at(-1 - back);
    if (decision === undefined) return;
    this.chain.observe(by, [seen ? persisted(decision.leaf, decision.uid) : notPersisted(decision.leaf)]);
    const known = this.model.get(decision.proposal)!;
    const state = this.chain.proposal(decision.proposal).changes.find((c) => c.digest === decision.digest)!.state;
    const used = known.used.get(decision.digest);
    if (seen && used !== undefined) known.used.set(decision.digest, { ...used, confirmed: true });
    // Freed: only the word of two organisations that it was not stored may do that, and never after one saw it stored.
    if (state === 'READY' && used !== undefined) {
      this.covered.freed += 1;
      expect(seen).toBe(false);
      expect(used.confirmed).toBe(false);
      known.used.delete(decision.digest);
    }
  }

  /** Proposals that the chain opened; their author is the proposer, or who is bound to the user. */
  #learn(proposer: string | null): void {
    for (let id = this.model.size + 1; ; id++) {
      const opened = this.chain.app.proposal(id);
      if (opened === undefined) return;
      const bound = opened.requester.user.startsWith('ann@') ? opened.requester.user.slice(4) : null;
      const author = proposer ?? bound;
      this.model.set(id, {
        digests: this.chain.app.digestsOf(id),
        author,
        claims: new Set(),
        ballots: new Map(),
        used: new Map(),
      });
    }
  }

  #newest(back: number): { id: number; known: ModelProposal | undefined } {
    const id = this.model.size - back;
    return { id, known: this.model.get(id) };
  }
}

test('no sequence of requests, votes, claims, observations and deadlines admits what was not approved, or uses an approval twice', () => {
  const covered = { admissions: 0, reuses: 0, freed: 0 };
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 40, size: 'max' }), (steps) => {
      const run = new Run();
      for (const s of steps) run.apply(s);
      for (const key of ['admissions', 'reuses', 'freed'] as const) covered[key] += run.covered[key];
    }),
    { numRuns: 30, seed: 20, endOnFailure: true },
  );
  // A property that never meets an admission proves nothing.
  expect(covered.admissions).toBeGreaterThan(20);
  expect(covered.reuses).toBeGreaterThan(3);
  expect(covered.freed).toBeGreaterThan(0);
});
