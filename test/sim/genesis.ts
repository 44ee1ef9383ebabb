import { genesisBytes, loadGenesis, type LoadedGenesis } from '../../src/ledger/index.ts';
import type { ClusterId, OrgId, ValidatorId } from '../../src/types/brand.ts';
import type { Genesis, Member, Validator } from '../../src/types/chain.ts';
import type { SimKeys } from './keys.ts';

export const cluster = 'prod' as ClusterId;
/** Virtual time 0. */
export const epochMs = 1_800_000_000_000;

export const orgOf = (index: number): OrgId => `org-${String(index).padStart(2, '0')}` as OrgId;

/** Below it every validator is needed, and the ledger lets none go. */
export const setChangesFrom = 4;

export function memberOf(keys: SimKeys, org: OrgId): Member {
  return { name: 'ann', key: keys.signer(`ann of ${org}`).publicKey, roles: ['member', 'operator'] };
}

/** A validator with the key to vote with of that name; its other keys are always the same. */
export function validatorOf(keys: SimKeys, org: OrgId, voteKeyName = `${org} vote`): Validator {
  return {
    id: org as string as ValidatorId,
    org,
    voteKey: keys.signer(voteKeyName).publicKey,
    txKey: keys.signer(`${org} tx`).publicKey,
    tlsKey: keys.signer(`${org} tls`).publicKey,
    checkpointKey: keys.signer(`${org} checkpoint`).publicKey,
    peerAddress: `${org}.sim:26600`,
    apiUrl: '',
  };
}

/**
 * One organisation a validator, each with one voting member `ann`. Two hooks where there are enough to answer them. No cluster names the last
 * organisation, where there are four or more: it may leave.
 */
export function simGenesis(keys: SimKeys, validators: number): LoadedGenesis {
  const orgs = Array.from({ length: validators }, (_, index) => orgOf(index));
  const named = validators < setChangesFrom ? orgs : orgs.slice(0, -1);
  const [first = orgOf(0), ...others] = named;
  const genesis: Genesis = {
    v: 1,
    chainName: 'sim',
    createdMs: epochMs,
    appVersion: 1,
    validators: orgs.map((org) => validatorOf(keys, org)),
    orgs: orgs.map((org) => ({ name: org, members: [memberOf(keys, org)], votesRequired: 1 })),
    clusters: [
      {
        name: cluster,
        uid: '',
        hooks: others.length === 0 ? [hook(1, named)] : [hook(1, [first]), hook(2, others)],
        observers: named,
      },
    ],
    bindings: [{ cluster, user: 'ann@sim', org: first, member: 'ann' }],
    policies: [],
    configPolicy: { rule: 'majority', delayMs: 0, votingMs: 3_600_000 },
    params: {
      timeoutProposeMs: 500,
      timeoutProposeDeltaMs: 250,
      timeoutVoteMs: 250,
      timeoutVoteDeltaMs: 100,
      timeoutMaxMs: 30_000,
      blockBytesMax: 1_048_576,
      blockTxsMax: 1_000,
      precisionMs: 500,
      messageDelayMs: 1_000,
      bodyRetentionMs: 400 * 86_400_000,
      proposalRetentionMs: 30 * 86_400_000,
    },
  };
  return loadGenesis(genesisBytes(genesis), keys.backend);
}

function hook(number: number, orgs: readonly OrgId[]): Genesis['clusters'][number]['hooks'][number] {
  return { name: `hook-${number}`, orgs };
}
