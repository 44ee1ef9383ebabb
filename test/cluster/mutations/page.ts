import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXCLUSIONS, type Exclusion } from '../../../src/change/index.ts';
import { timesText } from './compare.ts';
import type { Followed, Recorded, Row } from './row.ts';
import { CHAPTERS } from './table.ts';

export const PAGE_FILE = join(import.meta.dirname, 'README.md');

const INTRODUCTION = `# Mutations: what is recorded of each way to change a cluster

Written by \`node test/cluster/mutations/page.ts\` from the data that \`test/cluster/mutations.test.ts\` plays on a real control plane; a test
compares the two. Do not edit it.

Each row is played twice by alice with kubectl, or with the raw API where kubectl has no verb: in a namespace where no policy matches, and in
one where a policy asks for two votes. Compared are operation, group, version, resource, subresource, name, namespace, uid, user and the exact
number of decisions, controllers included; that every decision has a witness of each hook; that a refusal left everything as it was; and
the audit log of the API server: whatever it carried out is on our log, or is of an actor, operation and resource of the list at the end.

What the control plane writes because of it goes through the record hook and is on the log undecided. A row names some of it: who, how many objects, and the
owners that lead back to what was decided ("of 2 for ReplicaSet, of Deployment"). How often a controller asks is its own affair; what is exact, and compared for
everything that was stored of the resources in \`history.ts\`, is that each stored version (made, changed, removed) has a record, with the digest of that very version,
computed from what a watch showed. Left out: status, and the node of a Pod, which are nobody's change.

- \`<ns>\` is the row's own namespace; where no name is given it is \`x\`, where no user is given alice. \`*\` is what the server made up.
- "× 2" is the number of decisions. It is exact because nothing writes to the object meanwhile, and because the API server's cache is waited
  for before each request: of an object that is newer than its cache it would ask twice.
- "same, once": the same records, refused; a repetition is answered from the proposal that is open, without another record.
- "then voted for": two other organisations approve the refused change, it is asked for again and goes through, and observers of two
  organisations say that exactly it was stored.

Start reading in \`table.ts\` and \`row.ts\`; \`play.ts\` plays a row, \`compare.ts\` compares it. May import anything.
`;

/** The whole page, as \`README.md\` must be. */
export function page(): string {
  const chapters = CHAPTERS.map(({ title, rows }) =>
    [
      `## ${title}`,
      '',
      ...table(['change', 'decided', 'follows from it, recorded', 'where a policy matches', 'why'], rows.map(rowCells)),
    ].join('\n'),
  );
  const left = [
    '## What never waits for the chain',
    '',
    'The list of `src/change/exclusions.ts`. A name alone never leaves the gate: it is the actor with the operation and the resource. Whoever takes',
    'such a name by impersonation is found out, not prevented. What is recorded goes through the record hook into the log, and is never decided.',
    '',
    ...table(
      ['actor', 'operations', 'resources', 'narrowed by', 'what becomes of it', 'why'],
      EXCLUSIONS.map(exclusionCells),
    ),
  ].join('\n');
  return `${[INTRODUCTION.trimEnd(), ...chapters, left].join('\n\n')}\n`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}

function rowCells(row: Row): string[] {
  const { records, refused, voted, what, follows = [], note = '' } = row;
  const asked = records.length === 0 ? 'not asked for votes' : refused === undefined ? 'same, once' : listOf(refused);
  const then = voted === true ? `${asked}; then voted for` : asked;
  const recorded = records.length === 0 ? 'nothing' : listOf(records);
  return [what, recorded, follows.map(followedText).join('; '), then, note];
}

function listOf(records: readonly Recorded[]): string {
  return records.map(recordText).join('; ');
}

function followedText({ operation, resource, namespace, by, objects, origin = [] }: Followed): string {
  const within = namespace === undefined ? '' : ` in \`${namespace.replaceAll('$', '<ns>')}\``;
  const many = objects === 1 ? '' : ` of ${typeof objects === 'number' ? objects : `${objects[0]} or more`}`;
  const path = origin.length === 0 ? '' : ` for ${origin.join(', of ')}`;
  return `${operation} \`${resource}\`${many}${within} by ${by}${path}`;
}

function recordText({ operation, resource, name = 'x', namespace = '$', user, times = 1 }: Recorded): string {
  const shown = (text: string) => text.replaceAll('$', '<ns>');
  const within = namespace === '$' || namespace === '' || namespace === name ? '' : ` in \`${shown(namespace)}\``;
  return [
    `${operation} \`${shown(resource)}\``,
    ...(name === 'x' ? [] : [` \`${shown(name)}\``]),
    within,
    ...(user === undefined ? [] : [` by \`${shown(user)}\``]),
    ...(times === 1 ? [] : [` × ${timesText(times)}`]),
  ].join('');
}

function exclusionCells({ actor, operations, group, resources, reason, ...rest }: Exclusion): string[] {
  const { class: class_, names = [], namePrefixes = [], namespaces = [], unnamed, where } = rest;
  const who = 'anyone' in actor ? 'anyone' : 'user' in actor ? actor.user : `${actor.userPrefix}* of ${actor.group}`;
  const named = [...names, ...namePrefixes.map((prefix) => `${prefix}*`)];
  const narrowed = [
    ...(named.length === 0 ? [] : [`name ${named.join(', ')}`]),
    ...(namespaces.length === 0 ? [] : [`namespace ${namespaces.join(', ')}`]),
    ...(unnamed === undefined ? [] : ['no name in the request']),
    ...(where === undefined ? [] : ['a condition']),
  ];
  return [
    `\`${who}\``,
    operations.join(', '),
    resources.map((resource) => `\`${group === '' ? '' : `${group}/`}${resource}\``).join(', '),
    narrowed.join('; '),
    class_ === 'record' ? 'recorded' : 'nobody is asked',
    reason,
  ];
}

if (process.argv[1] === import.meta.filename) writeFileSync(PAGE_FILE, page());
