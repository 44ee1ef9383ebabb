import type { ChainReader } from '../../src/client/reader.ts';
import { nativeBackend } from '../../src/crypto/index.ts';
import { ChainError } from '../../src/errors/chain-error.ts';
import { isOrgExcluded } from '../../src/governance/author.ts';
import { unusedCount } from '../../src/governance/transitions.ts';
import { digestsOf } from '../../src/ledger/details.ts';
import { changeUseKey, KEY, orgKey, proposalKey } from '../../src/ledger/execute/keys.ts';
import { termsHashOf } from '../../src/ledger/terms.ts';
import type { Hash } from '../../src/types/brand.ts';
import type { Organisation } from '../../src/types/chain.ts';
import type { ChangeUse, Proposal, ProposalDetails } from '../../src/types/proposal.ts';
import { documentOf } from './document.ts';

export const terminalStates: ReadonlySet<string> = new Set([
  'REJECTED',
  'WITHDRAWN',
  'EXPIRED',
  'SUPERSEDED',
  'UNAVAILABLE',
  'EXECUTED',
  'FAILED',
]);

/** A proposal with the organisations that vote on it. */
export interface Opened {
  readonly proposal: Proposal;
  readonly orgs: ReadonlyMap<string, Organisation>;
  /** Its body; undefined if it was not asked for, or nobody has it. */
  readonly details: ProposalDetails | undefined;
  /** By index; undefined where a change is in no use, or was not asked for. */
  readonly uses: readonly (ChangeUse | undefined)[];
  /** When it was last in the state, if it left it. */
  readonly lastInState: { readonly height: number; readonly timeMs: number } | null;
}

/** In full. Throws CLI_NOT_FOUND if it was proven that there is none. */
export async function openProposal(reader: ChainReader, id: number): Promise<Opened> {
  const [opened] = await openProposals(reader, [id], true);
  if (opened === undefined) throw new ChainError('CLI_NOT_FOUND', { what: `proposal/${id}` });
  return opened;
}

/** What a list shows needs neither bodies nor what became of each change; `inFull` asks for these too. */
export async function openProposals(
  reader: ChainReader,
  ids: readonly number[],
  inFull: boolean,
): Promise<readonly Opened[]> {
  if (ids.length === 0) return [];
  const { values } = await reader.state([...ids.map(proposalKey), KEY.meta]);
  const last = documentOf<{ proposals: number }>(values, KEY.meta)?.proposals ?? 0;
  const gone = ids.filter((id) => id > 0 && id <= last && values.get(proposalKey(id)) === undefined);
  const archived = new Map((gone.length === 0 ? [] : await reader.archived(gone)).map((past) => [past.proposal, past]));
  const found = ids.flatMap((id) => {
    const past = archived.get(id);
    const proposal = documentOf<Proposal>(past?.values ?? values, proposalKey(id));
    return proposal === undefined ? [] : [{ proposal, lastInState: past ?? null }];
  });
  const orgs = await organisationsOf(reader, [...new Set(found.flatMap(({ proposal }) => proposal.electors))]);
  return Promise.all(
    found.map(async ({ proposal, lastInState }) => ({
      proposal,
      orgs,
      lastInState,
      details: inFull && proposal.details !== '' ? await reader.details(proposal.details) : undefined,
      uses: inFull && lastInState === null ? await usesOf(reader, proposal) : [],
    })),
  );
}

async function organisationsOf(
  reader: ChainReader,
  names: readonly string[],
): Promise<ReadonlyMap<string, Organisation>> {
  if (names.length === 0) return new Map();
  const { values } = await reader.state(names.map(orgKey));
  return new Map(
    names.flatMap((name) => {
      const org = documentOf<Organisation>(values, orgKey(name));
      return org === undefined ? [] : [[name, org] as const];
    }),
  );
}

async function usesOf(reader: ChainReader, proposal: Proposal): Promise<Opened['uses']> {
  if (unusedCount(proposal) === proposal.changeCount) return [];
  const keys = Array.from({ length: proposal.changeCount }, (_, index) => changeUseKey(proposal.id, index));
  const { values } = await reader.state(keys);
  return keys.map((key) => documentOf<ChangeUse>(values, key));
}

/** Id of the newest proposal and those about which something can still change. */
export async function proposalIds(
  reader: ChainReader,
): Promise<{ readonly last: number; readonly live: readonly number[] }> {
  const { values } = await reader.state([KEY.meta, KEY.liveProposals]);
  return {
    last: documentOf<{ proposals: number }>(values, KEY.meta)?.proposals ?? 0,
    live: documentOf<number[]>(values, KEY.liveProposals) ?? [],
  };
}

/**
 * What a ballot signs, computed from what was read and from the digests of the body that is shown. Throws CLI_TERMS if the chain has another hash for it:
 * then what it approves is not what the body says.
 */
export function checkedTerms(chain: Hash, proposal: Proposal, details: ProposalDetails | undefined): Hash {
  const digests = details === undefined ? [] : digestsOf(details, nativeBackend.sha256);
  const hash = termsHashOf(nativeBackend.sha256, chain, proposal, digests);
  if (hash !== proposal.termsHash) throw new ChainError('CLI_TERMS', { proposal: proposal.id });
  return hash;
}

/** True if this member's organisation may vote and the member has not. */
export function awaits(proposal: Proposal, who: { readonly org: string; readonly member: string }): boolean {
  const org = proposal.electors.find((elector) => elector === who.org);
  if (proposal.state !== 'OPEN' || org === undefined) return false;
  const isExcluded = proposal.requirements.every((requirement) => isOrgExcluded(proposal, requirement, org));
  return !isExcluded && !proposal.votes.some((vote) => vote.org === who.org && vote.member === who.member);
}
