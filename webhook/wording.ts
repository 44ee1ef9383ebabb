import type { Requirement, Proposal, Vote } from '../src/types/proposal.ts';
import { changeTitle } from '../src/codec/change-title.ts';
import type { ChangeAttestation, ChangeAttributes } from '../src/types/change.ts';
import { registry, type ErrorCode } from '../src/errors/registry.ts';
import type { AdmissionOutcome } from '../src/ports/admission-ledger.ts';
import type { Answer, Cause } from './answer.ts';

type Refused = Extract<AdmissionOutcome, { kind: 'refused' }>;
type Unknown = Extract<AdmissionOutcome, { kind: 'unknown' }>;

/** Reasons of metav1.Status; kubectl prints them in parentheses. */
const FORBIDDEN = 'Forbidden';
const UNAVAILABLE = 'ServiceUnavailable';
const TOO_MANY = 'TooManyRequests';

/** Refused by policy or votes: 403, which no client repeats. */
export function refusedAnswer({ attributes, digest }: ChangeAttestation, outcome: Refused): Answer {
  const { code, proposal, binding, leaseMs, height, leaf } = outcome;
  const shownDigest = digest[binding ?? 'diff'];
  const annotations = annotationsOf({ proposal: proposal?.id ?? null, digest: shownDigest, height, leaf });
  if (proposal === null) {
    const message = `${changeTitle(attributes)} is refused (${code}).\n${registry[code].remedy}`;
    return refusal(403, FORBIDDEN, message, [cause(code, changeTitle(attributes), '')], {
      outcome: 'refused',
      annotations,
    });
  }
  const missing = proposal.requirements.map((requirement) => missingOf(requirement, proposal));
  const commands = commandsOf(proposal, attributes);
  const lines = [
    `${changeTitle(attributes)} ${headlineOf(proposal)} (${code}).`,
    `proposal/${proposal.id} is ${proposal.state}.`,
    ...missing.map(({ policy, text }) => `  policy ${policy}: ${text}`),
    ...commands.map(({ who, command }) => `${who}: ${command}`),
    ...(commands.length === 0 ? [freeText(leaseMs) ?? registry[code].remedy] : []),
  ];
  const causes = [
    cause(code, changeTitle(attributes), ''),
    cause('Proposal', String(proposal.id), 'proposal'),
    cause('State', proposal.state, 'state'),
    cause('Digest', shownDigest, 'digest'),
    ...missing.map(({ policy, text }) => cause('Missing', text, `policy/${policy}`)),
    ...commands.map(({ command }) => cause('Command', command, 'command')),
    ...(leaseMs === null ? [] : [cause('FreeUntil', new Date(leaseMs).toISOString(), 'lease')]),
  ];
  const warning = `kubectl-chain: proposal/${proposal.id} is ${proposal.state}: ${missing.map(({ policy, text }) => `${policy}: ${text}`).join('; ')}`;
  return refusal(403, FORBIDDEN, lines.join('\n'), causes, { outcome: 'refused', annotations, warnings: [warning] });
}

export function admittedAnswer(
  { digest }: ChangeAttestation,
  outcome: Extract<AdmissionOutcome, { kind: 'admitted' }>,
): Answer {
  const { proposal, height, leaf } = outcome;
  return { outcome: 'admitted', auditAnnotations: annotationsOf({ proposal, digest: digest.diff, height, leaf }) };
}

/** It was submitted and may still be recorded: never "not recorded", and no hint to retry. */
export function unknownAnswer(attestation: ChangeAttestation, { code, tx }: Unknown): Answer {
  const message =
    `outcome unknown: ${changeTitle(attestation.attributes)} was submitted, but no decision was heard in time (${code}).\n` +
    `It may have been recorded. transaction: ${tx}\n${registry[code].remedy}`;
  const causes = [cause(code, 'outcome unknown', ''), cause('Transaction', tx, 'transaction')];
  return refusal(503, UNAVAILABLE, message, causes, {
    outcome: 'unknown',
    annotations: { digest: attestation.digest.diff, transaction: tx },
    warnings: [`kubectl-chain: outcome unknown, transaction ${tx}`],
  });
}

/** The deadline passed while the ledger was asked: nothing says whether anything was submitted. */
export function silentAnswer(attestation: ChangeAttestation | undefined, timeoutMs: number): Answer {
  const about = attestation === undefined ? 'the change' : changeTitle(attestation.attributes);
  const digest = attestation?.digest.diff;
  const message = `outcome unknown: no decision about ${about} within ${timeoutMs} ms (WEBHOOK_DEADLINE).\n${registry.WEBHOOK_DEADLINE.remedy}`;
  return refusal(503, UNAVAILABLE, message, [cause('WEBHOOK_DEADLINE', 'outcome unknown', '')], {
    outcome: 'unknown',
    ...(digest === undefined ? {} : { annotations: { digest } }),
  });
}

/** Surely not recorded. */
export function unavailableAnswer(code: ErrorCode): Answer {
  const message = `not recorded: the chain cannot decide now (${code}).\n${registry[code].remedy}`;
  return refusal(503, UNAVAILABLE, message, [cause(code, 'not recorded', '')], { outcome: 'unavailable' });
}

/** Clients wait a second and repeat, up to ten times. */
export function overloadedAnswer(code: ErrorCode): Answer {
  const message = `not recorded: too many changes at once (${code}).\n${registry[code].remedy}`;
  return refusal(429, TOO_MANY, message, [cause(code, 'not recorded', '')], {
    outcome: 'overloaded',
    retryAfterSeconds: 1,
  });
}

/** A review that cannot be understood, or a mistake of ours: never allowed. 409 would be repeated by kubectl apply. */
export function invalidAnswer(code: ErrorCode, message: string): Answer {
  const { httpStatus, remedy } = registry[code];
  const status = httpStatus < 400 || httpStatus === 409 || httpStatus === 429 ? 400 : httpStatus;
  const reason = status >= 500 ? 'InternalError' : status === 403 ? FORBIDDEN : 'BadRequest';
  return refusal(status, reason, `${message} (${code}).\n${remedy}`, [cause(code, message, '')], {
    outcome: status >= 500 ? 'failed' : 'invalid',
  });
}

export function canaryAnswer(hookName: string): Answer {
  const message = registry.WEBHOOK_CANARY.message({ hook: hookName });
  return refusal(403, FORBIDDEN, message, [cause('WEBHOOK_CANARY', hookName, 'hook')], { outcome: 'canary' });
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/**
 * An approval that an earlier request holds is free when the observers have seen that nothing was stored: an API server may store up to a minute after the
 * decision, so they look 65 s after it, and nobody can know sooner.
 */
function freeText(leaseMs: number | null): string | undefined {
  if (leaseMs === null) return undefined;
  return `An earlier request may still be stored. Repeat the command in some 65 s: if nothing was stored, the approval is free again; after ${new Date(leaseMs).toISOString()} it is either free or spent.`;
}

function headlineOf(proposal: Proposal): string {
  if (proposal.state === 'REJECTED') return 'was rejected';
  if (proposal.state === 'APPROVED') return 'was approved, but not for this';
  if (proposal.state !== 'OPEN') return 'is not approved';
  const wanted = Math.max(0, ...proposal.requirements.map((requirement) => missingOf(requirement, proposal).approvals));
  return `needs ${plural(wanted, 'more approval')}`;
}

/** For people to see; what counts is computed by the state machine. */
function missingOf(requirement: Requirement, proposal: Proposal): { policy: string; approvals: number; text: string } {
  const latest = new Map<string, Vote>();
  for (const vote of proposal.votes) latest.set(vote.org, vote);
  const approving = [...latest.values()].filter(({ choice }) => choice === 'approve').map(({ org }) => org);
  const authors = proposal.claims.map(({ org }) => org);
  const absent = requirement.requiredOrgs.filter((org) => !approving.includes(org) && !authors.includes(org));
  const approvals = Math.max(0, requirement.approvals - approving.length);
  const parts = [`${approving.length} of ${plural(requirement.approvals, 'approval')}`];
  if (absent.length > 0) parts.push(`required: ${absent.join(', ')}`);
  return { policy: requirement.policy, approvals: Math.max(approvals, absent.length), text: parts.join(', ') };
}

/** Once it is approved the same request is repeated; a tool that writes the time or a random name never repeats itself, so what was approved is sent instead. */
export function commandsOf(
  proposal: Proposal,
  attributes: ChangeAttributes,
): readonly { who: string; command: string }[] {
  if (proposal.state !== 'OPEN') return [];
  const excludesAuthor = proposal.requirements.some(({ excludeAuthor }) => excludeAuthor !== 'none');
  const isUnclaimed = proposal.requester.org === null && proposal.claims.length === 0;
  const when = sendingOf(attributes);
  return [
    ...(excludesAuthor && isUnclaimed ? [{ who: 'the author', command: `kubectl chain claim ${proposal.id}` }] : []),
    { who: 'other organisations', command: `kubectl chain vote ${proposal.id} --approve` },
    ...(when === undefined ? [] : [{ who: `once approved, ${when}`, command: `kubectl chain apply ${proposal.id}` }]),
  ];
}

/** Fields that tools fill with the time of the call. */
const TIME_FIELD = /(\/|~1)[A-Za-z]*(At|Time|Timestamp)$/;
/** Container of `kubectl debug` without a name of its own. */
const RANDOM_NAME = /\[name=debugger-[a-z0-9]{5}\]/;

/** When what was approved is to be sent in the place of a repeated command; undefined where that cannot be, or a repetition is the same by itself. */
function sendingOf({ operation, resource, subresource, paths }: ChangeAttributes): string | undefined {
  const isToken = resource === 'serviceaccounts' && subresource === 'token';
  if (operation === 'DELETE' || operation === 'CONNECT' || isToken) return undefined;
  const made = paths.some((path) => TIME_FIELD.test(path))
    ? 'the time'
    : paths.some((path) => RANDOM_NAME.test(path))
      ? 'a random name'
      : undefined;
  return made === undefined
    ? 'where a repeated command would differ'
    : `instead of the command, which writes ${made} and so asks for another change each time`;
}

interface Extras {
  readonly outcome: Answer['outcome'];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly warnings?: readonly string[];
  readonly retryAfterSeconds?: number;
}

function refusal(code: number, reason: string, message: string, causes: readonly Cause[], extras: Extras): Answer {
  const { outcome, annotations, warnings, retryAfterSeconds } = extras;
  return {
    outcome,
    refusal: { code, reason, message, causes, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) },
    ...(warnings === undefined ? {} : { warnings }),
    ...(annotations === undefined ? {} : { auditAnnotations: annotations }),
  };
}

function cause(reason: string, message: string, field: string): Cause {
  return { reason, message, field };
}

function annotationsOf(values: {
  proposal: number | null;
  digest: string;
  height: number | null;
  leaf: number | null;
}): Record<string, string> {
  const annotations: Record<string, string> = {};
  for (const [key, value] of Object.entries(values)) if (value !== null) annotations[key] = String(value);
  return annotations;
}
