export const consensusErrors = {} as const;
