import { nativeBackend } from '../../../src/crypto/index.ts';
import { changesOf } from '../../../src/ledger/details.ts';
import { diffOrReason, inOrder } from '../bodies.ts';
import { identityIfAny } from '../identity.ts';
import type { KeyOptions, ListOptions } from '../options.ts';
import { printable } from '../output/printable.ts';
import { isTable, printList, printOne } from '../output/print.ts';
import { authorLine, proposalReview, shownDiffs } from '../review.ts';
import { openProposal } from '../proposal.ts';
import { describeProposal, type ProposalJson } from '../proposal-json.ts';
import { proposalView } from '../proposal-view.ts';
import { originOf, originText } from '../origin.ts';
import { describeRecords, placeOf, recordView, resourceCell, type RecordJson } from '../record.ts';
import { describeFinding, findingById, findingNumber, findingText, findingView, impersonationOf } from '../findings.ts';
import { clusterNameOf, reading, type Session } from '../session.ts';
import { paintDiff, type Terminal } from '../terminal.ts';
import { ChainError } from '../../../src/errors/chain-error.ts';
import { linesAt, oneRecord, placeIn, proposalNumber, type Place } from './audit.ts';

export interface ShowOptions extends ListOptions, KeyOptions {
  /** Every diff of a proposal, however many there are. */
  readonly full?: boolean;
}

const bodiesAtOnce = 8;

/** A record or a proposal in full, with its diff where a member's key lets it be read. */
export async function show(terminal: Terminal, word: string, options: ShowOptions): Promise<void> {
  const place = placeIn(word.replace(/^records?\//, ''));
  if (/^findings?\//.test(word))
    return reading(terminal, options, (session) => showFinding(session, findingNumber(word), options));
  const isProposal = /^proposals?\//.test(word);
  if (place === null && !isProposal)
    throw new ChainError('CLI_USAGE', { problem: `"${word}": write a record's INDEX, proposal/ID or finding/ID` });
  await reading(terminal, options, (session) =>
    place === null ? showProposal(session, Number(proposalNumber(word)), options) : showRecord(session, place, options),
  );
}

async function showFinding(session: Session, id: number, options: ShowOptions): Promise<void> {
  const name = await clusterNameOf(session);
  const described = describeFinding(await findingById(session.reader, name, id));
  if (!isTable(options)) return printOne(session.terminal, options, findingView, described);
  session.terminal.stdout(findingText(described));
}

async function showRecord(session: Session, place: Place, options: ShowOptions): Promise<void> {
  const { terminal } = session;
  const record = await oneRecord(session, place.index);
  const lines = linesAt(await describeRecords(session.reader, [record]), place);
  const [described] = lines;
  if (described === undefined) return;
  if (lines.length > 1) {
    await printList(terminal, options, recordView, lines);
    terminal.stderr(`note: one of them in full: kubectl chain show ${placeOf(described)}\n`);
    return;
  }
  const impersonation = await impersonationOf(session.reader, described);
  const { payload } = record.transaction;
  const origin = await originOf(session.reader, described);
  const diff =
    payload.kind === 'mutation'
      ? await diffOrReason(session, await identityIfAny(session, options), payload.attestation)
      : null;
  if (!isTable(options))
    return printOne(terminal, options, recordView, {
      ...described,
      payload,
      origin,
      diff: diff?.diff ?? null,
      diffUnavailable: diff?.reason ?? '',
      impersonation: impersonation ?? null,
    } as RecordJson);
  terminal.stdout(recordText(described) + originText(origin));
  if (impersonation !== undefined) {
    const { id, state, detail } = impersonation;
    terminal.stderr(`warning: the actor is not who asked: finding/${id} (${state}): ${printable(detail)}\n`);
  }
  printDiff(terminal, diff);
}

async function showProposal(session: Session, id: number, options: ShowOptions): Promise<void> {
  const { terminal } = session;
  const opened = await openProposal(session.reader, id);
  const described = describeProposal(opened);
  const attested = opened.details === undefined ? [] : changesOf(opened.details, nativeBackend.sha256);
  const identity = attested.length === 0 ? undefined : await identityIfAny(session, options);
  const diffs = await inOrder(attested, bodiesAtOnce, (change) => diffOrReason(session, identity, change));
  if (!isTable(options)) {
    const changes = described.changes.map((change, i) => ({
      ...change,
      diff: diffs[i]?.diff ?? null,
      diffUnavailable: diffs[i]?.reason ?? '',
    }));
    return printOne(terminal, options, proposalView, { ...described, changes } as ProposalJson);
  }
  const shown = shownDiffs(
    diffs.map(({ diff, reason }) => diff ?? [`(${reason})`]),
    options.full === true,
  );
  terminal.stdout(proposalReview(terminal, described, shown.diffs));
  if (shown.note !== '') terminal.stderr(`note: ${shown.note}`);
  if (opened.proposal.kind === 'change' && opened.details === undefined)
    terminal.stderr('note: no node shows the body of this proposal: it has expired, or was never given to them\n');
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
    ['Index', placeOf(record)],
    ['Height', String(record.height)],
    ['Time', record.time],
    ['Received', record.received],
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
