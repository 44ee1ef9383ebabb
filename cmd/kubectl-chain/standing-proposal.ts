import { holdsDigest } from '../../src/governance/transitions.ts';
import { changeUseKey, digestKey, proposalDigestsKey, proposalKey } from '../../src/ledger/execute/keys.ts';
import type { DigestDocument } from '../../src/ledger/execute/proposals.ts';
import type { Hash } from '../../src/types/brand.ts';
import type { ChangeUse, Proposal } from '../../src/types/proposal.ts';
import { documentOf } from './document.ts';
import type { Session } from './session.ts';

/** The person's proposal that all of these changes are waiting in already: proposing them again, as a pipeline does that runs again, asks for nothing new. */
export async function standingProposal(
  { reader }: Session,
  cluster: string,
  digests: readonly Hash[],
): Promise<number | undefined> {
  const [first] = digests.map((digest) => digestKey(cluster, digest));
  if (first === undefined) return undefined;
  const id = documentOf<DigestDocument>((await reader.state([first])).values, first)?.proposal;
  if (id === undefined) return undefined;
  const { values } = await reader.state([proposalKey(id), proposalDigestsKey(id)]);
  const proposal = documentOf<Proposal>(values, proposalKey(id));
  const held = documentOf<{ readonly digests: readonly Hash[] }>(values, proposalDigestsKey(id))?.digests ?? [];
  const indexes = digests.map((digest) => held.indexOf(digest));
  if (proposal?.origin !== 'propose' || indexes.includes(-1)) return undefined;
  const keys = indexes.map((index) => changeUseKey(id, index));
  const uses = (await reader.state(keys)).values;
  const isWaiting = (key: string): boolean =>
    holdsDigest(proposal, documentOf<ChangeUse>(uses, key)?.state ?? proposal.unused);
  return keys.every(isWaiting) ? id : undefined;
}
