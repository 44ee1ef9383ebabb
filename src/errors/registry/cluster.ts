export const clusterErrors = {} as const;
