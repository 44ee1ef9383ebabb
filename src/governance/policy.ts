import type { BindingMode, Operation } from '../types/change.ts';
import type { Hash, OrgId } from '../types/brand.ts';

/** A resource as a policy names it: `deployments`, `deployments/scale`, `pods/*`; globs are allowed in each part. */
export interface ResourcePattern {
  readonly group: string;
  readonly resource: string;
}

/** What one entry of `match` or `exclude` asks for. An absent field asks for nothing; of a list, one entry must fit. */
export interface Selector {
  readonly operations?: readonly Operation[];
  readonly resources?: readonly ResourcePattern[];
  readonly namespaces?: readonly string[];
  readonly names?: readonly string[];
  readonly paths?: readonly string[];
  readonly users?: readonly string[];
  readonly groups?: readonly string[];
}

export type AuthorExclusion = 'org' | 'person' | 'none';

/** The canonical spec of a ChangePolicy: every default written out, so that two equal policies have equal bytes. */
export interface PolicySpec {
  readonly clusters: readonly string[];
  readonly match: readonly Selector[];
  readonly exclude: readonly Selector[];
  readonly require: {
    readonly approvals: number;
    readonly requiredOrgs: readonly OrgId[];
    readonly veto: readonly OrgId[];
    readonly excludeAuthor: AuthorExclusion;
  };
  readonly binding: BindingMode;
  /** Durations as text with one unit: `24h`, `30m`, `90s`. */
  readonly deadlines: { readonly voting: string; readonly execution: string };
}

/** A policy in force. */
export interface Policy {
  readonly name: string;
  readonly spec: PolicySpec;
  readonly digest: Hash;
}

/** All policies in force are read for each change; more would let a vote slow every block. */
export const POLICIES_MAX = 64;
/** Reserved: the requirement of a configuration proposal has this name. */
export const CONFIGURATION_POLICY = 'configuration';
