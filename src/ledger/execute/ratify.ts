import type { Hash } from '../../types/brand.ts';
import type { Finding } from '../../types/finding.ts';
import type { ConfigChange } from '../../types/transaction.ts';
import { ChainError } from '../../errors/chain-error.ts';
import { clusterRecord } from './committee.ts';
import type { Execution } from './execution.ts';
import { save } from './finding.ts';
import { factsHash, factsOf, isOpen, observersNeeded } from './finding-facts.ts';
import { acceptThrough, expectHook } from './guard.ts';
import { findingKey } from './keys.ts';

/**
 * The committee accepts what was found as it is: objects stay, an entry that was changed is the expected one from now on. The vote named the facts, so
 * that whatever observers agreed on since makes it fail. Throws GOVERNANCE_CONFIG_INVALID, GOVERNANCE_CONFIG_CONFLICT.
 */
export function ratifyFinding(
  x: Execution,
  { type, cluster: name, finding: id, replaces }: Extract<ConfigChange, { type: 'finding-ratify' }>,
): void {
  const cluster = clusterRecord(x.docs, name);
  const finding = x.docs.get<Finding>(findingKey(name, id));
  const title = `finding/${id}`;
  if (cluster === undefined || finding === undefined)
    throw new ChainError('GOVERNANCE_CONFIG_INVALID', { type, reason: `cluster ${name} has no ${title}` });
  if (!isOpen(finding))
    throw new ChainError('GOVERNANCE_CONFIG_INVALID', { type, reason: `${title} is ${finding.state}` });
  const facts = factsOf(finding, cluster.observers, observersNeeded(x.validators.length, cluster));
  if (factsHash(x.chain.sha256, facts) !== replaces)
    throw new ChainError('GOVERNANCE_CONFIG_CONFLICT', { type, name: title });
  save(x, { ...finding, state: 'RATIFIED', closedMs: x.timeMs });
  // Of what one organisation alone says nothing follows.
  if (finding.state !== 'CONFIRMED') return;
  if (facts.kind === 'webhook') expectHook(x, name, facts.subject, facts.value as Hash | '');
  if (facts.kind === 'unattributed' && facts.throughVersion !== '') acceptThrough(x, name, facts.throughVersion);
}
