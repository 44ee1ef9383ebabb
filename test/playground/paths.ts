import { dirname, join } from 'node:path';

export const ROOT = dirname(dirname(import.meta.dirname));
/** This very Node: what kubectl starts must not depend on the PATH of whoever starts kubectl. */
export const NODE = process.execPath;
export const CHAIN_NODE = join(ROOT, 'cmd', 'chain-node.ts');
export const KUBECTL_CHAIN = join(ROOT, 'cmd', 'kubectl-chain.ts');
export const FAILOVER = join(ROOT, 'webhook', 'failover-main.ts');
export const CLUSTER_NAME = 'main';
