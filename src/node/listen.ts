import { ChainError } from '../errors/chain-error.ts';

/** Turns the error of a port that is taken into NODE_PORT_IN_USE. */
export async function listening<T>(purpose: string, address: string, started: Promise<T>): Promise<T> {
  try {
    return await started;
  } catch (cause) {
    if (isTaken(cause) || isTaken((cause as Error).cause))
      throw new ChainError('NODE_PORT_IN_USE', { address, purpose }, { cause });
    throw cause;
  }
}

function isTaken(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === 'EADDRINUSE';
}
