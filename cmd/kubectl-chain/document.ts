import { parseDocument } from '../../src/ledger/execute/documents.ts';

/** A verified state value as what it holds; undefined if it was proven absent. */
export function documentOf<T>(values: ReadonlyMap<string, Uint8Array | undefined>, key: string): T | undefined {
  const bytes = values.get(key);
  return bytes === undefined ? undefined : parseDocument<T>(bytes);
}
