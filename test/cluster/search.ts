import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nativeBackend } from '../../src/crypto/index.ts';
import { decodeTransaction, decodeLeaf } from '../../src/ledger/index.ts';
import { openStoreForReading } from '../../src/store/index.ts';
import { buckets } from '../../src/store/lmdb/bucket-registry.ts';

/** The ways in which a text may stand in bytes: as it is, in hexadecimal, and in base64 at each of its three alignments. */
export function formsOf(text: string): readonly Buffer[] {
  const bytes = Buffer.from(text);
  const base64 = [0, 1, 2].map((shift) => {
    const encoded = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
    // The first and the last characters also depend on the neighbours.
    return encoded.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + bytes.length) * 8) / 6));
  });
  return [text, bytes.toString('hex'), ...base64].map((form) => Buffer.from(form));
}

export function isIn(bytes: Uint8Array | string, forms: readonly Buffer[]): boolean {
  const haystack = Buffer.from(bytes);
  return forms.some((form) => haystack.includes(form));
}

/** Files below a folder that hold one of the forms. */
export function filesWith(dir: string, forms: readonly Buffer[]): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => isIn(readFileSync(file), forms));
}

/** What a store holds in packed form, clear: every leaf with its decoded payload, every block, every body, the state. */
export async function contentsOfStore(dataDir: string): Promise<{ where: string; bytes: Uint8Array }[]> {
  const store = await openStoreForReading(dataDir);
  try {
    const found: { where: string; bytes: Uint8Array }[] = [];
    const size = store.state(store.lastHeight())?.logSize ?? 0;
    for (let index = 0; index < size; index += 1) {
      const bytes = store.readLeaf(index);
      if (bytes === undefined) throw new Error(`leaf ${index} is missing`);
      found.push({ where: `leaf ${index}`, bytes });
      const leaf = decodeLeaf(bytes);
      if (leaf.kind !== 'transaction') continue;
      const payload = JSON.stringify(decodeTransaction(leaf.tx, nativeBackend.sha256).payload);
      found.push({ where: `payload of leaf ${index}`, bytes: Buffer.from(payload) });
    }
    for (const [name, { number }] of Object.entries(buckets)) {
      const range = { from: Buffer.from([number]), to: Buffer.from([number + 1]) };
      for (const key of store.table.keys(range)) {
        const bytes = store.table.get(key);
        if (bytes !== undefined) found.push({ where: `${name} ${key.toString('hex')}`, bytes });
      }
    }
    for (let height = 1; height <= store.lastHeight(); height += 1) {
      const bytes = store.block(height);
      if (bytes !== undefined) found.push({ where: `block ${height}`, bytes });
    }
    return found;
  } finally {
    await store.close();
  }
}
