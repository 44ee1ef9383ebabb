import type { OrgId, ValidatorId } from '../../types/brand.ts';
import type { Binding, ClusterRecord, ConfigPolicy, Member, Organisation, Validator } from '../../types/chain.ts';
import type { ChangeAttributes } from '../../types/change.ts';
import { ChainError } from '../../errors/chain-error.ts';
import { matchedPolicies } from '../../governance/match.ts';
import type { Policy } from '../../governance/policy.ts';
import type { Documents } from './documents.ts';
import type { Chain, Execution } from './execution.ts';
import { bindingKey, clusterKey, KEY, orgKey, policyKey } from './keys.ts';

type Read = Pick<Documents, 'get'>;

/** As stored under `policy/<name>`. */
export interface PolicyDocument extends Policy {
  readonly sinceHeight: number;
}

export interface Meta {
  readonly height: number;
  readonly timeMs: number;
  /** Id of the last proposal. */
  readonly proposals: number;
  readonly appVersion: number;
}

/** `list/...` documents. */
export function listOf(docs: Read, key: string): readonly string[] {
  return docs.get<readonly string[]>(key) ?? [];
}

export function metaOf(docs: Read): Meta {
  return docs.get<Meta>(KEY.meta) as Meta;
}

export function organisations(docs: Read): readonly Organisation[] {
  return listOf(docs, KEY.orgs).map((name) => docs.get<Organisation>(orgKey(name)) as Organisation);
}

export function organisation(docs: Read, name: OrgId): Organisation | undefined {
  return docs.get<Organisation>(orgKey(name));
}

export function clusterRecord(docs: Read, name: string): ClusterRecord | undefined {
  return docs.get<ClusterRecord>(clusterKey(name));
}

export function configPolicy(docs: Read): ConfigPolicy {
  return docs.get<ConfigPolicy>(KEY.configPolicy) as ConfigPolicy;
}

/** Who answers for a Kubernetes user; undefined if nobody does. */
export function bindingFor(docs: Read, chain: Chain, cluster: string, user: string): Binding | undefined {
  return docs.get<Binding>(bindingKey(chain.sha256, cluster, user));
}

export function readPolicies(docs: Read): readonly Policy[] {
  return listOf(docs, KEY.policies).map((name) => docs.get<PolicyDocument>(policyKey(name)) as PolicyDocument);
}

export function matchedNow(x: Execution, change: ChangeAttributes): readonly Policy[] {
  x.policies ??= readPolicies(x.docs);
  return matchedPolicies(x.policies, change);
}

export function validatorById(validators: readonly Validator[], id: ValidatorId): Validator {
  const found = validators.find((validator) => validator.id === id);
  if (found === undefined) throw new ChainError('LEDGER_SIGNER_UNKNOWN', { signer: id });
  return found;
}

export function memberOf(docs: Read, org: OrgId, name: string): Member {
  const found = organisation(docs, org)?.members.find((member) => member.name === name);
  if (found === undefined) throw new ChainError('LEDGER_SIGNER_UNKNOWN', { signer: `${org}/${name}` });
  return found;
}

/** Throws GOVERNANCE_ROLE unless the person may propose, claim and vote. */
export function checkVoter(docs: Read, org: OrgId, name: string): void {
  if (!memberOf(docs, org, name).roles.includes('member'))
    throw new ChainError('GOVERNANCE_ROLE', { org, member: name, role: 'member' });
}
