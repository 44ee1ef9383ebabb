import { ChainError } from '../errors/chain-error.ts';
import type { WalRecord } from '../types/consensus.ts';
import { ByteReader, ByteWriter } from './binary.ts';
import {
  readCertificate,
  readHash,
  readHeight,
  readProposal,
  readRound,
  readVote,
  writeCertificate,
  writeHash,
  writeProposal,
  writeVote,
} from './consensus-fields.ts';

const recordVersion = 1;
const kindCode = {
  'round-entry': 1,
  proposal: 2,
  vote: 3,
  lock: 4,
  polka: 5,
  block: 6,
  decision: 7,
} as const satisfies Record<WalRecord['kind'], number>;

/** A record as it is in the log; `body` are the block's wire bytes behind a `block` record, null for every other. */
export interface LoggedRecord {
  readonly record: WalRecord;
  readonly body: Uint8Array | null;
}

/** version u8, kind u8, fields; a `block` record ends with u32 length and the body. Throws CODEC_BINARY_RANGE or CODEC_TOO_LARGE. */
export function encodeWalRecord({ record, body }: LoggedRecord, bodyBytesMax: number): Uint8Array {
  if ((record.kind === 'block') !== (body !== null)) throw kindError(record.kind === 'block' ? 'missing body' : 'body');
  const writer = new ByteWriter();
  writer.u8(recordVersion).u8(kindCode[record.kind]);
  switch (record.kind) {
    case 'round-entry':
      writer.u64(record.height).u32(record.round);
      break;
    case 'proposal':
      writeProposal(writer, record.proposal);
      break;
    case 'vote':
      writeVote(writer, record.vote);
      break;
    case 'lock':
      writer.u64(record.height).u32(record.round);
      writeHash(writer, record.blockId);
      break;
    case 'polka':
      writeCertificate(writer, record.polka);
      break;
    case 'block':
      writer.u64(record.height);
      writeHash(writer, record.blockId);
      if (body !== null) writer.lengthPrefixed(body, bodyBytesMax);
      break;
    case 'decision':
      writeCertificate(writer, record.certificate);
      break;
    default:
      return record satisfies never;
  }
  return writer.finish();
}

/** Strict inverse. Throws CODEC_BINARY_SHORT, CODEC_BINARY_TRAILING or CODEC_BINARY_RANGE. */
export function decodeWalRecord(bytes: Uint8Array, bodyBytesMax: number): LoggedRecord {
  const reader = new ByteReader(bytes);
  const version = reader.u8();
  if (version !== recordVersion)
    throw new ChainError('CODEC_BINARY_RANGE', { field: 'log record version', value: version, max: recordVersion });
  const kind = reader.u8();
  const record = readRecord(reader, kind);
  const body = record.kind === 'block' ? reader.lengthPrefixed(bodyBytesMax) : null;
  reader.end();
  return { record, body };
}

function readRecord(reader: ByteReader, kind: number): WalRecord {
  switch (kind) {
    case kindCode['round-entry']:
      return { kind: 'round-entry', height: readHeight(reader), round: readRound(reader) };
    case kindCode.proposal:
      return { kind: 'proposal', proposal: readProposal(reader) };
    case kindCode.vote:
      return { kind: 'vote', vote: readVote(reader) };
    case kindCode.lock:
      return { kind: 'lock', height: readHeight(reader), round: readRound(reader), blockId: readHash(reader) };
    case kindCode.polka:
      return { kind: 'polka', polka: readCertificate(reader) };
    case kindCode.block:
      return { kind: 'block', height: readHeight(reader), blockId: readHash(reader) };
    case kindCode.decision:
      return { kind: 'decision', certificate: readCertificate(reader) };
    default:
      throw kindError(`kind ${kind}`);
  }
}

function kindError(what: string): ChainError {
  return new ChainError('CODEC_BINARY_RANGE', { field: `log record with ${what}`, value: 0, max: 7 });
}
