const POINT_BYTES = 32;
const SIGN_BIT = 0x80;

/**
 * The y coordinates, little-endian, of the eight points whose order divides 8: 0 (order 4), 1 (identity), p - 1 (order 2), the two
 * of order 8; then p and p + 1, the non-canonical spellings of 0 and 1. Other spellings do not fit into 255 bits.
 */
const SMALL_ORDER_Y: ReadonlySet<string> = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]);

/** True if the 32 bytes spell a point of small order in any way, whatever their sign bit says. */
export function spellsSmallOrder(point: Uint8Array): boolean {
  const y = Buffer.from(point.subarray(0, POINT_BYTES));
  y[POINT_BYTES - 1] = (y[POINT_BYTES - 1] ?? 0) & ~SIGN_BIT;
  return SMALL_ORDER_Y.has(y.toString('hex'));
}
