import type { BlockWrites, TreeSource } from '../../../src/ports/state.ts';

/** What a store keeps for the state machine, in memory. */
export class MemorySource implements TreeSource {
  readonly buckets = new Map<number, Uint8Array>();
  readonly nodes = new Map<string, Uint8Array>();
  readonly leaves = new Map<number, Uint8Array>();
  readonly archive = new Map<string, Uint8Array>();
  readonly indexes: (readonly [string, string, number])[] = [];

  readBucket(bucket: number): Uint8Array | undefined {
    return this.buckets.get(bucket);
  }

  readNode(level: number, index: number): Uint8Array | undefined {
    return this.nodes.get(`${level}/${index}`);
  }

  readLeaf(index: number): Uint8Array | undefined {
    return this.leaves.get(index);
  }

  write(writes: BlockWrites): void {
    for (const [bucket, bytes] of writes.buckets) {
      if (bytes === null) this.buckets.delete(bucket);
      else this.buckets.set(bucket, bytes);
    }
    for (const [level, index, hash] of writes.nodes) this.nodes.set(`${level}/${index}`, hash);
    for (const [index, bytes] of writes.leaves) this.leaves.set(index, bytes);
    this.indexes.push(...writes.indexes);
    for (const [key, bytes] of writes.archive) this.archive.set(key, bytes);
  }
}
