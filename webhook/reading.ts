import {
  admissionUidOf,
  attest,
  decodeReview,
  classOf,
  ownersOf,
  type AttestContext,
  type AttestedChange,
  type ChangeClass,
  type DecodedReview,
  type Exclusion,
} from '../src/change/index.ts';
import { isChainError } from '../src/errors/chain-error.ts';
import type { Owner } from '../src/types/transaction.ts';

/** Which hook was asked: what is of another class it lets pass. */
export type Hook = Exclude<ChangeClass, 'none'>;

/** What the steps look at of a review: nothing of its objects, which may be many megabytes. */
export type ReviewSubject = Pick<
  DecodedReview,
  'admissionUid' | 'operation' | 'group' | 'resource' | 'subresource' | 'namespace' | 'name' | 'user' | 'dryRun'
>;

export interface ReadReview {
  readonly subject: ReviewSubject;
  readonly class: ChangeClass;
  /** Undefined for what is not the asked hook's, and while the node lacks the cluster key. */
  readonly change: AttestedChange | undefined;
  /** Of what is recorded. */
  readonly owners: readonly Owner[];
}

/** `uid` of a review that is refused: '' if it has none, then there is no AdmissionReview to answer with. */
export type ReadOutcome =
  | { readonly ok: true; readonly review: ReadReview }
  | { readonly ok: false; readonly uid: string; readonly error: unknown };

/**
 * Reads large reviews elsewhere than in the event loop, which they would hold for seconds, consensus included. Throws WEBHOOK_BUSY when too many wait;
 * everything else is an outcome, by `answerByMs` (epoch) at the latest. The bytes are given away.
 */
export interface ReviewReader {
  read(bytes: Uint8Array<ArrayBuffer>, answerByMs: number, hook?: Hook): Promise<ReadOutcome>;
}

export interface ReadContext {
  /** Default: the gate. */
  readonly hook?: Hook;
  readonly exclusions: readonly Exclusion[];
  readonly attest: AttestContext | undefined;
}

/** Decodes, sorts and digests a review: all that costs time in proportion to its size, in one place. Never throws. */
export function readReview(bytes: Uint8Array, context: ReadContext): ReadOutcome {
  let uid = '';
  try {
    const review = decodeReview(bytes);
    const { admissionUid, operation, group, resource, subresource, namespace, name, user, dryRun } = review;
    uid = admissionUid;
    const class_ = classOf(review, context.exclusions);
    const isOther = class_ !== (context.hook ?? 'gate');
    const change = isOther || context.attest === undefined ? undefined : attest(review, context.attest);
    const owners = isOther || class_ !== 'record' ? [] : ownersOf(review);
    const subject = { admissionUid, operation, group, resource, subresource, namespace, name, user, dryRun };
    return { ok: true, review: { subject, class: class_, change, owners } };
  } catch (error) {
    return { ok: false, uid: uid === '' ? uidOfRefused(bytes, error) : uid, error };
  }
}

/** What is no JSON has no uid; what is no review may still have one. */
function uidOfRefused(bytes: Uint8Array, error: unknown): string {
  return isChainError(error) && error.code.startsWith('CHANGE_') ? admissionUidOf(bytes) : '';
}

const HEAD = /^\s*\{"kind":"AdmissionReview","apiVersion":"[^"\\]{1,64}","request":\{/;
const UID = new RegExp(`${HEAD.source}"uid":"([\\w.:-]{1,128})"`);
/** What an API server writes before the user: names, and groups, versions and kinds. */
const NAMED = String.raw`"\w{1,32}":"[^"\\]{0,512}",`;
const KIND = String.raw`"\w{1,32}":\{(?:"\w{1,16}":"[^"\\]{0,512}",?){0,3}\},`;
const USER = new RegExp(
  `${HEAD.source}(?:${NAMED}|${KIND}){1,12}"userInfo":\\{"username":"((?:[^"\\\\]|\\\\.){0,1024})"`,
);
const HEAD_BYTES = 8 * 1024;

/** The uid of a review that is not going to be read, from where an API server puts it; '' if it is not there. */
export function uidInFront(bytes: Uint8Array): string {
  return UID.exec(headOf(bytes))?.[1] ?? '';
}

/** Likewise whose it is, as it is written there: good enough to be fair, before it is read. */
export function userInFront(bytes: Uint8Array): string {
  return USER.exec(headOf(bytes))?.[1] ?? '';
}

function headOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(0, HEAD_BYTES)).toString('latin1');
}
