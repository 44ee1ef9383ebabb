import {
  hookClientHash,
  hookEntryHash,
  hookEntryName,
  hookEntryProblems,
  textAt,
  type ExclusionSettings,
} from '../change/index.ts';
import type { Sha256 } from '../ports/crypto.ts';
import type { Hash } from '../types/brand.ts';
import type { ExpectedHook, Guard, SeenHook } from '../types/finding.ts';
import type { JsonObject } from '../types/json.ts';
import { nothingElse, type Detector, type Problem } from './problem.ts';
import type { SmallWatch } from './small-watch.ts';

export const WEBHOOK_CONFIGURATIONS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
export const GUARD_POLICIES = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies';
export const GUARD_BINDINGS = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings';

interface Deps {
  readonly watch: SmallWatch;
  readonly hooks: () => readonly string[];
  /** Undefined while the chain expects nothing. */
  readonly guard: () => Guard | undefined;
  readonly exclusions: ExclusionSettings | undefined;
  readonly sha256: Sha256;
}

/** The entries of the hooks, compared with what is expected of each: any configuration may hold them, one that is in order is enough. */
export class WebhookDetector implements Detector {
  readonly kinds = ['webhook'] as const;
  readonly #d: Deps;

  constructor(deps: Deps) {
    this.#d = deps;
  }

  readonly isReady = (): boolean => this.#d.watch.isSynced && this.#d.guard() !== undefined;
  readonly reported = (): void => undefined;

  readonly problems = (): readonly Problem[] =>
    (this.#d.guard()?.hooks ?? []).flatMap((expected) => this.#problemOf(expected) ?? []);

  /** Entries that are not expected yet but may come to be: those of new hooks, and announced ones. None is narrower than the code makes it. */
  unknown(): readonly SeenHook[] {
    const known = this.#d.guard()?.hooks ?? [];
    return this.#d.hooks().flatMap((name) => {
      const expected = known.find((hook) => hook.name === name);
      const entries = this.#entriesOf(name);
      if (expected !== undefined && entries.some((entry) => this.#hashOf(entry) === expected.hash)) return [];
      const entry = entries.find((candidate) =>
        expected === undefined ? this.#isWhole(candidate, name) : this.#isAnnounced(candidate, expected),
      );
      return entry === undefined ? [] : [{ name, hash: this.#hashOf(entry), client: this.#clientOf(entry) }];
    });
  }

  #hashOf(entry: JsonObject): Hash {
    return hookEntryHash(entry, this.#d.sha256);
  }

  #clientOf(entry: JsonObject): Hash {
    return hookClientHash(entry['clientConfig'] ?? null, this.#d.sha256);
  }

  #isWhole(entry: JsonObject, name: string): boolean {
    return hookEntryProblems(entry, name, this.#d.exclusions).length === 0;
  }

  #isAnnounced(entry: JsonObject, { name, announced }: ExpectedHook): boolean {
    return announced.includes(this.#clientOf(entry)) && this.#isWhole(entry, name);
  }

  #problemOf(expected: ExpectedHook): Problem | undefined {
    const { name } = expected;
    const entries = this.#entriesOf(name).map((entry) => ({ entry, hash: this.#hashOf(entry) }));
    const isInOrder = entries.some(({ entry, hash }) => hash === expected.hash || this.#isAnnounced(entry, expected));
    if (isInOrder) return undefined;
    const found = entries.sort((a, b) => (a.hash < b.hash ? -1 : 1))[0];
    const base = { ...nothingElse, kind: 'webhook' as const, subject: name };
    if (found === undefined)
      return {
        ...base,
        detail: `no webhook configuration has the entry ${hookEntryName(name)}: changes are not reviewed by this hook`,
      };
    const fields = hookEntryProblems(found.entry, name, this.#d.exclusions);
    const what = fields.length === 0 ? 'clientConfig' : fields.join(', ');
    return { ...base, value: found.hash, detail: `the entry ${hookEntryName(name)} is not the expected one: ${what}` };
  }

  #entriesOf(hook: string): JsonObject[] {
    return this.#d.watch.objects.flatMap((object) =>
      ((object['webhooks'] ?? []) as JsonObject[]).filter((entry) => textAt(entry, 'name') === hookEntryName(hook)),
    );
  }
}
