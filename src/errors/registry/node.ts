export const nodeErrors = {} as const;
