export const apiErrors = {} as const;
