export const clientErrors = {} as const;
