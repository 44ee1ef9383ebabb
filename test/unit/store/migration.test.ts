import { expect, onTestFinished, test } from 'vitest';
import { migrate, schemaOf, schemaWrite, type Migration } from '../../../src/store/lmdb/migration.ts';
import { nameKey } from '../../../src/store/lmdb/key.ts';
import { buckets, reservedNumbers } from '../../../src/store/lmdb/bucket-registry.ts';
import { Table } from '../../../src/store/lmdb/table.ts';
import { temporaryFolder } from './fixture.ts';

const word = nameKey('meta', 'word');

const steps: readonly Migration[] = [
  { from: 1, writes: () => [[word, Buffer.from('two')]] },
  { from: 2, writes: (table) => [[word, Buffer.from(`${Buffer.from(table.get(word) ?? []).toString()}, three`)]] },
];

async function tableOfSchema(version: number): Promise<Table> {
  const table = Table.open(temporaryFolder(), { readOnly: false });
  onTestFinished(() => table.close());
  await table.write([schemaWrite(version)]);
  return table;
}

test('migrations run in order from the schema that is there', async () => {
  const table = await tableOfSchema(1);
  await migrate(table, { readOnly: false, steps, target: 3 });
  expect(schemaOf(table)).toBe(3);
  expect(Buffer.from(table.get(word) ?? []).toString()).toBe('two, three');
});

test('a migration that was done is not done again', async () => {
  const table = await tableOfSchema(2);
  await migrate(table, { readOnly: false, steps, target: 3 });
  await migrate(table, { readOnly: false, steps, target: 3 });
  expect(Buffer.from(table.get(word) ?? []).toString()).toBe(', three');
});

test('a reader never migrates, a missing step is said, a newer schema is refused', async () => {
  const table = await tableOfSchema(1);
  const older = { code: 'STORE_SCHEMA_OLDER', payload: { found: 1, supported: 3 } };
  await expect(migrate(table, { readOnly: true, steps, target: 3 })).rejects.toMatchObject(older);
  await expect(migrate(table, { readOnly: false, steps: steps.slice(1), target: 3 })).rejects.toMatchObject(older);
  await expect(migrate(table, { readOnly: false, steps, target: 0 })).rejects.toMatchObject({
    code: 'STORE_SCHEMA_NEWER',
  });
});

test('every bucket has a number of its own, in one byte, none of them reserved', () => {
  const numbers = Object.values(buckets).map((bucket) => bucket.number);
  expect(new Set([...numbers, ...reservedNumbers]).size).toBe(numbers.length + reservedNumbers.length);
  expect(numbers.every((number) => number > 0 && number < 255)).toBe(true);
});
