import { textAt } from '../change/index.ts';
import type { JsonObject } from '../types/json.ts';
import type { KubeHttp } from './kube-http.ts';

const backoffMinMs = 250;
const backoffMaxMs = 5_000;

interface Deps {
  readonly http: KubeHttp;
  readonly onChange: () => void;
  readonly warn: (message: string, details: object) => void;
}

/** All objects of a resource of which there are few, whole and as they are now. */
export class SmallWatch {
  readonly #path: string;
  readonly #d: Deps;
  readonly #objects = new Map<string, JsonObject>();
  #synced = false;
  #stopped = false;
  #backoffMs = backoffMinMs;
  #stop: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(path: string, deps: Deps) {
    this.#path = path;
    this.#d = deps;
  }

  get isSynced(): boolean {
    return this.#synced;
  }

  get objects(): readonly JsonObject[] {
    return [...this.#objects.values()];
  }

  start(): void {
    void this.#list();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#stop?.();
  }

  async #list(): Promise<void> {
    if (this.#stopped) return;
    try {
      const list = (await this.#d.http.get(this.#path)) as JsonObject | undefined;
      this.#objects.clear();
      for (const item of (list?.['items'] ?? []) as JsonObject[])
        this.#objects.set(textAt(item, 'metadata', 'name'), item);
      this.#synced = true;
      this.#d.onChange();
      const from = textAt(list, 'metadata', 'resourceVersion');
      this.#stop = this.#d.http.watch(`${this.#path}?watch=1&resourceVersion=${from}`, {
        onEvent: (event) => this.#onEvent(event as JsonObject),
        onEnd: (error) => this.#again(error),
      });
    } catch (error) {
      this.#again(error as Error);
    }
  }

  #onEvent(event: JsonObject): void {
    if (event['type'] === 'ERROR') {
      this.#stop?.();
      return this.#again(new Error('the watch was refused'));
    }
    this.#backoffMs = backoffMinMs;
    const object = event['object'] as JsonObject;
    const name = textAt(object, 'metadata', 'name');
    if (event['type'] === 'DELETED') this.#objects.delete(name);
    else this.#objects.set(name, object);
    this.#d.onChange();
  }

  #again(error: Error | null): void {
    this.#synced = false;
    if (this.#stopped) return;
    if (error !== null) this.#d.warn('watch interrupted', { path: this.#path, reason: error.message });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#list(), error === null ? 0 : this.#backoffMs);
    if (error !== null) this.#backoffMs = Math.min(backoffMaxMs, this.#backoffMs * 2);
  }
}
