import { textAt } from '../change/index.ts';
import type { OrgId } from '../types/brand.ts';
import type { Guard, SeenHook } from '../types/finding.ts';
import type { JsonObject } from '../types/json.ts';
import type { KubeHttp } from './kube-http.ts';

interface Deps {
  readonly http: KubeHttp;
  readonly org: OrgId;
  /** Entries of the webhook configuration that the chain expects nothing of yet; none while it is not known. */
  readonly unknown: () => readonly SeenHook[];
  readonly guard: () => Guard | undefined;
  readonly publish: (hooks: readonly SeenHook[], throughVersion: string) => Promise<void>;
}

/** Hooks that the chain does not expect yet: this observer says once that it sees them; they are expected when others have seen the same. */
export class HookSighting {
  readonly #d: Deps;
  #said = '';
  #isLooking = false;

  constructor(deps: Deps) {
    this.#d = deps;
  }

  async look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      await this.#look();
    } finally {
      this.#isLooking = false;
    }
  }

  async #look(): Promise<void> {
    const { http, org, guard, publish } = this.#d;
    const unknown = this.#d.unknown();
    const seen = JSON.stringify(unknown);
    if (unknown.length === 0 || seen === this.#said) return;
    const list = (await http.get('/api/v1/namespaces?limit=1')) as JsonObject | undefined;
    const version = textAt(list, 'metadata', 'resourceVersion');
    if (!/^[1-9]\d*$/.test(version)) return;
    await publish(unknown, version);
    const mine = guard()?.seen.find((other) => other.org === org)?.hooks;
    const isAdopted = unknown.every(({ name, hash }) =>
      guard()?.hooks.some((hook) => hook.name === name && hook.hash === hash),
    );
    if (isAdopted || JSON.stringify(mine) === seen) this.#said = seen;
  }
}
