export interface Transaction {
  readonly bytes: Uint8Array;
  /** Which node is asked: those that run, in turn. */
  readonly node: number;
}

/** A running network of four processes that orders transactions: ours or the peer's, the same to the load generator. */
export interface Network {
  readonly name: string;
  /** Of the processes that run. */
  readonly pids: () => readonly number[];
  /** What `submit` takes, made before the clock runs; good for half a minute. */
  prepare(count: number): readonly Transaction[];
  /** Resolves once the asked node acknowledges that it is committed; with what it said otherwise. */
  submit(transaction: Transaction): Promise<'committed' | { readonly refusal: string }>;
  /** kill -9 of one node; what is prepared afterwards goes to the others. */
  killOne(): Promise<void>;
  close(): Promise<void>;
}

export const NODES = 4;
export const TRANSACTION_BYTES = 1_024;
