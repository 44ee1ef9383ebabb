import { entry } from '../define.ts';

export const clusterErrors = {
  CLUSTER_CERTIFICATE: entry<{ detail: string }>(
    500,
    (p) => `a certificate cannot be made or read: ${p.detail}`,
    'Check the configured names, addresses and key files.',
  ),
  CLUSTER_KUBECONFIG: entry<{ file: string; reason: string }>(
    500,
    (p) => `kubeconfig ${p.file}: ${p.reason}`,
    'Name a kubeconfig with a current context that reaches the cluster.',
  ),
  CLUSTER_REQUEST: entry<{ path: string; reason: string }>(
    502,
    (p) => `the API server did not answer ${p.path}: ${p.reason}`,
    'Check that the API server is up and that this identity may read it.',
  ),
} as const;
