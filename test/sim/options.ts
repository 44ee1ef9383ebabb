/** `--name value` pairs; anything else is an error that says what is allowed. */
export interface CommandOptions {
  readonly seed: number;
  readonly runs: number;
  readonly nodes: number;
  readonly byzantine: number;
  readonly heights: number;
  /** Kinds of faults that are left out. */
  readonly without: readonly string[];
  /** How long the faults last. */
  readonly stormMs: number;
}

export const usage =
  'npm run sim -- --seed N [--runs K] [--nodes 4] [--byzantine 1] [--heights H] [--storm MS] [--without FAULT,FAULT]';

export const stormMsDefault = 20_000;

const defaults: Record<string, number> = {
  seed: 1,
  runs: 1,
  nodes: 4,
  byzantine: 1,
  heights: 10,
  storm: stormMsDefault,
};

/** Throws an Error with the usage. */
export function parseOptions(words: readonly string[]): CommandOptions {
  const numbers = { ...defaults };
  let without: readonly string[] = [];
  for (let i = 0; i < words.length; i += 2) {
    const name = words[i]?.replace(/^--/, '') ?? '';
    const text = words[i + 1];
    if (name === 'without' && text !== undefined) {
      without = text.split(',').filter((fault) => fault !== '');
      continue;
    }
    const value = Number(text);
    if (!(name in defaults) || text === undefined || !Number.isSafeInteger(value) || value < 0)
      throw new Error(`${words[i] ?? ''} ${text ?? ''} is not understood. Usage: ${usage}`);
    numbers[name] = value;
  }
  const { seed = 1, runs = 1, nodes = 4, byzantine = 1, heights = 10, storm = stormMsDefault } = numbers;
  if (nodes < 1 || nodes > 23 || byzantine >= nodes)
    throw new Error(`1 to 23 nodes, and fewer Byzantine ones than nodes. Usage: ${usage}`);
  return { seed, runs, nodes, byzantine, heights, without, stormMs: storm };
}
