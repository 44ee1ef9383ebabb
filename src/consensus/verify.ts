import type { Hash, PublicKeyHex } from '../types/brand.ts';
import type { Certificate } from '../types/chain.ts';
import type { IndexedSignature, PolkaCertificate, Proposal, Vote } from '../types/consensus.ts';
import { ChainError } from '../errors/chain-error.ts';
import { isQuorum } from './quorum.ts';
import { proposerOf } from './proposer.ts';
import { signBytes } from './sign-bytes.ts';

/** Against what a message is checked: the chain, the vote keys of its height in consensus order, and the one signature rule. */
export interface VerifyContext {
  /** Genesis hash. */
  readonly chain: Hash;
  readonly voteKeys: readonly PublicKeyHex[];
  readonly verify: (publicKey: PublicKeyHex, message: Uint8Array, signature: Uint8Array) => boolean;
}

/*
 * All of these throw, and return nothing: a result object that is truthy would one day be taken for "valid".
 * The height must be checked by the caller, who chose the keys for it.
 */

/** Throws CONSENSUS_MESSAGE_INVALID or CONSENSUS_SIGNATURE_INVALID. */
export function verifyVote(context: VerifyContext, vote: Vote): void {
  const key = keyOf(context, vote.type, vote.validator);
  const valid = context.verify(key, signBytes(context.chain, vote), vote.signature);
  if (valid !== true) throw signatureError(vote.type, vote);
}

/**
 * Checks the proposer, the shape of the POL round, the signature and the polka certificate that comes along.
 * Throws CONSENSUS_MESSAGE_INVALID, CONSENSUS_SIGNATURE_INVALID or CONSENSUS_CERTIFICATE_INVALID.
 */
export function verifyProposal(context: VerifyContext, proposal: Proposal): void {
  const key = keyOf(context, 'proposal', proposal.validator);
  const { height, round, polRound, polka } = proposal;
  if (proposal.validator !== proposerOf(height, round, context.voteKeys.length))
    throw messageError('proposal', `validator ${proposal.validator} does not propose in round ${round}`);
  if (polRound < -1 || polRound >= round) throw messageError('proposal', `POL round ${polRound} in round ${round}`);
  if ((polRound === -1) !== (polka === null))
    throw messageError('proposal', 'polka certificate and POL round disagree');
  if (polka !== null && (polka.height !== height || polka.round !== polRound || polka.blockId !== proposal.blockId))
    throw messageError('proposal', 'the polka certificate is for something else');
  if (context.verify(key, signBytes(context.chain, { ...proposal, type: 'proposal' }), proposal.signature) !== true)
    throw signatureError('proposal', proposal);
  if (polka !== null) verifyPolka(context, polka);
}

/** q distinct prevotes for the block. Throws CONSENSUS_CERTIFICATE_INVALID or CONSENSUS_SIGNATURE_INVALID. */
export function verifyPolka(context: VerifyContext, polka: PolkaCertificate): void {
  verifySignatures(context, 'prevote', polka, polka.signatures);
}

/** q distinct precommits for the block. Throws CONSENSUS_CERTIFICATE_INVALID or CONSENSUS_SIGNATURE_INVALID. */
export function verifyCertificate(context: VerifyContext, certificate: Certificate): void {
  verifySignatures(context, 'precommit', certificate, certificate.signatures);
}

function verifySignatures(
  context: VerifyContext,
  type: 'prevote' | 'precommit',
  certificate: Omit<PolkaCertificate, 'signatures'>,
  signatures: readonly IndexedSignature[],
): void {
  const { height, round, blockId } = certificate;
  const refuse = (reason: string): ChainError =>
    new ChainError('CONSENSUS_CERTIFICATE_INVALID', { height, round, reason });
  if (!isQuorum(signatures.length, context.voteKeys.length))
    throw refuse(`${signatures.length} signatures of ${context.voteKeys.length} validators are no quorum`);
  let previous = -1;
  const bytes = signBytes(context.chain, { type, height, round, blockId });
  for (const { validator, signature } of signatures) {
    if (validator <= previous) throw refuse('signatures are not sorted by validator, each once');
    previous = validator;
    const key = context.voteKeys[validator];
    if (key === undefined) throw refuse(`no validator ${validator}`);
    if (context.verify(key, bytes, signature) !== true) throw signatureError(type, { validator, height, round });
  }
}

function keyOf(context: VerifyContext, kind: string, validator: number): PublicKeyHex {
  const key = context.voteKeys[validator];
  if (key === undefined) throw messageError(kind, `no validator ${validator}`);
  return key;
}

function messageError(kind: string, reason: string): ChainError {
  return new ChainError('CONSENSUS_MESSAGE_INVALID', { kind, reason });
}

function signatureError(kind: string, at: { validator: number; height: number; round: number }): ChainError {
  const { validator, height, round } = at;
  return new ChainError('CONSENSUS_SIGNATURE_INVALID', { kind, validator, height, round });
}
