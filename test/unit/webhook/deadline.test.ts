import { describe, expect, it } from 'vitest';
import { answerTimeoutMs } from '../../../webhook/deadline.ts';

describe('the time for an answer', () => {
  it.each([
    ['10s', 8_000],
    ['30s', 8_000],
    ['9s', 7_500],
    ['3s', 1_500],
    ['2s', 1_000],
    ['500ms', 250],
    ['2.5s', 1_250],
    ['1m0s', 8_000],
    ['4s500ms', 3_000],
  ])('with timeout=%s is %i ms', (query, wanted) => {
    expect(answerTimeoutMs(query, 8_000)).toBe(wanted);
  });

  it('is ours where the caller names none that can be read', () => {
    for (const query of [undefined, '', 'soon', '-1s', '0s', '10', ['1s', '2s'], '9'.repeat(40) + 's']) {
      expect(answerTimeoutMs(query, 8_000)).toBe(8_000);
    }
  });
});
