/**
 * Every bucket of the store, each once. All of them live in one LMDB database: a key is the bucket's number in one byte,
 * then what `key` says. Numbers are big-endian, so that keys sort like numbers; "u48" has six bytes. A number is never
 * given to something else: that of a removed bucket goes to `reservedNumbers`.
 */
export interface Bucket {
  readonly number: number;
  readonly key: string;
  readonly value: string;
}

export const buckets = {
  meta: {
    number: 1,
    key: 'name, ASCII',
    value: 'schema: u32; chain: genesis hash, 64 hex digits; spaces: JSON, see spaces.ts',
  },
  block: { number: 2, key: 'height u48', value: 'block bytes with references to leaves, see block-record.ts' },
  certificate: { number: 3, key: 'height u48', value: 'certificate of that height, binary as the ledger encodes it' },
  state: { number: 4, key: 'height u48', value: 'block id 32, log size u48, log root 32, state root 32' },
  leaf: { number: 5, key: 'leaf index u48', value: 'leaf bytes, packed as leaf-record.ts says' },
  node: { number: 6, key: 'level u8, index u48', value: 'RFC 6962 hash of a complete subtree, 32' },
  stateBucket: {
    number: 7,
    key: 'bucket u16',
    value: 'encoded bucket of a state tree; absent if empty; see spaces.ts',
  },
  index: { number: 8, key: 'SHA-256(name 0x00 key) first 16 bytes, leaf index u48', value: 'empty' },
  orderedIndex: { number: 9, key: 'name 0x00 key', value: 'first leaf index of that key, u48' },
  body: { number: 10, key: 'SHA-256 of the body, 32', value: 'body bytes' },
  bodyInfo: { number: 11, key: 'SHA-256 of the body, 32', value: 'JSON {orgs, expiresMs}' },
  bodyExpiry: { number: 12, key: 'expiry in ms u48, SHA-256 of the body 32', value: 'empty' },
  stateBucketB: { number: 14, key: 'as stateBucket', value: 'as stateBucket' },
  stateBucketC: { number: 15, key: 'as stateBucket', value: 'as stateBucket' },
  local: { number: 13, key: '0x00 name, or 0x01 SHA-256(name) if longer than 512 bytes', value: 'opaque' },
} as const satisfies Record<string, Bucket>;

export type BucketName = keyof typeof buckets;

/** Numbers of removed buckets. */
export const reservedNumbers: readonly number[] = [];

/** Raised with every change of what a bucket's key or value means; see migration.ts. */
export const schemaVersion = 1;

/** Audit indexes that are asked for ranges of keys: their keys sort, and rise with the leaves. */
export const orderedIndexNames: ReadonlySet<string> = new Set(['time']);
