import { ChainError } from '../errors/chain-error.ts';
import { concatBytes } from '../codec/index.ts';
import { u16 } from './big-endian.ts';
import { LEAF_BYTES_MAX } from './limits.ts';
import { isCount, type NodeReader } from './merkle.ts';

/**
 * c2sp.org/tlog-tiles: the log as static files. A tile of level L holds up to 256 hashes: nodes of level 8 * L of the tree, from
 * index 256 * N on. An entry bundle holds up to 256 leaves, each with a length of two bytes before it. A tile that is not yet full
 * is named by its width and changes its name when it grows, so a name's content never changes.
 */
const TILE_WIDTH = 256;
const TILE_HEIGHT = 8;
/** 8 tiles of height 8 are deeper than any log with safe integers for indexes. */
const TILE_LEVEL_MAX = 6;

/** Width of tile `index` at `level` in a log of `size` leaves: 256, less for the last one, 0 if there is none. */
export function tileWidth(level: number, index: number, size: number): number {
  const nodes = Math.floor(size / TILE_WIDTH ** level);
  return Math.max(0, Math.min(TILE_WIDTH, nodes - index * TILE_WIDTH));
}

/** `/tile/<L>/<N>[.p/<W>]`, N in groups of three digits, all but the last marked with an x. Throws LEDGER_TREE_RANGE. */
export function tilePath(level: number, index: number, width: number): string {
  checkTile(level, index, width);
  return `/tile/${level}/${numberPath(index)}${widthPath(width)}`;
}

/** `/tile/entries/<N>[.p/<W>]`. Throws LEDGER_TREE_RANGE. */
export function entriesPath(index: number, width: number): string {
  checkTile(0, index, width);
  return `/tile/entries/${numberPath(index)}${widthPath(width)}`;
}

/** The hashes of a tile, 32 bytes each. Throws LEDGER_TREE_RANGE, LEDGER_TREE_NODE_MISSING. */
export function tileBytes(level: number, index: number, width: number, reader: NodeReader): Uint8Array {
  checkTile(level, index, width);
  const nodeLevel = level * TILE_HEIGHT;
  const nodes: Uint8Array[] = [];
  for (let i = index * TILE_WIDTH; i < index * TILE_WIDTH + width; i++) {
    const node = reader(nodeLevel, i);
    if (node === undefined) throw new ChainError('LEDGER_TREE_NODE_MISSING', { level: nodeLevel, index: i });
    nodes.push(node);
  }
  return concatBytes(...nodes);
}

/** An entry bundle of these leaves. */
export function entryBundle(leaves: readonly Uint8Array[]): Uint8Array {
  const oversized = leaves.find((leaf) => leaf.length > LEAF_BYTES_MAX);
  if (oversized !== undefined) {
    throw new ChainError('LEDGER_LEAF_TOO_LARGE', { bytes: oversized.length, bytesMax: LEAF_BYTES_MAX });
  }
  return concatBytes(...leaves.flatMap((leaf) => [u16(leaf.length), leaf]));
}

function numberPath(index: number): string {
  const digits = String(index);
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/\d{3}/g) ?? [];
  return groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join('/');
}

function widthPath(width: number): string {
  return width === TILE_WIDTH ? '' : `.p/${width}`;
}

function checkTile(level: number, index: number, width: number): void {
  const known =
    isCount(level) && level <= TILE_LEVEL_MAX && isCount(index) && isCount(width) && width >= 1 && width <= TILE_WIDTH;
  if (!known) throw new ChainError('LEDGER_TREE_RANGE', { detail: `tile ${level}/${index} of width ${width}` });
}
