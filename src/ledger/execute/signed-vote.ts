import type { Hash } from '../../types/brand.ts';
import { ByteReader, toHex, utf8Decode } from '../../codec/index.ts';
import { isChainError } from '../../errors/chain-error.ts';

/** What a validator signed in consensus, as far as evidence needs it. */
export interface SignedVote {
  readonly chain: Hash;
  /** 1 proposal, 2 prevote, 3 precommit. */
  readonly type: number;
  readonly height: number;
  readonly round: number;
  /** Nil flag, block id and, of a proposal, its POL round: two that differ here conflict. */
  readonly content: string;
}

const DOMAIN = 'kubectl-chain/consensus\0';
const VERSION = 1;
const ALGORITHM_ED25519 = 1;
const PROPOSAL = 1;
const PRECOMMIT = 3;

/**
 * The frozen fixed-width sign-bytes of consensus, big-endian: domain 24 | version 1 | algorithm 1 | type 1 | genesis hash 32 | height 8 | round 4 | nil flag 1 |
 * block id 32; a proposal appends 4 bytes. Undefined for anything else.
 */
export function readSignedVote(bytes: Uint8Array): SignedVote | undefined {
  try {
    const reader = new ByteReader(bytes);
    if (utf8Decode(reader.bytes(DOMAIN.length)) !== DOMAIN) return undefined;
    if (reader.u8() !== VERSION || reader.u8() !== ALGORITHM_ED25519) return undefined;
    const type = reader.u8();
    if (type < PROPOSAL || type > PRECOMMIT) return undefined;
    const chain = toHex(reader.bytes(32)) as Hash;
    const height = reader.u64();
    const round = reader.u32();
    const content = toHex(reader.bytes(type === PROPOSAL ? 37 : 33));
    reader.end();
    return { chain, type, height, round, content };
  } catch (error) {
    if (isChainError(error)) return undefined;
    throw error;
  }
}
