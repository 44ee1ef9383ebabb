import { printable } from './output/printable.ts';
import { humanDuration } from './output/age.ts';
import { configLines } from './config-lines.ts';
import { changeTitle } from '../../src/codec/change-title.ts';
import { configTitle } from './config-title.ts';
import type { ProposalJson } from './proposal-json.ts';
import { paintDiff, type Terminal } from './terminal.ts';

export function authorLine(actor: string, org: string): string {
  return org === '' ? `${actor} (no organisation answers for this user)` : `${actor} (${org})`;
}

/** Everything about a proposal that its voter should know: who asked, what it does, what it needs, when it lapses, and the diff. */
export function proposalReview(
  terminal: Terminal,
  proposal: ProposalJson,
  diffs: readonly (readonly string[])[],
): string {
  const { missing } = proposal;
  const now = terminal.nowMs();
  const until = (deadline: string | null): string =>
    deadline === null ? '' : `${deadline} (${left(Date.parse(deadline) - now)})`;
  const fields: readonly (readonly [string, string])[] = [
    [
      'Proposal',
      `proposal/${proposal.id}, instance ${proposal.instance}, ${proposal.state}${proposal.endCode === '' ? '' : ` ${proposal.endCode}`}`,
    ],
    ['Asked by', authorLine(proposal.author, proposal.authorOrg)],
    ['Claimed by', proposal.claimedBy.join(', ')],
    ['Reason', proposal.reason],
    ['Cluster', proposal.cluster],
    ['Opened', `${proposal.opened} at record ${proposal.record}`],
    [
      'Voting until',
      missing.body ? 'starts when enough organisations hold the content' : until(proposal.deadlineVoting),
    ],
    ['To be used until', until(proposal.deadlineExecution)],
    ['Binding', proposal.binding],
    ...proposal.requirements.map((requirement) => ['Policy', requirementText(requirement)] as const),
    ...proposal.votes.map(
      ({ org, member, choice, reason }) =>
        ['Vote', `${org}/${member}: ${choice}${reason === '' ? '' : ` (${reason})`}`] as const,
    ),
    ['Not voted', proposal.state === 'OPEN' ? missing.notVoted.join(', ') : ''],
    [
      'Last in the state',
      proposal.lastInState === null
        ? ''
        : `${proposal.lastInState.time}, height ${proposal.lastInState.height}: it has ended, and is shown as it stood there`,
    ],
    ['Note', missing.claim ? 'unclaimed: it cannot be approved before somebody answers for the author' : ''],
  ];
  const head = fields
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${`${name}:`.padEnd(18)}${printable(value)}\n`)
    .join('');
  const changes = proposal.changes.map((change, i) => {
    const title = `\n${printable(changeTitle(change))}${change.user === '' ? '' : ` as ${printable(change.user)}`} [${change.state}] digest ${change.digest}\n`;
    return title + paintDiff(terminal, diffs[i] ?? []);
  });
  const unnamed =
    proposal.changes.length === 0 && proposal.changeCount > 0
      ? [`\n${printable(proposal.title)}${proposal.changeCount > 1 ? ` and ${proposal.changeCount - 1} more` : ''}\n`]
      : [];
  const config = proposal.config.map(
    (change) => `\n${printable(configTitle(change))}\n${paintDiff(terminal, configLines(change))}`,
  );
  return [head, ...changes, ...unnamed, ...config].join('');
}

/** Beyond so many changes a review tells how much each changes; all bodies were verified all the same. */
const SHOWN_IN_FULL_MAX = 20;

/** The diffs as a voter reads them: in full, or for a long proposal one line each, unless `isFull`. */
export function shownDiffs(
  diffs: readonly (readonly string[])[],
  isFull: boolean,
): { readonly diffs: readonly (readonly string[])[]; readonly note: string } {
  if (isFull || diffs.length <= SHOWN_IN_FULL_MAX) return { diffs, note: '' };
  const counted = (diff: readonly string[], sign: string): number =>
    diff.filter((line) => line.startsWith(`${sign} `)).length;
  return {
    diffs: diffs.map((diff) => [`(${counted(diff, '+')} lines in, ${counted(diff, '-')} lines out)`]),
    note: `All ${diffs.length} contents were read and verified; --full shows each.\n`,
  };
}

function requirementText({
  policy,
  approvals,
  requiredOrgs,
  veto,
  excludeAuthor,
  approvedBy,
  met,
}: ProposalJson['requirements'][number]): string {
  const parts = [
    `${policy}: ${approvals} approvals`,
    ...(requiredOrgs.length > 0 ? [`required ${requiredOrgs.join(', ')}`] : []),
    ...(veto.length > 0 ? [`veto ${veto.join(', ')}`] : []),
    ...(excludeAuthor === 'none'
      ? []
      : [`without the author's ${excludeAuthor === 'org' ? 'organisation' : 'own ballot'}`]),
    `approved by ${approvedBy.join(', ') || 'nobody'}${met ? ', met' : ''}`,
  ];
  return parts.join('; ');
}

function left(ms: number): string {
  return ms < 0 ? 'over' : `in ${humanDuration(ms)}`;
}
