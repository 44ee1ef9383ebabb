export const webhookErrors = {} as const;
