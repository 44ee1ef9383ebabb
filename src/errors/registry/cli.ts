export const cliErrors = {} as const;
