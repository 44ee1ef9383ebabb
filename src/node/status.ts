import type { LoadedGenesis } from '../ledger/index.ts';
import type { NodeStatus } from '../ports/api-backend.ts';
import { lackedHeights } from '../store/index.ts';
import type { Validator } from '../types/chain.ts';
import type { ConsensusHost } from './host.ts';
import { version } from './version.ts';

/** What consensus, ledger and mesh of a node say of themselves. */
export function hostStatus(
  host: ConsensusHost,
  self: Validator,
  { genesis, hash }: LoadedGenesis,
): Omit<NodeStatus, 'ready' | 'notReady' | 'cluster'> {
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
