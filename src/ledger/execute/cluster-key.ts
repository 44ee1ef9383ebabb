import type { ClusterKeyPayload } from '../../types/transaction.ts';
import { ChainError } from '../../errors/chain-error.ts';
import { clusterRecord, validatorById } from './committee.ts';
import { done, type Execution, type Outcome } from './execution.ts';
import { clusterKeyIdKey } from './keys.ts';

/**
 * The id of a cluster's key, once: another one would make every approved digest worthless. Only the first organisation of the first hook
 * makes it: anybody else could name a key that nobody has, and the hooks would never serve.
 * Throws LEDGER_CLUSTER_UNKNOWN, LEDGER_NOT_THE_KEY_MAKER, LEDGER_CLUSTER_KEY_SET.
 */
export function executeClusterKey(x: Execution, { node, cluster: name, keyId }: ClusterKeyPayload): Outcome {
  const cluster = clusterRecord(x.docs, name);
  if (cluster === undefined) throw new ChainError('LEDGER_CLUSTER_UNKNOWN', { cluster: name });
  const { org } = validatorById(x.validators, node);
  if (cluster.hooks[0]?.orgs[0] !== org) throw new ChainError('LEDGER_NOT_THE_KEY_MAKER', { cluster: name, node });
  const key = clusterKeyIdKey(name);
  if (x.docs.get(key) !== undefined) throw new ChainError('LEDGER_CLUSTER_KEY_SET', { cluster: name });
  x.docs.put(key, { keyId });
  return done();
}
