import { describe, expect, it } from 'vitest';
import { verifyCertificate, verifyPolka, verifyProposal, verifyVote } from '../../../src/consensus/index.ts';
import { isChainError } from '../../../src/errors/chain-error.ts';
import { blockA, blockB, certificate, chain, context, proposal, round, vote } from './messages.ts';

function codeOf(run: () => void): string {
  try {
    run();
  } catch (error) {
    if (isChainError(error)) return error.code;
    throw error;
  }
  return 'accepted';
}

const four = context(4);

describe('a vote is accepted only with a signature over exactly its content', () => {
  it('accepts a signed vote, also for nil in round 0', () => {
    expect(codeOf(() => verifyVote(four, vote('prevote', 2, 0, null)))).toBe('accepted');
    expect(codeOf(() => verifyVote(four, vote('precommit', 0, 3, blockA)))).toBe('accepted');
  });

  it('refuses it when one field was changed', () => {
    const good = vote('prevote', 2, 1, blockA);
    for (const bad of [
      { ...good, type: 'precommit' as const },
      { ...good, round: round(0) },
      { ...good, blockId: blockB },
      { ...good, blockId: null },
      { ...good, validator: 1 },
    ])
      expect(codeOf(() => verifyVote(four, bad))).toBe('CONSENSUS_SIGNATURE_INVALID');
    expect(codeOf(() => verifyVote({ ...four, chain: blockB }, good))).toBe('CONSENSUS_SIGNATURE_INVALID');
    expect(codeOf(() => verifyVote(four, { ...good, validator: 4 }))).toBe('CONSENSUS_MESSAGE_INVALID');
  });

  it('takes only true for true: a verifier that returns an object has verified nothing', () => {
    const truthy = { ...four, verify: () => ({ ok: false }) as unknown as boolean };
    expect(codeOf(() => verifyVote(truthy, vote('prevote', 2, 0, null)))).toBe('CONSENSUS_SIGNATURE_INVALID');
  });
});

describe('a certificate needs more than two thirds, each once, sorted, for this very block', () => {
  it('accepts three of four and refuses two', () => {
    expect(codeOf(() => verifyCertificate(four, certificate('precommit', [0, 1, 3], 0, blockA)))).toBe('accepted');
    expect(codeOf(() => verifyCertificate(four, certificate('precommit', [0, 3], 0, blockA)))).toBe(
      'CONSENSUS_CERTIFICATE_INVALID',
    );
  });

  it('refuses exactly two thirds', () => {
    expect(codeOf(() => verifyCertificate(context(3), certificate('precommit', [0, 1], 0, blockA)))).toBe(
      'CONSENSUS_CERTIFICATE_INVALID',
    );
    expect(codeOf(() => verifyCertificate(context(6), certificate('precommit', [0, 1, 2, 3], 0, blockA)))).toBe(
      'CONSENSUS_CERTIFICATE_INVALID',
    );
    expect(codeOf(() => verifyCertificate(context(6), certificate('precommit', [0, 1, 2, 3, 4], 0, blockA)))).toBe(
      'accepted',
    );
  });

  it('counts nobody twice, takes no stranger and no other order', () => {
    for (const signers of [
      [0, 1, 1],
      [0, 1, 4],
      [1, 0, 2],
    ])
      expect(codeOf(() => verifyCertificate(four, certificate('precommit', signers, 0, blockA)))).toBe(
        'CONSENSUS_CERTIFICATE_INVALID',
      );
  });

  it('does not take prevotes for precommits, nor the other way round', () => {
    expect(codeOf(() => verifyCertificate(four, certificate('prevote', [0, 1, 2], 0, blockA)))).toBe(
      'CONSENSUS_SIGNATURE_INVALID',
    );
    expect(codeOf(() => verifyPolka(four, certificate('precommit', [0, 1, 2], 0, blockA)))).toBe(
      'CONSENSUS_SIGNATURE_INVALID',
    );
    expect(codeOf(() => verifyPolka(four, certificate('prevote', [0, 1, 2], 0, blockA)))).toBe('accepted');
  });

  it('refuses it when one of its signatures does not verify', () => {
    const good = certificate('precommit', [0, 1, 2, 3], 0, blockA);
    const bad = {
      ...good,
      signatures: good.signatures.map((each, i) => (i === 3 ? { ...each, signature: new Uint8Array(64) } : each)),
    };
    expect(codeOf(() => verifyCertificate(four, bad))).toBe('CONSENSUS_SIGNATURE_INVALID');
  });
});

describe('a proposal', () => {
  const polka = certificate('prevote', [0, 1, 2], 0, blockA);

  it('is accepted fresh, and again with the polka of an earlier round, round 0 included', () => {
    expect(codeOf(() => verifyProposal(four, proposal(0, blockA, null)))).toBe('accepted');
    expect(codeOf(() => verifyProposal(four, proposal(1, blockA, polka)))).toBe('accepted');
  });

  it('is refused from anybody but the proposer of its round', () => {
    expect(codeOf(() => verifyProposal(four, { ...proposal(1, blockA, null), validator: 2 }))).toBe(
      'CONSENSUS_MESSAGE_INVALID',
    );
  });

  it('is refused when POL round and polka disagree', () => {
    const good = proposal(1, blockA, polka);
    for (const bad of [
      { ...good, polka: null },
      { ...good, polRound: -1 },
      { ...good, polRound: -2, polka: null },
      { ...good, polRound: 1 },
      { ...good, polka: { ...polka, blockId: blockB } },
      { ...good, polka: { ...polka, round: round(1) } },
    ])
      expect(codeOf(() => verifyProposal(four, bad))).toBe('CONSENSUS_MESSAGE_INVALID');
  });

  it('is refused with another POL round than the signed one, and with a polka that is none', () => {
    const later = certificate('prevote', [0, 1, 2], 1, blockA);
    const moved = { ...proposal(2, blockA, polka), polRound: 1, polka: later };
    expect(codeOf(() => verifyProposal(four, moved))).toBe('CONSENSUS_SIGNATURE_INVALID');
    const thin = certificate('prevote', [0, 1], 0, blockA);
    expect(codeOf(() => verifyProposal(four, proposal(1, blockA, thin)))).toBe('CONSENSUS_CERTIFICATE_INVALID');
  });

  it('is not the proposal of another chain', () => {
    expect(codeOf(() => verifyProposal({ ...four, chain: blockB }, proposal(0, blockA, null)))).toBe(
      'CONSENSUS_SIGNATURE_INVALID',
    );
    expect(chain).not.toBe(blockB);
  });
});
