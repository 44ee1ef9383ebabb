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
import { ChainError } from '../errors/chain-error.ts';
import { detailsSchema } from '../ledger/schema/change.ts';
import { clusterId, hash, name, orgId } from '../ledger/schema/scalars.ts';
import type { Signer } from '../ports/crypto.ts';
import type { ClusterId, Hash, OrgId } from '../types/brand.ts';
import type { Member } from '../types/chain.ts';
import type { ProposalDetails } from '../types/proposal.ts';
import type { Json } from '../types/json.ts';

/** A signed request is for now: a copy of it is worth nothing later. */
export const requestLifeMs = 60_000;
const clockSlackMs = 30_000;
/** One object, or the body of one proposal, in base64, with its frame. */
const requestBytesMax = 20 * 1024 * 1024;

export interface BodyRequest {
  readonly kind: 'body-request';
  readonly hash: Hash;
}

/** `request` has the shape of an AdmissionReview's request; the node answers with the change as its webhook would attest it. */
export interface CanonicalizeRequest {
  readonly kind: 'canonicalize-request';
  readonly cluster: ClusterId;
  readonly request: Json;
}

/** The body of a proposal that is about to be made, for the node of the proposer's organisation to keep. */
export interface DetailsRequest {
  readonly kind: 'details-request';
  readonly details: ProposalDetails;
}

type Content = BodyRequest | CanonicalizeRequest | DetailsRequest;

export interface RequestSigner {
  readonly org: OrgId;
  readonly member: string;
  readonly signer: Signer;
}

const base = {
  v: z.literal(1),
  alg: z.literal('ed25519'),
  chain: hash,
  org: orgId,
  member: name,
  notAfterMs: z.number().int().min(0),
  audience: hash,
};
const schemas = {
  'body-request': z.strictObject({ ...base, kind: z.literal('body-request'), hash }),
  'canonicalize-request': z.strictObject({
    ...base,
    kind: z.literal('canonicalize-request'),
    cluster: clusterId,
    request: z.unknown(),
  }),
  'details-request': z.strictObject({ ...base, kind: z.literal('details-request'), details: detailsSchema }),
} as const;

function typeOf(kind: Content['kind']): string {
  return `application/vnd.kubectl-chain.${kind}.v1+json`;
}

/**
 * One envelope line, valid for a minute from `nowMs`, for one node: `audience` is SHA-256 of the certificate (DER) that the node showed to whoever sends it. A node that
 * gets it cannot use it at another one; what a node says of itself would prove nothing.
 */
export function signRequest(
  content: Content,
  chain: Hash,
  { org, member, signer }: RequestSigner,
  nowMs: number,
  audience: Hash,
): Uint8Array {
  const payload = canonicalJson({
    v: 1,
    alg: 'ed25519',
    chain,
    org,
    member,
    notAfterMs: nowMs + requestLifeMs,
    audience,
    ...content,
  } as unknown as Json);
  const payloadType = typeOf(content.kind);
  const sig = signer.sign(preAuthEncoding(payloadType, payload));
  return encodeEnvelope({ payloadType, payload, signatures: [{ keyid: keyIdOf(signer.publicKey), sig }] });
}

export interface OpenedRequest<K extends Content['kind']> {
  readonly org: OrgId;
  readonly member: Member;
  readonly content: Extract<Content, { kind: K }>;
}

/** Throws API_UNAUTHORIZED unless a registered member signed it for this chain, this node and now; CODEC_* if it is malformed. */
export function openRequest<K extends Content['kind']>(
  envelopeLine: Uint8Array,
  kind: K,
  trust: {
    readonly chain: Hash;
    readonly nowMs: number;
    /** Certificates of this node's API, those that older connections saw included. */
    readonly audiences: readonly Hash[];
    readonly member: (org: OrgId, name: string) => Member | undefined;
  },
): OpenedRequest<K> {
  const refuse = (reason: string): ChainError => new ChainError('API_UNAUTHORIZED', { reason });
  const envelope = decodeEnvelope(envelopeLine, { bytesMax: requestBytesMax });
  if (envelope.payloadType !== typeOf(kind)) throw refuse(`it is of type ${envelope.payloadType.slice(0, 100)}`);
  const payload = decodeWith(
    schemas[kind] as z.ZodType<z.infer<(typeof schemas)[Content['kind']]>>,
    parseJson(envelope.payload, { bytesMax: requestBytesMax }),
    kind,
  );
  if (payload.chain !== trust.chain) throw refuse('it is for another chain');
  if (!trust.audiences.includes(payload.audience)) throw refuse('it is for a node with another certificate');
  if (payload.notAfterMs < trust.nowMs - clockSlackMs) throw refuse('it has expired');
  if (payload.notAfterMs > trust.nowMs + requestLifeMs + clockSlackMs) throw refuse('it is valid for too long');
  const member = trust.member(payload.org, payload.member);
  const [signature, ...others] = envelope.signatures;
  if (member === undefined || signature === undefined || others.length > 0)
    throw refuse(`${payload.member} of ${payload.org} is no member`);
  const isSigned =
    signature.keyid === keyIdOf(member.key) &&
    nativeBackend.verifyEd25519(member.key, preAuthEncoding(envelope.payloadType, envelope.payload), signature.sig);
  if (!isSigned) throw refuse(`the key of ${payload.member} of ${payload.org} did not sign it`);
  const {
    v: _v,
    alg: _alg,
    chain: _chain,
    org,
    member: _member,
    notAfterMs: _notAfterMs,
    audience: _audience,
    ...content
  } = payload;
  return { org, member, content: content as unknown as Extract<Content, { kind: K }> };
}
