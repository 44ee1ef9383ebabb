import { ChainError } from '../../errors/chain-error.ts';

/** Turns an error of the disk into WAL_FULL or WAL_IO; one that is coded already stays as it is. */
export function walFailure(file: string, operation: string, error: unknown): ChainError {
  if (error instanceof ChainError) return error;
  const code = (error as { code?: unknown } | null)?.code;
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG')
    return new ChainError('WAL_FULL', { file }, { cause: error });
  const detail = String((error as Error | null)?.message ?? error);
  return new ChainError('WAL_IO', { file, operation, detail }, { cause: error });
}

/** Runs one operation on the disk; its failure is coded and names the file. */
export async function onDisk<T>(file: string, operation: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw walFailure(file, operation, error);
  }
}
