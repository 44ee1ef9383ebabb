import { expect, test } from 'vitest';
import { nativeBackend } from '../../../src/crypto/index.ts';
import { beginExecution } from '../../../src/ledger/execute/execute-block.ts';
import { attempt, type Chain } from '../../../src/ledger/execute/execution.ts';
import { dropExpired, putExpiring, storeExpiring } from '../../../src/ledger/execute/expiry.ts';
import { StateTree } from '../../../src/ledger/state-tree.ts';
import { MemorySource } from './memory-source.ts';

const tree = StateTree.load(new MemorySource(), nativeBackend.sha256);
const begin = (overlay = tree.overlay(), timeMs = 1_000) => ({
  overlay,
  x: beginExecution({} as Chain, overlay, [], { height: 1, timeMs, firstLeaf: 0, last: {} as never }),
});

test('what fails half way leaves nothing: not in the state, not among the expiring keys, not among the decisions', () => {
  const clean = begin();
  const failed = begin();
  const fail = () =>
    attempt(failed.x, () => {
      failed.x.docs.put('a', { b: 1 });
      putExpiring(failed.x, 'nk/x', { untilMs: 9_000 });
      failed.x.decisions.push({} as never);
      failed.x.policies = [];
      throw new Error('half way');
    });
  expect(fail).toThrow('half way');
  for (const { x } of [clean, failed]) storeExpiring(x);
  expect(failed.x.docs.get('a')).toBeUndefined();
  expect(failed.x).toMatchObject({ decisions: [], expiring: [], policies: undefined });
  expect(failed.overlay.root()).toBe(clean.overlay.root());
});

test('an outer failure takes an inner success along', () => {
  const { x } = begin();
  const outer = () =>
    attempt(x, () => {
      attempt(x, () => x.docs.put('a', { b: 1 }));
      throw new Error('later');
    });
  expect(outer).toThrow('later');
  expect(x.docs.get('a')).toBeUndefined();
});

test('a key that was written again outlives the time of its first writing', () => {
  const { overlay, x } = begin();
  putExpiring(x, 'pair/a', { untilMs: 2_000 });
  putExpiring(x, 'nk/b', { untilMs: 2_000 });
  storeExpiring(x);
  const next = begin(overlay, 1_500).x;
  putExpiring(next, 'pair/a', { untilMs: 60_000 });
  storeExpiring(next);
  const later = begin(overlay, 2_001).x;
  dropExpired(later);
  expect([later.docs.get('pair/a'), later.docs.get('nk/b')]).toEqual([{ untilMs: 60_000 }, undefined]);
  const last = begin(overlay, 60_001).x;
  dropExpired(last);
  expect(last.docs.get('pair/a')).toBeUndefined();
});
