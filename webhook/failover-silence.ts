import type { ProbeResult } from './failover-probe.ts';

/** Late answers in a row until a node counts as stopped: 1.4 s. A busy node answers one late now and then. */
const LATE_PROBES_MAX = 3;
/** A probe for which this process itself was so late says nothing of the node: on a starved machine it is the failover that does not get to read the answers. */
const OWN_DELAY_MAX_MS = 100;

/** `heard`: it is what the probe says. `busy`: late, and no more is known. `silent`: a stopped process still accepts TCP, and answers nothing. */
export type Hearing = 'heard' | 'busy' | 'silent';

/** What the probes of one node, and the bytes on its connections, say about whether it still runs. */
export class Silence {
  /** However starved this process is, a node that was silent for so long answers nothing any more that it was asked before. */
  readonly #silentMaxMs: number;
  #lateInRow = 0;
  /** Of `performance`. */
  #heardMs: number | null = null;

  constructor(silentMaxMs: number) {
    this.#silentMaxMs = silentMaxMs;
  }

  /** A probe has ended; `hasSent`: meanwhile bytes of the node came on some connection. */
  note(result: ProbeResult, hasSent: boolean, nowMs: number): Hearing {
    this.#heardMs ??= nowMs;
    const isLate = !result.ready && result.late;
    // A stopped process sends nothing: one that answers on the connections that it has is only too busy for one more.
    if (!isLate || hasSent) {
      this.#lateInRow = 0;
      this.#heardMs = nowMs;
      return isLate ? 'busy' : 'heard';
    }
    if (result.ownDelayMs <= OWN_DELAY_MAX_MS) this.#lateInRow += 1;
    const isSilent = this.#lateInRow >= LATE_PROBES_MAX || nowMs - this.#heardMs >= this.#silentMaxMs;
    return isSilent ? 'silent' : 'busy';
  }
}
