import { z } from 'zod';
import type { Genesis } from '../types/chain.ts';
import type { ClusterId, Hash, OrgId, ValidatorId } from '../types/brand.ts';
import type { CryptoBackend, Sha256 } from '../ports/crypto.ts';
import { canonicalJson, decodeWith, parseJson } from '../codec/index.ts';
import { checkVersion } from './canonical-structure.ts';
import { domainHashHex } from './domain-hash.ts';
import { validateGenesis } from './genesis-rules.ts';
import { BINDINGS_MAX, CLUSTERS_MAX, GENESIS_BYTES_MAX, NAME_MAX, POLICIES_MAX } from './limits.ts';
import { configPolicySchema, namedSchemas, paramsSchema } from './schema/chain.ts';
import { ms, positive } from './schema/scalars.ts';

/**
 * The genesis file is JSON that people exchange, so its layout on disk is free; its hash is
 * SHA-256("kubectl-chain/genesis/v1" 0x00 RFC 8785 bytes), and a node serves exactly these bytes. The hash is the chain's name in
 * everything that is signed.
 */
// Names are only bounded here: validateGenesis answers a bad one with a code of its own.
const anyName = z.string().max(NAME_MAX);
const schemas = namedSchemas({
  label: anyName,
  org: anyName as unknown as z.ZodType<OrgId>,
  validator: anyName as unknown as z.ZodType<ValidatorId>,
  cluster: anyName as unknown as z.ZodType<ClusterId>,
});

// The number of validators is a rule, not a form; this bound only keeps a strange file from filling the memory.
const LIST_MAX = 1_000;

const genesisSchema: z.ZodType<Genesis> = z.strictObject({
  v: z.literal(1),
  chainName: anyName,
  createdMs: ms,
  appVersion: positive,
  validators: z.array(schemas.validator).max(LIST_MAX),
  orgs: z.array(schemas.organisation).max(LIST_MAX),
  clusters: z.array(schemas.cluster).max(CLUSTERS_MAX),
  bindings: z.array(schemas.binding).max(BINDINGS_MAX),
  policies: z
    .array(z.strictObject({ name: anyName, spec: z.unknown().refine((spec) => spec !== undefined, 'required') }))
    .max(POLICIES_MAX),
  configPolicy: configPolicySchema,
  params: paramsSchema,
});

export interface LoadedGenesis {
  readonly genesis: Genesis;
  /** The canonical bytes, which the hash covers. */
  readonly bytes: Uint8Array;
  readonly hash: Hash;
}

/** Form only: versions, fields, bounds. Throws JSON_*, CODEC_*, LEDGER_VERSION. */
export function decodeGenesis(bytes: Uint8Array): Genesis {
  const json = parseJson(bytes, { bytesMax: GENESIS_BYTES_MAX });
  checkVersion(json, 'genesis');
  return decodeWith(genesisSchema, json, 'genesis');
}

export function genesisBytes(genesis: Genesis): Uint8Array {
  return canonicalJson(genesis);
}

export function genesisHashOf(genesis: Genesis, sha256: Sha256): Hash {
  return domainHashHex(sha256, 'genesis', genesisBytes(genesis));
}

/** Form only, with its hash: enough for whoever knows already which genesis it must be. */
export function openGenesis(bytes: Uint8Array, sha256: Sha256): LoadedGenesis {
  const genesis = decodeGenesis(bytes);
  const canonical = genesisBytes(genesis);
  return { genesis, bytes: canonical, hash: domainHashHex(sha256, 'genesis', canonical) };
}

/** Form and every rule of genesis-rules.ts. Policies' specs are checked by the application, which knows their language. */
export function loadGenesis(
  bytes: Uint8Array,
  crypto: Pick<CryptoBackend, 'sha256' | 'isRegistrableKey'>,
): LoadedGenesis {
  const loaded = openGenesis(bytes, crypto.sha256);
  validateGenesis(loaded.genesis, (key) => crypto.isRegistrableKey(key));
  return loaded;
}
