/** `--name value` pairs; anything else is an error that says what is allowed. */
export interface CommandOptions {
  readonly seed: number;
  readonly runs: number;
  readonly nodes: number;
  readonly byzantine: number;
  readonly heights: number;
  /** What the Byzantine ones do; drawn for each run if not given. */
  readonly kind?: ByzantineKind;
  /** What the director does at every chance; drawn if not given. */
  readonly director?: 'starve';
  /** The chain begins with a node whose disk is slow, and there are no faults afterwards. */
  readonly founding?: 'slow';
  /** Kinds of faults that are left out. */
  readonly without: readonly string[];
  /** How long the faults last. */
  readonly stormMs: number;
}

/** Three in ten are adversaries, who do the most. `damaged` is correct, on a disk that loses what it had synced. */
export const byzantineKinds = [
  'adversary',
  'adversary',
  'adversary',
  'twin',
  'amnesia',
  'restored',
  'withhold',
  'selective',
  'silent',
  'damaged',
] as const;
/** Drawn never: a correct node whose data folder is an old backup or lost, and that was told so, as `chain-node restore` does it. */
export const recovered = 'recovered';
export type ByzantineKind = (typeof byzantineKinds)[number] | typeof recovered;

export const stormMsDefault = 12_000;
/** A checkpoint of more does not fit into what readers must accept; the ledger takes no more. */
const nodesMax = 23;

const defaults: Record<string, number> = {
  seed: 1,
  runs: 1,
  nodes: 4,
  byzantine: 1,
  heights: 10,
  storm: stormMsDefault,
};

const kindNames = [...new Set<ByzantineKind>(byzantineKinds), recovered] as const;

export const usage = `npm run sim -- --seed N [--runs K] [--nodes 4] [--byzantine 1] [--heights H]
    [--kind ${kindNames.join('|')}] [--storm MS] [--director starve] [--founding slow] [--without FAULT,FAULT]`;

/** Throws an Error with the usage. */
export function parseOptions(words: readonly string[]): CommandOptions {
  const numbers = { ...defaults };
  let without: readonly string[] = [];
  let kind: ByzantineKind | undefined;
  let director: 'starve' | undefined;
  let founding: 'slow' | undefined;
  for (let i = 0; i < words.length; i += 2) {
    const name = words[i]?.replace(/^--/, '') ?? '';
    const text = words[i + 1];
    if (name === 'without' && text !== undefined) {
      without = text.split(',').filter((fault) => fault !== '');
      continue;
    }
    const known = kindNames.find((each) => each === text);
    if (name === 'kind' && known !== undefined) {
      kind = known;
      continue;
    }
    if (name === 'director' && text === 'starve') {
      director = text;
      continue;
    }
    if (name === 'founding' && text === 'slow') {
      founding = text;
      continue;
    }
    const value = Number(text);
    if (!(name in defaults) || text === undefined || !Number.isSafeInteger(value) || value < 0)
      throw new Error(`${words[i] ?? ''} ${text ?? ''} is not understood. Usage: ${usage}`);
    numbers[name] = value;
  }
  const { seed = 1, runs = 1, nodes = 4, byzantine = 1, heights = 10, storm = stormMsDefault } = numbers;
  if (nodes < 1 || nodes > nodesMax || byzantine >= nodes)
    throw new Error(`1 to ${nodesMax} nodes, and fewer Byzantine ones than nodes. Usage: ${usage}`);
  const drawn = {
    ...(kind === undefined ? {} : { kind }),
    ...(director === undefined ? {} : { director }),
    ...(founding === undefined ? {} : { founding }),
  };
  return { seed, runs, nodes, byzantine, heights, without, stormMs: storm, ...drawn };
}
