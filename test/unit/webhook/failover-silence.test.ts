import { describe, expect, it } from 'vitest';
import { Silence } from '../../../webhook/failover-silence.ts';
import { Waiting } from '../../../webhook/failover-waiting.ts';

const late = (ownDelayMs = 5) => ({ ready: false, late: true, detail: '', ownDelayMs }) as const;
const refused = { ready: false, late: false, detail: 'ECONNREFUSED' } as const;
const ready = { ready: true } as const;

/** What each of these probes, half a second apart, is taken for. */
function hear(...probes: readonly { readonly result: Parameters<Silence['note']>[0]; readonly sent?: boolean }[]) {
  const silence = new Silence(8_500);
  return probes.map(({ result, sent = false }, i) => silence.note(result, sent, 1_000 + 500 * i));
}

describe('whether a node is silent, or only busy', () => {
  it('three late answers in a row are silence, two are not', () => {
    expect(hear({ result: late() }, { result: late() }, { result: late() })).toEqual(['busy', 'busy', 'silent']);
    expect(hear({ result: late() }, { result: late() }, { result: ready }, { result: late() })).toEqual(['busy', 'busy', 'heard', 'busy']); // prettier-ignore
  });

  it('a node that refuses or says no is heard', () => {
    expect(hear({ result: refused }, { result: late() }, { result: refused })).toEqual(['heard', 'busy', 'heard']);
  });

  it('one that sends on the connections that it has is busy, however late its probes are', () => {
    expect(hear(...Array.from({ length: 40 }, () => ({ result: late(), sent: true })))).toEqual(
      Array.from({ length: 40 }, () => 'busy'),
    );
  });

  it('P6: a probe for which this process itself was late says nothing: it neither counts nor makes up for another', () => {
    expect(hear(...Array.from({ length: 16 }, () => ({ result: late(101) })))).not.toContain('silent');
    expect(
      hear({ result: late() }, { result: late() }, { result: late(5_000) }, { result: late(100) }, { result: late() }),
    ).toEqual(['busy', 'busy', 'busy', 'silent', 'silent']);
  });

  it('what was silent for longer than anything is waited for is silent, however starved this process is', () => {
    const heard = hear(...Array.from({ length: 19 }, () => ({ result: late(3_000) })));
    expect(heard.indexOf('silent')).toBe(17);
    expect(heard.slice(17)).toEqual(['silent', 'silent']);
  });
});

describe('whether an answer may still come on a connection', () => {
  it('from what was asked to the first byte of an answer, and no longer than an answer may take', () => {
    const waiting = new Waiting(8_500);
    expect(waiting.isOpen(0)).toBe(false);
    waiting.asked(1_000);
    expect([waiting.isOpen(9_499), waiting.isOpen(9_500)]).toEqual([true, false]);
    waiting.answered();
    expect(waiting.isOpen(1_001)).toBe(false);
  });

  it('one who goes on asking a node that answers nothing does not keep the connection for ever; after a pause it is a new question', () => {
    const waiting = new Waiting(8_500);
    for (let ms = 0; ms < 60_000; ms += 100) {
      waiting.asked(ms);
      expect(waiting.isOpen(ms)).toBe(ms < 8_500);
    }
    waiting.asked(100_000);
    expect(waiting.isOpen(108_499)).toBe(true);
  });
});
