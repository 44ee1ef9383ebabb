import { faultyMax } from '../consensus/index.ts';
import type { ValidatorId } from '../types/brand.ts';
import type { BlockHeader, ChainParams } from '../types/chain.ts';

/** A busy machine hears of a block some seconds late; below this nobody is told. */
const toleranceMinMs = 10_000;

/**
 * What the others' blocks say of this node's clock. A fresh block carries its proposer's time, so one is off only if the proposer's or the own clock is; when the newest blocks
 * of more proposers than may be faulty are off to the same side, it is the own one.
 */
export class ClockCheck {
  /** Own clock less the time of the newest fresh block of each other proposer, in ms. */
  readonly #offsets = new Map<ValidatorId, number>();

  /** Of a block that was decided in its first round, here and now. */
  note({ proposer, timeMs }: Pick<BlockHeader, 'proposer' | 'timeMs'>, self: ValidatorId, nowMs: number): void {
    if (proposer !== self) this.#offsets.set(proposer, nowMs - timeMs);
  }

  /** For people; empty if nothing is wrong, or too few have shown their time. */
  reason(
    { precisionMs, messageDelayMs }: Pick<ChainParams, 'precisionMs' | 'messageDelayMs'>,
    validators: number,
  ): string {
    const toleranceMs = Math.max(toleranceMinMs, 4 * (precisionMs + messageDelayMs));
    const offsets = [...this.#offsets.values()].sort((a, b) => a - b);
    const needed = faultyMax(validators) + 1;
    // So many agree that it is at least this far off: with fewer, those who lie might be all of them.
    const ahead = offsets.at(-needed) ?? 0;
    const behind = -(offsets[needed - 1] ?? 0);
    const most = Math.max(ahead, behind);
    if (offsets.length < needed || most < toleranceMs) return '';
    return `its clock is ${Math.round(most / 1_000)} s ${ahead > behind ? 'ahead of' : 'behind'} the others: they refuse its proposals as untimely; set the clock`;
  }
}
