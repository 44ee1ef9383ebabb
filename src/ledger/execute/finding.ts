import type { LeafIndex, OrgId } from '../../types/brand.ts';
import type { ClusterRecord } from '../../types/chain.ts';
import type { Finding, FindingReport, FoundObject } from '../../types/finding.ts';
import type { FindingPayload } from '../../types/transaction.ts';
import { ChainError } from '../../errors/chain-error.ts';
import { FINDING_OBJECTS_MAX, FINDINGS_OPEN_MAX, FINDINGS_UNCONFIRMED_MAX } from '../limits.ts';
import { done, type Execution, type Outcome } from './execution.ts';
import { isOpen, isRepairable, observersNeeded } from './finding-facts.ts';
import { findingKey, findingOfKey, openFindingsKey } from './keys.ts';
import { observingOrg } from './observation.ts';

/** Under `finding-of/...`: the latest finding of a kind and subject. */
interface LatestDocument {
  readonly id: number;
  readonly episode: number;
}

/** Under `findings/open/<cluster>`. */
export interface OpenFindings {
  /** Id of the last finding. */
  readonly last: number;
  readonly open: readonly number[];
}

/**
 * One observer's word: it sees something that went around the log, sees more of it, or sees it no longer. Signed by min(f+1, observers) organisations it
 * is CONFIRMED, or REPAIRED; a ratification is the only other way to close it (finding-ratify).
 * Throws LEDGER_CLUSTER_UNKNOWN, LEDGER_NOT_AN_OBSERVER, LEDGER_SEQUENCE, LEDGER_FINDING_EPISODE, _CLOSED, LEDGER_FINDINGS_CAP.
 */
export function executeFinding(x: Execution, payload: FindingPayload, leaf: LeafIndex): Outcome {
  const { cluster, org } = observingOrg(x, payload.cluster, payload.node);
  const { finding: kind, subject, episode } = payload;
  const key = findingOfKey(x.chain.sha256, cluster.name, kind, subject);
  const latest = x.docs.get<LatestDocument>(key);
  const known = latest === undefined ? undefined : x.docs.get<Finding>(findingKey(cluster.name, latest.id));
  const isGoingOn = known !== undefined && isOpen(known);
  const expected = isGoingOn ? known.episode : (latest?.episode ?? 0) + 1;
  const title = `${kind} ${subject}`;
  if (episode !== expected) throw new ChainError('LEDGER_FINDING_EPISODE', { finding: title, episode, expected });
  if (!payload.holds && (!isGoingOn || !isRepairable(kind)))
    throw new ChainError('LEDGER_FINDING_CLOSED', { finding: title });
  const before = isGoingOn ? known : opened(x, cluster, payload, org, leaf);
  if (!isGoingOn) x.docs.put(key, { id: before.id, episode } satisfies LatestDocument);
  save(x, judged(x, cluster, reported(before, payload, org, leaf)));
  return done();
}

/** Ids are never given twice. Throws LEDGER_FINDINGS_CAP. */
function opened(
  x: Execution,
  cluster: ClusterRecord,
  { finding: kind, subject, episode, detail }: FindingPayload,
  org: OrgId,
  leaf: LeafIndex,
): Finding {
  const { last, open } = openFindings(x, cluster.name);
  // What one organisation alone signs is bounded for each, so that a lying one can neither fill the state nor keep an honest one from reporting.
  const alone = open.filter((id) => {
    const other = x.docs.get<Finding>(findingKey(cluster.name, id));
    return other?.state === 'SEEN' && other.reports[0]?.org === org && other.reports.length === 1;
  });
  if (alone.length >= FINDINGS_UNCONFIRMED_MAX)
    throw new ChainError('LEDGER_FINDINGS_CAP', { cluster: cluster.name, max: FINDINGS_UNCONFIRMED_MAX });
  if (open.length >= FINDINGS_OPEN_MAX)
    throw new ChainError('LEDGER_FINDINGS_CAP', { cluster: cluster.name, max: FINDINGS_OPEN_MAX });
  const id = last + 1;
  x.docs.put(openFindingsKey(cluster.name), { last: id, open: [...open, id] } satisfies OpenFindings);
  return {
    v: 1, id, cluster: cluster.name, kind, subject, episode, state: 'SEEN', openedMs: x.timeMs, openedLeaf: leaf, confirmedMs: null, closedMs: null,
    detail, reports: [], objects: [], proposal: null,
  }; // prettier-ignore
}

/** Throws LEDGER_SEQUENCE. */
function reported(finding: Finding, payload: FindingPayload, org: OrgId, leaf: LeafIndex): Finding {
  const { sequence, holds, value, objectCount, throughVersion, coverage } = payload;
  const last = finding.reports.find((report) => report.org === org)?.sequence ?? 0;
  if (sequence <= last) throw new ChainError('LEDGER_SEQUENCE', { sequence, last });
  const report: FindingReport = { org, leaf, sequence, holds, value, objectCount, throughVersion, coverage };
  const reports = [...finding.reports.filter((other) => other.org !== org), report].sort((a, b) =>
    a.org < b.org ? -1 : 1,
  );
  return { ...finding, reports, objects: withObjects(finding.objects, payload.objects, org) };
}

function withObjects(known: Finding['objects'], named: readonly FoundObject[], org: OrgId): Finding['objects'] {
  const objects = [...known];
  for (const object of named) {
    const at = objects.findIndex((other) => isSame(other, object));
    const other = objects[at];
    if (other === undefined) {
      if (objects.length < FINDING_OBJECTS_MAX) objects.push({ ...object, by: [org] });
    } else if (!other.by.includes(org)) objects[at] = { ...other, by: [...other.by, org].sort() };
  }
  return objects;
}

function isSame(a: FoundObject, b: FoundObject): boolean {
  return (
    a.group === b.group &&
    a.resource === b.resource &&
    a.namespace === b.namespace &&
    a.name === b.name &&
    a.uid === b.uid &&
    a.resourceVersion === b.resourceVersion &&
    a.reason === b.reason
  );
}

/** An organisation that no longer observes has no say, whenever it signed. */
function judged(x: Execution, cluster: ClusterRecord, finding: Finding): Finding {
  const needed = observersNeeded(x.validators.length, cluster);
  const reports = finding.reports.filter(({ org }) => cluster.observers.includes(org));
  const holding = reports.filter(({ holds }) => holds).length;
  if (holding >= needed && finding.state === 'SEEN') return { ...finding, state: 'CONFIRMED', confirmedMs: x.timeMs };
  // Fewer than that many may lie; they neither declare a repair nor keep one from counting.
  if (reports.length - holding >= needed && holding < needed)
    return { ...finding, state: 'REPAIRED', closedMs: x.timeMs };
  return finding;
}

export function openFindings(x: Pick<Execution, 'docs'>, cluster: string): OpenFindings {
  return x.docs.get<OpenFindings>(openFindingsKey(cluster)) ?? { last: 0, open: [] };
}

/** Stores it, and takes one that is closed from the list. */
export function save(x: Execution, finding: Finding): void {
  x.docs.put(findingKey(finding.cluster, finding.id), finding);
  if (isOpen(finding)) return;
  const { last, open } = openFindings(x, finding.cluster);
  x.docs.put(openFindingsKey(finding.cluster), { last, open: open.filter((id) => id !== finding.id) });
}
