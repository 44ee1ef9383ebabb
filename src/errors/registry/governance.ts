export const governanceErrors = {} as const;
