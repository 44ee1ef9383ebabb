import { ChainError } from '../../errors/chain-error.ts';
import { schemaVersion } from './bucket-registry.ts';
import { nameKey } from './key.ts';
import type { Table, Write } from './table.ts';

/** One step forward. Its writes and the new version are one transaction: a crash leaves the old schema or the new one. */
export interface Migration {
  /** Leads from this schema version to the next. */
  readonly from: number;
  /** Reads the table as it is and says what to write. */
  readonly writes: (table: Table) => Iterable<Write>;
}

/** In order, none missing between the oldest supported schema and `schemaVersion`. Schema 1 is the first. */
export const migrations: readonly Migration[] = [];

const schemaKey = nameKey('meta', 'schema');

export function schemaOf(table: Table): number | undefined {
  const bytes = table.get(schemaKey);
  return bytes === undefined ? undefined : Buffer.from(bytes).readUInt32BE(0);
}

export function schemaWrite(version: number): Write {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(version);
  return [schemaKey, bytes];
}

/**
 * Brings a table to `target`. Throws STORE_SCHEMA_NEWER for a table of a newer program, STORE_SCHEMA_OLDER if it may not
 * write or a step is missing.
 */
export async function migrate(
  table: Table,
  options: { readOnly: boolean; steps?: readonly Migration[]; target?: number },
): Promise<void> {
  const { steps = migrations, target = schemaVersion } = options;
  let version = schemaOf(table) ?? 0;
  const found = version;
  if (version > target) throw new ChainError('STORE_SCHEMA_NEWER', { found, supported: target });
  while (version < target) {
    const step = steps.find((candidate) => candidate.from === version);
    if (step === undefined || options.readOnly)
      throw new ChainError('STORE_SCHEMA_OLDER', { found, supported: target });
    version += 1;
    await table.write([...step.writes(table), schemaWrite(version)]);
  }
}
