import { anonymousBytes } from '../bench/process-usage.ts';

const SAMPLE_INTERVAL_MS = 500;
/** What the garbage collector may leave lying about from one look to the next. */
const SLACK_MEGABYTES = 60;

/** Anonymous memory of processes over time, in megabytes of 10^6 bytes: does it grow with what is done, or is it flat? */
export class MemoryWatch {
  readonly #pids: readonly number[];
  readonly #samples: number[][];
  readonly #timer: NodeJS.Timeout;

  constructor(pids: readonly number[]) {
    this.#pids = pids;
    this.#samples = pids.map(() => []);
    this.#timer = setInterval(() => this.#look(), SAMPLE_INTERVAL_MS);
    this.#look();
  }

  /** Ends it. Highest of each process, in the order of `pids`. */
  stop(): readonly number[] {
    clearInterval(this.#timer);
    this.#look();
    return this.#samples.map((samples) => Math.round(Math.max(...samples)));
  }

  /**
   * Highest of the second quarter and of the last one, of each process: by then the first one has filled every buffer that is bounded, and what is not bounded
   * goes on growing. Call after `stop`.
   */
  get quarters(): readonly (readonly [number, number])[] {
    return this.#samples.map((samples) => {
      const part = (at: number): number =>
        Math.round(
          Math.max(...samples.slice(Math.floor((at * samples.length) / 4), Math.ceil(((at + 1) * samples.length) / 4))),
        );
      return [part(1), part(3)];
    });
  }

  /** Megabytes by which each process grew in a minute, by the straight line through all that was seen after the first quarter. Call after `stop`. */
  get slopes(): readonly number[] {
    return this.#samples.map((samples) => {
      const seen = samples.slice(Math.floor(samples.length / 4));
      const middle = (seen.length - 1) / 2;
      const mean = seen.reduce((sum, megabytes) => sum + megabytes, 0) / seen.length;
      const along = seen.reduce((sum, megabytes, i) => sum + (i - middle) * (megabytes - mean), 0);
      const square = seen.reduce((sum, _, i) => sum + (i - middle) ** 2, 0);
      return Math.round(((along / square) * 60_000 * 10) / SAMPLE_INTERVAL_MS) / 10;
    });
  }

  /** @throws Error naming the processes whose last quarter is higher than the second one. */
  expectFlat(): void {
    const grown = this.quarters.flatMap(([second, last], i) =>
      last > second + SLACK_MEGABYTES ? [`process ${this.#pids[i]} grew from ${second} to ${last} MB`] : [],
    );
    if (grown.length > 0) throw new Error(grown.join('; '));
  }

  #look(): void {
    for (const [i, pid] of this.#pids.entries()) {
      try {
        this.#samples[i]?.push(anonymousBytes(pid) / 1e6);
      } catch {
        // It has ended.
      }
    }
  }
}
