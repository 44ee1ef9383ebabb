import { expect, test } from 'vitest';
import { utf8Encode } from '../../../src/codec/index.ts';
import { nativeBackend } from '../../../src/crypto/index.ts';
import { DocumentReader, Documents } from '../../../src/ledger/execute/documents.ts';
import type { StateOverlay } from '../../../src/ledger/state-overlay.ts';
import { StateTree } from '../../../src/ledger/state-tree.ts';
import { MemorySource } from './memory-source.ts';

/** A state with `a` in it, its documents, and a block on top. */
function begin() {
  const source = new MemorySource();
  const tree = StateTree.load(source, nativeBackend.sha256);
  const commit = (overlay: StateOverlay): void => {
    source.write({ buckets: overlay.bucketWrites(), nodes: [], leaves: [], indexes: [], archive: [] });
    tree.apply(overlay);
    committed.advance(tree, overlay.changedKeys());
  };
  const committed = new DocumentReader(tree);
  const first = tree.overlay();
  first.put('a', utf8Encode('{"n":1}'));
  commit(first);
  const block = () => {
    const overlay = tree.overlay();
    const undo = {
      mark: () => overlay.mark(),
      rollback: (mark: number) => overlay.rollback(mark as ReturnType<StateOverlay['mark']>),
    };
    return { overlay, docs: new Documents(overlay, undo, committed) };
  };
  return { committed, commit, block };
}

test('a block reads what is committed, and of what it wrote only its own', () => {
  const { block, committed } = begin();
  const { docs } = block();
  expect(docs.get('a')).toEqual({ n: 1 });
  docs.put('a', { n: 2 });
  expect([docs.get('a'), committed.get('a'), block().docs.get('a')]).toEqual([{ n: 2 }, { n: 1 }, { n: 1 }]);
  docs.delete('a');
  expect(docs.get('a')).toBeUndefined();
});

test('after a failure it reads what earlier transactions of the block wrote, not what is committed', () => {
  const { docs } = begin().block();
  docs.put('a', { n: 2 });
  docs.put('b', { n: 3 });
  const fail = () =>
    docs.atomically(() => {
      docs.put('a', { n: 4 });
      docs.delete('b');
      docs.put('c', { n: 5 });
      throw new Error('half way');
    });
  expect(fail).toThrow('half way');
  expect([docs.get('a'), docs.get('b'), docs.get('c')]).toEqual([{ n: 2 }, { n: 3 }, undefined]);
});

test('what a block changed is read anew once it is committed, also what it deleted', () => {
  const { block, commit, committed } = begin();
  expect([committed.get('a'), committed.get('b')]).toEqual([{ n: 1 }, undefined]);
  const second = block();
  second.docs.put('a', { n: 2 });
  second.docs.put('b', { n: 3 });
  commit(second.overlay);
  expect([committed.get('a'), block().docs.get('b')]).toEqual([{ n: 2 }, { n: 3 }]);
  const third = block();
  third.docs.delete('a');
  commit(third.overlay);
  expect([committed.get('a'), block().docs.get('a')]).toEqual([undefined, undefined]);
});
