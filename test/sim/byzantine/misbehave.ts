import { walCreatedKey } from '../../../src/node/consensus-log.ts';
import { observeKey, unknownPast } from '../../../src/node/observing-until.ts';
import { localKey } from '../../../src/store/lmdb/key.ts';
import { Folder } from '../disk/platter.ts';
import type { SimNode } from '../node.ts';
import type { World } from '../world.ts';

/** What happens to the disk of some nodes while their process is down. */
export function misbehave(world: World, node: SimNode): void {
  const { prng } = world;
  if (node.fault === 'amnesia') {
    world.count('disk-wiped');
    node.replaceDisk(null);
  }
  if (node.fault === 'restored') {
    if (node.backup === null || prng.chance(0.3)) node.backup = node.copyDisk();
    else {
      world.count('backup-restored');
      node.replaceDisk(node.backup);
    }
  }
  if (node.mayBeRecovered && !node.isDamaged) recover(world, node);
  if (node.mayBeDamaged && !node.isDamaged && prng.chance(0.6)) damage(world, node);
}

/** The first time a backup is taken; later the node comes back from it, or from nothing, and is told so (src/node/restore.ts). */
function recover(world: World, node: SimNode): void {
  if (node.backup === null) return void (node.backup = node.copyDisk());
  // Before the second block is decided enough others may be at genesis for a founding, and then nobody can know.
  if (world.checker.chain.height >= 2 && world.prng.chance(0.6)) goBack(world, node, node.backup);
}

/** The process is down. */
export function goBack(world: World, node: SimNode, backup: NonNullable<SimNode['backup']>): void {
  node.isDamaged = true;
  const isEmpty = world.prng.chance(0.3);
  world.count(isEmpty ? 'recovered-empty' : 'recovered-backup');
  node.replaceDisk(isEmpty ? null : { folder: new Folder(), database: backup.database });
  if (isEmpty) return;
  const asName = (name: string): string => localKey(name).toString('latin1');
  node.database.apply([
    [asName(observeKey), Buffer.from(unknownPast('restored'))],
    [asName(walCreatedKey), null],
  ]);
}

/**
 * The disk loses what it had promised, once and in one place: the node must notice, and sign nothing that contradicts what it signed. When the
 * newest slot and the last frames go together nobody can notice; such a node counts as Byzantine (consensus.md).
 */
function damage(world: World, node: SimNode): void {
  const { prng } = world;
  const { names } = node.folder;
  if (names.size === 0) return;
  const name = prng.pick([...names.keys()].sort());
  const inode = names.get(name);
  if (inode === undefined) return;
  node.isDamaged = true;
  switch (prng.below(5)) {
    case 0:
      world.count('log-deleted');
      names.clear();
      break;
    case 1:
      world.count('file-deleted');
      names.delete(name);
      break;
    case 2:
      world.count('file-truncated');
      inode.replace(inode.cache.subarray(0, prng.below(inode.cache.length + 1)));
      break;
    default:
      world.count('bit-flip');
      flipNearEnd(inode, prng);
  }
}

/** Where the last frames and the newest slot stand. */
function flipNearEnd(
  inode: SimNode['folder']['names'] extends Map<string, infer I> ? I : never,
  prng: World['prng'],
): void {
  const bytes = Buffer.from(inode.cache);
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  if (end === 0) return;
  const at = Math.max(0, end - 1 - prng.below(400));
  bytes[at] = (bytes[at] ?? 0) ^ (1 << prng.below(8));
  inode.replace(bytes);
}
