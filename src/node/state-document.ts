import type { LedgerReader } from '../ports/ledger-reader.ts';

type Reader = Pick<LedgerReader, 'stateGet'>;

/** A document of the committed state, as the state machine wrote it; undefined if there is none under this key. */
export function stateText(reader: Reader, key: string): string | undefined {
  const bytes = reader.stateGet(key);
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}

/** The same, read. That it is of this type is the word of the state machine, which alone writes there. */
export function stateDocument<T>(reader: Reader, key: string): T | undefined {
  const text = stateText(reader, key);
  return text === undefined ? undefined : (JSON.parse(text) as T);
}
