import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { Table, type KeyRange, type Write } from '../../../src/store/lmdb/table.ts';
import type { Life } from '../life.ts';
import { Prng } from '../prng.ts';
import { DiskHealth } from './health.ts';
import { DatabaseFile, ModelDatabase } from './model-database.ts';

const dir = mkdtempSync(join(tmpdir(), 'model-database-'));
let serial = 0;
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A life in which everything takes no time and nothing ever happens. */
const life: Life = {
  isOver: false,
  prng: new Prng(1),
  nowMs: () => 0,
  after: (_delayMs, run) => {
    queueMicrotask(run);
    return () => undefined;
  },
  random: () => 0,
  acts: () => true,
};

// Few bytes, so that keys meet, nest and stand at both ends of a range.
const bytes = fc.constantFrom(0, 1, 2, 127, 128, 254, 255);
const key = fc.array(bytes, { minLength: 1, maxLength: 4 }).map((array) => Buffer.from(array));
const value = fc.option(fc.uint8Array({ maxLength: 40 }), { nil: null, freq: 3 });
const write = fc.tuple(key, value).map(([at, content]): Write => [at, content]);
const range = fc
  .record({ from: key, to: key, reverse: fc.boolean(), limit: fc.option(fc.nat(5), { nil: undefined }) })
  .map(({ limit, ...rest }): KeyRange => ({ ...rest, ...(limit === undefined ? {} : { limit }) }));
const act = fc.oneof(
  fc.record({ kind: fc.constant('write' as const), writes: fc.array(write, { maxLength: 6 }), wait: fc.boolean() }),
  fc.record({ kind: fc.constant('get' as const), key }),
  fc.record({ kind: fc.constant('keys' as const), range }),
  fc.record({ kind: fc.constant('entries' as const), range }),
);

describe('the model of LMDB that stands behind the store in the simulator', () => {
  it('answers as the real one does, whatever is written, deleted and asked, synced and not', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 30 }), async (acts) => {
        const model = new Table('model', new ModelDatabase(new DatabaseFile(), life, new DiskHealth()));
        const real = Table.open(join(dir, `${serial++}`), { readOnly: false });
        try {
          const open: Promise<void>[] = [];
          for (const each of acts) {
            if (each.kind === 'write') {
              const both = [model.write(each.writes), real.write(each.writes)];
              open.push(...both);
              if (each.wait) await Promise.all(open);
            } else if (each.kind === 'get') {
              expect(model.get(each.key)).toEqual(real.get(each.key));
              expect(model.has(each.key)).toBe(real.has(each.key));
            } else if (each.kind === 'keys') {
              if (Buffer.compare(each.range.from, each.range.to) < 0)
                expect(model.keys(each.range)).toEqual(real.keys(each.range));
            } else {
              // Of synced data only: both must have synced the same.
              await Promise.all(open);
              const all = (table: Table) =>
                [...table.entries(each.range)].map(([at, content]) => [Buffer.from(at), Buffer.from(content)]);
              if (Buffer.compare(each.range.from, each.range.to) < 0) expect(all(model)).toEqual(all(real));
            }
          }
          await Promise.all(open);
        } finally {
          await model.close();
          await real.close();
        }
      }),
      { numRuns: 60 },
    );
  });

  it('keeps of a transaction that was under way at a crash all or nothing', async () => {
    const writes: Write[] = [1, 2, 3].map((number) => [Buffer.from([number]), Buffer.from([number])]);
    const kept = new Set<number>();
    for (let seed = 0; seed < 40; seed++) {
      const file = new DatabaseFile();
      const stopped: Life = { ...life, after: () => () => undefined };
      void new Table('model', new ModelDatabase(file, stopped, new DiskHealth())).write(writes);
      await Promise.resolve();
      file.crash(new Prng(seed));
      kept.add(file.content.size);
    }
    expect(kept).toEqual(new Set([0, 3]));
  });
});
