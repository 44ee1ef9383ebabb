import type { Sha256 } from '../../../src/ports/crypto.ts';
import type { ValidatorId } from '../../../src/types/brand.ts';
import type { Validator } from '../../../src/types/chain.ts';
import type { Proposal, Vote } from '../../../src/types/consensus.ts';
import type { SimNode } from '../node.ts';

/** What the parts of the checker share. */
export interface CheckContext {
  /** The first violation stays. */
  fail(violation: string): void;
  cover(what: string): void;
  /** True time, as epoch milliseconds. */
  nowMs(): number;
  readonly sha256: Sha256;
  /** In consensus order; that of the newest known height if this one is not known yet. */
  validatorsAt(height: number): readonly Validator[];
  /** Of the decided chain. */
  blockIdAt(height: number): string | undefined;
  /** Signed by its validator over the bytes of the design. */
  isSigned(message: Proposal | Vote): boolean;
  /** Does what no correct one does. One whose disk lies is not. */
  isFaulty(id: ValidatorId): boolean;
  /** Whether the newest state has anything under that key. */
  isInState(key: string): boolean;
  /** Its organisation is one of those that decide the next height. */
  isMember(node: SimNode): boolean;
  /** Height up to which the database file of a node holds blocks, whatever its process says. */
  storedHeight(node: SimNode): number;
}
