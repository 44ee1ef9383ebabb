import type { Command, Option } from 'commander';

/** The arguments are not as they must be. Coded where it is told: help loads no codes. */
export class UsageProblem extends Error {}

/**
 * kubectl writes `-o=json`, `-n=foo` and `--watch=false`; commander reads the first two as `=json` and `=foo` and refuses the third.
 * Rewrites them to `-o json`, `-n foo`, and nothing. The flags are those of the command that the arguments name. Throws UsageProblem.
 */
export function kubectlArguments(args: readonly string[], program: Command): string[] {
  const result: string[] = [];
  let command = program;
  const options: Option[] = [...program.options];
  for (let i = 0; i < args.length; i += 1) {
    const argument = args[i] ?? '';
    if (argument === '--') return [...result, ...args.slice(i)];
    if (!argument.startsWith('-') || argument === '-') {
      const next = command.commands.find((sub) => sub.name() === argument || sub.aliases().includes(argument));
      if (next !== undefined) {
        command = next;
        options.unshift(...next.options);
      }
      result.push(argument);
      continue;
    }
    const [, name = argument, value] = /^(--?[^=]+)=(.*)$/s.exec(argument) ?? [];
    const option = options.find((candidate) => candidate.short === name || candidate.long === name);
    if (option === undefined) {
      result.push(argument);
      continue;
    }
    const takesValue = option.required || option.optional;
    if (value === undefined) {
      result.push(argument);
      // What follows is its value, whatever it looks like.
      if (option.required && i + 1 < args.length) result.push(args[(i += 1)] ?? '');
    } else if (takesValue) {
      result.push(...(name.startsWith('--') ? [argument] : [name, value]));
    } else if (value === 'true') {
      result.push(name);
    } else if (value !== 'false') {
      throw new UsageProblem(`${name}=${value}: must be true or false`);
    }
  }
  return result;
}
