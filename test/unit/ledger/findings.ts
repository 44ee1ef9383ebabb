import type { Hash, OrgId, ValidatorId } from '../../../src/types/brand.ts';
import type { Finding, FoundObject, Guard } from '../../../src/types/finding.ts';
import type { FindingPayload } from '../../../src/types/transaction.ts';
import { factsHash, factsOf, observersNeeded } from '../../../src/ledger/execute/finding-facts.ts';
import { CLUSTER, ORGS, sha256, type TestChain } from './test-chain.ts';

const observers = ORGS as readonly string[] as readonly OrgId[];

/** What an observer signs, unless it is said otherwise: a hook's entry is gone. */
export function findingBy(
  node: string,
  more: Partial<Omit<FindingPayload, 'v' | 'alg' | 'chain' | 'kind' | 'node'>> = {},
): Omit<FindingPayload, 'v' | 'alg' | 'chain' | 'notAfterMs'> {
  return {
    kind: 'finding',
    node: node as ValidatorId,
    cluster: CLUSTER,
    finding: 'webhook',
    subject: 'hook-0',
    episode: 1,
    sequence: 1,
    holds: true,
    value: '',
    detail: 'the entry is gone',
    objects: [],
    objectCount: 0,
    throughVersion: '',
    coverage: null,
    ...more,
  };
}

export const found = (name: string, more: Partial<FoundObject> = {}): FoundObject => ({
  group: '',
  resource: 'configmaps',
  namespace: 'prod-web',
  name,
  uid: `uid of ${name}`,
  resourceVersion: '7',
  reason: 'no-record',
  ...more,
});

const document = <T>(chain: TestChain, key: string): T | undefined => {
  const bytes = chain.app.stateGet(key);
  return bytes === undefined ? undefined : (JSON.parse(Buffer.from(bytes).toString()) as T);
};

export const findingAt = (chain: TestChain, id: number): Finding | undefined =>
  document(chain, `finding/${CLUSTER}/${id}`);
export const openAt = (chain: TestChain): readonly number[] =>
  document<{ open: readonly number[] }>(chain, `findings/open/${CLUSTER}`)?.open ?? [];
export const guardAt = (chain: TestChain): Guard | undefined => document(chain, `guard/${CLUSTER}`);

/** What a ratification of the finding as it is now would name. */
export function replacesOf(chain: TestChain, id: number): Hash {
  const needed = observersNeeded(chain.genesis.validators.length, { observers });
  return factsHash(sha256, factsOf(findingAt(chain, id) as Finding, observers, needed));
}

/** Proposed by alpha, approved by a majority; the state of the proposal, or why there is none. */
export function ratify(chain: TestChain, id: number, replaces = replacesOf(chain, id)): string {
  const proposed = chain.configure('alpha', [{ type: 'finding-ratify', cluster: CLUSTER, finding: id, replaces }]);
  if (proposed !== 'DONE OK') return proposed;
  const proposal = chain.app.liveProposals().at(-1)?.id ?? 0;
  for (const org of ['alpha', 'beta', 'gamma']) chain.vote(org, proposal);
  return chain.proposal(proposal).state;
}
