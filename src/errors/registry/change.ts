export const changeErrors = {} as const;
