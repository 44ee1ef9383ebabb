/** Branded primitives: a value gets its brand once, where it is decoded and checked, and never by a cast elsewhere. */
declare const brand: unique symbol;
type Brand<Base, Name extends string> = Base & { readonly [brand]: Name };

/** Block height; genesis is 0, the first block is 1. A safe integer. */
export type Height = Brand<number, 'Height'>;
/** Consensus round inside a height; starts at 0. */
export type Round = Brand<number, 'Round'>;
/** SHA-256 as 64 lowercase hexadecimal digits. */
export type Hash = Brand<string, 'Hash'>;
/** Stable name of an organisation (RFC 1123 label, at most 63 characters), never the hash of a key. */
export type OrgId = Brand<string, 'OrgId'>;
/** Name of a validator; one an organisation, so it is the organisation's name. */
export type ValidatorId = Brand<string, 'ValidatorId'>;
/** Registered name of a cluster (RFC 1123 label). */
export type ClusterId = Brand<string, 'ClusterId'>;
/** Raw Ed25519 public key as 64 lowercase hexadecimal digits. */
export type PublicKeyHex = Brand<string, 'PublicKeyHex'>;
/** SHA-256 of a raw public key, hexadecimal: the `keyid` of a DSSE signature. */
export type KeyId = Brand<string, 'KeyId'>;
/** Index of a leaf in the log since genesis, from 0. */
export type LeafIndex = Brand<number, 'LeafIndex'>;
