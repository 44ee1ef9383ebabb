import { z } from 'zod';
import type {
  Binding,
  ChainParams,
  ClusterRecord,
  ConfigPolicy,
  Member,
  Organisation,
  Validator,
} from '../../types/chain.ts';
import type { ClusterId, OrgId, ValidatorId } from '../../types/brand.ts';
import { RECORD_HOOK } from '../../change/index.ts';
import { ADDRESS_MAX, HOOKS_MAX, MEMBERS_MAX, UID_MAX, URL_MAX, USER_MAX, VALIDATORS_MAX } from '../limits.ts';
import { clusterId, count, label, ms, name, orgId, positive, publicKey, text, validatorId } from './scalars.ts';

/** How names are checked. A transaction refuses a bad one as a schema error; genesis has a coded error of its own for it. */
export interface NameSchemas {
  readonly label: z.ZodType<string>;
  readonly org: z.ZodType<OrgId>;
  readonly validator: z.ZodType<ValidatorId>;
  readonly cluster: z.ZodType<ClusterId>;
}

const roles = z
  .array(z.enum(['member', 'operator', 'auditor', 'emergency']))
  .max(4)
  .refine((list) => new Set(list).size === list.length, 'each role once');

export const memberSchema: z.ZodType<Member> = z.strictObject({ name, key: publicKey, roles });

export const paramsSchema: z.ZodType<ChainParams> = z.strictObject({
  timeoutProposeMs: ms,
  timeoutProposeDeltaMs: ms,
  timeoutVoteMs: ms,
  timeoutVoteDeltaMs: ms,
  timeoutMaxMs: ms,
  blockBytesMax: count,
  blockTxsMax: count,
  precisionMs: ms,
  messageDelayMs: ms,
  bodyRetentionMs: ms,
  proposalRetentionMs: ms,
});

export const configPolicySchema: z.ZodType<ConfigPolicy> = z.strictObject({
  rule: z.enum(['majority', 'two-thirds', 'all']),
  delayMs: ms,
  votingMs: ms,
});

const isNoRecordHook = (hook: string): boolean => hook !== RECORD_HOOK;

/** The structures that hold names, built over one way of checking names. */
export function namedSchemas(names: NameSchemas) {
  const validator: z.ZodType<Validator> = z.strictObject({
    id: names.validator,
    org: names.org,
    voteKey: publicKey,
    txKey: publicKey,
    tlsKey: publicKey,
    checkpointKey: publicKey,
    peerAddress: text(ADDRESS_MAX),
    apiUrl: text(URL_MAX),
  });
  const organisation: z.ZodType<Organisation> = z.strictObject({
    name: names.org,
    members: z.array(memberSchema).max(MEMBERS_MAX),
    votesRequired: positive,
  });
  const orgs = z.array(names.org).max(VALIDATORS_MAX);
  const cluster: z.ZodType<ClusterRecord> = z.strictObject({
    name: names.cluster,
    uid: text(UID_MAX),
    hooks: z
      .array(
        z.strictObject({
          name: names.label.refine(isNoRecordHook, 'another name: the record hook has this one'),
          orgs,
        }),
      )
      .max(HOOKS_MAX),
    observers: orgs,
  });
  const binding: z.ZodType<Binding> = z.strictObject({
    cluster: names.cluster,
    user: z.string().min(1).max(USER_MAX),
    org: names.org,
    member: name.nullable(),
  });
  return { validator, organisation, cluster, binding };
}

const strictNames: NameSchemas = { label, org: orgId, validator: validatorId, cluster: clusterId };
export const chainSchemas = namedSchemas(strictNames);
