/** What the shell hears (cli.md, "Exit codes"). */
export const exitCode = { ok: 0, refused: 1, couldNot: 2, noQuorum: 3, noVerifiedAnswer: 4, interrupted: 130 } as const;
