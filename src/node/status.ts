import type { LoadedGenesis } from '../ledger/index.ts';
import type { NodeStatus } from '../ports/api-backend.ts';
import { lackedHeights, type HistoryGap } from '../store/index.ts';
import type { ClusterId } from '../types/brand.ts';
import type { Validator } from '../types/chain.ts';
import type { ClusterKeys } from './cluster-keys.ts';
import type { NodeConfig } from './config.ts';
import type { HookService } from './hook-service.ts';
import type { ConsensusHost } from './host.ts';
import type { ObserverService } from './observer-service.ts';
import { version } from './version.ts';

interface Parts {
  readonly config: NodeConfig;
  readonly self: Validator;
  readonly genesis: LoadedGenesis;
  readonly host: ConsensusHost;
  readonly hook: HookService;
  readonly observer: ObserverService;
  readonly clusterKeys: ClusterKeys;
}

/** What a node says of itself. */
export function nodeStatus(parts: Parts): NodeStatus {
  const { host, hook } = parts;
  const { ready, reasons } = hook.ready();
  const alsoToKnow = [host.observeReason, host.clockReason, lackOf(host.store.gap)];
  return {
    ...hostStatus(parts),
    ready,
    notReady: [...reasons, ...alsoToKnow.filter((reason) => reason !== '')],
    cluster: clusterStatus(parts),
  };
}

function clusterStatus({ config, hook, observer, clusterKeys }: Parts): NodeStatus['cluster'] {
  const { cluster } = config;
  if (cluster === undefined) return null;
  return {
    name: cluster.name,
    ...hook.status(),
    hasKey: clusterKeys.get(cluster.name as ClusterId) !== undefined,
    observer: observer.describe(),
  };
}

/** What a node that began with a snapshot does not answer yet; empty if it has all. */
function lackOf(gap: HistoryGap | null): string {
  if (gap === null) return '';
  const { from, to } = lackedHeights(gap);
  return `the heights ${from} to ${to} of its history are not here yet`;
}

/** What consensus, ledger and mesh say of themselves. */
function hostStatus({
  host,
  self,
  genesis: { genesis, hash },
}: Parts): Omit<NodeStatus, 'ready' | 'notReady' | 'cluster'> {
  const { quorum } = host;
  const { gap } = host.store;
  const info = host.app.info();
  const connected = new Set<string>(host.mesh.connected());
  return {
    org: self.org,
    version,
    chain: hash,
    chainName: genesis.chainName,
    height: info.height,
    logSize: info.state.logSize,
    timeMs: info.timeMs,
    round: host.round,
    proposer: host.proposer,
    validators: info.validators.length,
    quorum: quorum.needed,
    quorumReachable: quorum.connected >= quorum.needed,
    catchingUpTo: host.catchingUpTo,
    snapshot: host.snapshot,
    historyGap: gap === null ? null : lackedHeights(gap),
    mempool: host.mempool.size,
    halted: host.halted,
    peers: info.validators.flatMap(({ id, peerAddress }) =>
      id === self.id ? [] : [{ id, address: peerAddress, connected: connected.has(id) }],
    ),
  };
}
