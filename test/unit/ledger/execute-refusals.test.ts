import { expect, test } from 'vitest';
import type { ClusterId, ValidatorId } from '../../../src/types/brand.ts';
import { alone, changeOf, CLUSTER, START_MS, type TestChain } from './test-chain.ts';

const HOUR_MS = 3_600_000;
const summary = (more: object = {}) => ({
  kind: 'refusals' as const,
  node: 'alpha' as ValidatorId,
  cluster: CLUSTER,
  sinceMs: START_MS,
  untilMs: START_MS + HOUR_MS,
  proposals: [{ proposal: 1, count: 40 }],
  others: 0,
  ...more,
});
const refusedOnce = (): TestChain => {
  const chain = alone().ready();
  expect(chain.review(changeOf('image v2')).result).toMatchObject({ decision: 'REFUSED', proposal: 1 });
  return chain;
};

test('a summary of what was refused again stands in the log and changes nothing else', () => {
  const chain = refusedOnce();
  const before = chain.proposal(1);
  expect(chain.verdict(summary())).toBe('DONE OK');
  expect(chain.proposal(1)).toEqual(before);
});

test('one an hour and node: another one is left out until an hour of the chain has passed, and none counts an hour twice', () => {
  const chain = refusedOnce();
  chain.run(summary());
  const next = summary({ sinceMs: START_MS + HOUR_MS, untilMs: START_MS + 2 * HOUR_MS });
  expect(chain.verdict(next)).toBe('LEDGER_REFUSALS');
  expect(chain.verdict({ ...next, node: 'beta' as ValidatorId })).toBe('DONE OK');
  chain.advance(HOUR_MS);
  expect(chain.verdict({ ...next, sinceMs: START_MS + HOUR_MS - 1 })).toBe('LEDGER_REFUSALS');
  expect(chain.verdict(next)).toBe('DONE OK');
});

test('what is of no cluster, no hook, no proposal or no time is left out', () => {
  const genesis = alone().genesis;
  const clusters = genesis.clusters.map((cluster) => ({
    ...cluster,
    hooks: cluster.hooks.map((hook) => ({ ...hook, orgs: hook.orgs.filter((org) => org !== 'delta') })),
  }));
  const chain = alone({ ...genesis, clusters }).ready();
  chain.review(changeOf('image v2'));
  expect(chain.verdict(summary({ cluster: 'other' as ClusterId }))).toBe('LEDGER_CLUSTER_UNKNOWN');
  expect(chain.verdict(summary({ node: 'delta' as ValidatorId }))).toBe('LEDGER_NOT_A_HOOK');
  expect(chain.verdict(summary({ proposals: [{ proposal: 9, count: 1 }] }))).toBe('LEDGER_REFUSALS');
  expect(chain.verdict(summary({ untilMs: START_MS }))).toBe('LEDGER_REFUSALS');
  expect(chain.verdict(summary())).toBe('DONE OK');
});
