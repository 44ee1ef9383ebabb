import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** One small wrong change of the sources, and who must notice it. */
export interface Fault {
  /** What a person would have done wrong, in one sentence. */
  readonly fault: string;
  /** From the root of the repository. */
  readonly file: string;
  /** Text of the file that is replaced; it stands there once, or `ordinal` says which of several is meant (from 1). */
  readonly find: string;
  readonly ordinal?: number;
  readonly replace: string;
  /** Test files, tried in order: one of them must fail by an assertion. */
  readonly tests: readonly string[];
  /** Part of the title of the test that must fail, where the rest of its file takes long. */
  readonly named?: string;
  /** Project of vitest.config.ts that the tests belong to. */
  readonly project: 'unit' | 'sim';
}

/** The text with the fault in it. Throws if `find` does not stand there as stated, or the replacement changes nothing. */
export function withFault(
  text: string,
  { file, find, ordinal, replace }: Pick<Fault, 'file' | 'find' | 'ordinal' | 'replace'>,
): string {
  const places = placesOf(text, find);
  if (ordinal === undefined && places.length !== 1)
    throw new Error(`${file}: ${JSON.stringify(find)} stands there ${places.length} times, not once`);
  const at = places[(ordinal ?? 1) - 1];
  if (at === undefined) throw new Error(`${file}: ${JSON.stringify(find)} stands there only ${places.length} times`);
  if (find === replace) throw new Error(`${file}: the replacement is what stood there`);
  return text.slice(0, at) + replace + text.slice(at + find.length);
}

/** Plants the fault in the file below `root`; the result takes it out again. */
export function plant(root: string, fault: Fault): () => void {
  const path = join(root, fault.file);
  const sound = readFileSync(path, 'utf8');
  writeFileSync(path, withFault(sound, fault));
  return () => writeFileSync(path, sound);
}

function placesOf(text: string, find: string): number[] {
  const places: number[] = [];
  if (find === '') return places;
  for (let at = text.indexOf(find); at >= 0; at = text.indexOf(find, at + find.length)) places.push(at);
  return places;
}
