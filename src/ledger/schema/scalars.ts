import { z } from 'zod';
import type {
  ClusterId,
  Hash,
  Height,
  KeyId,
  LeafIndex,
  OrgId,
  PublicKeyHex,
  Round,
  ValidatorId,
} from '../../types/brand.ts';
import { EVIDENCE_BYTES_TEXT_MAX, LABEL_MAX, NAME_MAX } from '../limits.ts';

/**
 * Scalars of every signed or hashed structure. A branded type is given here, after the check, and nowhere else.
 */
const branded = <T>(schema: z.ZodType<string> | z.ZodType<number>): z.ZodType<T> => schema as unknown as z.ZodType<T>;

export const HASH_PATTERN = /^[0-9a-f]{64}$/;
/** RFC 1123 label. */
export const LABEL_PATTERN = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** Integer from 0 to 2^53 - 1: the range that JSON keeps exact everywhere. */
export const count = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
export const positive = count.min(1);
/** Milliseconds since the epoch, or a duration in milliseconds. */
export const ms = count;

const hashText = z.string().regex(HASH_PATTERN, '64 lowercase hexadecimal digits');
export const hash = branded<Hash>(hashText);
export const publicKey = branded<PublicKeyHex>(hashText);
export const keyId = branded<KeyId>(hashText);
export const height = branded<Height>(count);
/** A round is a u32 in the sign-bytes. */
export const round = branded<Round>(count.max(0xffff_ffff));
export const leafIndex = branded<LeafIndex>(count);

export const label = z.string().max(LABEL_MAX).regex(LABEL_PATTERN, 'an RFC 1123 label');
export const orgId = branded<OrgId>(label);
export const validatorId = branded<ValidatorId>(label);
export const clusterId = branded<ClusterId>(label);

/** Present, possibly empty. */
export const text = (max: number) => z.string().max(max);
export const name = z.string().min(1).max(NAME_MAX);

/** Standard base64, padded; what it decodes to is checked by whoever reads the bytes. */
export const base64 = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/, 'standard base64');
/** 64 bytes. */
export const signatureText = base64(88).length(88);
export const signedBytesText = base64(EVIDENCE_BYTES_TEXT_MAX).min(4);
