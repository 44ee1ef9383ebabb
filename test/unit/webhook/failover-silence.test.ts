import { describe, expect, it } from 'vitest';
import { Silence } from '../../../webhook/failover-silence.ts';

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
