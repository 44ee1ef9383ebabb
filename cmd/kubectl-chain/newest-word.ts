import type { VerifiedRecord } from '../../src/client/answer.ts';
import { auditKey } from '../../src/ledger/audit-index.ts';
import type { ChangeAttestation, ChangeAttributes } from '../../src/types/change.ts';
import type { JsonObject } from '../../src/types/json.ts';

export type ObjectName = Pick<ChangeAttributes, 'cluster' | 'group' | 'resource' | 'namespace' | 'name'>;

/** What the log says last of an object as a whole. */
export interface Word {
  readonly record: VerifiedRecord;
  readonly attributes: ChangeAttributes;
  /** Undefined for what the control plane wrote: of that the log has a digest, and nobody keeps a body. */
  readonly attestation: ChangeAttestation | undefined;
}

/**
 * The newest admitted change, or what the control plane has made or deleted since. What it updates counts as its own affair (the status and the annotations of its
 * controllers): that leaves what was admitted in force. `records` newest first.
 */
export function newestWord(records: readonly VerifiedRecord[], object: ObjectName): Word | undefined {
  const key = auditKey.object(object);
  for (const record of records) {
    const { payload } = record.transaction;
    if (payload.kind === 'mutation' && record.leaf.result.decision === 'ADMITTED')
      return { record, attributes: payload.attestation.attributes, attestation: payload.attestation };
    if (payload.kind !== 'spooled-record') continue;
    for (const entry of payload.entries.toReversed()) {
      if ('gap' in entry || entry.attributes.subresource !== '' || auditKey.object(entry.attributes) !== key) continue;
      if (entry.attributes.operation !== 'UPDATE')
        return { record, attributes: entry.attributes, attestation: undefined };
    }
  }
  return undefined;
}

/** Of an object whose deletion is the log's last word. */
export function afterDeletion(
  live: JsonObject | undefined,
  { user }: Pick<ChangeAttributes, 'user'>,
): readonly ['MATCH' | 'DRIFT', string] {
  if (live === undefined) return ['MATCH', `deleted by ${user}, as recorded`];
  if (metadataOf(live)['deletionTimestamp'] !== undefined)
    return ['MATCH', `being deleted by ${user}, as recorded; it waits for its grace period or its finalizers`];
  return ['DRIFT', 'its deletion is recorded, but it is there'];
}

/** Of an object that is there and that the control plane made. */
export function madeByControlPlane(
  live: JsonObject,
  { uid, user }: Pick<ChangeAttributes, 'uid' | 'user'>,
): readonly ['DRIFT' | 'BODY_UNAVAILABLE', string] {
  const { uid: liveUid } = metadataOf(live);
  if (uid !== '' && liveUid !== uid) return ['DRIFT', 'it is another object than the one whose creation is recorded'];
  return [
    'BODY_UNAVAILABLE',
    `made by ${user}: of what the control plane writes the log keeps digests, and no content`,
  ];
}

function metadataOf(object: JsonObject): JsonObject {
  return (object['metadata'] ?? {}) as JsonObject;
}
