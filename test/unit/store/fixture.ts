import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { openStore, type Store } from '../../../src/store/index.ts';
import type { Hash } from '../../../src/types/brand.ts';

export * from './block-fixture.ts';

export const chain = 'c4'.repeat(32) as Hash;

/** A folder that is removed when the test is over. */
export function temporaryFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'chain-store-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export async function opened(dir: string): Promise<Store> {
  const store = await openStore(dir, { chain });
  onTestFinished(() => store.close());
  return store;
}
