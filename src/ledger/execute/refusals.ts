import type { RefusalsPayload } from '../../types/transaction.ts';
import { ChainError } from '../../errors/chain-error.ts';
import { clusterRecord, validatorById } from './committee.ts';
import { done, type Execution, type Outcome } from './execution.ts';
import { refusalsKey } from './keys.ts';
import { readProposal } from './proposals.ts';

/** A node counts an hour; its clock and the chain's are not the same one. */
const BETWEEN_MIN_MS = 3_540_000;

interface RefusalsDocument {
  readonly untilMs: number;
  readonly timeMs: number;
}

/**
 * How often a node of a hook refused again what has an open proposal. It changes nothing; one an hour and node, so that a node cannot fill the log with them.
 * Throws LEDGER_CLUSTER_UNKNOWN, LEDGER_NOT_A_HOOK, LEDGER_REFUSALS.
 */
export function executeRefusals(x: Execution, payload: RefusalsPayload): Outcome {
  const { node, sinceMs, untilMs, proposals } = payload;
  const cluster = clusterRecord(x.docs, payload.cluster);
  if (cluster === undefined) throw new ChainError('LEDGER_CLUSTER_UNKNOWN', { cluster: payload.cluster });
  const { org } = validatorById(x.validators, node);
  if (!cluster.hooks.some((hook) => hook.orgs.includes(org)))
    throw new ChainError('LEDGER_NOT_A_HOOK', { cluster: cluster.name, node });
  const refuse = (reason: string): ChainError => new ChainError('LEDGER_REFUSALS', { node, reason });
  if (untilMs <= sinceMs) throw refuse('it ends before it begins');
  const key = refusalsKey(cluster.name, node);
  const last = x.docs.get<RefusalsDocument>(key);
  if (last !== undefined && sinceMs < last.untilMs) throw refuse('the hour is counted already');
  if (last !== undefined && x.timeMs < last.timeMs + BETWEEN_MIN_MS) throw refuse('the last one is no hour old');
  const unknown = proposals.find(({ proposal }) => readProposal(x.docs, proposal)?.cluster !== cluster.name);
  if (unknown !== undefined) throw refuse(`proposal ${unknown.proposal} is none of this cluster`);
  x.docs.put(key, { untilMs, timeMs: x.timeMs } satisfies RefusalsDocument);
  return done();
}
