import { z } from 'zod';
import {
  canonicalJson,
  decodeEnvelope,
  decodeWith,
  encodeEnvelope,
  parseJson,
  preAuthEncoding,
} from '../codec/index.ts';
import { keyIdOf, nativeBackend } from '../crypto/index.ts';
import { ChainError, isChainError } from '../errors/chain-error.ts';
import { openDescriptor, signDescriptor, type NodeDescriptor } from '../ledger/descriptor.ts';
import { memberSchema } from '../ledger/schema/chain.ts';
import { orgId } from '../ledger/schema/scalars.ts';
import type { Signer } from '../ports/crypto.ts';
import type { OrgId, PublicKeyHex } from '../types/brand.ts';
import type { Member } from '../types/chain.ts';

export const memberDescriptorType = 'application/vnd.kubectl-chain.member-descriptor.v1+json';
/** A descriptor holds some keys and addresses; more than this is not one. */
const descriptorBytesMax = 256 * 1024;

const head = { v: z.literal(1), alg: z.literal('ed25519') };
const memberDescriptor = z.strictObject({
  ...head,
  kind: z.literal('member-descriptor'),
  org: orgId,
  member: memberSchema,
});
/** A person's public key, signed by that key: proof that its owner holds it. */
export interface MemberDescriptor {
  readonly org: OrgId;
  readonly member: Member;
}

function sign(payloadType: string, payload: object, signers: readonly Signer[]): Uint8Array {
  const bytes = canonicalJson(payload);
  const message = preAuthEncoding(payloadType, bytes);
  const signatures = signers.map((signer) => ({ keyid: keyIdOf(signer.publicKey), sig: signer.sign(message) }));
  return encodeEnvelope({ payloadType, payload: bytes, signatures });
}

/** Payload of an envelope of `payloadType` that each of `keysOf(payload)` has signed. Throws DESCRIPTOR_INVALID. */
function open<T>(
  file: string,
  line: Uint8Array,
  payloadType: string,
  schema: z.ZodType<T>,
  keysOf: (payload: T) => readonly PublicKeyHex[],
): T {
  const fail = (reason: string, cause?: unknown): never => {
    throw new ChainError('DESCRIPTOR_INVALID', { file, reason }, { cause });
  };
  try {
    const envelope = decodeEnvelope(line, { bytesMax: descriptorBytesMax });
    if (envelope.payloadType !== payloadType)
      return fail(`is of type ${envelope.payloadType}, expected ${payloadType}`);
    const payload = decodeWith(schema, parseJson(envelope.payload), 'descriptor');
    const message = preAuthEncoding(envelope.payloadType, envelope.payload);
    for (const publicKey of keysOf(payload)) {
      if (!nativeBackend.isRegistrableKey(publicKey)) return fail(`key ${publicKey} is not a sound Ed25519 key`);
      const signature = envelope.signatures.find((candidate) => candidate.keyid === keyIdOf(publicKey));
      if (signature === undefined || !nativeBackend.verifyEd25519(publicKey, message, signature.sig))
        return fail(`is not signed by key ${publicKey}`);
    }
    return payload;
  } catch (error) {
    if (error instanceof ChainError && error.code === 'DESCRIPTOR_INVALID') throw error;
    return fail((error as Error).message, error);
  }
}

export function signMemberDescriptor(descriptor: MemberDescriptor, signer: Signer): Uint8Array {
  return sign(memberDescriptorType, { v: 1, alg: 'ed25519', kind: 'member-descriptor', ...descriptor }, [signer]);
}

export function openMemberDescriptor(file: string, line: Uint8Array): MemberDescriptor {
  const { org, member: person } = open(file, line, memberDescriptorType, memberDescriptor, (payload) => [
    payload.member.key,
  ]);
  return { org, member: person };
}

/** `signers` are the vote, transaction, mesh and checkpoint keys. */
export function signNodeDescriptor(descriptor: NodeDescriptor, signers: readonly Signer[]): Uint8Array {
  return signDescriptor(descriptor, signers, nativeBackend.sha256);
}

/** Throws DESCRIPTOR_INVALID. */
export function openNodeDescriptor(file: string, line: Uint8Array): NodeDescriptor {
  try {
    return openDescriptor(line, nativeBackend);
  } catch (cause) {
    if (!isChainError(cause, 'LEDGER_DESCRIPTOR')) throw cause;
    throw new ChainError('DESCRIPTOR_INVALID', { file, reason: cause.payload.reason }, { cause });
  }
}
