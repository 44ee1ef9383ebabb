import { configTitle } from './config-title.ts';
import { ageOf, humanDuration } from './output/age.ts';
import type { View } from './output/print.ts';
import type { ProposalJson } from './proposal-json.ts';

function changesCell({ title, changeCount, config }: ProposalJson): string {
  const count = changeCount + config.length;
  const [first] = config;
  const shown = first === undefined ? title : configTitle(first);
  return count > 1 ? `${shown} (+${count - 1})` : shown;
}

function missingCell({ state, missing }: ProposalJson): string {
  if (state !== 'OPEN') return '';
  const parts = [
    ...(missing.claim ? ['author'] : []),
    ...(missing.body ? ['body'] : []),
    ...(missing.approvals > 0 ? [`${missing.approvals} of ${missing.notVoted.join(',') || 'nobody'}`] : []),
    ...(missing.requiredOrgs.length > 0 ? [`required ${missing.requiredOrgs.join(',')}`] : []),
  ];
  return parts.join('; ');
}

/** What ends next: the vote, or the time in which the approval may be used. */
function deadlineCell({ state, execution, deadlineVoting, deadlineExecution }: ProposalJson, nowMs: number): string {
  const isUsable = state === 'APPROVED' && execution.includes('READY');
  const deadline = state === 'OPEN' ? deadlineVoting : isUsable ? deadlineExecution : null;
  if (deadline === null) return '';
  const left = Date.parse(deadline) - nowMs;
  return left < 0 ? 'over' : humanDuration(left);
}

/** A proposal as a line of a table. */
export const proposalView: View<ProposalJson> = {
  kind: 'Proposal',
  name: ({ id }) => `proposal/${id}`,
  columns: [
    { header: 'ID', cell: ({ id }) => String(id) },
    { header: 'STATE', cell: ({ state }) => state },
    { header: 'EXECUTION', cell: (proposal) => (proposal.state === 'APPROVED' ? proposal.execution : '') },
    { header: 'AGE', cell: ({ opened }, nowMs) => ageOf(opened, nowMs) },
    { header: 'AUTHOR', cell: ({ author }) => author },
    { header: 'CHANGE', cell: changesCell },
    { header: 'POLICY', cell: ({ policy }) => policy },
    { header: 'VOTES', cell: ({ votes }) => votes.map(({ org, choice }) => `${org}:${choice}`).join(',') },
    { header: 'MISSING', cell: missingCell },
    { header: 'DEADLINE', cell: deadlineCell },
    { header: 'CLAIMED-BY', cell: ({ claimedBy }) => claimedBy.join(','), isWide: true },
    { header: 'END-CODE', cell: ({ endCode }) => endCode, isWide: true },
    { header: 'CLUSTER', cell: ({ cluster }) => cluster, isWide: true },
    { header: 'DIGEST', cell: ({ digest }) => digest.slice(0, 16), isWide: true },
  ],
};
