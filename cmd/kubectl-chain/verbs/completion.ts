import type { Command } from 'commander';
import { ChainError } from '../../../src/errors/chain-error.ts';
import type { Terminal } from '../terminal.ts';

/** cobra's directive "no files", which kubectl's own completion understands from `kubectl_complete-chain`. */
const noFiles = ':4';
const filesToo = ':0';

const scripts: Readonly<Record<string, string>> = {
  bash: `# kubectl chain completion for the plugin started directly; kubectl itself asks kubectl_complete-chain.
_kubectl_chain() {
  local IFS=$'\\n'
  COMPREPLY=($(kubectl-chain __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | grep -v '^:'))
}
complete -F _kubectl_chain kubectl-chain
`,
  zsh: `#compdef kubectl-chain
_kubectl_chain() {
  local -a found
  found=(\${(f)"$(kubectl-chain __complete "\${words[@]:1:CURRENT-1}" 2>/dev/null | grep -v '^:')"})
  compadd -a found
}
compdef _kubectl_chain kubectl-chain
`,
  fish: `complete -c kubectl-chain -f -a '(kubectl-chain __complete (commandline -opc)[2..] (commandline -ct) 2>/dev/null | string match -v ":*")'
`,
  powershell: `Register-ArgumentCompleter -Native -CommandName kubectl-chain -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $words = @($commandAst.CommandElements | Select-Object -Skip 1 | ForEach-Object { $_.ToString() })
  if ($wordToComplete -eq '') { $words += '' }
  kubectl-chain __complete @words 2>$null | Where-Object { $_ -notlike ':*' }
}
`,
};

export async function completion(terminal: Terminal, shell: string): Promise<void> {
  const script = scripts[shell];
  if (script === undefined)
    throw new ChainError('CLI_USAGE', {
      problem: `completion ${shell}: must be one of ${Object.keys(scripts).join(', ')}`,
    });
  terminal.stdout(script);
}

const choices: Readonly<Record<string, readonly string[]>> = {
  '--output': ['table', 'wide', 'json', 'yaml', 'name', 'jsonpath=', 'custom-columns='],
  '-o': ['table', 'wide', 'json', 'yaml', 'name', 'jsonpath=', 'custom-columns='],
  '--decision': ['ADMITTED', 'REFUSED', 'WAITING', 'DONE', 'EXPIRED'],
  '--operation': ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'],
  '--state': [
    'OPEN',
    'APPROVED',
    'REJECTED',
    'WITHDRAWN',
    'EXPIRED',
    'SUPERSEDED',
    'UNAVAILABLE',
    'EXECUTED',
    'FAILED',
  ],
  '--for': ['approved', 'executed', 'rejected'],
  '--wait-for': ['healthy'],
  '--role': ['member', 'operator', 'auditor', 'emergency'],
};
const shells = Object.keys(scripts);

/** Candidates for the last of `words`, one a line, and cobra's directive. Nothing is asked of a node. */
export async function complete(terminal: Terminal, program: Command, words: readonly string[]): Promise<void> {
  const typed = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  let command = program;
  for (const word of before)
    command = command.commands.find((sub) => sub.name() === word || sub.aliases().includes(word)) ?? command;
  const options = [...command.options, ...program.options].filter((option) => !option.hidden);
  const last = before.at(-1) ?? '';
  const pending = options.find((option) => option.required && (option.short === last || option.long === last));
  let candidates: readonly string[];
  if (pending !== undefined) candidates = choices[last] ?? [];
  else if (typed.startsWith('-')) candidates = options.flatMap(({ long, short }) => long ?? short ?? []);
  else if (command.name() === 'completion') candidates = shells;
  else candidates = command.commands.map((sub) => sub.name()).filter((name) => !name.startsWith('__'));
  const fits = candidates.filter((candidate) => candidate.startsWith(typed));
  const wantsFile = pending !== undefined && /<(file|folder)>/.test(pending.flags);
  terminal.stdout([...fits, wantsFile ? filesToo : noFiles, ''].join('\n'));
}
