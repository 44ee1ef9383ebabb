import { z } from 'zod';
import type * as Tx from '../../types/transaction.ts';
import {
  ANNOUNCED_MAX,
  CA_BUNDLE_MAX,
  CHANGES_MAX,
  CONFIG_CHANGES_MAX,
  DESCRIPTOR_MAX,
  DUE_ID_MAX,
  FINDING_DETAIL_MAX,
  FINDING_OBJECTS_MAX,
  FINDING_SUBJECT_MAX,
  HOOKS_MAX,
  NAME_MAX,
  NONCE_MAX,
  NOTE_MAX,
  OBJECT_NAME_MAX,
  PROPOSAL_POLICIES_MAX,
  REASON_MAX,
  RESOURCE_VERSION_MAX,
  RESULTS_MAX,
  SPOOL_ENTRIES_MAX,
  TITLE_MAX,
  UID_MAX,
  URL_MAX,
  USER_MAX,
} from '../limits.ts';
import { attestationSchema, spoolEntrySchema } from './change.ts';
import { chainSchemas, configPolicySchema, memberSchema, paramsSchema } from './chain.ts';
import {
  base64,
  clusterId,
  count,
  hash,
  label,
  leafIndex,
  ms,
  name,
  orgId,
  positive,
  publicKey,
  signatureText,
  signedBytesText,
  text,
  validatorId,
} from './scalars.ts';

const head = { v: z.literal(1), alg: z.literal('ed25519'), chain: hash };
const base = { ...head, notAfterMs: ms };
const person = { org: orgId, member: name };

const mutation: z.ZodType<Tx.MutationPayload> = z.strictObject({
  ...base,
  kind: z.literal('mutation'),
  node: validatorId,
  attestation: attestationSchema,
});

const observation: z.ZodType<Tx.ObservationPayload> = z.strictObject({
  ...base,
  kind: z.literal('observation'),
  node: validatorId,
  cluster: clusterId,
  sequence: count,
  results: z
    .array(
      z.strictObject({
        decision: leafIndex,
        persisted: z.boolean(),
        uid: text(UID_MAX),
        resourceVersion: text(RESOURCE_VERSION_MAX),
      }),
    )
    .max(RESULTS_MAX),
});

/** Any JSON; src/governance/policy.ts checks it, the transaction's size bounds it. */
const policySpec = z.unknown().refine((spec) => spec !== undefined, 'required');
const user = z.string().min(1).max(USER_MAX);
const httpsUrl = z
  .string()
  .max(URL_MAX)
  .regex(/^https:\/\/[^\s/?#@]+(?:\/[^\s?#]*)?$/, 'an https URL');

/** A DSSE envelope; `openDescriptor` reads it. */
const descriptorLine = z.string().min(1).max(DESCRIPTOR_MAX);

const configChangeSchema: z.ZodType<Tx.ConfigChange> = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('policy-put'), name: label, spec: policySpec, replaces: hash.nullable() }),
  z.strictObject({ type: z.literal('policy-delete'), name: label, replaces: hash }),
  z.strictObject({ type: z.literal('cluster-put'), cluster: chainSchemas.cluster, replaces: hash.nullable() }),
  z.strictObject({ type: z.literal('binding-put'), binding: chainSchemas.binding, replaces: hash.nullable() }),
  z.strictObject({ type: z.literal('binding-delete'), cluster: clusterId, user, replaces: hash }),
  z.strictObject({ type: z.literal('member-put'), org: orgId, member: memberSchema, replaces: hash.nullable() }),
  z.strictObject({ type: z.literal('member-delete'), org: orgId, name, replaces: hash }),
  z.strictObject({ type: z.literal('params-put'), params: paramsSchema, replaces: hash }),
  z.strictObject({ type: z.literal('config-policy-put'), configPolicy: configPolicySchema, replaces: hash }),
  z.strictObject({
    type: z.literal('guard-put'),
    cluster: clusterId,
    hook: label,
    announced: z.array(z.strictObject({ url: httpsUrl, caBundle: base64(CA_BUNDLE_MAX).min(4) })).max(ANNOUNCED_MAX),
    replaces: hash,
  }),
  z.strictObject({ type: z.literal('validator-join'), descriptor: descriptorLine, replaces: z.null() }),
  z.strictObject({ type: z.literal('validator-replace'), descriptor: descriptorLine, replaces: hash }),
  z.strictObject({ type: z.literal('validator-remove'), org: orgId, replaces: hash }),
  z.strictObject({ type: z.literal('tombstone'), body: hash, replaces: z.null() }),
  z.strictObject({ type: z.literal('finding-ratify'), cluster: clusterId, finding: positive, replaces: hash }),
]);

const proposal: z.ZodType<Tx.ProposalPayload> = z
  .strictObject({
    ...base,
    kind: z.literal('proposal'),
    ...person,
    nonce: z.string().min(1).max(NONCE_MAX),
    reason: text(REASON_MAX),
    cluster: z.union([clusterId, z.literal('')]),
    details: z.union([hash, z.literal('')]),
    title: text(TITLE_MAX),
    digests: z.array(hash).max(CHANGES_MAX),
    policies: z.array(hash).max(PROPOSAL_POLICIES_MAX),
    config: z.array(configChangeSchema).max(CONFIG_CHANGES_MAX),
  })
  .refine((p) => p.digests.length > 0 !== p.config.length > 0, {
    path: ['digests'],
    message: 'either digests or config, not both, not none',
  })
  .refine((p) => isNamedTogether(p.digests.length > 0, p), {
    path: ['cluster'],
    message: 'cluster, details, title and policies are named for changes, empty for config',
  });

function isNamedTogether(hasChanges: boolean, { cluster, details, title, policies }: Tx.ProposalPayload): boolean {
  return [cluster !== '', details !== '', title !== '', policies.length > 0].every((named) => named === hasChanges);
}

const claim: z.ZodType<Tx.ClaimPayload> = z.strictObject({
  ...base,
  kind: z.literal('claim'),
  ...person,
  proposal: positive,
  sequence: count,
  claim: z.boolean(),
});

const ballot: z.ZodType<Tx.BallotPayload> = z.strictObject({
  ...base,
  kind: z.literal('ballot'),
  ...person,
  proposal: positive,
  sequence: count,
  choice: z.enum(['approve', 'reject', 'abstain']),
  reason: text(REASON_MAX),
  termsHash: hash,
});

const withdrawal: z.ZodType<Tx.WithdrawalPayload> = z.strictObject({
  ...base,
  kind: z.literal('withdrawal'),
  ...person,
  proposal: positive,
});

const bodyHeld: z.ZodType<Tx.BodyHeldPayload> = z.strictObject({
  ...base,
  kind: z.literal('body-held'),
  node: validatorId,
  proposal: positive,
  details: hash,
});

const clusterKey: z.ZodType<Tx.ClusterKeyPayload> = z.strictObject({
  ...base,
  kind: z.literal('cluster-key'),
  node: validatorId,
  cluster: clusterId,
  keyId: hash,
});

const tick: z.ZodType<Tx.TickPayload> = z.strictObject({
  ...base,
  kind: z.literal('tick'),
  node: validatorId,
  dueMs: ms,
  id: z.string().min(1).max(DUE_ID_MAX),
  height: count,
});

const signedStatement = z.strictObject({ bytes: signedBytesText, signature: signatureText });

const evidence: z.ZodType<Tx.EvidencePayload> = z.strictObject({
  ...base,
  kind: z.literal('evidence'),
  node: validatorId,
  validator: validatorId,
  first: signedStatement,
  second: signedStatement,
});

/** Decimal, without leading zeros: it is compared as a number. */
const version = z
  .string()
  .max(RESOURCE_VERSION_MAX)
  .regex(/^(?:0|[1-9]\d*)?$/, 'a decimal number, or empty');

const foundObject = z.strictObject({
  group: text(NAME_MAX),
  resource: name,
  namespace: text(NAME_MAX),
  name: text(OBJECT_NAME_MAX),
  uid: text(UID_MAX),
  resourceVersion: text(RESOURCE_VERSION_MAX),
  reason: z.enum([
    'no-record',
    'other-content',
    'content-withheld',
    'unjustified',
    'deleted',
    'failed-open',
    'impersonated',
  ]),
});

const finding: z.ZodType<Tx.FindingPayload> = z.strictObject({
  ...base,
  kind: z.literal('finding'),
  node: validatorId,
  cluster: clusterId,
  finding: z.enum(['webhook', 'canary', 'unattributed', 'failed-open', 'impersonation', 'guard']),
  subject: z.string().min(1).max(FINDING_SUBJECT_MAX),
  episode: positive,
  sequence: positive,
  holds: z.boolean(),
  value: z.union([hash, z.literal('')]),
  detail: text(FINDING_DETAIL_MAX),
  objects: z.array(foundObject).max(FINDING_OBJECTS_MAX),
  objectCount: count,
  throughVersion: version,
  coverage: z.strictObject({ sinceMs: ms, compared: count }).nullable(),
});

const guardSeen: z.ZodType<Tx.GuardSeenPayload> = z.strictObject({
  ...base,
  kind: z.literal('guard-seen'),
  node: validatorId,
  cluster: clusterId,
  sequence: count,
  hooks: z
    .array(z.strictObject({ name: label, hash, client: hash }))
    .min(1)
    .max(HOOKS_MAX),
  throughVersion: version.min(1),
});

const refusals: z.ZodType<Tx.RefusalsPayload> = z.strictObject({
  ...base,
  kind: z.literal('refusals'),
  node: validatorId,
  cluster: clusterId,
  sinceMs: ms,
  untilMs: ms,
  proposals: z.array(z.strictObject({ proposal: positive, count: positive })).max(RESULTS_MAX),
  others: count,
});

const keyRotation: z.ZodType<Tx.KeyRotationPayload> = z.strictObject({
  ...base,
  kind: z.literal('key-rotation'),
  node: validatorId,
  purpose: z.enum(['tx', 'checkpoint', 'tls']),
  from: publicKey,
  to: publicKey,
  proofs: z.strictObject({ from: signatureText, to: signatureText }),
});

const memberKey: z.ZodType<Tx.MemberKeyPayload> = z.strictObject({
  ...base,
  kind: z.literal('member-key'),
  ...person,
  to: publicKey,
  proof: signatureText,
});

const validatorJoin: z.ZodType<Tx.ValidatorJoinPayload> = z.strictObject({
  ...base,
  kind: z.literal('validator-join'),
  node: validatorId,
  height: positive,
  appHash: hash,
});

const handover: z.ZodType<Tx.HandoverPayload> = z.strictObject({
  ...base,
  kind: z.literal('handover'),
  node: validatorId,
  set: positive,
  before: z.string().min(1).max(NOTE_MAX),
  after: z.string().min(1).max(NOTE_MAX),
});

const spooledRecord: z.ZodType<Tx.SpooledRecordPayload> = z
  .strictObject({
    ...head,
    kind: z.literal('spooled-record'),
    node: validatorId,
    cluster: clusterId,
    keyId: hash,
    spool: z.string().regex(/^[0-9a-f]{32}$/, '32 lowercase hexadecimal digits'),
    first: count,
    previous: z.union([hash, z.literal('')]),
    entries: z.array(spoolEntrySchema).min(1).max(SPOOL_ENTRIES_MAX),
  })
  .refine(({ cluster, entries }) => entries.every((e) => 'gap' in e || e.attributes.cluster === cluster), {
    path: ['entries'],
    message: 'every change is of the named cluster',
  });

/** One schema a kind; the key is also the middle of the payload type. */
export const payloadSchemas: { readonly [K in Tx.PayloadKind]: z.ZodType<Extract<Tx.Payload, { kind: K }>> } = {
  mutation,
  observation,
  proposal,
  claim,
  ballot,
  withdrawal,
  'body-held': bodyHeld,
  'cluster-key': clusterKey,
  tick,
  evidence,
  finding,
  'guard-seen': guardSeen,
  refusals,
  'key-rotation': keyRotation,
  'member-key': memberKey,
  'validator-join': validatorJoin,
  handover,
  'spooled-record': spooledRecord,
};
