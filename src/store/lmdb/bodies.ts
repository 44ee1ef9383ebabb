import { hash as digest } from 'node:crypto';
import { ChainError } from '../../errors/chain-error.ts';
import { buckets } from './bucket-registry.ts';
import { hashKey, u48Bytes, writeU48 } from './key.ts';
import type { Table, Write } from './table.ts';
import type { Hash } from '../../types/brand.ts';

export interface BodyInfo {
  /** Organisations entitled to it. */
  readonly orgs: readonly string[];
  /** Epoch milliseconds from which it may be deleted; null keeps it until it is deleted by name. */
  readonly expiresMs: number | null;
}

/**
 * Bodies by the SHA-256 of their bytes. Deleting frees the pages; the bytes may stay in the file until LMDB writes
 * something else there, so erasure that must hold against someone with the disk needs an encrypted disk.
 */
export class Bodies {
  readonly #table: Table;

  constructor(table: Table) {
    this.#table = table;
  }

  /** Resolves when synced. A body that is there gets the new info. Throws STORE_BODY_HASH if the bytes are not the hash's. */
  async put(hash: Hash, bytes: Uint8Array, info: BodyInfo): Promise<void> {
    const found = digest('sha256', bytes, 'hex');
    if (found !== hash) throw new ChainError('STORE_BODY_HASH', { expected: hash, found });
    const writes: Write[] = [
      ...this.#expiryDeletion(hash),
      [hashKey('body', hash), bytes],
      [hashKey('bodyInfo', hash), Buffer.from(JSON.stringify({ orgs: info.orgs, expiresMs: info.expiresMs }))],
    ];
    if (info.expiresMs !== null) writes.push([expiryKey(info.expiresMs, hash), new Uint8Array(0)]);
    await this.#table.write(writes);
  }

  get(hash: Hash): Uint8Array | undefined {
    return this.#table.get(hashKey('body', hash));
  }

  has(hash: Hash): boolean {
    return this.#table.has(hashKey('bodyInfo', hash));
  }

  info(hash: Hash): BodyInfo | undefined {
    const bytes = this.#table.get(hashKey('bodyInfo', hash));
    return bytes === undefined ? undefined : (JSON.parse(Buffer.from(bytes).toString('utf8')) as BodyInfo);
  }

  *hashes(): Generator<Hash> {
    const from = Buffer.from([buckets.bodyInfo.number]);
    const to = Buffer.from([buckets.bodyInfo.number + 1]);
    for (const [key] of this.#table.entries({ from, to })) yield key.subarray(1).toString('hex') as Hash;
  }

  /** Resolves to true if there was one. */
  async delete(hash: Hash): Promise<boolean> {
    const there = this.has(hash);
    const deletions: Write[] = [
      [hashKey('body', hash), null],
      [hashKey('bodyInfo', hash), null],
    ];
    await this.#table.write([...this.#expiryDeletion(hash), ...deletions]);
    return there;
  }

  /** Hashes of bodies that expired at or before `nowMs`, the oldest first. */
  expired(nowMs: number, limit: number): Hash[] {
    const from = Buffer.from([buckets.bodyExpiry.number]);
    const keys = this.#table.keys({ from, to: expiryKey(nowMs + 1, '0'.repeat(64) as Hash), limit });
    return keys.map((key) => key.subarray(1 + u48Bytes).toString('hex') as Hash);
  }

  #expiryDeletion(hash: Hash): Write[] {
    const expiresMs = this.info(hash)?.expiresMs;
    return typeof expiresMs === 'number' ? [[expiryKey(expiresMs, hash), null]] : [];
  }
}

function expiryKey(expiresMs: number, hash: Hash): Buffer {
  const time = Buffer.alloc(1 + u48Bytes, buckets.bodyExpiry.number);
  writeU48(time, expiresMs, 1, 'bodyExpiry');
  return Buffer.concat([time, Buffer.from(hash, 'hex')]);
}
