import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../playground/paths.ts';

/** One change to a source file: the text must occur there exactly once. */
export interface Patch {
  /** From the root of the sources. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

const COPIED = ['src', 'cmd', 'webhook', 'package.json'];

/**
 * A copy of the node's sources with something changed: how a faulty or lying organisation's node is made. Returns its root.
 * @throws Error unless each patch fits exactly once: a patch that silently changes nothing would test nothing.
 */
export function patchedSources(dir: string, patches: readonly Patch[]): string {
  mkdirSync(dir, { recursive: true });
  for (const name of COPIED) cpSync(join(ROOT, name), join(dir, name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(dir, 'node_modules'));
  for (const { file, find, replace } of patches) {
    const path = join(dir, file);
    const [before, after, ...more] = readFileSync(path, 'utf8').split(find);
    if (before === undefined || after === undefined || more.length > 0) {
      throw new Error(`the patch of ${file} fits ${after === undefined ? 'nowhere' : 'more than once'}: ${find}`);
    }
    writeFileSync(path, before + replace + after);
  }
  return dir;
}
