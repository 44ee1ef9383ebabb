/** `--name value` pairs of whole numbers; anything else is an error that says what is allowed. */
export interface CommandOptions {
  readonly seed: number;
  readonly runs: number;
  readonly nodes: number;
  readonly byzantine: number;
  readonly heights: number;
}

export const usage = 'npm run sim -- --seed N [--runs K] [--nodes 4] [--byzantine 1] [--heights H]';

const defaults: CommandOptions = { seed: 1, runs: 1, nodes: 4, byzantine: 1, heights: 10 };

/** Throws an Error with the usage. */
export function parseOptions(words: readonly string[]): CommandOptions {
  const options: Record<string, number> = { ...defaults };
  for (let i = 0; i < words.length; i += 2) {
    const name = words[i]?.replace(/^--/, '') ?? '';
    const value = Number(words[i + 1]);
    if (!(name in defaults) || words[i + 1] === undefined || !Number.isSafeInteger(value) || value < 0)
      throw new Error(`${words[i] ?? ''} ${words[i + 1] ?? ''} is not understood. Usage: ${usage}`);
    options[name] = value;
  }
  const parsed = options as unknown as CommandOptions;
  if (parsed.nodes < 1 || parsed.nodes > 32 || parsed.byzantine >= parsed.nodes)
    throw new Error(`1 to 32 nodes, and fewer Byzantine ones than nodes. Usage: ${usage}`);
  return parsed;
}
