import type { LeafIndex } from '../../types/brand.ts';
import type { ChangeAttributes } from '../../types/change.ts';
import type { ChangeState, Proposal } from '../../types/proposal.ts';
import { addDue, removeDue } from './due.ts';
import type { Execution } from './execution.ts';
import { decisionKey, reservationKey } from './keys.ts';
import { leaseId, proposalById, saveProposal, withChange } from './proposals.ts';

/** An API server stores within its request timeout (60 s); the observer's consistent read and its commit fit into the rest. */
export const LEASE_MS = 120_000;

/** Under `decision/<leaf>`: the reservation that an admission belongs to. */
export interface DecisionDocument {
  readonly proposal: number;
  readonly change: number;
}

/** Under `reserved/<object>`: reservations for changes of one object, with all their admissions. */
interface Held extends DecisionDocument {
  readonly decisions: readonly number[];
}

/**
 * Takes the approval for an admitted change: the ordered compare-and-swap that makes it one-shot. What cannot be observed later, or is repeated
 * at will (CONNECT, a generated name, a created subresource such as an eviction), is used up at once.
 */
export function reserve(
  x: Execution,
  proposal: Proposal,
  index: number,
  attributes: ChangeAttributes,
  leaf: LeafIndex,
): void {
  if (consumesAtAdmission(attributes)) {
    saveProposal(x, proposal, withChange(proposal, index, 'EXECUTED', { decision: leaf, reservedUid: attributes.uid }));
    return;
  }
  const leaseMs = x.timeMs + LEASE_MS;
  const reserved = withChange(proposal, index, 'RESERVED', {
    leaseMs,
    decision: leaf,
    reservedUid: attributes.uid,
    reusable: true,
    persistedBy: [],
    notPersistedBy: [],
  });
  removeDue(x, new Set([leaseId(proposal.id, index)]));
  addDue(x, { dueMs: leaseMs, id: leaseId(proposal.id, index) });
  x.docs.put(decisionKey(leaf), { proposal: proposal.id, change: index } satisfies DecisionDocument);
  const key = reservationKey(x.chain.sha256, attributes);
  const held = heldAt(x, key);
  const mine = held.find((other) => isSame(other, proposal.id, index));
  const decisions = [...(mine?.decisions ?? []), leaf];
  x.docs.put(key, [...held.filter((other) => other !== mine), { proposal: proposal.id, change: index, decisions }]);
  saveProposal(x, proposal, reserved);
}

/** Ends a reservation in whatever way; a READY whose window is over has lapsed. */
export function endReservation(x: Execution, proposal: Proposal, index: number, to: ChangeState): Proposal {
  const change = proposal.changes[index];
  if (change === undefined) return proposal;
  const key = reservationKey(x.chain.sha256, change.attributes);
  const held = heldAt(x, key);
  const left = held.filter((other) => !isSame(other, proposal.id, index));
  for (const other of held)
    if (!left.includes(other)) for (const leaf of other.decisions) x.docs.delete(decisionKey(leaf));
  if (left.length > 0) x.docs.put(key, left);
  else x.docs.delete(key);
  removeDue(x, new Set([leaseId(proposal.id, index)]));
  const lapsed = to === 'READY' && x.timeMs > (proposal.deadlineExecutionMs ?? 0);
  const freed = to === 'READY' ? { decision: null, reservedUid: '' } : {};
  return saveProposal(x, proposal, withChange(proposal, index, lapsed ? 'LAPSED' : to, { leaseMs: null, ...freed }));
}

/**
 * Any admitted change of an object may undo what an earlier one did. So a reservation for the same object serves no further review once another change
 * came; only the request's own repeated reviews do not count.
 */
export function noteAdmitted(x: Execution, attributes: ChangeAttributes, own: DecisionDocument | undefined): void {
  for (const held of heldAt(x, reservationKey(x.chain.sha256, attributes))) {
    if (own !== undefined && isSame(held, own.proposal, own.change)) continue;
    const proposal = proposalById(x, held.proposal);
    const change = proposal.changes[held.change];
    if (change?.reusable !== true || change.state !== 'RESERVED') continue;
    saveProposal(x, proposal, withChange(proposal, held.change, 'RESERVED', { reusable: false }));
  }
}

export function consumesAtAdmission({ operation, subresource, generatedName }: ChangeAttributes): boolean {
  return operation === 'CONNECT' || generatedName || (operation === 'CREATE' && subresource !== '');
}

function heldAt(x: Execution, key: string): readonly Held[] {
  return x.docs.get<readonly Held[]>(key) ?? [];
}

function isSame(held: DecisionDocument, proposal: number, change: number): boolean {
  return held.proposal === proposal && held.change === change;
}
