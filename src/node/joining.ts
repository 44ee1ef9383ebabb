import type { Application } from '../ports/application.ts';
import type { LedgerReader } from '../ports/ledger-reader.ts';
import type { OrgId, ValidatorId } from '../types/brand.ts';
import type { Validator } from '../types/chain.ts';
import type { ValidatorJoinPayload } from '../types/transaction.ts';
import type { NodeConfig } from './config.ts';
import type { NodeIdentity } from './identity.ts';

const everyMs = 500;

interface Deps {
  readonly self: ValidatorId;
  readonly app: Pick<Application, 'info' | 'headerOf'> & Pick<LedgerReader, 'joiners'>;
  /** Blocks above ours are known. */
  readonly isBehind: () => boolean;
  readonly publish: (join: Pick<ValidatorJoinPayload, 'height' | 'appHash'>) => Promise<unknown>;
}

/** Once this node's organisation is admitted and its blocks are those of the others, it says what it has computed, until it is a validator. */
export class Joining {
  readonly #d: Deps;
  #timer: NodeJS.Timeout | undefined;
  #isWorking = false;

  constructor(deps: Deps) {
    this.#d = deps;
  }

  start(): void {
    this.#timer = setInterval(() => void this.#look(), everyMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const { self, app, isBehind, publish } = this.#d;
    const isJoining = app.joiners().some(({ validator }) => validator.id === self);
    const { height } = app.info();
    const appHash = app.headerOf(height)?.appHash;
    if (!isJoining || this.#isWorking || appHash === undefined || isBehind()) return;
    this.#isWorking = true;
    await publish({ height, appHash }).catch(() => undefined);
    this.#isWorking = false;
  }
}

/** What a node that no set names knows of itself. */
export function strangerOf(config: NodeConfig, { vote, tx, checkpoint, tlsKey }: NodeIdentity): Validator {
  return {
    id: config.org as ValidatorId,
    org: config.org as OrgId,
    voteKey: vote.publicKey,
    txKey: tx.first.publicKey,
    tlsKey,
    checkpointKey: checkpoint.first.publicKey,
    peerAddress: config.peer.listen,
    apiUrl: '',
  };
}
