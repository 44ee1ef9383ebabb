import type { Logger } from 'pino';
import { KEY } from '../ledger/execute/keys.ts';
import type { ExecutedBlock } from '../ports/application.ts';
import type { LedgerReader } from '../ports/ledger-reader.ts';
import type { Hash } from '../types/brand.ts';
import type { Proposal } from '../types/proposal.ts';
import type { Bodies } from './bodies.ts';
import { stateDocument } from './state-document.ts';

const expiryIntervalMs = 60_000;
const expiredAtOnceMax = 100;

interface Deps {
  readonly app: Pick<LedgerReader, 'proposal' | 'stateGet'>;
  readonly bodies: Pick<Bodies, 'dropExpired' | 'erase'>;
  readonly log: Logger;
}

/** Deletes bodies whose time is over, and at once those that a vote erases, also what was erased while this node was away. */
export class BodyRetention {
  readonly #d: Deps;
  #expiry: NodeJS.Timeout | undefined;

  constructor(deps: Deps) {
    this.#d = deps;
  }

  start(): void {
    this.#expiry = setInterval(() => void this.#dropExpired(), expiryIntervalMs);
    void this.#erase();
  }

  stop(): void {
    clearInterval(this.#expiry);
  }

  onCommitted({ proposals }: ExecutedBlock): void {
    if (proposals.some((id) => isErasure(this.#d.app.proposal(id)))) void this.#erase();
  }

  async #dropExpired(): Promise<void> {
    const { bodies, log } = this.#d;
    await bodies
      .dropExpired(expiredAtOnceMax)
      .catch((error: unknown) => log.warn({ err: error }, 'expired bodies could not be deleted'));
  }

  async #erase(): Promise<void> {
    const { app, bodies, log } = this.#d;
    await bodies
      .erase(stateDocument<readonly Hash[]>(app, KEY.erased) ?? [])
      .catch((error: unknown) => log.error({ err: error }, 'erased bodies could not be deleted'));
  }
}

function isErasure(proposal: Proposal | undefined): boolean {
  return proposal?.state === 'EXECUTED' && proposal.config.some((change) => change.type === 'tombstone');
}
