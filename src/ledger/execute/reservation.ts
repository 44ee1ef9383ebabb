import type { LeafIndex } from '../../types/brand.ts';
import type { ChangeAttributes } from '../../types/change.ts';
import type { ChangeUse, Proposal } from '../../types/proposal.ts';
import { addDue, removeDue } from './due.ts';
import type { Execution } from './execution.ts';
import { decisionKey, reservationKey } from './keys.ts';
import { dropUse, leaseId, proposalById, putUse, saveProposal, useOf } from './proposals.ts';

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
  const key = reservationKey(x.chain.sha256, attributes);
  const base = { decision: leaf, reservedUid: attributes.uid, reservation: key, persistedBy: [], notPersistedBy: [] };
  if (consumesAtAdmission(attributes)) {
    const used: ChangeUse = { ...base, state: 'EXECUTED', leaseMs: null, reusable: false };
    saveProposal(x, proposal, putUse(x, proposal, index, used));
    return;
  }
  const leaseMs = x.timeMs + LEASE_MS;
  const reserved = putUse(x, proposal, index, { ...base, state: 'RESERVED', leaseMs, reusable: true });
  removeDue(x, new Set([leaseId(proposal.id, index)]));
  addDue(x, { dueMs: leaseMs, id: leaseId(proposal.id, index) });
  x.docs.put(decisionKey(leaf), { proposal: proposal.id, change: index } satisfies DecisionDocument);
  const held = heldAt(x, key);
  const mine = held.find((other) => isSame(other, proposal.id, index));
  const decisions = [...(mine?.decisions ?? []), leaf];
  x.docs.put(key, [...held.filter((other) => other !== mine), { proposal: proposal.id, change: index, decisions }]);
  saveProposal(x, proposal, reserved);
}

/** Ends a reservation: the approval is spent, or free again, which it is no longer where its window is over or it was revoked. */
export function endReservation(
  x: Execution,
  proposal: Proposal,
  index: number,
  to: 'EXECUTED' | 'UNCERTAIN' | 'free',
): Proposal {
  const use = useOf(x.docs, proposal.id, index);
  if (use === undefined) return proposal;
  const held = heldAt(x, use.reservation);
  const left = held.filter((other) => !isSame(other, proposal.id, index));
  for (const other of held)
    if (!left.includes(other)) for (const leaf of other.decisions) x.docs.delete(decisionKey(leaf));
  if (left.length > 0) x.docs.put(use.reservation, left);
  else x.docs.delete(use.reservation);
  removeDue(x, new Set([leaseId(proposal.id, index)]));
  const ended =
    to === 'free' ? dropUse(x, proposal, index) : putUse(x, proposal, index, { ...use, state: to, leaseMs: null });
  return saveProposal(x, proposal, ended);
}

/**
 * Any admitted change of an object may undo what an earlier one did. So a reservation for the same object serves no further review once another change
 * came; only the request's own repeated reviews do not count.
 */
export function noteAdmitted(x: Execution, attributes: ChangeAttributes, own: DecisionDocument | undefined): void {
  for (const held of heldAt(x, reservationKey(x.chain.sha256, attributes))) {
    if (own !== undefined && isSame(held, own.proposal, own.change)) continue;
    const use = useOf(x.docs, held.proposal, held.change);
    if (use?.reusable !== true || use.state !== 'RESERVED') continue;
    const proposal = proposalById(x, held.proposal);
    saveProposal(x, proposal, putUse(x, proposal, held.change, { ...use, reusable: false }));
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
