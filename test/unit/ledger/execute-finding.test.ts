import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Hash, ValidatorId } from '../../../src/types/brand.ts';
import type { ExpectedHook } from '../../../src/types/finding.ts';
import { hookClientHash } from '../../../src/change/index.ts';
import { versionHash } from '../../../src/ledger/version-hash.ts';
import { alone, CLUSTER, hashOf, ORGS, sha256, TestChain } from './test-chain.ts';
import { findingAt, findingBy, found, guardAt, openAt, ratify, replacesOf } from './findings.ts';

const seen = (node: string, sequence: number, entry: string, throughVersion = '40', client = hashOf('client')) => ({
  kind: 'guard-seen' as const,
  node: node as ValidatorId,
  cluster: CLUSTER,
  sequence,
  hooks: [{ name: 'hook-0', hash: hashOf(entry), client }],
  throughVersion,
});
const many = (count: number) => Array.from({ length: count }, (_, i) => `o${i}`);

describe('a finding (P4)', () => {
  test('of one observer is seen, of f+1 organisations it is confirmed, and stays open', () => {
    const chain = new TestChain();
    expect(chain.verdict(findingBy('alpha'))).toBe('DONE OK');
    expect(findingAt(chain, 1)?.state).toBe('SEEN');
    expect(chain.verdict(findingBy('beta'))).toBe('DONE OK');
    expect(findingAt(chain, 1)).toMatchObject({ state: 'CONFIRMED', episode: 1, closedMs: null });
    expect(openAt(chain)).toEqual([1]);
    expect(findingAt(chain, 1)?.reports.map(({ org }) => org)).toEqual(['alpha', 'beta']);
  });

  test('of somebody who does not observe is no finding', () => {
    const genesis = new TestChain().genesis;
    const clusters = genesis.clusters.map((cluster) => ({ ...cluster, observers: cluster.observers.slice(0, 2) }));
    const chain = alone({ ...genesis, clusters });
    expect(chain.verdict(findingBy('gamma'))).toBe('LEDGER_NOT_AN_OBSERVER');
    expect(openAt(chain)).toEqual([]);
  });

  test('is said once: the same sequence again changes nothing, another episode is refused', () => {
    const chain = alone();
    chain.run(findingBy('alpha'));
    expect(chain.verdict(findingBy('alpha', { detail: 'otherwise' }))).toBe('LEDGER_CONFLICT');
    expect(chain.verdict(findingBy('beta', { episode: 2 }))).toBe('LEDGER_FINDING_EPISODE');
    expect(findingAt(chain, 1)?.state).toBe('SEEN');
  });

  test('is closed by a repair that f+1 organisations confirm, not by one that says so', () => {
    const chain = new TestChain();
    for (const org of ['alpha', 'beta', 'gamma']) chain.run(findingBy(org));
    chain.run(findingBy('delta', { holds: false }));
    chain.run(findingBy('alpha', { holds: false, sequence: 2 }));
    expect(findingAt(chain, 1)?.state).toBe('CONFIRMED');
    chain.run(findingBy('beta', { holds: false, sequence: 2 }));
    expect(findingAt(chain, 1)?.state).toBe('REPAIRED');
    expect(openAt(chain)).toEqual([]);
    // It happens again: another episode, another finding.
    expect(chain.verdict(findingBy('alpha', { sequence: 3 }))).toBe('LEDGER_FINDING_EPISODE');
    expect(chain.verdict(findingBy('alpha', { episode: 2 }))).toBe('DONE OK');
    expect(findingAt(chain, 2)).toMatchObject({ state: 'SEEN', episode: 2 });
  });

  test.each(['failed-open', 'impersonation'] as const)('%s cannot be repaired, only ratified', (finding) => {
    const chain = alone();
    for (const org of ['alpha', 'beta']) chain.run(findingBy(org, { finding }));
    expect(chain.verdict(findingBy('gamma', { finding, holds: false }))).toBe('LEDGER_FINDING_CLOSED');
    expect(ratify(chain, 1)).toBe('EXECUTED');
    expect(findingAt(chain, 1)?.state).toBe('RATIFIED');
  });

  test('a repair is not reported for what is not open', () => {
    expect(alone().verdict(findingBy('alpha', { holds: false }))).toBe('LEDGER_FINDING_CLOSED');
  });

  test('lists the first 50 objects with those who named them, and counts all', () => {
    const chain = new TestChain();
    const unattributed = {
      finding: 'unattributed' as const,
      subject: 'objects',
      objectCount: 70,
      throughVersion: '99',
    };
    const objects = many(70).map((name) => found(name));
    chain.run(findingBy('alpha', { ...unattributed, objects: objects.slice(0, 50) }));
    chain.run(findingBy('alpha', { ...unattributed, objects: objects.slice(50), sequence: 2 }));
    chain.run(findingBy('beta', { ...unattributed, objects: objects.slice(0, 1), objectCount: 80 }));
    const finding = findingAt(chain, 1);
    expect(finding?.objects).toHaveLength(50);
    expect(finding?.objects[0]?.by).toEqual(['alpha', 'beta']);
    expect(finding?.objects[1]?.by).toEqual(['alpha']);
  });

  test('one lying observer fills its own bound and keeps nobody from reporting', () => {
    const chain = alone();
    for (let i = 0; i < 32; i += 1)
      expect(chain.verdict(findingBy('alpha', { finding: 'impersonation', subject: `user-${i}` }))).toBe('DONE OK');
    expect(chain.verdict(findingBy('alpha', { finding: 'impersonation', subject: 'one more' }))).toBe(
      'LEDGER_FINDINGS_CAP',
    );
    expect(chain.verdict(findingBy('beta', { finding: 'impersonation', subject: 'user-0' }))).toBe('DONE OK');
    expect(chain.verdict(findingBy('alpha', { finding: 'impersonation', subject: 'one more' }))).toBe('DONE OK');
  });
});

describe('a ratification', () => {
  test('needs the votes of the committee, and accepts an altered entry as what is expected from then on', () => {
    const chain = new TestChain();
    for (const org of ['alpha', 'beta']) chain.run(seen(org, 0, 'entry'));
    const altered = { value: hashOf('altered') };
    for (const org of ['alpha', 'beta']) chain.run(findingBy(org, altered));
    const replaces = replacesOf(chain, 1);
    chain.configure('alpha', [{ type: 'finding-ratify', cluster: CLUSTER, finding: 1, replaces }]);
    chain.vote('alpha', 1);
    chain.vote('beta', 1);
    expect(findingAt(chain, 1)?.state).toBe('CONFIRMED');
    chain.vote('gamma', 1);
    expect(findingAt(chain, 1)?.state).toBe('RATIFIED');
    expect(guardAt(chain)?.hooks).toEqual([{ name: 'hook-0', hash: hashOf('altered'), announced: [] }]);
  });

  test('of an entry that is gone: nothing is expected until it is seen again', () => {
    const chain = alone();
    for (const org of ['alpha', 'beta']) chain.run(seen(org, 0, 'entry'));
    for (const org of ['alpha', 'beta']) chain.run(findingBy(org));
    expect(ratify(chain, 1)).toBe('EXECUTED');
    expect(guardAt(chain)?.hooks).toEqual([]);
  });

  test('accepts the objects that were found and none that are found later', () => {
    const chain = new TestChain();
    for (const org of ['alpha', 'beta']) chain.run(seen(org, 0, 'entry'));
    const unattributed = {
      finding: 'unattributed' as const,
      subject: 'objects',
      objects: [found('x')],
      objectCount: 1,
    };
    chain.run(findingBy('alpha', { ...unattributed, throughVersion: '90' }));
    chain.run(findingBy('beta', { ...unattributed, throughVersion: '100' }));
    const replaces = replacesOf(chain, 1);
    for (const org of ['alpha', 'beta'])
      chain.run(
        findingBy(org, { ...unattributed, sequence: 2, objects: [found('y')], objectCount: 2, throughVersion: '120' }),
      );
    expect(ratify(chain, 1, replaces)).toBe('REFUSED GOVERNANCE_CONFIG_CONFLICT');
    expect(guardAt(chain)?.throughVersion).toBe('40');
    expect(ratify(chain, 1)).toBe('EXECUTED');
    expect(guardAt(chain)?.throughVersion).toBe('120');
  });

  test('a single liar neither moves what is accepted nor makes votes fail', () => {
    const chain = alone();
    for (const org of ['alpha', 'beta']) chain.run(seen(org, 0, 'entry'));
    const unattributed = {
      finding: 'unattributed' as const,
      subject: 'objects',
      objects: [found('x')],
      objectCount: 1,
    };
    for (const org of ['alpha', 'beta']) chain.run(findingBy(org, { ...unattributed, throughVersion: '90' }));
    const replaces = replacesOf(chain, 1);
    chain.run(
      findingBy('delta', {
        ...unattributed,
        objects: [found('lie')],
        objectCount: 9_999,
        throughVersion: '9'.repeat(64),
      }),
    );
    expect(ratify(chain, 1, replaces)).toBe('EXECUTED');
    expect(guardAt(chain)?.throughVersion).toBe('90');
  });

  test('of what one organisation alone says closes it, and nothing follows', () => {
    const chain = alone();
    for (const org of ['alpha', 'beta']) chain.run(seen(org, 0, 'entry'));
    chain.run(findingBy('delta', { value: hashOf('open door') }));
    expect(ratify(chain, 1)).toBe('EXECUTED');
    expect(findingAt(chain, 1)?.state).toBe('RATIFIED');
    expect(guardAt(chain)?.hooks).toEqual([{ name: 'hook-0', hash: hashOf('entry'), announced: [] }]);
  });

  test('of a finding that is closed, or is not there, is refused', () => {
    const chain = alone();
    expect(chain.configure('alpha', [{ type: 'finding-ratify', cluster: CLUSTER, finding: 1, replaces: hashOf('x') }])).toBe('REFUSED GOVERNANCE_CONFIG_INVALID');
  }); // prettier-ignore
});

describe('what is expected of a hook', () => {
  test('is what f+1 organisations saw alike first; from then on only a vote changes it', () => {
    const chain = new TestChain();
    chain.run(seen('alpha', 0, 'entry', '50'));
    chain.run(seen('delta', 0, 'lie', '9'.repeat(64)));
    expect(guardAt(chain)?.hooks).toEqual([]);
    chain.run(seen('beta', 0, 'entry', '40'));
    expect(guardAt(chain)).toMatchObject({ hooks: [{ name: 'hook-0', hash: hashOf('entry') }], throughVersion: '50' });
    expect(chain.verdict(seen('gamma', 0, 'other'))).toBe('LEDGER_GUARD');
  });

  test('an observer that says the same again adds nothing to the log', () => {
    const chain = alone();
    chain.run(seen('alpha', 0, 'entry'));
    expect(chain.verdict(seen('alpha', 1, 'entry'))).toBe('LEDGER_GUARD');
    expect(chain.verdict(seen('alpha', 1, 'entry, installed again'))).toBe('DONE OK');
  });
});

describe('an announced authority', () => {
  const clients = ['both', 'new'].map((authority) => ({
    url: 'https://hook:1/admit',
    caBundle: Buffer.from(authority).toString('base64'),
  }));
  const [both, next] = clients.map((client) => hookClientHash(client, sha256)) as [Hash, Hash];
  const hook = (chain: TestChain) => guardAt(chain)?.hooks[0] as ExpectedHook;
  const announce = (chain: TestChain, replaces = versionHash(sha256, hook(chain))): string => {
    const proposed = chain.configure('alpha', [
      { type: 'guard-put', cluster: CLUSTER, hook: 'hook-0', announced: clients, replaces },
    ]);
    if (proposed !== 'DONE OK') return proposed;
    const proposal = chain.app.liveProposals().at(-1)?.id ?? 0;
    for (const org of ['alpha', 'beta', 'gamma']) chain.vote(org, proposal);
    return chain.proposal(proposal).state;
  };
  const expected = (): TestChain => {
    const chain = alone();
    for (const org of ['alpha', 'beta']) chain.run(seen(org, 0, 'old entry'));
    return chain;
  };

  test('is in order beside what is expected, and takes its place when f+1 organisations saw it', () => {
    const chain = expected();
    expect(announce(chain)).toBe('EXECUTED');
    expect(hook(chain)).toEqual({ name: 'hook-0', hash: hashOf('old entry'), announced: [both, next] });
    chain.run(seen('alpha', 1, 'entry with both', '40', both));
    expect(hook(chain).hash).toBe(hashOf('old entry'));
    chain.run(seen('beta', 1, 'entry with both', '40', both));
    expect(hook(chain)).toEqual({ name: 'hook-0', hash: hashOf('entry with both'), announced: [next] });
    for (const org of ['gamma', 'beta']) chain.run(seen(org, 2, 'new entry', '40', next));
    expect(hook(chain)).toEqual({ name: 'hook-0', hash: hashOf('new entry'), announced: [] });
    expect(guardAt(chain)?.throughVersion).toBe('40');
  });

  test('that was skipped does not come back', () => {
    const chain = expected();
    announce(chain);
    for (const org of ['alpha', 'beta']) chain.run(seen(org, 1, 'new entry', '40', next));
    expect(hook(chain)).toEqual({ name: 'hook-0', hash: hashOf('new entry'), announced: [] });
    expect(chain.verdict(seen('alpha', 2, 'entry with both', '40', both))).toBe('LEDGER_GUARD');
  });

  test('of which nobody spoke is not adopted, however many see it', () => {
    const chain = expected();
    for (const org of ['alpha', 'beta', 'gamma'])
      expect(chain.verdict(seen(org, 1, 'other entry', '40', hashOf('other')))).toBe('LEDGER_GUARD');
    expect(hook(chain).hash).toBe(hashOf('old entry'));
  });

  test('needs a vote about what is expected now, and a hook of which something is', () => {
    const chain = expected();
    expect(announce(chain, hashOf('an earlier version'))).toBe('REFUSED GOVERNANCE_CONFIG_CONFLICT');
    expect(announce(alone(), hashOf('none'))).toBe('REFUSED GOVERNANCE_CONFIG_INVALID');
  });
});

test('whatever observers sign in whatever order: confirmed and repaired need f+1 of them, nothing closes otherwise, and what is closed stays closed (P4)', () => {
  const step = fc.record({ org: fc.nat({ max: 3 }), holds: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 14 }), (steps) => {
      const chain = alone();
      const sequences = new Map<string, number>();
      let said = new Map<string, boolean>();
      let confirmed = false;
      let episode = 1;
      for (const { org, holds } of steps) {
        const node = ORGS[org] ?? 'alpha';
        const sequence = (sequences.get(node) ?? 0) + 1;
        sequences.set(node, sequence);
        const taken = chain.verdict(findingBy(node, { episode, sequence, holds })) === 'DONE OK';
        expect(taken).toBe(holds || said.size > 0);
        if (!taken) continue;
        said.set(node, holds);
        const holding = [...said.values()].filter(Boolean).length;
        confirmed ||= holding >= 2;
        const repaired = said.size - holding >= 2 && holding < 2;
        const state = findingAt(chain, episode)?.state;
        expect(state).toBe(repaired ? 'REPAIRED' : confirmed ? 'CONFIRMED' : 'SEEN');
        if (!repaired) continue;
        episode += 1;
        said = new Map();
        confirmed = false;
      }
    }),
    { numRuns: 20 },
  );
});
