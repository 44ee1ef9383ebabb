import { ChainError } from '../errors/chain-error.ts';
import type { ConsensusMessage, RoundStateMessage, VoteBitmap, VotesMessage } from '../types/consensus.ts';
import { ByteReader, ByteWriter } from './binary.ts';
import {
  readBelow,
  readCertificate,
  readFlag,
  readHeight,
  readProposal,
  readRound,
  readVote,
  writeCertificate,
  writeFlag,
  writeProposal,
  writeVote,
} from './consensus-fields.ts';

const wireVersion = 1;
const kindCode = { proposal: 1, vote: 2, votes: 3, commit: 4, 'round-state': 5 } as const;
/** Both votes of 32 validators in four rounds: three that a bitmap names and the one that lets a peer follow. */
export const votesOfMessageMax = 256;
const bitmapsMax = 8;
/** Above the largest message, which is a full `votes` of 256 votes of at most 111 bytes with a polka of 32 signatures. */
export const consensusMessageBytesMax = 32_768;

/** version u8, kind u8, fields. Throws CODEC_TOO_LARGE or CODEC_BINARY_RANGE for what no peer would accept. */
export function encodeConsensusMessage(message: ConsensusMessage): Uint8Array {
  const writer = new ByteWriter(consensusMessageBytesMax);
  writer.u8(wireVersion).u8(kindCode[message.kind]);
  switch (message.kind) {
    case 'proposal':
      writeProposal(writer, message);
      break;
    case 'vote':
      writeVote(writer, message);
      break;
    case 'votes':
      writeVotes(writer, message);
      break;
    case 'commit':
      writeCertificate(writer, message.certificate);
      break;
    case 'round-state':
      writeRoundState(writer, message);
      break;
    default:
      return message satisfies never;
  }
  return writer.finish();
}

/**
 * Strict: the bytes of an accepted message are exactly those that encoding it gives. Every length is bounded before
 * anything is read. Throws CODEC_TOO_LARGE, CODEC_BINARY_SHORT, CODEC_BINARY_TRAILING or CODEC_BINARY_RANGE. Verifies no signature.
 */
export function decodeConsensusMessage(bytes: Uint8Array): ConsensusMessage {
  if (bytes.length > consensusMessageBytesMax)
    throw new ChainError('CODEC_TOO_LARGE', {
      what: 'a consensus message',
      bytes: bytes.length,
      bytesMax: consensusMessageBytesMax,
    });
  const reader = new ByteReader(bytes);
  const version = reader.u8();
  if (version !== wireVersion)
    throw new ChainError('CODEC_BINARY_RANGE', { field: 'consensus wire version', value: version, max: wireVersion });
  const message = readMessage(reader, reader.u8());
  reader.end();
  return message;
}

function readMessage(reader: ByteReader, kind: number): ConsensusMessage {
  switch (kind) {
    case kindCode.proposal:
      return readProposal(reader);
    case kindCode.vote:
      return readVote(reader);
    case kindCode.votes:
      return readVotes(reader);
    case kindCode.commit:
      return { kind: 'commit', certificate: readCertificate(reader) };
    case kindCode['round-state']:
      return readRoundState(reader);
    default:
      throw new ChainError('CODEC_BINARY_RANGE', { field: 'consensus message kind', value: kind, max: 5 });
  }
}

function writeVotes(writer: ByteWriter, message: VotesMessage): void {
  writer.u64(message.height).u16(readBelow(message.votes.length, votesOfMessageMax + 1, 'votes'));
  for (const vote of message.votes) writeVote(writer, vote);
  writeFlag(writer, message.polka !== null);
  if (message.polka !== null) writeCertificate(writer, message.polka);
}

function readVotes(reader: ByteReader): VotesMessage {
  const height = readHeight(reader);
  const count = readBelow(reader.u16(), votesOfMessageMax + 1, 'votes');
  const votes = [];
  for (let i = 0; i < count; i++) {
    const vote = readVote(reader);
    sameHeight(height, vote.height);
    votes.push(vote);
  }
  const polka = readFlag(reader, 'polka flag') ? readCertificate(reader) : null;
  if (polka !== null) sameHeight(height, polka.height);
  return { kind: 'votes', height, votes, polka };
}

function writeRoundState(writer: ByteWriter, message: RoundStateMessage): void {
  writer.u64(message.height).u32(message.round);
  writeFlag(writer, message.active);
  writeFlag(writer, message.hasProposal);
  writer.u8(readBelow(message.rounds.length, bitmapsMax + 1, 'bitmaps'));
  for (const { round, prevotes, precommits } of message.rounds) writer.u32(round).u32(prevotes).u32(precommits);
}

function readRoundState(reader: ByteReader): RoundStateMessage {
  const height = readHeight(reader);
  const round = readRound(reader);
  const active = readFlag(reader, 'active');
  const hasProposal = readFlag(reader, 'has proposal');
  const count = readBelow(reader.u8(), bitmapsMax + 1, 'bitmaps');
  const rounds: VoteBitmap[] = [];
  for (let i = 0; i < count; i++)
    rounds.push({ round: readRound(reader), prevotes: reader.u32(), precommits: reader.u32() });
  return { kind: 'round-state', height, round, active, hasProposal, rounds };
}

function sameHeight(expected: number, value: number): void {
  if (value !== expected)
    throw new ChainError('CODEC_BINARY_RANGE', { field: 'height inside votes', value, max: expected });
}
