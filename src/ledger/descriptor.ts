import { z } from 'zod';
import type { OrgId, PublicKeyHex } from '../types/brand.ts';
import type { Member, Validator } from '../types/chain.ts';
import type { CryptoBackend, Signer } from '../ports/crypto.ts';
import {
  canonicalJson,
  decodeEnvelope,
  decodeWith,
  encodeEnvelope,
  parseJson,
  preAuthEncoding,
} from '../codec/index.ts';
import { ChainError, isChainError } from '../errors/chain-error.ts';
import { addressProblem } from './genesis-rules.ts';
import { CA_BUNDLE_MAX, DESCRIPTOR_MAX, MEMBERS_MAX } from './limits.ts';
import { chainSchemas, memberSchema } from './schema/chain.ts';
import { orgId, positive, text } from './schema/scalars.ts';
import { keyIdOfPublicKey } from './transaction.ts';

/**
 * What one organisation tells the others of its node: one DSSE envelope line that every key in it has signed, so that nobody registers a key that he
 * does not hold. The genesis is made of these, and a vote admits one.
 */
export const NODE_DESCRIPTOR_TYPE = 'application/vnd.kubectl-chain.node-descriptor.v1+json';

export interface NodeDescriptor {
  readonly org: OrgId;
  readonly validator: Validator;
  readonly votesRequired: number;
  readonly members: readonly Member[];
  /** CA of the node's API, so that the others and the members can reach it. */
  readonly apiCa: string;
  /** CA of the node's webhook. */
  readonly webhookCa: string;
}

type Crypto = Pick<CryptoBackend, 'sha256' | 'verifyEd25519' | 'isRegistrableKey'>;

const schema = z.strictObject({
  v: z.literal(1),
  alg: z.literal('ed25519'),
  kind: z.literal('node-descriptor'),
  org: orgId,
  validator: chainSchemas.validator,
  votesRequired: positive,
  members: z.array(memberSchema).max(MEMBERS_MAX),
  apiCa: text(CA_BUNDLE_MAX),
  webhookCa: text(CA_BUNDLE_MAX),
});

/** `signers` are the vote, transaction, mesh and checkpoint keys. */
export function signDescriptor(
  descriptor: NodeDescriptor,
  signers: readonly Signer[],
  sha256: CryptoBackend['sha256'],
): Uint8Array {
  const payload = canonicalJson({ v: 1, alg: 'ed25519', kind: 'node-descriptor', ...descriptor });
  const message = preAuthEncoding(NODE_DESCRIPTOR_TYPE, payload);
  const signatures = signers.map((signer) => ({
    keyid: keyIdOfPublicKey(signer.publicKey, sha256),
    sig: signer.sign(message),
  }));
  return encodeEnvelope({ payloadType: NODE_DESCRIPTOR_TYPE, payload, signatures });
}

export function keysOf({ voteKey, txKey, tlsKey, checkpointKey }: Validator): readonly PublicKeyHex[] {
  return [voteKey, txKey, tlsKey, checkpointKey];
}

/** Throws LEDGER_DESCRIPTOR unless it is whole, of one organisation, and signed by each of its four sound keys. */
export function openDescriptor(line: Uint8Array, crypto: Crypto): NodeDescriptor {
  try {
    return read(line, crypto);
  } catch (cause) {
    if (!isChainError(cause) || cause.code === 'LEDGER_DESCRIPTOR') throw cause;
    throw refused(cause.message, cause);
  }
}

function read(line: Uint8Array, crypto: Crypto): NodeDescriptor {
  const envelope = decodeEnvelope(line, { bytesMax: DESCRIPTOR_MAX });
  if (envelope.payloadType !== NODE_DESCRIPTOR_TYPE)
    throw refused(`is of type ${envelope.payloadType}, expected ${NODE_DESCRIPTOR_TYPE}`);
  const { org, validator, votesRequired, members, apiCa, webhookCa } = decodeWith(
    schema,
    parseJson(envelope.payload, { bytesMax: DESCRIPTOR_MAX }),
    'descriptor',
  );
  const message = preAuthEncoding(envelope.payloadType, envelope.payload);
  for (const publicKey of keysOf(validator)) {
    if (!crypto.isRegistrableKey(publicKey)) throw refused(`key ${publicKey} is not a sound Ed25519 key`);
    const keyId = keyIdOfPublicKey(publicKey, crypto.sha256);
    const signature = envelope.signatures.find(({ keyid }) => keyid === keyId);
    if (signature === undefined || !crypto.verifyEd25519(publicKey, message, signature.sig))
      throw refused(`is not signed by key ${publicKey}`);
  }
  if (validator.org !== org || (validator.id as string) !== org)
    throw refused(`names validator ${validator.id} of ${validator.org}, but is of ${org}`);
  const address = addressProblem(validator);
  if (address !== undefined) throw refused(`names the address "${address.value}"`);
  return { org, validator, votesRequired, members, apiCa, webhookCa };
}

function refused(reason: string, cause?: unknown): ChainError<'LEDGER_DESCRIPTOR'> {
  return new ChainError('LEDGER_DESCRIPTOR', { reason }, { cause });
}
