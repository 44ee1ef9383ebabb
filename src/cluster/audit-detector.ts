import { hookEntryName, RECORD_HOOK, type Exclusion } from '../change/index.ts';
import type { FindingKind, FoundObject } from '../types/finding.ts';
import { keyOfFound } from './attribution.ts';
import { nothingElse, type Detector, type Problem } from './problem.ts';

/** k8s.io/apiserver/pkg/admission/plugin/webhook/validating: the key ends in the round and the index of the webhook, the value is its name. */
const FAILED_OPEN = 'failed-open.validating.webhook.admission.k8s.io/';
const WRITES = ['create', 'update', 'patch', 'delete', 'deletecollection'];
const SUBJECT_CHARS_MAX = 512;
/** Events kept of one subject until they are reported; the count goes on. */
const keptMax = 200;

/** The parts of an audit.k8s.io/v1 Event that matter. */
interface AuditEvent {
  readonly stage?: string;
  readonly auditID?: string;
  readonly verb?: string;
  readonly requestURI?: string;
  readonly user?: { readonly username?: string };
  readonly impersonatedUser?: { readonly username?: string };
  readonly objectRef?: {
    readonly apiGroup?: string; readonly resource?: string; readonly namespace?: string; readonly name?: string; readonly uid?: string;
    readonly resourceVersion?: string;
  };
  readonly responseStatus?: { readonly code?: number };
  readonly annotations?: Readonly<Record<string, string>>;
} // prettier-ignore

interface Found {
  readonly kind: FindingKind;
  readonly subject: string;
  readonly detail: string;
  readonly objects: Map<string, FoundObject>;
  count: number;
}

/** What only the API server's own audit events tell: that a hook was asked and the change went on without its answer, and who wrote under whose name. */
export class AuditDetector implements Detector {
  readonly kinds = ['failed-open', 'impersonation'] as const;
  readonly #hooks: () => readonly string[];
  readonly #recordPassed: () => void;
  readonly #actors: ReadonlySet<string>;
  readonly #prefixes: readonly string[];
  readonly #found = new Map<string, Found>();
  readonly isReady: () => boolean;

  constructor(deps: {
    readonly hooks: () => readonly string[];
    readonly exclusions: readonly Exclusion[];
    /** It may: the control plane never waits. Counted, no finding: a machine that is too busy is enough for it. */
    readonly recordPassed: () => void;
    readonly isReady: () => boolean;
  }) {
    this.#recordPassed = deps.recordPassed;
    this.#hooks = deps.hooks;
    this.isReady = deps.isReady;
    this.#actors = new Set(deps.exclusions.flatMap(({ actor }) => ('user' in actor ? [actor.user] : [])));
    this.#prefixes = [
      ...new Set(deps.exclusions.flatMap(({ actor }) => ('userPrefix' in actor ? [actor.userPrefix] : []))),
    ];
  }

  /** True while something was read that is not on the log yet. */
  get isWaiting(): boolean {
    return this.#found.size > 0;
  }

  readonly problems = (): readonly Problem[] =>
    [...this.#found.values()].map(({ kind, subject, detail, objects, count }) => ({
      ...nothingElse,
      kind,
      subject,
      detail,
      objects: [...objects.values()],
      objectCount: count,
    }));

  readonly reported = (kind: FindingKind, subject: string, objects: readonly FoundObject[]): void => {
    const key = `${kind} ${subject}`;
    const found = this.#found.get(key);
    if (found === undefined) return;
    for (const object of objects) found.objects.delete(keyOfFound(object));
    if (found.objects.size === 0) this.#found.delete(key);
  };

  /** One line of the audit log. What is no event is passed over. */
  read(line: string): void {
    let event: AuditEvent;
    try {
      event = JSON.parse(line) as AuditEvent;
    } catch {
      return;
    }
    // Nothing was stored: the canaries are such.
    if (/[?&]dryRun=All(?:&|$)/.test(event.requestURI ?? '')) return;
    if (
      event.stage !== 'ResponseComplete' ||
      !WRITES.includes(event.verb ?? '') ||
      (event.responseStatus?.code ?? 0) >= 400
    )
      return;
    for (const [key, name] of Object.entries(event.annotations ?? {})) {
      const hook = key.startsWith(FAILED_OPEN)
        ? this.#hooks().find((known) => hookEntryName(known) === name)
        : undefined;
      if (key.startsWith(FAILED_OPEN) && name === hookEntryName(RECORD_HOOK)) this.#recordPassed();
      if (hook !== undefined)
        this.#note('failed-open', hook, event, `the API server let changes pass that ${name} did not answer`);
    }
    const taken = event.impersonatedUser?.username;
    if (taken === undefined) return;
    const approval = this.#approvalOf(event);
    // What a name alone cannot do in the gate is nobody's business; the name of an actor leaves it, and another person's approval is not this one's.
    if (
      approval === undefined &&
      !this.#actors.has(taken) &&
      !this.#prefixes.some((prefix) => taken.startsWith(prefix))
    )
      return;
    const who = `${(event.user?.username ?? '').slice(0, 200)} wrote as ${taken.slice(0, 200)}`;
    const detail = approval === undefined ? who : `${who}, with the approval of proposal/${approval}`;
    this.#note('impersonation', taken.slice(0, SUBJECT_CHARS_MAX), event, detail);
  }

  /** The proposal that a hook of ours admitted it by. */
  #approvalOf({ annotations = {} }: AuditEvent): string | undefined {
    return this.#hooks()
      .map((hook) => annotations[`${hookEntryName(hook)}/proposal`])
      .find((proposal) => proposal !== undefined && /^\d{1,15}$/.test(proposal));
  }

  #note(kind: 'failed-open' | 'impersonation', subject: string, event: AuditEvent, detail: string): void {
    const { apiGroup = '', resource = '', namespace = '', name = '', resourceVersion = '' } = event.objectRef ?? {};
    const reason = kind === 'failed-open' ? 'failed-open' : 'impersonated';
    // One event, whichever observer reads it.
    const uid = (event.auditID ?? '').slice(0, 128);
    const object: FoundObject = {
      group: apiGroup.slice(0, 253),
      resource: (resource || '-').slice(0, 253),
      namespace: namespace.slice(0, 253),
      name: name.slice(0, 512),
      uid,
      resourceVersion: resourceVersion.slice(0, 64),
      reason,
    };
    const key = `${kind} ${subject}`;
    const found = this.#found.get(key) ?? { kind, subject, detail, objects: new Map<string, FoundObject>(), count: 0 };
    found.count += 1;
    if (found.objects.size < keptMax) found.objects.set(keyOfFound(object), object);
    this.#found.set(key, found);
  }
}
