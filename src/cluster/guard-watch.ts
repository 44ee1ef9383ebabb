import { hookEntryHash, hookEntryName, hookEntryProblems, textAt, type ExclusionSettings } from '../change/index.ts';
import type { Sha256 } from '../ports/crypto.ts';
import type { Hash } from '../types/brand.ts';
import type { Guard } from '../types/finding.ts';
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

export interface SeenHook {
  readonly name: string;
  readonly hash: Hash;
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
    (this.#d.guard()?.hooks ?? []).flatMap(({ name, hash }) => this.#problemOf(name, hash) ?? []);

  /** Entries that nothing is expected of yet, and that are no narrower than the code makes them. */
  unknown(): readonly SeenHook[] {
    const known = this.#d.guard()?.hooks ?? [];
    return this.#d
      .hooks()
      .filter((hook) => !known.some(({ name }) => name === hook))
      .flatMap((name) => {
        const entry = this.#entriesOf(name).find(
          (candidate) => hookEntryProblems(candidate, name, this.#d.exclusions).length === 0,
        );
        return entry === undefined ? [] : [{ name, hash: hookEntryHash(entry, this.#d.sha256) }];
      });
  }

  #problemOf(name: string, hash: Hash): Problem | undefined {
    const entries = this.#entriesOf(name).map((entry) => ({ entry, hash: hookEntryHash(entry, this.#d.sha256) }));
    if (entries.some((candidate) => candidate.hash === hash)) return undefined;
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
