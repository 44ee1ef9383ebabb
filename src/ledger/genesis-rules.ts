import type { Genesis, Organisation, Validator } from '../types/chain.ts';
import type { PublicKeyHex } from '../types/brand.ts';
import { ChainError } from '../errors/chain-error.ts';
import { VALIDATORS_MAX } from './limits.ts';
import { configPolicyOutOfRange, paramsOutOfRange, type OutOfRange } from './params-range.ts';
import { LABEL_PATTERN } from './schema/scalars.ts';

export type IsRegistrableKey = (publicKey: PublicKeyHex) => boolean;

/** host:port; the host is a name, an IPv4 address or an IPv6 address in brackets. */
const PEER_ADDRESS = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]):([1-9][0-9]{0,4})$/;
const API_URL = /^https:\/\/[^\s/?#@]+(?:\/[^\s?#]*)?$/;
const PORT_MAX = 65_535;

/**
 * The rules of a genesis, each with a code of its own and the path (RFC 6901) of what breaks it; the first one found is thrown.
 * One validator an organisation, equal powers: a person or a purpose never shares a key with another.
 */
export function validateGenesis(genesis: Genesis, isRegistrableKey: IsRegistrableKey): void {
  checkLabel('/chainName', genesis.chainName);
  checkOrganisations(genesis);
  checkValidators(genesis);
  checkKeys(genesis, isRegistrableKey);
  checkClusters(genesis);
  checkBindings(genesis);
  const policies = new FirstSeen();
  genesis.policies.forEach((policy, i) => {
    checkLabel(`/policies/${i}/name`, policy.name);
    policies.add(`/policies/${i}/name`, policy.name);
  });
  checkRange('/params', paramsOutOfRange(genesis.params));
  checkRange('/configPolicy', configPolicyOutOfRange(genesis.configPolicy));
}

function checkOrganisations({ orgs }: Genesis): void {
  const names = new FirstSeen();
  orgs.forEach((org, i) => {
    const path = `/orgs/${i}`;
    checkLabel(`${path}/name`, org.name);
    names.add(`${path}/name`, org.name);
    const members = new FirstSeen();
    org.members.forEach((member, k) => members.add(`${path}/members/${k}/name`, member.name));
    const voters = org.members.filter((member) => member.roles.includes('member')).length;
    if (org.votesRequired > voters) {
      throw new ChainError('LEDGER_GENESIS_VOTES_REQUIRED', {
        path: `${path}/votesRequired`,
        votesRequired: org.votesRequired,
        voters,
      });
    }
  });
}

function checkValidators({ validators, orgs }: Genesis): void {
  if (validators.length < 1 || validators.length > VALIDATORS_MAX) {
    throw new ChainError('LEDGER_GENESIS_VALIDATORS', {
      path: '/validators',
      count: validators.length,
      max: VALIDATORS_MAX,
    });
  }
  const known = new Set<string>(orgs.map((org) => org.name));
  const seen = new FirstSeen();
  validators.forEach((validator, i) => {
    const path = `/validators/${i}`;
    checkLabel(`${path}/id`, validator.id);
    checkKnownOrg(`${path}/org`, validator.org, known);
    if ((validator.id as string) !== validator.org) {
      throw new ChainError('LEDGER_GENESIS_VALIDATOR_ID', { path: `${path}/id`, id: validator.id, org: validator.org });
    }
    seen.add(`${path}/org`, validator.org);
    const problem = addressProblem(validator);
    if (problem !== undefined) throw badAddress(`${path}/${problem.field}`, problem.value);
  });
  orgs.forEach((org, i) => {
    if (!seen.has(org.name)) {
      throw new ChainError('LEDGER_GENESIS_ORG_WITHOUT_VALIDATOR', { path: `/orgs/${i}`, org: org.name });
    }
  });
}

/** The first address of a validator that nobody could reach. */
export function addressProblem({
  peerAddress,
  apiUrl,
}: Pick<Validator, 'peerAddress' | 'apiUrl'>): { readonly field: string; readonly value: string } | undefined {
  const port = PEER_ADDRESS.exec(peerAddress)?.[1];
  if (port === undefined || Number(port) > PORT_MAX) return { field: 'peerAddress', value: peerAddress };
  return apiUrl !== '' && !API_URL.test(apiUrl) ? { field: 'apiUrl', value: apiUrl } : undefined;
}

function checkKeys({ validators, orgs }: Genesis, isRegistrableKey: IsRegistrableKey): void {
  const first = new Map<PublicKeyHex, string>();
  const check = (path: string, key: PublicKeyHex): void => {
    if (!isRegistrableKey(key)) throw new ChainError('LEDGER_GENESIS_KEY_WEAK', { path });
    const before = first.get(key);
    if (before !== undefined) throw new ChainError('LEDGER_GENESIS_KEY_REUSED', { path, first: before });
    first.set(key, path);
  };
  validators.forEach((validator, i) => {
    for (const purpose of ['voteKey', 'txKey', 'tlsKey', 'checkpointKey'] as const) {
      check(`/validators/${i}/${purpose}`, validator[purpose]);
    }
  });
  orgs.forEach((org, i) => org.members.forEach((member, k) => check(`/orgs/${i}/members/${k}/key`, member.key)));
}

function checkClusters({ clusters, orgs }: Genesis): void {
  const known = new Set<string>(orgs.map((org) => org.name));
  const names = new FirstSeen();
  clusters.forEach((cluster, i) => {
    const path = `/clusters/${i}`;
    checkLabel(`${path}/name`, cluster.name);
    names.add(`${path}/name`, cluster.name);
    checkHooks(`${path}/hooks`, cluster.hooks, known);
    const observers = new FirstSeen();
    cluster.observers.forEach((org, k) => {
      checkKnownOrg(`${path}/observers/${k}`, org, known);
      observers.add(`${path}/observers/${k}`, org);
    });
  });
}

function checkHooks(path: string, hooks: Genesis['clusters'][number]['hooks'], known: ReadonlySet<string>): void {
  if (hooks.length === 0) throw new ChainError('LEDGER_GENESIS_HOOK_EMPTY', { path });
  const names = new FirstSeen();
  const groupOf = new Map<string, string>();
  hooks.forEach((hook, i) => {
    const hookPath = `${path}/${i}`;
    checkLabel(`${hookPath}/name`, hook.name);
    names.add(`${hookPath}/name`, hook.name);
    if (hook.orgs.length === 0) throw new ChainError('LEDGER_GENESIS_HOOK_EMPTY', { path: hookPath });
    hook.orgs.forEach((org, k) => {
      const orgPath = `${hookPath}/orgs/${k}`;
      checkKnownOrg(orgPath, org, known);
      const first = groupOf.get(org);
      if (first !== undefined) throw new ChainError('LEDGER_GENESIS_HOOK_OVERLAP', { path: orgPath, org, first });
      groupOf.set(org, orgPath);
    });
  });
}

function checkBindings({ bindings, clusters, orgs }: Genesis): void {
  const organisations = new Map<string, Organisation>(orgs.map((org) => [org.name, org]));
  const known = new Set(organisations.keys());
  const clusterNames = new Set<string>(clusters.map((cluster) => cluster.name));
  const seen = new FirstSeen();
  bindings.forEach((binding, i) => {
    const path = `/bindings/${i}`;
    if (!clusterNames.has(binding.cluster)) {
      throw new ChainError('LEDGER_GENESIS_UNKNOWN_CLUSTER', { path: `${path}/cluster`, cluster: binding.cluster });
    }
    checkKnownOrg(`${path}/org`, binding.org, known);
    const { org, member } = binding;
    if (member !== null && organisations.get(org)?.members.every((other) => other.name !== member) === true) {
      throw new ChainError('LEDGER_GENESIS_UNKNOWN_MEMBER', { path: `${path}/member`, org, member });
    }
    // A cluster's name is a label, so the pair has one reading.
    seen.add(path, `${binding.cluster}/${binding.user}`);
  });
}

/** Names that must be different, with the path where each was met first. */
class FirstSeen {
  readonly #paths = new Map<string, string>();

  add(path: string, value: string): void {
    const first = this.#paths.get(value);
    if (first !== undefined) throw new ChainError('LEDGER_GENESIS_DUPLICATE', { path, value, first });
    this.#paths.set(value, path);
  }

  has(value: string): boolean {
    return this.#paths.has(value);
  }
}

function checkLabel(path: string, name: string): void {
  if (!LABEL_PATTERN.test(name)) throw new ChainError('LEDGER_GENESIS_NAME', { path, name });
}

function checkKnownOrg(path: string, org: string, known: ReadonlySet<string>): void {
  if (!known.has(org)) throw new ChainError('LEDGER_GENESIS_UNKNOWN_ORG', { path, org });
}

function checkRange(path: string, found: OutOfRange | undefined): void {
  if (found === undefined) return;
  const { field, value, floor, cap } = found;
  throw new ChainError('LEDGER_GENESIS_PARAMETER', { path: `${path}/${field}`, value, floor, cap });
}

function badAddress(path: string, value: string): ChainError<'LEDGER_GENESIS_ADDRESS'> {
  return new ChainError('LEDGER_GENESIS_ADDRESS', { path, value });
}
