import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectOneLogWith } from './checks.ts';
import { Committee, type Change } from './committee.ts';
import { HOOK_TIMEOUT_MS } from './hook-client.ts';

/** Codes that tell a person that the chain, not the change, is the reason. */
const CLEAR = ['NO_QUORUM', 'OUTCOME_UNKNOWN', 'WEBHOOK_DEADLINE'];
/** From the answer's own deadline on nothing that was refused may still be admitted. */
const LIFE_MS = 8_000;

let committee: Committee;

beforeAll(async () => {
  committee = await Committee.found();
  await committee.start();
});

afterAll(() => committee?.close());

describe('P2, P8: two of four nodes stopped, one in each hook', () => {
  const before: Change[] = [];
  const during: Change[] = [];
  let stoppedMs = 0;

  it('refuse every change within 10 s, with a clear code', async () => {
    before.push(await committee.mustChange('before'));
    await committee.agreed();
    for (const org of ['beta', 'delta']) committee.node(org).pause();
    stoppedMs = performance.now();
    during.push(...(await Promise.all(['first', 'second'].map((name) => committee.change(`during-${name}`)))));
    for (const { name, answers } of during) {
      for (const { org, isAllowed, code, message, ms } of answers) {
        expect({ name, org, isAllowed }).toEqual({ name, org, isAllowed: false });
        expect(CLEAR, message).toContain(code);
        expect(message.split('\n').length, 'says what to do').toBeGreaterThan(1);
        expect(ms).toBeLessThan(HOOK_TIMEOUT_MS);
      }
    }
    expect(during.flatMap(({ answers }) => answers.map(({ org }) => org))).toEqual([
      'alpha',
      'gamma',
      'alpha',
      'gamma',
    ]);
  });

  it('do not hinder reads, which show what was before', async () => {
    const reads = await Promise.all(['alpha', 'gamma'].map((org) => committee.node(org).reader.records()));
    for (const records of reads) {
      expect(records.some(({ name, decision }) => name === 'before' && decision === 'ADMITTED')).toBe(true);
      expect(records.filter(({ name }) => name.startsWith('during')).map(({ decision }) => decision)).not.toContain(
        'ADMITTED',
      );
    }
  });

  it('do not keep the chain from going on once they run again, and what was refused is not admitted later', async () => {
    await sleep(Math.max(0, LIFE_MS + 1_000 - (performance.now() - stoppedMs)));
    for (const org of ['beta', 'delta']) committee.node(org).resume();
    await Promise.all(committee.nodes.map((node) => node.ready()));
    const after = [await committee.mustChange('after', ['beta', 'delta']), await committee.mustChange('after-too')];
    const log = await expectOneLogWith(committee, [...before, ...during, ...after]);
    const late = log.filter(({ name, decision }) => name.startsWith('during') && decision === 'ADMITTED');
    expect(late).toEqual([]);
  });
});
