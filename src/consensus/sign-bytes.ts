import type { Hash, Height, Round } from '../types/brand.ts';
import type { VoteType } from '../types/consensus.ts';

/** Exactly 23 characters and a NUL, so that everything after it stands at a fixed offset. */
const domain = 'kubectl-chain/consensus\0';
const formatVersion = 1;
const algorithmEd25519 = 1;
const voteBytes = 104;
const proposalBytes = 108;
const typeCode = { proposal: 1, prevote: 2, precommit: 3 } as const;

/** What a validator puts its name to. `polRound` only counts for a proposal. */
export interface SignContent {
  readonly type: 'proposal' | VoteType;
  readonly height: Height;
  readonly round: Round;
  /** Null is nil; never null in a proposal. */
  readonly blockId: Hash | null;
  readonly polRound?: number;
}

/**
 * The signed bytes, big-endian, fixed width:
 * domain 24 | version 1 | algorithm 1 | type 1 | genesis hash 32 | height 8 | round 4 | nil flag 1 | block id 32 (zeros for
 * nil), together 104; a proposal appends its POL round + 1 as 4 bytes. No timestamp. Chain, type and round are inside, so that
 * no signature can be used in another place.
 */
export function signBytes(chain: Hash, content: SignContent): Uint8Array {
  const isProposal = content.type === 'proposal';
  const bytes = new Uint8Array(isProposal ? proposalBytes : voteBytes);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < domain.length; i++) bytes[i] = domain.charCodeAt(i);
  bytes[24] = formatVersion;
  bytes[25] = algorithmEd25519;
  bytes[26] = typeCode[content.type];
  writeHash(bytes, 27, chain);
  view.setUint32(59, Math.floor(content.height / 2 ** 32));
  view.setUint32(63, content.height % 2 ** 32);
  view.setUint32(67, content.round);
  bytes[71] = content.blockId === null ? 1 : 0;
  if (content.blockId !== null) writeHash(bytes, 72, content.blockId);
  if (isProposal) view.setUint32(104, (content.polRound ?? -1) + 1);
  return bytes;
}

function writeHash(into: Uint8Array, offset: number, hash: Hash): void {
  for (let i = 0; i < 32; i++)
    into[offset + i] = (digitOf(hash.charCodeAt(2 * i)) << 4) | digitOf(hash.charCodeAt(2 * i + 1));
}

/** Of a lowercase hexadecimal digit, which is all that a Hash has. */
function digitOf(code: number): number {
  return code < 0x61 ? code - 0x30 : code - 0x57;
}
