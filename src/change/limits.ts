/** Bounds of what a change may put into a transaction of 60,000 bytes, which carries its payload in base64 (4/3). */

/** Changed paths of one change (architecture.md); beyond it their parents stand for what is below. */
export const PATHS_MAX = 256;
/** All paths together, as JSON: leaves two thirds of the transaction for the rest. */
export const PATHS_BYTES_MAX = 16 * 1024;
/** One path; a longer one is cut to a parent. */
export const PATH_CHARS_MAX = 2_048;
/** Paths held while an object is walked, so that a million keys do not become a million strings. */
export const PATHS_WALKED_MAX = 4_096;
/** Policies read groups: cutting them would let a change escape, so more are refused. */
export const GROUPS_MAX = 64;
export const GROUPS_BYTES_MAX = 12 * 1024;
export const USER_CHARS_MAX = 512;
/** group, version, resource, subresource, namespace: RFC 1123 subdomains. */
export const NAME_CHARS_MAX = 253;
/** A proxy's name adds scheme and port; RBAC names may be longer than others. */
export const OBJECT_NAME_CHARS_MAX = 512;
export const UID_CHARS_MAX = 128;
export const RESOURCE_VERSION_CHARS_MAX = 64;
/** Canonical DeleteOptions. */
export const OPTIONS_CHARS_MAX = 4_096;
/** A body holds both objects of a review once, and redaction can lengthen what it replaces. */
export const BODY_BYTES_MAX = 48 * 1024 * 1024;
/** The parser's limit for reviews, for what lies inside a body a few levels deeper. */
export const BODY_DEPTH_MAX = 300;
/** ownerReferences of a recorded write: one controller, and the few others that there may be. */
export const OWNERS_MAX = 8;
