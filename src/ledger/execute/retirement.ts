import type { ChainParams } from '../../types/chain.ts';
import type { Proposal } from '../../types/proposal.ts';
import type { Execution } from './execution.ts';
import { changeUseKey, digestKey, endedKey, KEY, proposalDigestsKey, proposalKey } from './keys.ts';
import { digestsOfProposal, readProposal, type DigestDocument } from './proposals.ts';

/** Documents that are deleted in one block at most, but for those of one proposal; the rest goes with the next blocks. */
const RETIRED_CHANGES_MAX = 1_000;

interface Queue {
  readonly head: number;
  readonly tail: number;
}

interface Ended {
  readonly proposal: number;
  readonly endedMs: number;
}

/** A proposal about which nothing can change any more goes to the end of the queue of those that leave the state. */
export function noteEnded(x: Execution, proposal: number): void {
  const queue = queueOf(x);
  x.docs.put(endedKey(queue.tail), { proposal, endedMs: x.timeMs } satisfies Ended);
  x.docs.put(KEY.ended, { head: queue.head, tail: queue.tail + 1 } satisfies Queue);
}

/**
 * At the start of a block: what ended long enough ago leaves the state, with the digests that it was the latest for. So the state holds what goes on and a
 * window of what has ended, however old the chain. The instance of a digest counts the proposals in this window; that no ballot is ever good for two proposals does not
 * rest on it, but on the id, which is signed too and rises for ever. Each node keeps the last state of the proposal with its proof (`writes.archive`).
 */
export function retireProposals(x: Execution): void {
  const queue = queueOf(x);
  const { proposalRetentionMs } = x.docs.get<ChainParams>(KEY.params) as ChainParams;
  let room = RETIRED_CHANGES_MAX;
  let { head } = queue;
  while (head < queue.tail && room > 0) {
    const { proposal: id, endedMs } = x.docs.get<Ended>(endedKey(head)) as Ended;
    if (endedMs + proposalRetentionMs >= x.timeMs) break;
    const proposal = readProposal(x.docs, id) as Proposal;
    room -= 1 + proposal.changeCount;
    retire(x, proposal);
    x.docs.delete(endedKey(head));
    head += 1;
  }
  if (head === queue.head) return;
  if (head === queue.tail) x.docs.delete(KEY.ended);
  else x.docs.put(KEY.ended, { head, tail: queue.tail } satisfies Queue);
}

function retire(x: Execution, { id, cluster, executed, uncertain }: Proposal): void {
  digestsOfProposal(x.docs, id).forEach((digest, index) => {
    const key = digestKey(cluster, digest);
    if (x.docs.get<DigestDocument>(key)?.proposal === id) x.docs.delete(key);
    if (executed + uncertain > 0) x.docs.delete(changeUseKey(id, index));
  });
  x.docs.delete(proposalDigestsKey(id));
  x.docs.delete(proposalKey(id));
  x.retired.push(id);
}

function queueOf(x: Execution): Queue {
  return x.docs.get<Queue>(KEY.ended) ?? { head: 0, tail: 0 };
}
