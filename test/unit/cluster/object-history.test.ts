import { describe, expect, it } from 'vitest';
import { ObjectHistory } from '../../../src/cluster/object-history.ts';

const listed = (resourceVersion: string, content: string) => ({ uid: 'u', resourceVersion, content, deleting: false });

describe('what became of an object after a version', () => {
  it('is the very next version, whatever came later', () => {
    const history = new ObjectHistory();
    history.relist('10', [listed('9', 'base')], 0);
    history.saw('u', '12', 'ours', false);
    history.saw('u', '15', 'another', false);
    expect(history.after('u', '9')).toEqual({
      kind: 'version',
      resourceVersion: '12',
      content: 'ours',
      deleting: false,
    });
  });

  it('compares versions as numbers', () => {
    const history = new ObjectHistory();
    history.relist('9', [listed('9', 'base')], 0);
    history.saw('u', '10', 'ours', false);
    expect(history.after('u', '9')).toMatchObject({ resourceVersion: '10' });
  });

  it('is nothing while the base is still the newest', () => {
    const history = new ObjectHistory();
    history.relist('10', [listed('9', 'base')], 0);
    expect(history.after('u', '9')).toEqual({ kind: 'unchanged' });
  });

  it('P1: is unknown, never "not stored", where the watch began after the base', () => {
    const history = new ObjectHistory();
    history.relist('20', [listed('18', 'later')], 0);
    expect(history.after('u', '9')).toEqual({ kind: 'unknown' });
  });

  it('P1: is unknown again after the watch was interrupted and the list taken anew', () => {
    const history = new ObjectHistory();
    history.relist('10', [listed('9', 'base')], 0);
    history.relist('30', [listed('25', 'later')], 0);
    expect(history.after('u', '9')).toEqual({ kind: 'unknown' });
    expect(history.current('u')).toMatchObject({ content: 'later' });
  });

  it('is known where nothing was lost though the base itself is no longer kept', () => {
    const history = new ObjectHistory();
    history.relist('10', [], 0);
    history.saw('u', '12', 'made', false);
    expect(history.first('u')).toMatchObject({ resourceVersion: '12' });
    expect(history.after('u', '11')).toMatchObject({ resourceVersion: '12' });
  });

  it('is unknown once so many versions came that old ones were dropped', () => {
    const history = new ObjectHistory();
    history.relist('10', [listed('9', 'base')], 0);
    for (let version = 11; version < 60; version += 1) history.saw('u', String(version), `v${version}`, false);
    expect(history.after('u', '9')).toEqual({ kind: 'unknown' });
  });

  it('forgets what was deleted, unless something waits for it', () => {
    const history = new ObjectHistory();
    history.relist('10', [listed('9', 'base')], 0);
    history.saw('u', '12', null, true);
    history.prune(() => true, 0);
    history.prune(() => true, 1_000_000);
    expect(history.current('u')).toMatchObject({ content: null });
    history.prune(() => false, 1_000_000);
    history.prune(() => false, 1_000_000 + 180_000);
    expect(history.current('u')).toEqual({ kind: 'unknown' });
  });

  it('P1: remembers what came and went for longer than a reservation lasts, for a node that hears of the decision last', () => {
    const history = new ObjectHistory();
    history.relist('10', [], 0);
    history.saw('u', '12', 'ours', false);
    history.saw('u', '13', null, true);
    history.prune(() => false, 1_000);
    history.prune(() => false, 121_000);
    expect(history.first('u')).toMatchObject({ kind: 'version', content: 'ours' });
  });
});
