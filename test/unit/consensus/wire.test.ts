import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  consensusMessageBytesMax,
  decodeConsensusMessage,
  encodeConsensusMessage,
} from '../../../src/codec/consensus-wire.ts';
import { decodeWalRecord, encodeWalRecord, type LoggedRecord } from '../../../src/codec/consensus-wal.ts';
import { isChainError } from '../../../src/errors/chain-error.ts';
import type { ConsensusMessage, WalRecord } from '../../../src/types/consensus.ts';
import { blockA, certificate, height, proposal, round, vote } from './messages.ts';

const polka = certificate('prevote', [0, 1, 3], 0, blockA);
const messages: readonly ConsensusMessage[] = [
  proposal(0, blockA, null),
  proposal(1, blockA, polka),
  vote('prevote', 0, 0, null),
  vote('precommit', 31, 4_294_967_295, blockA),
  { kind: 'votes', height, votes: [], polka: null },
  { kind: 'votes', height, votes: [vote('prevote', 2, 1, blockA), vote('precommit', 2, 1, null)], polka },
  { kind: 'commit', certificate: certificate('precommit', [1, 2, 3], 2, blockA) },
  { kind: 'round-state', height, round: round(0), active: false, hasProposal: false, rounds: [] },
  {
    kind: 'round-state',
    height,
    round: round(7),
    active: true,
    hasProposal: true,
    rounds: [{ round: round(7), prevotes: 0xffff_ffff, precommits: 1 }],
  },
];
const bodyBytesMax = 1_000;
const records: readonly LoggedRecord[] = (
  [
    { kind: 'round-entry', height, round: round(3) },
    { kind: 'proposal', proposal: proposal(1, blockA, polka) },
    { kind: 'vote', vote: vote('precommit', 1, 0, null) },
    { kind: 'lock', height, round: round(0), blockId: blockA },
    { kind: 'polka', polka },
    { kind: 'decision', certificate: certificate('precommit', [0, 1, 2], 0, blockA) },
  ] satisfies WalRecord[]
).map((record): LoggedRecord => ({ record, body: null }));
const withBody: LoggedRecord = {
  record: { kind: 'block', height, blockId: blockA },
  body: new Uint8Array(900).fill(7),
};

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (isChainError(error)) return error.code;
    throw error;
  }
  return 'accepted';
}

describe('consensus messages on the wire', () => {
  it.each(messages.map((message) => [message.kind, message] as const))('%s comes back as it was', (_, message) => {
    expect(decodeConsensusMessage(encodeConsensusMessage(message))).toEqual(message);
  });

  it('are refused when cut off or with something behind them', () => {
    for (const message of messages) {
      const bytes = encodeConsensusMessage(message);
      for (let length = 0; length < bytes.length; length++)
        expect(codeOf(() => decodeConsensusMessage(bytes.subarray(0, length)))).toBe('CODEC_BINARY_SHORT');
      expect(codeOf(() => decodeConsensusMessage(new Uint8Array([...bytes, 0])))).toBe('CODEC_BINARY_TRAILING');
    }
  });

  it('have one form: what decodes encodes to the same bytes, after any change of a byte', () => {
    const changed = fc.tuple(fc.constantFrom(...messages), fc.nat(), fc.nat(255));
    fc.assert(
      fc.property(changed, ([message, at, value]) => {
        const bytes = encodeConsensusMessage(message);
        bytes[at % bytes.length] = value;
        const outcome = codeOf(() => expect(encodeConsensusMessage(decodeConsensusMessage(bytes))).toEqual(bytes));
        expect(outcome).toMatch(/^accepted$|^CODEC_BINARY_/);
      }),
      { numRuns: 2_000 },
    );
  });

  it('are bounded before they are read', () => {
    expect(codeOf(() => decodeConsensusMessage(new Uint8Array(consensusMessageBytesMax + 1)))).toBe('CODEC_TOO_LARGE');
    const votes = Array.from({ length: 257 }, () => vote('prevote', 1, 0, null));
    expect(codeOf(() => encodeConsensusMessage({ kind: 'votes', height, votes, polka: null }))).toBe(
      'CODEC_BINARY_RANGE',
    );
  });

  it('hold the largest votes message that the core makes', () => {
    const votes = Array.from({ length: 256 }, (_, i) => vote('prevote', i % 32, 4_000_000_000, blockA));
    const all = certificate(
      'prevote',
      Array.from({ length: 32 }, (_, i) => i),
      0,
      blockA,
    );
    expect(encodeConsensusMessage({ kind: 'votes', height, votes, polka: all }).length).toBeLessThanOrEqual(
      consensusMessageBytesMax,
    );
  });

  it('name no validator above 31, no vote of another height, and no signer twice', () => {
    const one = vote('prevote', 32, 0, null);
    expect(codeOf(() => decodeConsensusMessage(encodeConsensusMessage(one)))).toBe('CODEC_BINARY_RANGE');
    const other = { ...vote('prevote', 1, 0, null), height: (height + 1) as typeof height };
    expect(
      codeOf(() =>
        decodeConsensusMessage(encodeConsensusMessage({ kind: 'votes', height, votes: [other], polka: null })),
      ),
    ).toBe('CODEC_BINARY_RANGE');
    const twice = certificate('precommit', [1, 1, 2], 0, blockA);
    expect(codeOf(() => decodeConsensusMessage(encodeConsensusMessage({ kind: 'commit', certificate: twice })))).toBe(
      'CODEC_BINARY_RANGE',
    );
  });
});

describe('records of the consensus log', () => {
  it.each([...records, withBody].map((each) => [each.record.kind, each] as const))(
    '%s comes back as it was',
    (_, each) => {
      expect(decodeWalRecord(encodeWalRecord(each, bodyBytesMax), bodyBytesMax)).toEqual(each);
    },
  );

  it('have one form', () => {
    fc.assert(
      fc.property(fc.constantFrom(...records, withBody), fc.nat(), fc.nat(255), (each, at, value) => {
        const bytes = encodeWalRecord(each, bodyBytesMax);
        bytes[at % bytes.length] = value;
        const outcome = codeOf(() =>
          expect(encodeWalRecord(decodeWalRecord(bytes, bodyBytesMax), bodyBytesMax)).toEqual(bytes),
        );
        expect(outcome).toMatch(/^accepted$|^CODEC_BINARY_/);
      }),
      { numRuns: 1_000 },
    );
  });

  it('carry a body exactly when they name a block, within its limit', () => {
    const lock = records[3]?.record;
    if (lock === undefined) throw new Error('no lock record');
    expect(codeOf(() => encodeWalRecord({ record: lock, body: new Uint8Array(1) }, bodyBytesMax))).toBe(
      'CODEC_BINARY_RANGE',
    );
    expect(codeOf(() => encodeWalRecord({ ...withBody, body: null }, bodyBytesMax))).toBe('CODEC_BINARY_RANGE');
    expect(codeOf(() => decodeWalRecord(encodeWalRecord(withBody, bodyBytesMax), 899))).toBe('CODEC_BINARY_RANGE');
  });
});
