import type { Binding, ClusterRecord, ConfigPolicy, ChainParams, Member, Validator } from './chain.ts';
import type { ChangeAttestation, ChangeAttributes, PerBinding, BindingMode } from './change.ts';
import type { FindingCoverage, FindingKind, FoundObject, HookClient, SeenHook } from './finding.ts';
import type { ClusterId, Hash, LeafIndex, OrgId, PublicKeyHex, ValidatorId } from './brand.ts';

/** Fields that every payload has. */
interface PayloadHead {
  readonly v: 1;
  /** Signature algorithm of the envelope; unknown ones are refused. */
  readonly alg: 'ed25519';
  readonly chain: Hash;
}

/** Fields of every payload that ends by itself: all but what was acknowledged before. */
export interface PayloadBase extends PayloadHead {
  /** In a block of a later time the transaction executes as EXPIRED, without effect. */
  readonly notAfterMs: number;
}

/** Recorded mutation. Travels as an in-toto Statement v1 whose predicate this is. Signed by a node's txKey. */
export interface MutationPayload extends PayloadBase {
  readonly kind: 'mutation';
  /** The submitting node. */
  readonly node: ValidatorId;
  readonly attestation: ChangeAttestation;
}

/** One of the object's ownerReferences, as it was reviewed. */
export interface Owner {
  /** Empty for the core group. */
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller: boolean;
}

/** A write of the control plane. The digest follows from attributes and commitment; its body is not kept. */
export interface RecordedChange {
  readonly attributes: ChangeAttributes;
  readonly commitment: PerBinding;
  /** After the change, before it for DELETE; at most 8, controllers first. */
  readonly owners: readonly Owner[];
  /** When the node was asked, by its own clock. */
  readonly receivedMs: number;
}

/** From `open` to `closed` the spool took nothing. A null count: the node ended meanwhile, and nobody knows how many. */
export interface SpoolGap {
  readonly gap: 'open' | 'closed';
  readonly atMs: number;
  /** Writes that were not taken; 0 when it opens. */
  readonly count: number | null;
}

export type SpoolEntry = RecordedChange | SpoolGap;

/**
 * What the record hook of one node took, in its order. Acknowledged when it was in the node's spool, so it never expires, and it never uses an approval. Natural
 * key (node, spool, first): a spool's entries stand in the log without a gap and only once. Signed by the node's txKey.
 */
export interface SpooledRecordPayload extends PayloadHead {
  readonly kind: 'spooled-record';
  readonly node: ValidatorId;
  readonly cluster: ClusterId;
  /** Id of the K_cluster of all commitments. */
  readonly keyId: Hash;
  /** 32 hexadecimal digits, made with the spool's folder: a node that lost it begins another one. */
  readonly spool: string;
  /** Place of the first entry in the spool, from 0. */
  readonly first: number;
  /** Hash of everything before; empty for the first entry of a spool. */
  readonly previous: Hash | '';
  readonly entries: readonly SpoolEntry[];
}

export interface ObservedResult {
  /** Leaf of the decision that is confirmed. */
  readonly decision: LeafIndex;
  readonly persisted: boolean;
  readonly uid: string;
  /** resourceVersion at which it was seen; empty if not persisted. */
  readonly resourceVersion: string;
}

/** Signed by a node's txKey; natural key (cluster, node, sequence). Without results it says nothing: its place in the log tells its node how far the log has come. */
export interface ObservationPayload extends PayloadBase {
  readonly kind: 'observation';
  readonly node: ValidatorId;
  readonly cluster: ClusterId;
  readonly sequence: number;
  readonly results: readonly ObservedResult[];
}

/** One change in its canonical form; a proposal's body lists these, the chain only their digests. */
export interface ProposedChange {
  readonly attributes: ChangeAttributes;
  readonly commitment: PerBinding;
  readonly digest: PerBinding;
  readonly bodyHash: Hash;
  readonly keyId: Hash;
}

export type ConfigChange =
  | { readonly type: 'policy-put'; readonly name: string; readonly spec: unknown; readonly replaces: Hash | null }
  | { readonly type: 'policy-delete'; readonly name: string; readonly replaces: Hash }
  | { readonly type: 'cluster-put'; readonly cluster: ClusterRecord; readonly replaces: Hash | null }
  | { readonly type: 'binding-put'; readonly binding: Binding; readonly replaces: Hash | null }
  | { readonly type: 'binding-delete'; readonly cluster: ClusterId; readonly user: string; readonly replaces: Hash }
  | { readonly type: 'member-put'; readonly org: OrgId; readonly member: Member; readonly replaces: Hash | null }
  | { readonly type: 'member-delete'; readonly org: OrgId; readonly name: string; readonly replaces: Hash }
  | { readonly type: 'params-put'; readonly params: ChainParams; readonly replaces: Hash }
  | { readonly type: 'config-policy-put'; readonly configPolicy: ConfigPolicy; readonly replaces: Hash }
  /**
   * Announces how a hook will be reached next, in this order: each is in order beside what is expected until observers saw it, and is then what is
   * expected. `replaces` is the hash of what is expected now.
   */
  | {
      readonly type: 'guard-put';
      readonly cluster: ClusterId;
      readonly hook: string;
      readonly announced: readonly HookClient[];
      readonly replaces: Hash;
    }
  /** Admits an organisation: `descriptor` is the line that its node's keys signed. It becomes a validator when its node has shown that it is in sync. */
  | { readonly type: 'validator-join'; readonly descriptor: string; readonly replaces: null }
  /** Other keys or addresses of a validator, at unchanged power, for instance after its old keys were lost. */
  | { readonly type: 'validator-replace'; readonly descriptor: string; readonly replaces: Hash }
  /** Also of an organisation that was admitted and is not a validator yet. */
  | { readonly type: 'validator-remove'; readonly org: OrgId; readonly replaces: Hash }
  /** Erases a body for good: every node deletes it and takes it from nobody again. The record that names it stays. */
  | { readonly type: 'tombstone'; readonly body: Hash; readonly replaces: null }
  /** Accepts a finding as it is; `replaces` is the hash of its facts, so that what is found later is not accepted with it. */
  | { readonly type: 'finding-ratify'; readonly cluster: ClusterId; readonly finding: number; readonly replaces: Hash };

/** Made by `kubectl chain propose`; signed by a member's key. Natural key (org, member, nonce). */
export interface ProposalPayload extends PayloadBase {
  readonly kind: 'proposal';
  readonly org: OrgId;
  readonly member: string;
  readonly nonce: string;
  readonly reason: string;
  /** 1 to 500 changes of one cluster, or configuration changes that execute atomically. Exactly one of `digests` and `config` is non-empty. */
  readonly cluster: ClusterId | '';
  /** Hash of the body that says what the digests stand for (ledger/details.ts); empty for a configuration, as are title, digests and policies. */
  readonly details: Hash | '';
  /** The first change in words, so that a list needs no body. Checked against the body by whoever holds it, and by every voter. */
  readonly title: string;
  /** The digest that is approved of each change, under the mode that binds it. */
  readonly digests: readonly Hash[];
  /**
   * Digests of the policies that match any of the changes. The proposer's word: an approval serves only a request whose attested attributes match none
   * but these, so leaving one out gains nothing.
   */
  readonly policies: readonly Hash[];
  readonly config: readonly ConfigChange[];
}

/** "I am the author." Natural key (proposal, instance, org, member, sequence); sequence rises with each claim or its withdrawal. */
export interface ClaimPayload extends PayloadBase {
  readonly kind: 'claim';
  readonly org: OrgId;
  readonly member: string;
  readonly proposal: number;
  readonly sequence: number;
  /** False takes the claim back. */
  readonly claim: boolean;
}

export type BallotChoice = 'approve' | 'reject' | 'abstain';

/** Natural key (proposal, org, member, sequence). */
export interface BallotPayload extends PayloadBase {
  readonly kind: 'ballot';
  readonly org: OrgId;
  readonly member: string;
  readonly proposal: number;
  readonly sequence: number;
  readonly choice: BallotChoice;
  readonly reason: string;
  /** Hash of the proposal's immutable terms (chain, cluster, id, instance, digests, body, requester, policies, nonce). */
  readonly termsHash: Hash;
}

export interface WithdrawalPayload extends PayloadBase {
  readonly kind: 'withdrawal';
  readonly org: OrgId;
  readonly member: string;
  readonly proposal: number;
}

/** A node holds the proposal's body and those of all changes that it lists, and found them true. Natural key (node, proposal). */
export interface BodyHeldPayload extends PayloadBase {
  readonly kind: 'body-held';
  readonly node: ValidatorId;
  readonly proposal: number;
  readonly details: Hash;
}

/** The first node of a cluster's record publishes the id of K_cluster. Natural key (cluster, keyId). */
export interface ClusterKeyPayload extends PayloadBase {
  readonly kind: 'cluster-key';
  readonly node: ValidatorId;
  readonly cluster: ClusterId;
  readonly keyId: Hash;
}

/** A node whose clock passed the next due time asks for a block. Natural key (dueMs, id, height). */
export interface TickPayload extends PayloadBase {
  readonly kind: 'tick';
  readonly node: ValidatorId;
  readonly dueMs: number;
  readonly id: string;
  readonly height: number;
}

/** Two verified, conflicting signatures of one validator. Natural key (validator, height, round, type). */
export interface EvidencePayload extends PayloadBase {
  readonly kind: 'evidence';
  readonly node: ValidatorId;
  readonly validator: ValidatorId;
  /** The two signed byte strings and their signatures, standard base64. */
  readonly first: { readonly bytes: string; readonly signature: string };
  readonly second: { readonly bytes: string; readonly signature: string };
}

/**
 * Something went around the log, or does so no longer. Signed by a node's txKey of an observing organisation. Natural key (cluster, finding, subject,
 * episode, node, sequence): of each finding the observers sign the same one, and later add to it.
 */
export interface FindingPayload extends PayloadBase {
  readonly kind: 'finding';
  readonly node: ValidatorId;
  readonly cluster: ClusterId;
  readonly finding: FindingKind;
  readonly subject: string;
  readonly episode: number;
  /** Rises with each report of this node in the episode, from 1. */
  readonly sequence: number;
  /** False: it looked, and the cluster is as it must be. */
  readonly holds: boolean;
  /** Hash of what is there in place of what must be; empty if nothing is. */
  readonly value: string;
  readonly detail: string;
  /** Objects that this node did not name before, at most 50 a report; `objectCount` is how many there are in all. */
  readonly objects: readonly FoundObject[];
  readonly objectCount: number;
  readonly throughVersion: string;
  readonly coverage: FindingCoverage | null;
}

/** What an observer finds in the cluster as the hooks' entries, where the chain expects none yet or announced another one. Natural key (cluster, node, sequence). */
export interface GuardSeenPayload extends PayloadBase {
  readonly kind: 'guard-seen';
  readonly node: ValidatorId;
  readonly cluster: ClusterId;
  readonly sequence: number;
  readonly hooks: readonly SeenHook[];
  readonly throughVersion: string;
}

/**
 * How often a node refused again what has an open proposal: answered from committed state, without a transaction each. Natural key (cluster, node, sinceMs).
 */
export interface RefusalsPayload extends PayloadBase {
  readonly kind: 'refusals';
  readonly node: ValidatorId;
  readonly cluster: ClusterId;
  /** By the node's clock; an hour or more. */
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly proposals: readonly { readonly proposal: number; readonly count: number }[];
  /** Refusals for proposals beyond the 500 that are named. */
  readonly others: number;
}

export type NodeKeyPurpose = 'tx' | 'checkpoint' | 'tls';

/** A node's next key for one purpose. Natural key (node, to). Signed with the transaction key that is in force. */
export interface KeyRotationPayload extends PayloadBase {
  readonly kind: 'key-rotation';
  readonly node: ValidatorId;
  readonly purpose: NodeKeyPurpose;
  readonly from: PublicKeyHex;
  readonly to: PublicKeyHex;
  /** Signatures of both keys over `rotationBytes`, standard base64: the old one agrees, the new one is held. */
  readonly proofs: { readonly from: string; readonly to: string };
}

/** A member's next key. Natural key (org, member, to). Signed with the old one. */
export interface MemberKeyPayload extends PayloadBase {
  readonly kind: 'member-key';
  readonly org: OrgId;
  readonly member: string;
  readonly to: PublicKeyHex;
  /** Signature of the new key over `rotationBytes`, standard base64. */
  readonly proof: string;
}

/**
 * The node of an admitted organisation has executed everything up to `height`: `appHash` is what the block of that height says. Signed with the
 * transaction key of its descriptor. Natural key (node, height).
 */
export interface ValidatorJoinPayload extends PayloadBase {
  readonly kind: 'validator-join';
  readonly node: ValidatorId;
  readonly height: number;
  readonly appHash: Hash;
}

/** Checkpoint after the block that changed the set, signed by the quorum before and the one after. Natural key (set). */
export interface HandoverPayload extends PayloadBase {
  readonly kind: 'handover';
  readonly node: ValidatorId;
  /** Number of the new set. */
  readonly set: number;
  /** C2SP signed notes. */
  readonly before: string;
  readonly after: string;
}

export type Payload =
  | MutationPayload
  | ObservationPayload
  | ProposalPayload
  | ClaimPayload
  | BallotPayload
  | WithdrawalPayload
  | BodyHeldPayload
  | ClusterKeyPayload
  | TickPayload
  | EvidencePayload
  | FindingPayload
  | GuardSeenPayload
  | RefusalsPayload
  | KeyRotationPayload
  | MemberKeyPayload
  | ValidatorJoinPayload
  | HandoverPayload
  | SpooledRecordPayload;

export type PayloadKind = Payload['kind'];

/** Kinds that the format reserves; a node that meets one of an unknown version refuses it. */
export type Decision = 'ADMITTED' | 'RECORDED' | 'REFUSED' | 'WAITING' | 'DONE' | 'EXPIRED' | 'DUPLICATE' | 'INVALID';

/**
 * What a quorum computed for one transaction.
 * WAITING: a first witness, the decision comes with its pair. RECORDED: written down, nothing was decided. DONE: any other kind that took effect.
 */
export interface TxResult {
  readonly decision: Decision;
  /** Registry code that says why; 'OK' for DONE and for ADMITTED without a policy. */
  readonly code: string;
  /** Proposal concerned, or null. */
  readonly proposal: number | null;
  /** Leaves of the other witnesses of this decision, ascending; empty otherwise. */
  readonly witnesses: readonly LeafIndex[];
  /** Binding mode in force for a policy-matched mutation; null otherwise. */
  readonly binding: BindingMode | null;
  /** Leaf of the earlier identical transaction for DUPLICATE, else null. */
  readonly original: LeafIndex | null;
}

/** Index of the previous leaf of the same object and of the same namespace; null if there is none or it does not apply. */
export interface Prev {
  readonly object: number | null;
  readonly namespace: number | null;
}

/** The line of one transaction in the log: RFC 8785 bytes, hashed as SHA-256(0x00 || bytes). */
export interface Leaf {
  readonly v: 1;
  readonly height: number;
  readonly index: number;
  readonly result: TxResult;
  /** Of a transaction that is about many objects: one of each entry in `entries`, which names this very leaf where an earlier entry of it was the previous one. */
  readonly prev: Prev & { readonly entries?: readonly Prev[] };
  readonly tx: {
    readonly payload: string;
    readonly payloadType: string;
    readonly signatures: readonly { readonly keyid: string; readonly sig: string }[];
  };
}

/** The last leaf of each block. */
export interface BlockLeaf {
  readonly v: 1;
  readonly block: {
    readonly height: number;
    readonly timeMs: number;
    readonly appVersion: number;
    /** State root before the block leaf is appended, i.e. after the block's transactions. */
    readonly stateRoot: Hash;
    readonly validatorsHash: Hash;
    readonly nextValidatorsHash: Hash;
    readonly paramsHash: Hash;
    readonly previous: Hash;
    /** The next set in full where this block changed it, so that a proof of this leaf hands trust over. */
    readonly nextValidators?: readonly Validator[] | undefined;
  };
}
