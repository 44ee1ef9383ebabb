import { describe, expect, it } from 'vitest';
import { Prng } from '../prng.ts';
import { Folder, Inode, sectorBytes } from './platter.ts';

describe('the simulated platter', () => {
  it('keeps what was synced, and of the rest any part of the sectors, when the power fails', () => {
    const lengths = new Set<string>();
    for (let seed = 0; seed < 60; seed++) {
      const inode = new Inode();
      inode.write(0, Buffer.alloc(2 * sectorBytes, 1));
      inode.sync([...inode.unsynced]);
      inode.write(2 * sectorBytes, Buffer.alloc(2 * sectorBytes, 2));
      inode.losePower(new Prng(seed));
      expect([...inode.cache.subarray(0, 2 * sectorBytes)].every((byte) => byte === 1)).toBe(true);
      lengths.add([2, 3].map((sector) => inode.cache[sector * sectorBytes] === 2).join());
    }
    // None, both, and each alone: torn in every way.
    expect(lengths.size).toBe(4);
  });

  it('never writes what a failed sync gave up, though the cache shows it', () => {
    const inode = new Inode();
    inode.write(0, Buffer.from('lost'));
    inode.failSync([...inode.unsynced]);
    expect(inode.cache.toString()).toBe('lost');
    inode.sync([...inode.unsynced]);
    inode.losePower(new Prng(1));
    expect(inode.cache).toHaveLength(0);
  });

  it('loses names that no sync of the folder covered, the last ones first', () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 40; seed++) {
      const folder = new Folder();
      folder.change((names) => names.set('a', new Inode()));
      folder.sync();
      folder.change((names) => names.set('b', new Inode()));
      folder.change((names) => names.delete('a'));
      folder.losePower(new Prng(seed));
      seen.add([...folder.names.keys()].join());
    }
    expect([...seen].sort()).toEqual(['a', 'a,b', 'b']);
  });
});
