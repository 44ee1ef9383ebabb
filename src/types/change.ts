import type { ClusterId, Hash } from './brand.ts';

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
export type BindingMode = 'diff' | 'strict';

/**
 * The closed set of attributes: all that a policy may read of a change, and all that validators see of it.
 * Strings are empty, never absent, when the review has none.
 */
export interface ChangeAttributes {
  readonly cluster: ClusterId;
  readonly operation: Operation;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** uid of the target: before the change for UPDATE and DELETE, as it will be persisted for CREATE. */
  readonly uid: string;
  /** resourceVersion before the change; empty for CREATE and CONNECT. */
  readonly resourceVersion: string;
  readonly user: string;
  readonly groups: readonly string[];
  /** True if the server made the name (generateName): such a change consumes its approval at admission. */
  readonly generatedName: boolean;
  /** DeleteOptions without dryRun and preconditions, canonical JSON text; empty otherwise. */
  readonly options: string;
  /** Changed paths as redacted JSON pointers, sorted; at most 256. */
  readonly paths: readonly string[];
  /** True if `paths` holds parents that stand for everything below them. */
  readonly pathsTruncated: boolean;
}

/** One hash for each binding mode. For CREATE and CONNECT the two cover the same content. */
export interface PerBinding {
  readonly diff: Hash;
  readonly strict: Hash;
}

/** What one node attests of one admission review. Everything but `admissionUid` must be byte-equal between witnesses. */
export interface ChangeAttestation {
  readonly attributes: ChangeAttributes;
  /** SHA-256(salt || canonical change), salt = HMAC-SHA-256(K_cluster, canonical change). */
  readonly commitment: PerBinding;
  /** What is approved: computed from attributes and commitment only, so that anyone can recompute it. */
  readonly digest: PerBinding;
  /** SHA-256 of the body's bytes. */
  readonly bodyHash: Hash;
  /** Id of the K_cluster used. */
  readonly keyId: Hash;
  /** request.uid of the review this node was asked with. */
  readonly admissionUid: string;
}
