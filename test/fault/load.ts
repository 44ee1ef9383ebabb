import { setTimeout as sleep } from 'node:timers/promises';
import type { Change, Committee } from './committee.ts';

const REFUSED_PAUSE_MS = 50;
/** Shorter than an API server's: a client whose other hook was killed would wait for the whole of it. */
const ASK_TIMEOUT_MS = 4_000;

/** Changes without end from several clients at once, each to a node of each hook that is believed to run. */
export class Load {
  readonly #committee: Committee;
  readonly #prefix: string;
  readonly #mayAsk: (org: string) => boolean;
  readonly #clients: Promise<void>[];
  readonly changes: Change[] = [];
  #sent = 0;
  #stopped = false;

  /** `mayAsk`: organisations whose nodes a caller that looks at readiness, as the failover does, would ask. */
  constructor(committee: Committee, prefix: string, clients: number, mayAsk?: (org: string) => boolean) {
    this.#committee = committee;
    this.#prefix = prefix;
    this.#mayAsk = mayAsk ?? ((org) => committee.node(org).isRunning);
    this.#clients = Array.from({ length: clients }, () => this.#client());
  }

  get allowed(): readonly Change[] {
    return this.changes.filter(({ isAllowed }) => isAllowed);
  }

  /** Codes of all refusals with their count, for messages. */
  get refusals(): Record<string, number> {
    const codes = this.changes.flatMap(({ answers }) =>
      answers.flatMap(({ isAllowed, code }) => (isAllowed ? [] : [code])),
    );
    return Object.fromEntries(
      [...new Set(codes)].map((code) => [code, codes.filter((other) => other === code).length]),
    );
  }

  /** Returns when `count` more changes were allowed. @throws Error if that takes longer than `timeoutMs`. */
  async progress(count: number, timeoutMs = 30_000): Promise<void> {
    const wanted = this.allowed.length + count;
    const deadline = performance.now() + timeoutMs;
    while (this.allowed.length < wanted) {
      if (performance.now() > deadline) {
        throw new Error(
          `${wanted - this.allowed.length} of ${count} changes were not allowed in ${timeoutMs} ms: ${JSON.stringify(this.refusals)}`,
        );
      }
      await sleep(20);
    }
  }

  /** Sends nothing more; resolves when everything is answered. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#clients);
  }

  async #client(): Promise<void> {
    while (!this.#stopped) {
      const via = this.#committee.founded.hooks.flatMap(({ orgs }) => {
        const running = orgs.filter(this.#mayAsk);
        const org = running[this.#sent % Math.max(1, running.length)];
        return org === undefined ? [] : [org];
      });
      this.#sent += 1;
      const change = await this.#committee.change(`${this.#prefix}-${this.#sent}`, via, ASK_TIMEOUT_MS);
      this.changes.push(change);
      if (!change.isAllowed) await sleep(REFUSED_PAUSE_MS);
    }
  }
}
