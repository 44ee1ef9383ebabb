import { canonicalJson, toHex } from '../codec/index.ts';
import { GUARD_NAME, textAt } from '../change/index.ts';
import type { Sha256 } from '../ports/crypto.ts';
import type { Finding } from '../types/finding.ts';
import type { OrgId } from '../types/brand.ts';
import type { JsonObject } from '../types/json.ts';
import { nothingElse, type Detector, type Problem } from './problem.ts';
import type { SmallWatch } from './small-watch.ts';

const SUBJECT = 'policy';

interface Deps {
  readonly policies: SmallWatch;
  readonly bindings: SmallWatch;
  readonly org: OrgId;
  readonly latest: () => Finding | undefined;
  /** What this observer saw first, kept over restarts; empty while it saw none. */
  readonly expected: () => string;
  readonly expect: (hash: string) => void;
  readonly sha256: Sha256;
}

/**
 * The admission policy that keeps the webhook configuration from being changed by accident. It is optional: once an observer has seen it, it is expected as it was,
 * until a vote accepts another one, or that there is none.
 */
export class GuardPolicyDetector implements Detector {
  readonly kinds = ['guard'] as const;
  readonly #d: Deps;

  constructor(deps: Deps) {
    this.#d = deps;
  }

  readonly isReady = (): boolean => this.#d.policies.isSynced && this.#d.bindings.isSynced;
  readonly reported = (): void => undefined;
  /** Who never saw it cannot say that it is as it was. */
  readonly isSettled = (): boolean => this.#d.expected() !== '';

  readonly problems = (): readonly Problem[] => {
    const present = this.#present();
    const latest = this.#d.latest();
    const ratified = latest?.state === 'RATIFIED' ? latest.reports.find(({ org }) => org === this.#d.org) : undefined;
    if (ratified !== undefined && ratified.value === present && this.#d.expected() !== present) this.#d.expect(present);
    if (this.#d.expected() === '' && present !== '') this.#d.expect(present);
    const expected = this.#d.expected();
    if (expected === present) return [];
    const detail =
      present === ''
        ? `the admission policy ${GUARD_NAME}, or its binding, is gone: nothing stops a deletion of the webhook configuration`
        : `the admission policy ${GUARD_NAME}, or its binding, is not the one that was seen first`;
    return [{ ...nothingElse, kind: 'guard', subject: SUBJECT, value: present, detail }];
  };

  /** Hash of both specs; empty unless both are there. */
  #present(): string {
    const [policy, binding] = [this.#d.policies, this.#d.bindings].map((watch) =>
      watch.objects.find((object) => textAt(object, 'metadata', 'name') === GUARD_NAME),
    );
    if (policy === undefined || binding === undefined) return '';
    const spec = (object: JsonObject) => object['spec'] ?? null;
    return toHex(this.#d.sha256(canonicalJson([spec(policy), spec(binding)])));
  }
}
