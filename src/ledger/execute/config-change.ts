import type { Hash, OrgId } from '../../types/brand.ts';
import type { Binding, ClusterRecord, Member, Organisation } from '../../types/chain.ts';
import type { ConfigChange } from '../../types/transaction.ts';
import { ChainError } from '../../errors/chain-error.ts';
import { voters } from '../../governance/electors.ts';
import { POLICIES_MAX } from '../../governance/policy.ts';
import { checkPolicyName, parsePolicySpec } from '../../governance/policy-parse.ts';
import { BINDINGS_MAX, CLUSTERS_MAX, MEMBERS_MAX } from '../limits.ts';
import { configPolicyOutOfRange, paramsOutOfRange, type OutOfRange } from '../params-range.ts';
import { policyDigest, versionHash } from '../version-hash.ts';
import { clusterRecord, listOf, organisation, type PolicyDocument } from './committee.ts';
import type { Execution } from './execution.ts';
import { announceHook } from './guard.ts';
import { bindingKey, bindingsKey, clusterKey, KEY, orgKey, policyKey, tombstoneKey } from './keys.ts';
import { keysInUse } from './keys-in-use.ts';
import { ratifyFinding } from './ratify.ts';
import { admitJoiner, removeValidator, replaceValidator } from './validator-change.ts';

/** A node that was away while more bodies were erased deletes the older ones when it is asked for them, or when they expire. */
const ERASED_LISTED_MAX = 1_000;

/** One change of the chain's configuration, with its compare-and-swap. Throws GOVERNANCE_CONFIG_CONFLICT, _CONFIG_INVALID, _PARAMS or what a policy is refused for. */
export function applyConfigChange(x: Execution, change: ConfigChange): void {
  switch (change.type) {
    case 'policy-put':
      return putPolicy(x, change.name, change.spec, change.replaces);
    case 'policy-delete':
      swap(change.type, change.name, x.docs.get<PolicyDocument>(policyKey(change.name))?.digest, change.replaces);
      x.docs.delete(policyKey(change.name));
      return removeFromList(x, KEY.policies, change.name);
    case 'cluster-put':
      return putCluster(x, change.cluster, change.replaces);
    case 'binding-put':
      return putBinding(x, change.binding, change.replaces);
    case 'binding-delete': {
      const key = bindingKey(x.chain.sha256, change.cluster, change.user);
      swap(change.type, change.user, versionAt(x, x.docs.get<Binding>(key)), change.replaces);
      x.docs.delete(key);
      return removeFromList(x, bindingsKey(change.cluster), change.user);
    }
    case 'member-put':
      return putMember(x, change.org, change.member, change.replaces);
    case 'member-delete':
      return deleteMember(x, change.org, change.name, change.replaces);
    case 'params-put':
      swap(change.type, 'params', versionAt(x, x.docs.get(KEY.params)), change.replaces);
      checkRange(paramsOutOfRange(change.params));
      return x.docs.put(KEY.params, change.params);
    case 'config-policy-put':
      swap(change.type, 'config-policy', versionAt(x, x.docs.get(KEY.configPolicy)), change.replaces);
      checkRange(configPolicyOutOfRange(change.configPolicy));
      return x.docs.put(KEY.configPolicy, change.configPolicy);
    case 'validator-join':
      return admitJoiner(x, change);
    case 'validator-replace':
      return replaceValidator(x, change);
    case 'validator-remove':
      return removeValidator(x, change);
    case 'guard-put':
      return announceHook(x, change);
    case 'tombstone':
      return eraseBody(x, change.body);
    case 'finding-ratify':
      return ratifyFinding(x, change);
  }
}

function putPolicy(x: Execution, name: string, rawSpec: unknown, replaces: Hash | null): void {
  checkPolicyName(name);
  swap('policy-put', name, x.docs.get<PolicyDocument>(policyKey(name))?.digest, replaces);
  const spec = parsePolicySpec(rawSpec);
  addToList(x, KEY.policies, name);
  if (listOf(x.docs, KEY.policies).length > POLICIES_MAX)
    throw new ChainError('GOVERNANCE_TOO_MANY_POLICIES', { max: POLICIES_MAX });
  const digest = policyDigest(x.chain.sha256, name, spec);
  x.docs.put(policyKey(name), { name, spec, digest, sinceHeight: x.height } satisfies PolicyDocument);
}

function putCluster(x: Execution, cluster: ClusterRecord, replaces: Hash | null): void {
  swap('cluster-put', cluster.name, versionAt(x, clusterRecord(x.docs, cluster.name)), replaces);
  const refuse = (reason: string): ChainError => invalid('cluster-put', reason);
  const inHooks = cluster.hooks.flatMap((hook) => hook.orgs);
  if (cluster.hooks.length === 0 || cluster.hooks.some((hook) => hook.orgs.length === 0))
    throw refuse('each hook needs an organisation');
  if (new Set(cluster.hooks.map((hook) => hook.name)).size !== cluster.hooks.length)
    throw refuse('two hooks have one name');
  if (new Set(inHooks).size !== inHooks.length) throw refuse('an organisation answers two hooks');
  if (new Set(cluster.observers).size !== cluster.observers.length) throw refuse('an observer is named twice');
  const stranger = [...inHooks, ...cluster.observers].find((org) => organisation(x.docs, org) === undefined);
  if (stranger !== undefined) throw refuse(`there is no organisation ${stranger}`);
  addToList(x, KEY.clusters, cluster.name);
  if (listOf(x.docs, KEY.clusters).length > CLUSTERS_MAX) throw refuse(`there are ${CLUSTERS_MAX} clusters already`);
  x.docs.put(clusterKey(cluster.name), cluster);
}

function putBinding(x: Execution, binding: Binding, replaces: Hash | null): void {
  const { cluster, user, org, member } = binding;
  const key = bindingKey(x.chain.sha256, cluster, user);
  swap('binding-put', user, versionAt(x, x.docs.get<Binding>(key)), replaces);
  if (clusterRecord(x.docs, cluster) === undefined) throw invalid('binding-put', `there is no cluster ${cluster}`);
  const owner = organisation(x.docs, org);
  if (owner === undefined) throw invalid('binding-put', `there is no organisation ${org}`);
  if (member !== null && !owner.members.some((other) => other.name === member))
    throw invalid('binding-put', `${org} has no member ${member}`);
  addToList(x, bindingsKey(cluster), user);
  if (listOf(x.docs, bindingsKey(cluster)).length > BINDINGS_MAX)
    throw invalid('binding-put', `there are ${BINDINGS_MAX} bindings already`);
  x.docs.put(key, binding);
}

function putMember(x: Execution, org: OrgId, member: Member, replaces: Hash | null): void {
  const owner = ownerOf(x, 'member-put', org);
  const before = owner.members.find((other) => other.name === member.name);
  swap('member-put', `${org}/${member.name}`, versionAt(x, before), replaces);
  if (!x.chain.isRegistrableKey(member.key)) throw invalid('member-put', 'the key is not a registrable Ed25519 key');
  if (keysInUse(x, before).has(member.key)) throw invalid('member-put', 'the key is in use already');
  const members = [...owner.members.filter((other) => other !== before), member].sort((a, b) =>
    a.name < b.name ? -1 : 1,
  );
  if (members.length > MEMBERS_MAX) throw invalid('member-put', `${org} has ${MEMBERS_MAX} members already`);
  putOrganisation(x, { ...owner, members });
}

function deleteMember(x: Execution, org: OrgId, name: string, replaces: Hash): void {
  const owner = ownerOf(x, 'member-delete', org);
  const before = owner.members.find((other) => other.name === name);
  swap('member-delete', `${org}/${name}`, versionAt(x, before), replaces);
  putOrganisation(x, { ...owner, members: owner.members.filter((other) => other !== before) });
}

/** What was erased stays erased; nodes that hear of it late find it in the list. Who erases twice is told so. */
function eraseBody(x: Execution, body: Hash): void {
  const key = tombstoneKey(body);
  if (x.docs.get(key) !== undefined) throw invalid('tombstone', 'the body is erased already');
  x.docs.put(key, { height: x.height });
  const latest = x.docs.get<readonly Hash[]>(KEY.erased) ?? [];
  x.docs.put(KEY.erased, [...latest, body].slice(-ERASED_LISTED_MAX));
}

/** An organisation that could no longer vote by its own rule would be lost without anybody having said so. */
function putOrganisation(x: Execution, org: Organisation): void {
  if (voters(org).length < org.votesRequired) {
    throw invalid('member', `${org.name} needs ${org.votesRequired} members who vote`);
  }
  x.docs.put(orgKey(org.name), org);
}

function ownerOf(x: Execution, type: string, org: OrgId): Organisation {
  const owner = organisation(x.docs, org);
  if (owner === undefined) throw invalid(type, `there is no organisation ${org}`);
  return owner;
}

function versionAt(x: Execution, thing: Parameters<typeof versionHash>[1] | undefined): Hash | undefined {
  return thing === undefined ? undefined : versionHash(x.chain.sha256, thing);
}

/** Compare-and-swap: the version voted on must be the one in force; null says that there must be none. */
function swap(type: string, name: string, present: Hash | undefined, replaces: Hash | null): void {
  if ((present ?? null) !== replaces) throw new ChainError('GOVERNANCE_CONFIG_CONFLICT', { type, name });
}

function addToList(x: Execution, key: string, name: string): void {
  const list = listOf(x.docs, key);
  if (!list.includes(name)) x.docs.put(key, [...list, name].sort());
}

function removeFromList(x: Execution, key: string, name: string): void {
  x.docs.put(
    key,
    listOf(x.docs, key).filter((other) => other !== name),
  );
}

function checkRange(found: OutOfRange | undefined): void {
  if (found === undefined) return;
  throw new ChainError('GOVERNANCE_PARAMS', {
    name: found.field,
    value: found.value,
    min: found.floor,
    max: found.cap,
  });
}

function invalid(type: string, reason: string): ChainError<'GOVERNANCE_CONFIG_INVALID'> {
  return new ChainError('GOVERNANCE_CONFIG_INVALID', { type, reason });
}
