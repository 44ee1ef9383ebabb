import { entry } from '../define.ts';

export const clusterErrors = {
  CLUSTER_CERTIFICATE: entry<{ detail: string }>(
    500,
    (p) => `a certificate cannot be made or read: ${p.detail}`,
    'Check the configured names, addresses and key files.',
  ),
} as const;
