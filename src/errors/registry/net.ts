export const netErrors = {} as const;
