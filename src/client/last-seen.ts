import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Hash } from '../types/brand.ts';

/** The newest head that verified: a reader never goes back behind it. */
export interface LastSeen {
  readonly height: number;
  readonly blockId: Hash;
  readonly logSize: number;
  readonly logRoot: Hash;
}

export interface LastSeenStore {
  get(): LastSeen | null;
  put(seen: LastSeen): void;
}

export function memoryLastSeen(): LastSeenStore {
  let kept: LastSeen | null = null;
  return {
    get: () => kept,
    put: (seen) => {
      kept = seen;
    },
  };
}

/** One small file a chain. A file that cannot be written costs the protection against a rollback between two calls, not the call. */
export function fileLastSeen(file: string, warn: (message: string) => void): LastSeenStore {
  let kept: LastSeen | null = null;
  try {
    const parsed = JSON.parse(readFileSync(file, 'utf8')) as LastSeen;
    if (typeof parsed.height === 'number' && typeof parsed.logSize === 'number') kept = parsed;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') warn(`${file} cannot be read: ${(error as Error).message}`);
  }
  return {
    get: () => kept,
    put: (seen) => {
      kept = seen;
      try {
        mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
        const temporary = `${file}.${process.pid}`;
        writeFileSync(temporary, JSON.stringify(seen), { mode: 0o600 });
        renameSync(temporary, file);
      } catch (error) {
        warn(`${file} cannot be written: ${(error as Error).message}`);
      }
    },
  };
}
