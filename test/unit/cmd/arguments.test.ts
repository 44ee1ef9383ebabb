import { describe, expect, test } from 'vitest';
import { kubectlArguments } from '../../../cmd/kubectl-chain/arguments.ts';
import { buildProgram } from '../../../cmd/kubectl-chain/program.ts';
import type { Terminal } from '../../../cmd/kubectl-chain/terminal.ts';

const program = buildProgram(
  { stdout: () => undefined, stderr: () => undefined } as unknown as Terminal,
  async () => undefined,
);
const pass = (...args: string[]): string[] => kubectlArguments(args, program);

describe('arguments as kubectl takes them', () => {
  test.each([
    [
      ['audit', '-o=json'],
      ['audit', '-o', 'json'],
    ],
    [
      ['audit', '-n=shop', 'deploy/web'],
      ['audit', '-n', 'shop', 'deploy/web'],
    ],
    [
      ['audit', '-o=custom-columns=A:.a'],
      ['audit', '-o', 'custom-columns=A:.a'],
    ],
    [
      ['audit', '--output=json'],
      ['audit', '--output=json'],
    ],
    [['status', '--watch=false'], ['status']],
    [
      ['status', '-w=true'],
      ['status', '-w'],
    ],
    [
      ['audit', '-A=false', '-f=true'],
      ['audit', '-f'],
    ],
    [
      ['propose', 'change', '-f=x.yaml'],
      ['propose', 'change', '-f', 'x.yaml'],
    ],
    [
      ['vote', '7', '--reason', '-n=shop'],
      ['vote', '7', '--reason', '-n=shop'],
    ],
    [
      ['vote', '7', '--yes=true', '--dry-run=false'],
      ['vote', '7', '--yes'],
    ],
    [
      ['--context=a', 'audit', '-v=6'],
      ['--context=a', 'audit', '-v', '6'],
    ],
    [
      ['audit', '--no-headers=true'],
      ['audit', '--no-headers'],
    ],
    [
      ['audit', '--', '-o=json'],
      ['audit', '--', '-o=json'],
    ],
    [
      ['propose', 'change', '-f', '-'],
      ['propose', 'change', '-f', '-'],
    ],
  ])('%j is %j', (given, expected) => {
    expect(pass(...given)).toEqual(expected);
  });

  test('a flag that is on or off takes no other value', () => {
    expect(() => pass('status', '--watch=maybe')).toThrow('must be true or false');
  });
});
