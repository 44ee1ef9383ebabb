import type { ConsensusHost } from './host.ts';

export interface Ready {
  readonly ready: boolean;
  /** Why not, each a sentence about the node; empty if it is. */
  readonly reasons: readonly string[];
}

/** Whether this node can be asked, as whoever chooses among nodes must know. */
export class Readiness {
  readonly #host: Pick<ConsensusHost, 'halted' | 'catchingUpTo' | 'snapshot'>;
  /** Until every door is open: who asks in between would be sent to one that is closed. */
  #starting = true;
  #draining = false;

  constructor(host: Pick<ConsensusHost, 'halted' | 'catchingUpTo' | 'snapshot'>) {
    this.#host = host;
  }

  doorsOpen(): void {
    this.#starting = false;
  }

  drain(): void {
    this.#draining = true;
  }

  /** A lost quorum is no reason: restarting this process would not bring it back. It is shown in the status. */
  of(...more: readonly string[]): Ready {
    const reasons: string[] = [];
    if (this.#starting) reasons.push('it is starting');
    if (this.#draining) reasons.push('it is stopping');
    const { halted, catchingUpTo, snapshot } = this.#host;
    if (halted !== null) reasons.push(halted);
    if (snapshot !== null)
      reasons.push(
        `it is fetching the state of height ${snapshot.height}: ${snapshot.buckets} of ${snapshot.of} buckets`,
      );
    else if (catchingUpTo !== null) reasons.push(`it is catching up to height ${catchingUpTo}`);
    reasons.push(...more);
    return { ready: reasons.length === 0, reasons };
  }
}
