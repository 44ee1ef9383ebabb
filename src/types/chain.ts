import type { ClusterId, Hash, Height, LeafIndex, OrgId, PublicKeyHex, Round, ValidatorId } from './brand.ts';

export type MemberRole = 'member' | 'operator' | 'auditor' | 'emergency';

/** A person of an organisation. `key` signs claims, proposals and ballots. */
export interface Member {
  readonly name: string;
  readonly key: PublicKeyHex;
  readonly roles: readonly MemberRole[];
}

/** One organisation's validator; every purpose has a key of its own. Power is always 1. */
export interface Validator {
  readonly id: ValidatorId;
  readonly org: OrgId;
  readonly voteKey: PublicKeyHex;
  readonly txKey: PublicKeyHex;
  readonly tlsKey: PublicKeyHex;
  readonly checkpointKey: PublicKeyHex;
  /** host:port of the peer mesh. */
  readonly peerAddress: string;
  /** Base URL of the query API; empty if not published. */
  readonly apiUrl: string;
}

/** A validator set and the heights that it decides. As it stands in the state tree under `set/<n>`; set 0 is the genesis'. */
export interface ValidatorSet {
  readonly n: number;
  /** The first height that it decides; the block before it made the change. */
  readonly fromHeight: number;
  /** In consensus order: an index in a certificate of these heights means a place here. */
  readonly validators: readonly Validator[];
  /** The log after the block that made the change: what the quorums of the set before and of this one sign. Null until the next block. */
  readonly checkpoint: { readonly size: number; readonly root: Hash } | null;
  /** Leaf of the handover with both notes; null until it is on the chain. No other change is made before. */
  readonly handover: LeafIndex | null;
}

/** An organisation that the committee has admitted and whose node is not a validator yet. Under `joiner/<org>`. */
export interface Joiner {
  readonly validator: Validator;
  readonly organisation: Organisation;
  readonly sinceHeight: number;
}

export interface Organisation {
  readonly name: OrgId;
  readonly members: readonly Member[];
  /** How many of the members must cast the same choice before it is the organisation's vote; 1 unless set. */
  readonly votesRequired: number;
}

/** One of the w webhook entries and the organisations whose nodes may answer it. Groups are disjoint. */
export interface HookGroup {
  readonly name: string;
  readonly orgs: readonly OrgId[];
}

/** A registered cluster. w is `hooks.length`. */
export interface ClusterRecord {
  readonly name: ClusterId;
  /** uid of the kube-system namespace, or empty while unknown. */
  readonly uid: string;
  readonly hooks: readonly HookGroup[];
  /** Organisations whose nodes sign observations. */
  readonly observers: readonly OrgId[];
}

/** Kubernetes user to member, or service account (its full user name) to its owning organisation. */
export interface Binding {
  readonly cluster: ClusterId;
  readonly user: string;
  readonly org: OrgId;
  /** Name of the member; null for a service account that belongs to the organisation. */
  readonly member: string | null;
}

/** Governed parameters; floors and caps are in src/governance. Durations in milliseconds. */
export interface ChainParams {
  readonly timeoutProposeMs: number;
  readonly timeoutProposeDeltaMs: number;
  readonly timeoutVoteMs: number;
  readonly timeoutVoteDeltaMs: number;
  readonly timeoutMaxMs: number;
  readonly blockBytesMax: number;
  readonly blockTxsMax: number;
  readonly precisionMs: number;
  readonly messageDelayMs: number;
  /** How long a node keeps the body of a change or a proposal. Longer than any proposal can go on. */
  readonly bodyRetentionMs: number;
  /** How long a proposal stays in the state after its end; its records, and the archive of each node, show it for ever. */
  readonly proposalRetentionMs: number;
}

/** How the committee decides on its own configuration. */
export interface ConfigPolicy {
  readonly rule: 'majority' | 'two-thirds' | 'all';
  readonly delayMs: number;
  readonly votingMs: number;
}

export interface Genesis {
  readonly v: 1;
  readonly chainName: string;
  readonly createdMs: number;
  readonly appVersion: number;
  /** In consensus order. */
  readonly validators: readonly Validator[];
  readonly orgs: readonly Organisation[];
  readonly clusters: readonly ClusterRecord[];
  readonly bindings: readonly Binding[];
  /** Canonical specs, see src/governance/policy.ts. */
  readonly policies: readonly { readonly name: string; readonly spec: unknown }[];
  readonly configPolicy: ConfigPolicy;
  readonly params: ChainParams;
}

/** Its id is SHA-256(domain || RFC 8785 bytes); the id does not contain the round. */
export interface BlockHeader {
  readonly v: 1;
  readonly appVersion: number;
  readonly chain: Hash;
  readonly height: Height;
  /** Block id of height-1; the genesis hash at height 1. */
  readonly previous: Hash;
  /** RFC 6962 root over the transactions' hashes, in order. */
  readonly txRoot: Hash;
  /** H(version, log size, log root, state root) after this block. */
  readonly appHash: Hash;
  readonly validatorsHash: Hash;
  readonly nextValidatorsHash: Hash;
  readonly paramsHash: Hash;
  readonly proposer: ValidatorId;
  readonly timeMs: number;
  /** SHA-256 of the certificate of height-1 that travels in this block; zeros at height 1. */
  readonly lastCertificateHash: Hash;
}

/** The three parts of the app hash, carried beside a header so that a reader can open it. */
export interface AppState {
  readonly logSize: number;
  readonly logRoot: Hash;
  readonly stateRoot: Hash;
}

/** q precommits for one block. Sorted by validator index, each index once. */
export interface Certificate {
  readonly height: Height;
  readonly round: Round;
  readonly blockId: Hash;
  readonly signatures: readonly { readonly validator: number; readonly signature: Uint8Array }[];
}

/** A block as it travels and as it is stored. */
export interface Block {
  readonly header: BlockHeader;
  /** Null at height 1. */
  readonly lastCertificate: Certificate | null;
  /** DSSE envelope lines, as bytes, in execution order. */
  readonly txs: readonly Uint8Array[];
}

export interface LeafRef {
  readonly index: LeafIndex;
  readonly height: Height;
}
