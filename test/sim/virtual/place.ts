/** Where code runs: one life of one simulated node. What it asks of time and chance is answered here. */
export interface Place {
  /** Epoch milliseconds by the clock of this node, which may be wrong. */
  nowMs(): number;
  /** Runs once after `delayMs` of this node's time; void when the life is over. Returns what cancels it. */
  after(delayMs: number, run: () => void): () => void;
  /** In [0, 1). */
  random(): number;
}
