import type { MutationLeaf } from './mutation-log.ts';
import { partsOf, pathOf, pathOfTarget, type Played } from './play.ts';
import { inScope, type Recorded } from './row.ts';

/** What the log must say, one line a kind of record. */
export function expectedLines(records: readonly Recorded[], decision: 'ADMITTED' | 'REFUSED', ns: string): string[] {
  return records.map((record) => `${lineOf(record, decision, ns)}: ${timesText(record.times ?? 1)}`).toSorted();
}

/** What it says, in the same words; every record that none of `records` speaks of is a line of its own. */
export function actualLines(
  records: readonly Recorded[],
  decision: 'ADMITTED' | 'REFUSED',
  played: Played,
  leaves: readonly MutationLeaf[],
): string[] {
  const { ns } = played;
  const left = new Set(leaves);
  const lines: string[] = [];
  for (const record of records) {
    const mine = [...left].filter((leaf) => isMeant(record, decision, leaf, ns));
    for (const leaf of mine) left.delete(leaf);
    if (mine.length === 0) continue;
    const wrong = mine.flatMap((leaf) => uidProblem(record, leaf, played, leaves));
    const [min, max] = rangeOf(record.times ?? 1);
    const versions = new Set(mine.map(({ attributes }) => attributes.resourceVersion)).size;
    const isRight = mine.length >= min && mine.length <= max && versions === (record.versions ?? versions);
    lines.push(
      [
        `${lineOf(record, decision, ns)}: ${isRight ? timesText(record.times ?? 1) : `${mine.length} about ${versions}`}`,
        ...wrong,
      ].join('; '),
    );
  }
  for (const { attributes: a, result } of left) {
    const resource = [a.group, a.version, a.resource, a.subresource].filter((part) => part !== '').join('/');
    const { decision: found, code } = result;
    lines.push(`beside these: ${found} (${code}) ${a.operation} ${resource} ${a.namespace}/${a.name} by ${a.user}`);
  }
  return lines.toSorted();
}

function lineOf(record: Recorded, decision: string, ns: string): string {
  const { operation, resource, name = 'x', namespace = '$', user = 'alice' } = record;
  return `${decision} ${operation} ${inScope(resource, ns)} ${inScope(namespace, ns)}/${inScope(name, ns)} by ${inScope(user, ns)}`;
}

function isMeant(record: Recorded, decision: string, { attributes, result }: MutationLeaf, ns: string): boolean {
  const { group, version, resource, subresource } = partsOf(inScope(record.resource, ns));
  const name = inScope(record.name ?? 'x', ns);
  return (
    result.decision === decision &&
    attributes.operation === record.operation &&
    attributes.group === group &&
    attributes.version === version &&
    attributes.resource === resource &&
    attributes.subresource === subresource &&
    attributes.namespace === inScope(record.namespace ?? '$', ns) &&
    attributes.user === inScope(record.user ?? 'alice', ns) &&
    (name.endsWith('*') ? attributes.name.startsWith(name.slice(0, -1)) : attributes.name === name)
  );
}

/** Empty if the record names the object that it is about. */
function uidProblem(
  record: Recorded,
  { attributes, result }: MutationLeaf,
  { ns, before, after }: Played,
  all: readonly MutationLeaf[],
): string[] {
  const path = pathOf(record, ns) ?? pathOfTarget(attributes);
  const [was, is] = [before.get(path)?.uid, after.get(path)?.uid];
  const { uid } = attributes;
  const isNew = record.operation === 'CREATE' && attributes.subresource === '';
  const isUnstored = isNew && result.decision === 'REFUSED' && record.uid !== 'none';
  const rule = isUnstored ? 'unstored' : (record.uid ?? 'object');
  if (rule === 'any') return uid !== '' ? [] : ['no uid'];
  if (rule === 'none') return uid === '' ? [] : [`uid ${uid} of no object`];
  if (rule === 'unstored') return uid !== '' && uid !== was && uid !== is ? [] : [`uid '${uid}' is stored, or missing`];
  // What was made and is gone again has the uid of its own creation.
  const made = all.find(
    ({ attributes: a }) => a.operation === 'CREATE' && a.subresource === '' && isSame(a, attributes),
  );
  const wanted = isNew ? (is ?? uid) : (was ?? is ?? made?.attributes.uid);
  if (wanted === undefined || wanted === '') return [`uid '${uid}', but there is no such object`];
  return uid === wanted ? [] : [`uid '${uid}' instead of ${wanted}`];
}

function isSame(a: MutationLeaf['attributes'], b: MutationLeaf['attributes']): boolean {
  return a.group === b.group && a.resource === b.resource && a.namespace === b.namespace && a.name === b.name;
}

function rangeOf(times: NonNullable<Recorded['times']>): readonly [number, number] {
  return typeof times === 'number' ? [times, times] : times;
}

export function timesText(times: NonNullable<Recorded['times']>): string {
  return typeof times === 'number' ? String(times) : `${times[0]} to ${times[1]}`;
}
