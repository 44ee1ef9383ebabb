import { ed25519 } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import type { PublicKeyHex } from '../../../src/types/brand.ts';

/**
 * Signatures that an honest signer never makes, built from the group itself: points with a torsion component, points of
 * small order, other spellings of them ("Taming the many EdDSAs", Chalkias et al. 2020, table 1).
 */
const { Point } = ed25519;
export type CurvePoint = InstanceType<typeof Point>;
export const ORDER = Point.Fn.ORDER;
export const FIELD = 2n ** 255n - 19n;
export const BASE = Point.BASE;

export interface Crafted {
  readonly publicKey: PublicKeyHex;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

export function littleEndian(value: bigint, bytes = 32): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
}

function numberOf(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/** The eight points whose order divides 8: multiples of one of order 8, found by clearing the large-order part of a point. */
export const TORSION: readonly CurvePoint[] = (() => {
  for (let y = 2n; ; y++) {
    let point: CurvePoint;
    try {
      point = Point.fromBytes(littleEndian(y));
    } catch {
      continue;
    }
    // L times any point is torsion; it must not vanish when doubled twice.
    const torsion = point.multiplyUnsafe(ORDER - 1n).add(point);
    if (torsion.double().double().is0()) continue;
    const all: CurvePoint[] = [Point.ZERO];
    while (all.length < 8) all.push((all.at(-1) as CurvePoint).add(torsion));
    return all;
  }
})();

/** k = SHA-512(R || A || M) mod L. */
export function challenge(r: Uint8Array, a: Uint8Array, message: Uint8Array): bigint {
  return numberOf(sha512.create().update(r).update(a).update(message).digest()) % ORDER;
}

export function crafted(a: Uint8Array, message: Uint8Array, r: Uint8Array, s: bigint): Crafted {
  const signature = new Uint8Array(64);
  signature.set(r);
  signature.set(littleEndian(s), 32);
  return { publicKey: Buffer.from(a).toString('hex') as PublicKeyHex, message, signature };
}

export function messageNumber(i: number): Uint8Array {
  return new Uint8Array(Buffer.from(`message ${i}`));
}

/** All ways to write a point's y with 255 bits, under both sign bits: y, and y + p where it fits. */
export function spellings(point: CurvePoint): Uint8Array[] {
  const { y } = point.toAffine();
  const ys = y + FIELD < 2n ** 255n ? [y, y + FIELD] : [y];
  return ys.flatMap((value) => [littleEndian(value), littleEndian(value | (1n << 255n))]);
}

/**
 * For key aB + T_i and nonce rB + T_j: the first message for which the cofactorless equation holds (T_j + k T_i = 0), or
 * for which it does not although the cofactored one does; undefined if there is none among 200.
 */
export function mixedOrder(
  i: number,
  j: number,
  cofactorless: boolean,
  secret: bigint,
  nonce: bigint,
): Crafted | undefined {
  const a = multiple(secret)
    .add(TORSION[i] as CurvePoint)
    .toBytes();
  const r = multiple(nonce)
    .add(TORSION[j] as CurvePoint)
    .toBytes();
  for (let n = 0; n < 200; n++) {
    const message = messageNumber(n);
    const k = challenge(r, a, message);
    const holds = (BigInt(j) + (k % 8n) * BigInt(i)) % 8n === 0n;
    if (holds === cofactorless) return crafted(a, message, r, (nonce + k * secret) % ORDER);
  }
  return undefined;
}

function multiple(scalar: bigint): CurvePoint {
  return scalar === 0n ? Point.ZERO : BASE.multiply(scalar);
}
