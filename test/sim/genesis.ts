import { genesisBytes, loadGenesis, type LoadedGenesis } from '../../src/ledger/index.ts';
import type { ClusterId, OrgId, ValidatorId } from '../../src/types/brand.ts';
import type { Genesis } from '../../src/types/chain.ts';
import type { SimKeys } from './keys.ts';

export const cluster = 'prod' as ClusterId;
/** Virtual time 0. */
export const epochMs = 1_800_000_000_000;

export const orgOf = (index: number): OrgId => `org-${String(index).padStart(2, '0')}` as OrgId;

/** One organisation a validator, each with one voting member `ann`. Two hooks where there are enough to answer them. */
export function simGenesis(keys: SimKeys, validators: number): LoadedGenesis {
  const orgs = Array.from({ length: validators }, (_, index) => orgOf(index));
  const [first = orgOf(0), ...others] = orgs;
  const genesis: Genesis = {
    v: 1,
    chainName: 'sim',
    createdMs: epochMs,
    appVersion: 1,
    validators: orgs.map((org) => ({
      id: org as string as ValidatorId,
      org,
      voteKey: keys.signer(`${org} vote`).publicKey,
      txKey: keys.signer(`${org} tx`).publicKey,
      tlsKey: keys.signer(`${org} tls`).publicKey,
      checkpointKey: keys.signer(`${org} checkpoint`).publicKey,
      peerAddress: `${org}.sim:26600`,
      apiUrl: '',
    })),
    orgs: orgs.map((org) => ({
      name: org,
      members: [{ name: 'ann', key: keys.signer(`ann of ${org}`).publicKey, roles: ['member', 'operator'] }],
      votesRequired: 1,
    })),
    clusters: [
      {
        name: cluster,
        uid: '',
        hooks: others.length === 0 ? [hook(1, orgs)] : [hook(1, [first]), hook(2, others)],
        observers: orgs,
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
