import { readFile, writeFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import { openNodeDescriptor } from '../client/descriptor.ts';
import type { NodeDescriptor } from '../ledger/descriptor.ts';
import { canonicalText, decodeWith } from '../codec/index.ts';
import { nativeBackend } from '../crypto/index.ts';
import { ChainError } from '../errors/chain-error.ts';
import { durationMs } from '../governance/duration.ts';
import { parsePolicySpec } from '../governance/policy-parse.ts';
import { genesisBytes, loadGenesis, type LoadedGenesis } from '../ledger/index.ts';
import type { ChainParams, Genesis } from '../types/chain.ts';
import type { Json } from '../types/json.ts';
import { trimNewline } from './keygen.ts';

export const appVersion = 1;

export const paramsDefault: ChainParams = {
  timeoutProposeMs: 500,
  timeoutProposeDeltaMs: 250,
  timeoutVoteMs: 250,
  timeoutVoteDeltaMs: 100,
  timeoutMaxMs: 30_000,
  blockBytesMax: 2 * 1024 * 1024,
  blockTxsMax: 2_000,
  precisionMs: 500,
  messageDelayMs: 2_000,
  bodyRetentionMs: 400 * 86_400_000,
  proposalRetentionMs: 30 * 86_400_000,
};

const duration = z.string().transform((text, context) => {
  const ms = text === '0s' ? 0 : durationMs(text);
  if (ms === undefined) context.addIssue({ code: 'custom', message: 'must be a duration such as 30m or 24h' });
  return ms ?? 0;
});

/** What the organisations agreed on in words, as one file that each of them reads. */
const planSchema = z.strictObject({
  apiVersion: z.literal('kubectl-chain.dev/v1alpha1'),
  kind: z.literal('GenesisPlan'),
  chainName: z.string(),
  /** RFC 3339; the same for all, or their genesis differs. */
  created: z.string().refine((text) => !Number.isNaN(Date.parse(text)), 'must be an RFC 3339 time'),
  clusters: z
    .array(
      z.strictObject({
        name: z.string(),
        uid: z.string().default(''),
        hooks: z.array(z.strictObject({ name: z.string(), orgs: z.array(z.string()) })),
        observers: z.array(z.string()).default([]),
      }),
    )
    .default([]),
  bindings: z
    .array(
      z.strictObject({
        cluster: z.string(),
        user: z.string(),
        org: z.string(),
        member: z.string().nullable().default(null),
      }),
    )
    .default([]),
  policies: z.array(z.strictObject({ name: z.string(), spec: z.unknown() })).default([]),
  configPolicy: z
    .strictObject({ rule: z.enum(['majority', 'two-thirds', 'all']), delay: duration, voting: duration })
    .default({ rule: 'majority', delay: 0, voting: 7 * 24 * 3_600_000 }),
  params: z.partialRecord(z.enum(Object.keys(paramsDefault) as (keyof ChainParams)[]), z.number().int()).default({}),
});

/**
 * The genesis that a plan and the organisations' descriptors make. Deterministic: each organisation runs it for itself and
 * compares the hash. Validators stand in the order of their names, which decides who proposes first.
 */
export async function makeGenesis(planFile: string, descriptorFiles: readonly string[]): Promise<LoadedGenesis> {
  const plan = decodeWith(
    planSchema,
    parse(await readText('genesis plan', planFile), { uniqueKeys: true }) as Json,
    'genesis plan',
  );
  const descriptors: NodeDescriptor[] = [];
  for (const file of descriptorFiles)
    descriptors.push(openNodeDescriptor(file, trimNewline(await read('descriptor', file))));
  descriptors.sort((a, b) => (a.org < b.org ? -1 : 1));
  for (const { spec } of plan.policies) parsePolicySpec(spec);
  const genesis = {
    v: 1,
    chainName: plan.chainName,
    createdMs: Date.parse(plan.created),
    appVersion,
    validators: descriptors.map(({ validator }) => validator),
    orgs: descriptors.map(({ org, members, votesRequired }) => ({ name: org, members, votesRequired })),
    clusters: plan.clusters,
    bindings: plan.bindings,
    policies: plan.policies,
    configPolicy: {
      rule: plan.configPolicy.rule,
      delayMs: plan.configPolicy.delay,
      votingMs: plan.configPolicy.voting,
    },
    params: { ...paramsDefault, ...plan.params },
  };
  // Through the bytes and back: what the others will read is what is checked.
  return loadGenesis(genesisBytes(genesis as unknown as Genesis), nativeBackend);
}

/** Writes the canonical bytes. Throws NODE_FILE_EXISTS rather than replace a trust root. */
export async function writeGenesis(file: string, genesis: LoadedGenesis): Promise<void> {
  try {
    await writeFile(file, genesis.bytes, { flag: 'wx' });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST')
      throw new ChainError('NODE_FILE_EXISTS', { file }, { cause });
    throw cause;
  }
}

export async function readGenesis(file: string): Promise<LoadedGenesis> {
  return loadGenesis(trimNewline(await read('genesis', file)), nativeBackend);
}

/** One line a reader can compare by telephone. */
export function describeGenesis({ genesis, hash }: LoadedGenesis): string {
  return canonicalText({
    genesisHash: hash,
    chainName: genesis.chainName,
    validators: genesis.validators.map(({ id }) => id),
  });
}

async function read(what: string, file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new ChainError('NODE_FILE_UNREADABLE', { what, file, reason: (cause as Error).message }, { cause });
  }
}

async function readText(what: string, file: string): Promise<string> {
  return new TextDecoder().decode(await read(what, file));
}
