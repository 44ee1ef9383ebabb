import { ChainError } from '../errors/chain-error.ts';
import type { Hash, Height, Round } from '../types/brand.ts';
import type { Certificate } from '../types/chain.ts';
import type { PolkaCertificate, Proposal, Vote } from '../types/consensus.ts';
import { ByteReader, ByteWriter } from './binary.ts';
import { fromHex, toHex } from './hex.ts';

/** The vote bitmap has 32 bits; no set is larger. */
const validatorsMax = 32;
const signatureBytes = 64;
const hashBytes = 32;
/** A vote: type and nil flag, height, round, block id, validator, signature. */
const voteType = { prevote: 1, precommit: 2 } as const;

export function writeHash(writer: ByteWriter, hash: Hash): void {
  writer.bytes(fromHex(hash));
}

export function readHash(reader: ByteReader): Hash {
  return toHex(reader.bytes(hashBytes)) as Hash;
}

export function readHeight(reader: ByteReader): Height {
  return reader.u64() as Height;
}

export function readRound(reader: ByteReader): Round {
  return reader.u32() as Round;
}

export function writeFlag(writer: ByteWriter, flag: boolean): void {
  writer.u8(flag ? 1 : 0);
}

export function readFlag(reader: ByteReader, field: string): boolean {
  return readBelow(reader.u8(), 2, field) === 1;
}

/** 0 to limit - 1. */
export function readBelow(value: number, limit: number, field: string): number {
  if (value >= limit) throw new ChainError('CODEC_BINARY_RANGE', { field, value, max: limit - 1 });
  return value;
}

export function readValidator(reader: ByteReader): number {
  return readBelow(reader.u8(), validatorsMax, 'validator');
}

export function writeVote(writer: ByteWriter, vote: Vote): void {
  writer.u8(voteType[vote.type]).u64(vote.height).u32(vote.round);
  writeFlag(writer, vote.blockId !== null);
  if (vote.blockId !== null) writeHash(writer, vote.blockId);
  writer.u8(vote.validator);
  writeSignature(writer, vote.signature);
}

export function readVote(reader: ByteReader): Vote {
  const type = readVoteType(reader.u8());
  const height = readHeight(reader);
  const round = readRound(reader);
  const blockId = readFlag(reader, 'block id flag') ? readHash(reader) : null;
  const validator = readValidator(reader);
  return { kind: 'vote', type, height, round, blockId, validator, signature: reader.bytes(signatureBytes) };
}

function readVoteType(code: number): Vote['type'] {
  if (code === voteType.prevote) return 'prevote';
  if (code === voteType.precommit) return 'precommit';
  throw new ChainError('CODEC_BINARY_RANGE', { field: 'vote type', value: code, max: 2 });
}

/** Of a polka and of a commit alike: which of the two it is, the place where it stands says. */
export function writeCertificate(writer: ByteWriter, certificate: PolkaCertificate | Certificate): void {
  writer.u64(certificate.height).u32(certificate.round);
  writeHash(writer, certificate.blockId);
  writer.u8(certificate.signatures.length);
  for (const { validator, signature } of certificate.signatures) {
    writer.u8(validator);
    writeSignature(writer, signature);
  }
}

/** Sorted, each validator once. */
export function readCertificate(reader: ByteReader): PolkaCertificate {
  const height = readHeight(reader);
  const round = readRound(reader);
  const blockId = readHash(reader);
  const count = readBelow(reader.u8(), validatorsMax + 1, 'signatures');
  const signatures = [];
  let above = 0;
  for (let i = 0; i < count; i++) {
    const validator = readValidator(reader);
    if (validator < above)
      throw new ChainError('CODEC_BINARY_RANGE', {
        field: 'order of validators',
        value: validator,
        max: validatorsMax - 1,
      });
    above = validator + 1;
    signatures.push({ validator, signature: reader.bytes(signatureBytes) });
  }
  return { height, round, blockId, signatures };
}

export function writeProposal(writer: ByteWriter, proposal: Proposal): void {
  writer.u64(proposal.height).u32(proposal.round);
  writeHash(writer, proposal.blockId);
  writer.u8(proposal.validator);
  writeSignature(writer, proposal.signature);
  writeFlag(writer, proposal.polka !== null);
  if (proposal.polka !== null) writeCertificate(writer, proposal.polka);
}

/** The POL round stands in the polka and nowhere else, so the two cannot disagree. */
export function readProposal(reader: ByteReader): Proposal {
  const height = readHeight(reader);
  const round = readRound(reader);
  const blockId = readHash(reader);
  const validator = readValidator(reader);
  const signature = reader.bytes(signatureBytes);
  const polka = readFlag(reader, 'polka flag') ? readCertificate(reader) : null;
  const polRound = polka === null ? -1 : polka.round;
  return { kind: 'proposal', height, round, polRound, blockId, validator, polka, signature };
}

function writeSignature(writer: ByteWriter, signature: Uint8Array): void {
  if (signature.length !== signatureBytes)
    throw new ChainError('CODEC_BINARY_RANGE', {
      field: 'signature bytes',
      value: signature.length,
      max: signatureBytes,
    });
  writer.bytes(signature);
}
