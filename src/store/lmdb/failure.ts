import { statfsSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import { ChainError } from '../../errors/chain-error.ts';

/** LMDB reports a write that was cut short as EIO; with less than this left on the disk, the disk was full. */
const freeBytesMin = 16 * 1024 * 1024;
const causeTimeoutMs = 1_000;

/**
 * What really failed, for an error of an lmdb commit: it carries a promise that rejects with the cause, at about the same time.
 * Not to wait for it would leave its rejection unhandled.
 */
export async function causeOfCommit(error: unknown): Promise<unknown> {
  const cause: unknown = (error as { commitError?: unknown } | null)?.commitError;
  if (!(cause instanceof Promise)) return error;
  const late = new Promise<unknown>((resolve) => setTimeout(() => resolve(error), causeTimeoutMs).unref());
  const real = cause.then(
    () => error,
    (reason: unknown) => reason,
  );
  return Promise.race([real, late]);
}

/** Name of the system's error; lmdb gives its number, and of some errors only the text. */
function systemCode(error: unknown): string {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  if (typeof code === 'string') return code;
  if (String(message ?? error).includes('MDB_MAP_FULL')) return 'ENOSPC';
  // Numbers below zero are LMDB's own (MDB_*).
  return typeof code === 'number' && code > 0 ? getSystemErrorName(-code) : '';
}

function isDiskFull(path: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize < freeBytesMin;
  } catch {
    return false;
  }
}

/** Turns whatever the operating system or LMDB threw into a coded error; one that is coded already stays as it is. */
export function storeFailure(path: string, operation: string, error: unknown): ChainError {
  if (error instanceof ChainError) return error;
  const options = { cause: error };
  const code = systemCode(error);
  switch (code === 'EIO' && isDiskFull(path) ? 'ENOSPC' : code) {
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return new ChainError('STORE_FULL', { path }, options);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new ChainError('STORE_PERMISSION', { path, operation }, options);
    case 'ENOTDIR':
      return new ChainError('STORE_NOT_A_FOLDER', { path }, options);
    default:
      return new ChainError(
        'STORE_IO',
        { path, operation, detail: String((error as Error | null)?.message ?? error) },
        options,
      );
  }
}
