import type { ChainReader } from '../../src/client/reader.ts';
import { nativeBackend } from '../../src/crypto/index.ts';
import { auditKey } from '../../src/ledger/audit-index.ts';
import { objectKey } from '../../src/ledger/execute/keys.ts';
import type { ChangeAttributes } from '../../src/types/change.ts';
import type { Owner } from '../../src/types/transaction.ts';
import { printable } from './output/printable.ts';
import { describeRecords, placeOf, type RecordJson } from './record.ts';
import { resourceOfKind } from './resource-types.ts';

/** One step back from what a controller wrote to what it wrote it for. */
export interface OriginJson {
  readonly group: string;
  readonly kind: string;
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** The record that was read for it: of an object that was decided about, its newest admitted change until then. Null: there is none. */
  readonly index: number | null;
  readonly entry: number | null;
  readonly operation: string;
  readonly actor: string;
  readonly org: string;
  readonly decision: string;
  readonly proposal: number | null;
}

/** Pod, ReplicaSet, Deployment: three are usual, custom resources add one or two. */
const stepsMax = 8;
/** Records of one owner that are looked through: status reports are among them. */
const historyMax = 2_000;

/**
 * The chain of ownerReferences that leads from a recorded write to a change that was decided. Every step is a verified record of an object of that very uid, in a history
 * that is proven to leave nothing out; it ends where the log knows no owner.
 */
export async function originOf(reader: ChainReader, record: RecordJson): Promise<readonly OriginJson[]> {
  const steps: OriginJson[] = [];
  let at = record;
  while (steps.length < stepsMax) {
    const [owner] = at.owners;
    if (owner === undefined) break;
    const found = await recordOfOwner(reader, at, owner);
    const { resource } = resourceOfKind(owner.group, owner.kind);
    steps.push({
      group: owner.group,
      kind: owner.kind,
      resource,
      namespace: found?.namespace ?? at.namespace,
      name: owner.name,
      uid: owner.uid,
      index: found?.index ?? null,
      entry: found?.entry ?? null,
      operation: found?.operation ?? '',
      actor: found?.actor ?? '',
      org: found?.org ?? '',
      decision: found?.decision ?? '',
      proposal: found?.proposal ?? null,
    });
    if (found === undefined) break;
    at = found;
  }
  return steps;
}

/** What was decided about the owner last before the record, or else its creation by the control plane. */
async function recordOfOwner(reader: ChainReader, before: RecordJson, owner: Owner): Promise<RecordJson | undefined> {
  const { resource, isNamespaced } = resourceOfKind(owner.group, owner.kind);
  const namespace = isNamespaced ? before.namespace : '';
  const object = { cluster: before.cluster, group: owner.group, resource, namespace, name: owner.name };
  const key = objectKey(nativeBackend.sha256, object as ChangeAttributes);
  const { records } = await reader.history('object', auditKey.object(object as ChangeAttributes), key, historyMax);
  const older = records.filter(({ index }) => index <= before.index);
  const lines = (await describeRecords(reader, older, records)).filter(
    (line) =>
      line.uid === owner.uid &&
      line.resource === resource &&
      line.name === owner.name &&
      line.subresource !== 'status' &&
      isBefore(line, before),
  );
  const decided = lines.find(({ decision, operation }) => decision === 'ADMITTED' && operation !== 'DELETE');
  return (
    decided ?? lines.find(({ operation }) => operation === 'CREATE') ?? lines.find(({ owners }) => owners.length > 0)
  );
}

function isBefore(line: RecordJson, other: RecordJson): boolean {
  return line.index < other.index || (line.index === other.index && (line.entry ?? 0) < (other.entry ?? 0));
}

export function originText(origin: readonly OriginJson[]): string {
  if (origin.length === 0) return '';
  const lines = origin.map((step) => {
    const what = `${step.kind} ${[step.namespace, step.name].filter((part) => part !== '').join('/')}`;
    if (step.index === null) return `${what}: not in the log (uid ${step.uid})`;
    const proposal = step.proposal === null ? '' : `, proposal/${step.proposal}`;
    const who = step.org === '' ? step.actor : `${step.actor} (${step.org})`;
    return `${what}: record ${placeOf({ index: step.index, entry: step.entry })}, ${step.operation} by ${who}, ${step.decision}${proposal}`;
  });
  return `Made for:\n${lines.map((line, i) => `${'  '.repeat(i + 1)}${printable(line)}\n`).join('')}`;
}
