import { z } from 'zod';
import type { ChangeAttestation, ChangeAttributes, PerBinding } from '../../types/change.ts';
import type { ProposalDetails } from '../../types/proposal.ts';
import type { Owner, ProposedChange, RecordedChange, SpoolEntry, SpoolGap } from '../../types/transaction.ts';
import {
  CHANGES_MAX,
  GROUPS_MAX,
  NAME_MAX,
  OBJECT_NAME_MAX,
  OPTIONS_MAX,
  OWNERS_MAX,
  PATHS_MAX,
  PATH_MAX,
  RESOURCE_VERSION_MAX,
  UID_MAX,
  USER_MAX,
} from '../limits.ts';
import { clusterId, count, hash, ms, name, text } from './scalars.ts';

/** The closed set of attributes. Nothing else of a change reaches the validators. */
const requested = {
  user: text(USER_MAX),
  groups: z.array(text(USER_MAX)).max(GROUPS_MAX),
};
const ofChange = {
  operation: z.enum(['CREATE', 'UPDATE', 'DELETE', 'CONNECT']),
  group: text(NAME_MAX),
  version: name,
  resource: name,
  subresource: text(NAME_MAX),
  namespace: text(NAME_MAX),
  name: text(OBJECT_NAME_MAX),
  uid: text(UID_MAX),
  resourceVersion: text(RESOURCE_VERSION_MAX),
  generatedName: z.boolean(),
  options: text(OPTIONS_MAX),
  paths: z.array(text(PATH_MAX)).max(PATHS_MAX),
  pathsTruncated: z.boolean(),
};
const attributesSchema: z.ZodType<ChangeAttributes> = z.strictObject({ cluster: clusterId, ...ofChange, ...requested });

const perBindingSchema: z.ZodType<PerBinding> = z.strictObject({ diff: hash, strict: hash });

export const attestationSchema: z.ZodType<ChangeAttestation> = z.strictObject({
  attributes: attributesSchema,
  commitment: perBindingSchema,
  digest: perBindingSchema,
  bodyHash: hash,
  keyId: hash,
  admissionUid: z.string().min(1).max(UID_MAX),
});

const ownerSchema: z.ZodType<Owner> = z.strictObject({
  group: text(NAME_MAX),
  kind: name,
  name: z.string().min(1).max(OBJECT_NAME_MAX),
  uid: text(UID_MAX),
  controller: z.boolean(),
});

const recordedChangeSchema: z.ZodType<RecordedChange> = z.strictObject({
  attributes: attributesSchema,
  commitment: perBindingSchema,
  owners: z.array(ownerSchema).max(OWNERS_MAX),
  receivedMs: ms,
});

const spoolGapSchema: z.ZodType<SpoolGap> = z.strictObject({
  gap: z.enum(['open', 'closed']),
  atMs: ms,
  count: count.nullable(),
});

export const spoolEntrySchema: z.ZodType<SpoolEntry> = z.union([recordedChangeSchema, spoolGapSchema]);

export const proposedChangeSchema: z.ZodType<ProposedChange> = z.strictObject({
  attributes: attributesSchema,
  commitment: perBindingSchema,
  digest: perBindingSchema,
  bodyHash: hash,
  keyId: hash,
});

/** What is equal of all changes of a proposal stands once. */
export const detailsSchema: z.ZodType<ProposalDetails> = z.strictObject({
  v: z.literal(1),
  alg: z.literal('sha256'),
  cluster: clusterId,
  keyId: hash,
  ...requested,
  changes: z
    .array(
      z.strictObject({
        ...ofChange,
        commitment: perBindingSchema,
        bodyHash: hash,
        binding: z.enum(['diff', 'strict']),
      }),
    )
    .min(1)
    .max(CHANGES_MAX),
});
