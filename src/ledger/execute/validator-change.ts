import type { Hash, OrgId } from '../../types/brand.ts';
import type { Binding, Joiner, Organisation, Validator } from '../../types/chain.ts';
import type { ConfigChange, ValidatorJoinPayload } from '../../types/transaction.ts';
import { utf8Encode } from '../../codec/index.ts';
import { ChainError } from '../../errors/chain-error.ts';
import { voters } from '../../governance/electors.ts';
import { keysOf, openDescriptor, type NodeDescriptor } from '../descriptor.ts';
import { MEMBERS_MAX, VALIDATORS_MAX } from '../limits.ts';
import { versionHash } from '../version-hash.ts';
import { clusterRecord, listOf, organisation } from './committee.ts';
import { done, type Execution, type Outcome } from './execution.ts';
import { bindingKey, bindingsKey, joinerKey, KEY, orgKey } from './keys.ts';
import { keysInUse } from './keys-in-use.ts';
import { closeProposal, liveProposalIds, proposalById } from './proposals.ts';
import { appHashAt, changeSet, newestSet } from './validator-sets.ts';

type Change<T extends ConfigChange['type']> = Extract<ConfigChange, { type: T }>;

/** The committee admits an organisation. Its node may connect and follow; it has no vote before it has shown that it is in sync. */
export function admitJoiner(x: Execution, { type, descriptor }: Change<'validator-join'>): void {
  const { org, validator, members, votesRequired } = open(x, descriptor);
  const name = org as string;
  if (organisation(x.docs, org) !== undefined || joiner(x, org) !== undefined)
    throw new ChainError('GOVERNANCE_CONFIG_CONFLICT', { type, name });
  const organisationOf: Organisation = { name: org, members, votesRequired };
  if (members.length > MEMBERS_MAX || new Set(members.map((member) => member.name)).size !== members.length)
    throw invalid(type, 'its members have no names of their own');
  if (voters(organisationOf).length < votesRequired)
    throw invalid(type, `${org} needs ${votesRequired} members who vote`);
  checkKeys(x, type, [...keysOf(validator), ...members.map(({ key }) => key)], new Set());
  const joiners = listOf(x.docs, KEY.joiners);
  if (newestSet(x.docs).validators.length + joiners.length >= VALIDATORS_MAX)
    throw invalid(type, `there are ${VALIDATORS_MAX} validators already`);
  const admitted: Joiner = { validator, organisation: organisationOf, sinceHeight: x.height };
  x.docs.put(joinerKey(org), admitted);
  x.docs.put(KEY.joiners, [...joiners, name].sort());
}

/** The joiner's node has executed what the others have: from the next height on it is one of them. Throws LEDGER_JOIN, GOVERNANCE_SET_*. */
export function executeValidatorJoin(x: Execution, { node, height, appHash }: ValidatorJoinPayload): Outcome {
  const admitted = joiner(x, node);
  if (admitted === undefined) throw new ChainError('LEDGER_JOIN', { node, reason: 'nobody has admitted it' });
  if (appHashAt(x.docs, height) !== appHash)
    throw new ChainError('LEDGER_JOIN', { node, reason: `its state of height ${height} is another, or too old` });
  changeSet(x, [...newestSet(x.docs).validators, admitted.validator], [admitted.validator.id]);
  forgetJoiner(x, node);
  x.docs.put(orgKey(node), admitted.organisation);
  x.docs.put(KEY.orgs, [...listOf(x.docs, KEY.orgs), node as string].sort());
  supersedeOpen(x);
  return done();
}

/** Other keys or another address at the same place and power. */
export function replaceValidator(x: Execution, { type, descriptor, replaces }: Change<'validator-replace'>): void {
  const { org, validator } = open(x, descriptor);
  const { validators } = newestSet(x.docs);
  const before = validators.find((other) => other.org === org);
  swap(x, type, org, before, replaces);
  if (before === undefined) return;
  checkKeys(x, type, keysOf(validator), new Set<string>(keysOf(before)));
  const changed = before.voteKey === validator.voteKey ? [] : [validator.id];
  changeSet(
    x,
    validators.map((other) => (other === before ? validator : other)),
    changed,
  );
}

/** An organisation leaves, with its members and votes; nothing may name it any more. */
export function removeValidator(x: Execution, { type, org, replaces }: Change<'validator-remove'>): void {
  const admitted = joiner(x, org);
  if (admitted !== undefined) {
    swap(x, type, org, admitted.validator, replaces);
    return forgetJoiner(x, org);
  }
  const { validators } = newestSet(x.docs);
  const before = validators.find((other) => other.org === org);
  swap(x, type, org, before, replaces);
  if (before === undefined) return;
  const named = namedBy(x, org);
  if (named !== undefined) throw invalid(type, `${named} names ${org}: change that before, or in the same proposal`);
  changeSet(
    x,
    validators.filter((other) => other !== before),
    [before.id],
  );
  x.docs.delete(orgKey(org));
  x.docs.put(
    KEY.orgs,
    listOf(x.docs, KEY.orgs).filter((name) => name !== org),
  );
  supersedeOpen(x);
}

/** What still needs the organisation. */
function namedBy(x: Execution, org: OrgId): string | undefined {
  for (const cluster of listOf(x.docs, KEY.clusters)) {
    const record = clusterRecord(x.docs, cluster);
    const inRecord = record?.observers.includes(org) === true || record?.hooks.some((hook) => hook.orgs.includes(org));
    if (inRecord === true) return `cluster ${cluster}`;
    const user = listOf(x.docs, bindingsKey(cluster)).find(
      (name) => x.docs.get<Binding>(bindingKey(x.chain.sha256, cluster, name))?.org === org,
    );
    if (user !== undefined) return `the binding of ${user}`;
  }
  return undefined;
}

/** Who may vote is fixed when a proposal opens: with another committee it opens again. */
function supersedeOpen(x: Execution): void {
  for (const id of liveProposalIds(x.docs)) {
    const proposal = proposalById(x, id);
    if (proposal.state === 'OPEN') closeProposal(x, proposal, 'SUPERSEDED', 'GOVERNANCE_COMMITTEE_CHANGED');
  }
}

function open(x: Execution, descriptor: string): NodeDescriptor {
  const { sha256, verifyEd25519, isRegistrableKey } = x.chain;
  return openDescriptor(utf8Encode(descriptor), { sha256, verifyEd25519, isRegistrableKey });
}

function checkKeys(x: Execution, type: string, keys: readonly string[], own: ReadonlySet<string>): void {
  const used = keysInUse(x);
  if (new Set(keys).size !== keys.length) throw invalid(type, 'it uses a key twice');
  const taken = keys.find((key) => used.has(key) && !own.has(key));
  if (taken !== undefined) throw invalid(type, `key ${taken} is in use already`);
  const weak = keys.find((key) => !x.chain.isRegistrableKey(key as never));
  if (weak !== undefined) throw invalid(type, `${weak} is not a registrable Ed25519 key`);
}

function joiner(x: Execution, org: string): Joiner | undefined {
  return x.docs.get<Joiner>(joinerKey(org));
}

function forgetJoiner(x: Execution, org: string): void {
  x.docs.delete(joinerKey(org));
  x.docs.put(
    KEY.joiners,
    listOf(x.docs, KEY.joiners).filter((name) => name !== org),
  );
}

function swap(x: Execution, type: string, name: string, present: Validator | undefined, replaces: Hash): void {
  const version = present === undefined ? undefined : versionHash(x.chain.sha256, present);
  if (version !== replaces) throw new ChainError('GOVERNANCE_CONFIG_CONFLICT', { type, name });
}

function invalid(type: string, reason: string): ChainError<'GOVERNANCE_CONFIG_INVALID'> {
  return new ChainError('GOVERNANCE_CONFIG_INVALID', { type, reason });
}
