/** Limits of the frozen formats. Lengths of strings are in UTF-16 code units; the byte limits bound what these become. */

/** A log entry's length is a u16 in tlog-tiles entry bundles (c2sp.org/tlog-tiles). */
export const LEAF_BYTES_MAX = 65_535;
/** Leaves room in the leaf for index, result and predecessors. */
export const TX_BYTES_MAX = 60_000;
/** A checkpoint holds q lines, and C2SP readers need not accept more than 16: q(23) = 16. */
export const VALIDATORS_MAX = 23;
/** Canonical header: 13 short fields; the real size is below 1,100 bytes. */
export const HEADER_BYTES_MAX = 4_096;
/** Hard caps of the block wire; the governed limits are within them. */
export const BLOCK_BYTES_CAP = 8 * 1024 * 1024;
export const BLOCK_TXS_CAP = 10_000;
/** A genesis with 23 organisations of 500 members and 10,000 bindings stays below this. */
export const GENESIS_BYTES_MAX = 8 * 1024 * 1024;

/** RFC 1123 label: organisations, validators, clusters, policies' and hooks' names. */
export const LABEL_MAX = 63;
/** RFC 1123 subdomain: group, resource, namespace, a member's name. */
export const NAME_MAX = 253;
/** An object's name is at most 253 in most kinds, but a proxy's adds scheme and port, and RBAC names may be longer. */
export const OBJECT_NAME_MAX = 512;
/** `system:serviceaccount:<63>:<253>` and e-mail-like names fit well. */
export const USER_MAX = 512;
/** Directory services put people into dozens of groups. */
export const GROUPS_MAX = 64;
/** A uid is 36 characters; other authenticators and aggregated API servers may use longer ones. */
export const UID_MAX = 128;
export const RESOURCE_VERSION_MAX = 64;
/** Changed paths, and one of them; beyond 256 the parents stand for what is below (architecture.md). */
export const PATHS_MAX = 256;
export const PATH_MAX = 4_096;
/** Canonical DeleteOptions. */
export const OPTIONS_MAX = 4_096;
/** A reason is read by people in a terminal. */
export const REASON_MAX = 2_000;
export const NONCE_MAX = 64;
/** Observations of one transaction, changes and bodies of one proposal. */
export const RESULTS_MAX = 500;
export const CHANGES_MAX = 500;
/** What one spooled record may carry; aimed at are fewer, see the node's spool. */
export const SPOOL_ENTRIES_MAX = 64;
export const OWNERS_MAX = 8;
/** `UPDATE <resource>.<group>/<subresource> <namespace>/<name>`, each of full length. */
export const TITLE_MAX = 1_600;
/** Policies that one proposal names: all that may be in force. */
export const PROPOSAL_POLICIES_MAX = 64;
/** 500 changes with 16 KiB of paths each, and what one answer between nodes may hold. */
export const DETAILS_BYTES_MAX = 15 * 1024 * 1024;
/** A hook, or a Kubernetes user whose name was taken. */
export const FINDING_SUBJECT_MAX = 512;
export const FINDING_DETAIL_MAX = 1_000;
/** Objects that one finding lists; the rest is a number. Their names must fit into one transaction. */
export const FINDING_OBJECTS_MAX = 50;
/** Open findings that one organisation alone has signed: what a lying observer can add to the state. */
export const FINDINGS_UNCONFIRMED_MAX = 32;
/** Open findings of one cluster. */
export const FINDINGS_OPEN_MAX = 1_000;
/** Configuration changes that execute atomically. */
export const CONFIG_CHANGES_MAX = 64;
/** Id of a due transition: a kind and a key. */
export const DUE_ID_MAX = 512;
/** Standard base64 of consensus sign-bytes, which are below 200 bytes. */
export const EVIDENCE_BYTES_TEXT_MAX = 1_024;
export const MEMBERS_MAX = 500;
export const CLUSTERS_MAX = 100;
export const BINDINGS_MAX = 10_000;
export const POLICIES_MAX = 500;
/** w, the number of hooks that must all allow. */
export const HOOKS_MAX = 8;
/** An authority that follows another one, with both in between, and one more; PEM of a few certificates in base64. */
export const ANNOUNCED_MAX = 4;
export const CA_BUNDLE_MAX = 12_288;
/** A node's descriptor with its members and two authorities, as an envelope line: it must fit into a proposal. */
export const DESCRIPTOR_MAX = 48_000;
/** 16 lines of a name below 150 characters and 76 bytes in base64. */
export const NOTE_MAX = 8_192;
/** host:port with a DNS name of 253. */
export const ADDRESS_MAX = 261;
export const URL_MAX = 512;

/** State values: far above the digests of 500 changes (34 KB) and the ballots of 23 organisations. */
export const STATE_VALUE_BYTES_MAX = 4 * 1024 * 1024;
export const STATE_KEY_BYTES_MAX = 512;
