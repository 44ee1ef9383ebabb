import type { LedgerReader } from '../ports/ledger-reader.ts';

/** A document of the committed state, which the state machine wrote as canonical JSON; undefined if there is none under this key. */
export function stateDocument<T>(reader: Pick<LedgerReader, 'stateGet'>, key: string): T | undefined {
  const bytes = reader.stateGet(key);
  return bytes === undefined ? undefined : (JSON.parse(new TextDecoder().decode(bytes)) as T);
}
