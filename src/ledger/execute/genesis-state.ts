import type { Genesis } from '../../types/chain.ts';
import { ChainError } from '../../errors/chain-error.ts';
import { checkFeasible } from '../../governance/feasibility.ts';
import { POLICIES_MAX } from '../../governance/policy.ts';
import { checkPolicyName, parsePolicySpec } from '../../governance/policy-parse.ts';
import { policyDigest } from '../version-hash.ts';
import type { Meta, PolicyDocument } from './committee.ts';
import type { Documents } from './documents.ts';
import type { Chain } from './execution.ts';
import { writeFirstSet } from './validator-sets.ts';
import { bindingKey, bindingsKey, clusterKey, KEY, orgKey, policyKey } from './keys.ts';

/** The state before the first block. Throws what a policy of the genesis is refused for. */
export function writeGenesisState(docs: Documents, chain: Chain, genesis: Genesis): void {
  docs.put(KEY.meta, {
    height: 0,
    timeMs: genesis.createdMs,
    proposals: 0,
    appVersion: genesis.appVersion,
  } satisfies Meta);
  docs.put(KEY.params, genesis.params);
  docs.put(KEY.configPolicy, genesis.configPolicy);
  writeFirstSet(docs, genesis.validators);
  docs.put(KEY.orgs, genesis.orgs.map((org) => org.name as string).sort());
  docs.put(KEY.clusters, genesis.clusters.map((cluster) => cluster.name as string).sort());
  docs.put(KEY.policies, genesis.policies.map((policy) => policy.name).sort());
  docs.put(KEY.liveProposals, []);
  for (const org of genesis.orgs) docs.put(orgKey(org.name), org);
  for (const cluster of genesis.clusters) {
    docs.put(clusterKey(cluster.name), cluster);
    const users = genesis.bindings.filter((binding) => binding.cluster === cluster.name).map((binding) => binding.user);
    docs.put(bindingsKey(cluster.name), users.sort());
  }
  for (const binding of genesis.bindings) docs.put(bindingKey(chain.sha256, binding.cluster, binding.user), binding);
  if (genesis.policies.length > POLICIES_MAX)
    throw new ChainError('GOVERNANCE_TOO_MANY_POLICIES', { max: POLICIES_MAX });
  for (const { name, spec: raw } of genesis.policies) {
    checkPolicyName(name);
    const spec = parsePolicySpec(raw);
    checkFeasible(name, spec, genesis.orgs);
    const digest = policyDigest(chain.sha256, name, spec);
    docs.put(policyKey(name), { name, spec, digest, sinceHeight: 0 } satisfies PolicyDocument);
  }
}
