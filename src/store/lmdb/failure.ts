import { ChainError } from '../../errors/chain-error.ts';

/** Code of the operating system or of LMDB behind an error, as far as it can be told; lmdb keeps only the text of some. */
function causeCode(error: unknown): string {
  const seen = error as { code?: unknown; message?: unknown; commitError?: unknown };
  if (seen?.commitError !== undefined && seen.commitError !== error) return causeCode(seen.commitError);
  const message = String(seen?.message ?? error);
  if (message.includes('No space left') || message.includes('Disk quota') || message.includes('MDB_MAP_FULL'))
    return 'ENOSPC';
  if (message.includes('File too large')) return 'ENOSPC';
  if (message.includes('Permission denied') || message.includes('Operation not permitted')) return 'EACCES';
  if (message.includes('Read-only file system')) return 'EROFS';
  if (message.includes('Not a directory')) return 'ENOTDIR';
  return typeof seen?.code === 'string' ? seen.code : '';
}

function detailOf(error: unknown): string {
  const commitError = (error as { commitError?: unknown })?.commitError;
  return String((commitError as Error | undefined)?.message ?? (error as Error | undefined)?.message ?? error);
}

/** Turns whatever the operating system or LMDB threw into a coded error; one that is coded already stays as it is. */
export function storeFailure(path: string, operation: string, error: unknown): ChainError {
  if (error instanceof ChainError) return error;
  const options = { cause: error };
  switch (causeCode(error)) {
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
      return new ChainError('STORE_IO', { path, operation, detail: detailOf(error) }, options);
  }
}
