import { diffOrReason } from '../bodies.ts';
import { identityIfAny } from '../identity.ts';
import type { KeyOptions, ListOptions } from '../options.ts';
import { printable } from '../output/printable.ts';
import { isTable, printOne } from '../output/print.ts';
import { authorLine, proposalReview } from '../review.ts';
import { describeProposal, openProposal, proposalView, type ProposalJson } from '../proposal.ts';
import { describeRecords, recordView, resourceCell, type RecordJson } from '../record.ts';
import { describeFinding, findingById, findingNumber, findingText, findingView } from '../findings.ts';
import { clusterOf, reading, type Session } from '../session.ts';
import { paintDiff, type Terminal } from '../terminal.ts';
import type { Attested } from '../../../src/change/index.ts';
import { ChainError } from '../../../src/errors/chain-error.ts';
import { oneRecord, proposalNumber } from './audit.ts';

export type ShowOptions = ListOptions & KeyOptions;

/** A record or a proposal in full, with its diff where a member's key lets it be read. */
export async function show(terminal: Terminal, word: string, options: ShowOptions): Promise<void> {
  const index = /^(?:records?\/)?(\d{1,15})$/.exec(word)?.[1];
  if (/^findings?\//.test(word))
    return reading(terminal, options, (session) => showFinding(session, findingNumber(word), options));
  const isProposal = /^proposals?\//.test(word);
  if (index === undefined && !isProposal)
    throw new ChainError('CLI_USAGE', { problem: `"${word}": write a record's INDEX, proposal/ID or finding/ID` });
  await reading(terminal, options, (session) =>
    isProposal
      ? showProposal(session, Number(proposalNumber(word)), options)
      : showRecord(session, Number(index), options),
  );
}

async function showFinding(session: Session, id: number, options: ShowOptions): Promise<void> {
  const { name } = await clusterOf(session);
  const described = describeFinding(await findingById(session.reader, name, id));
  if (!isTable(options)) return printOne(session.terminal, options, findingView, described);
  session.terminal.stdout(findingText(described));
}

async function showRecord(session: Session, index: number, options: ShowOptions): Promise<void> {
  const { terminal } = session;
  const record = await oneRecord(session, index);
  const [described] = await describeRecords(session.reader, [record]);
  if (described === undefined) return;
  const { payload } = record.transaction;
  const diff =
    payload.kind === 'mutation'
      ? await diffOrReason(session, await identityIfAny(session, options), payload.attestation)
      : null;
  if (!isTable(options))
    return printOne(terminal, options, recordView, {
      ...described,
      payload,
      diff: diff?.diff ?? null,
      diffUnavailable: diff?.reason ?? '',
    } as RecordJson);
  terminal.stdout(recordText(described));
  printDiff(terminal, diff);
}

async function showProposal(session: Session, id: number, options: ShowOptions): Promise<void> {
  const { terminal } = session;
  const opened = await openProposal(session.reader, id);
  const described = describeProposal(opened);
  const identity = opened.proposal.changes.length === 0 ? undefined : await identityIfAny(session, options);
  const diffs: { readonly diff: readonly string[] | null; readonly reason: string }[] = [];
  for (const change of opened.proposal.changes) diffs.push(await diffOrReason(session, identity, change as Attested));
  if (!isTable(options)) {
    const changes = described.changes.map((change, i) => ({
      ...change,
      diff: diffs[i]?.diff ?? null,
      diffUnavailable: diffs[i]?.reason ?? '',
    }));
    return printOne(terminal, options, proposalView, { ...described, changes } as ProposalJson);
  }
  terminal.stdout(
    proposalReview(
      terminal,
      described,
      diffs.map(({ diff, reason }) => diff ?? [`(${reason})`]),
    ),
  );
}

function printDiff(
  terminal: Terminal,
  diff: { readonly diff: readonly string[] | null; readonly reason: string } | null,
): void {
  if (diff === null) return;
  if (diff.diff === null) terminal.stderr(`note: ${printable(diff.reason)}\n`);
  else terminal.stdout(`Diff:\n${paintDiff(terminal, diff.diff)}`);
}

function recordText(record: RecordJson): string {
  const { witnesses, proof, persistedBy, notPersistedBy } = record;
  const fields: readonly (readonly [string, string])[] = [
    ['Index', String(record.index)],
    ['Height', String(record.height)],
    ['Time', record.time],
    ['Type', record.type],
    ['Cluster', record.cluster],
    ['Actor', authorLine(record.actor, record.org)],
    ['Operation', record.operation],
    ['Object', [resourceCell(record), record.namespace, record.name].filter((part) => part !== '').join(' ')],
    ['UID', record.uid],
    ['Decision', `${record.decision} ${record.code}`],
    ['Proposal', record.proposal === null ? '' : `proposal/${record.proposal}`],
    ['Reason', record.reason],
    ['Digest', record.digest],
    ['Changed paths', record.paths.join(' ')],
    ['Witnesses', witnesses.map(({ org, index }) => `${org} (${index})`).join(', ')],
    ['Persisted by', persistedBy.join(', ')],
    ['Not persisted by', notPersistedBy.join(', ')],
    ['Transaction', record.transaction],
    [
      'Proof',
      `${proof.path.length} hashes in the tree of ${proof.logSize} leaves, root ${proof.logRoot}, certified at height ${proof.height}`,
    ],
  ];
  return fields
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${`${name}:`.padEnd(18)}${printable(value)}\n`)
    .join('');
}
