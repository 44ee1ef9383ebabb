import { closeSync, fsyncSync, openSync } from 'node:fs';

/** A created or renamed file is only there after a power failure if its folder was synced too. */
export function syncDirectory(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
