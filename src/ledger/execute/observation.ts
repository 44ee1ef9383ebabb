import type { ClusterId, OrgId, ValidatorId } from '../../types/brand.ts';
import type { ClusterRecord } from '../../types/chain.ts';
import type { Proposal, ChangeUse } from '../../types/proposal.ts';
import type { ObservationPayload, ObservedResult } from '../../types/transaction.ts';
import { ChainError } from '../../errors/chain-error.ts';
import { faultyMax } from '../../governance/body-holders.ts';
import { clusterRecord, validatorById } from './committee.ts';
import { done, type Execution, type Outcome } from './execution.ts';
import { decisionKey, observerKey } from './keys.ts';
import { proposalById, putUse, saveProposal, useOf } from './proposals.ts';
import { endReservation, type DecisionDocument } from './reservation.ts';

/**
 * What a named observer saw become of admitted changes. Results about decisions that hold no reservation (no policy, or already settled) are recorded and change
 * nothing. Throws LEDGER_CLUSTER_UNKNOWN, LEDGER_NOT_AN_OBSERVER, LEDGER_SEQUENCE.
 */
export function executeObservation(
  x: Execution,
  { node, cluster: name, sequence, results }: ObservationPayload,
): Outcome {
  const { cluster, org } = observingOrg(x, name, node);
  const key = observerKey(name, node);
  const last = x.docs.get<{ readonly sequence: number }>(key)?.sequence ?? -1;
  if (sequence <= last) throw new ChainError('LEDGER_SEQUENCE', { sequence, last });
  x.docs.put(key, { sequence });
  const needed = Math.min(faultyMax(x.validators.length) + 1, cluster.observers.length);
  for (const result of results) observe(x, cluster, org, result, needed);
  return done();
}

/** The cluster, and the organisation of a node that may speak about it. Throws LEDGER_CLUSTER_UNKNOWN, LEDGER_NOT_AN_OBSERVER. */
export function observingOrg(
  x: Execution,
  name: ClusterId,
  node: ValidatorId,
): { readonly cluster: ClusterRecord; readonly org: OrgId } {
  const cluster = clusterRecord(x.docs, name);
  if (cluster === undefined) throw new ChainError('LEDGER_CLUSTER_UNKNOWN', { cluster: name });
  const { org } = validatorById(x.validators, node);
  if (!cluster.observers.includes(org)) throw new ChainError('LEDGER_NOT_AN_OBSERVER', { cluster: name, node });
  return { cluster, org };
}

function observe(x: Execution, cluster: ClusterRecord, org: OrgId, result: ObservedResult, needed: number): void {
  const held = x.docs.get<DecisionDocument>(decisionKey(result.decision));
  if (held === undefined) return;
  const proposal = proposalById(x, held.proposal);
  const use = useOf(x.docs, held.proposal, held.change);
  if (use?.state !== 'RESERVED' || proposal.cluster !== cluster.name) return;
  const seen = result.persisted ? sawPersisted(use, org, result) : sawNotPersisted(use, org, result);
  if (seen === undefined) return;
  const noted = saveProposal(x, proposal, putUse(x, proposal, held.change, { ...use, ...seen }));
  settleObserved(x, noted, held.change, cluster, needed);
}

function sawPersisted(change: ChangeUse, org: OrgId, result: ObservedResult): Partial<ChangeUse> | undefined {
  // The uid is known when the change is admitted, for a CREATE too: another one is another object.
  if (result.uid !== change.reservedUid) return undefined;
  return {
    persistedBy: withOrg(change.persistedBy, org),
    notPersistedBy: change.notPersistedBy.filter((other) => other !== org),
  };
}

/** Counts only for the latest review of the request: an earlier one may be gone while a repeated one was stored. */
function sawNotPersisted(change: ChangeUse, org: OrgId, result: ObservedResult): Partial<ChangeUse> | undefined {
  if (result.decision !== change.decision || change.persistedBy.includes(org)) return undefined;
  return { notPersistedBy: withOrg(change.notPersistedBy, org) };
}

function settleObserved(x: Execution, proposal: Proposal, index: number, cluster: ClusterRecord, needed: number): void {
  const change = useOf(x.docs, proposal.id, index);
  if (change === undefined) return;
  // An organisation that no longer observes has no say, whenever it signed.
  const count = (orgs: readonly OrgId[]): number => orgs.filter((org) => cluster.observers.includes(org)).length;
  if (count(change.persistedBy) >= needed) endReservation(x, proposal, index, 'EXECUTED');
  // One who saw it persisted is enough to keep the approval from being used again.
  else if (count(change.notPersistedBy) >= needed && change.persistedBy.length === 0)
    endReservation(x, proposal, index, 'free');
}

function withOrg(orgs: readonly OrgId[], org: OrgId): readonly OrgId[] {
  return orgs.includes(org) ? orgs : [...orgs, org].sort();
}
