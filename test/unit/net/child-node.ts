/**
 * A mesh node as a process of its own, for tests that stop and kill it: `node child-node.ts '{"self", "port", "peers", "stopAfterUp"}'`.
 * Prints one JSON line for each peer that comes or goes, and one when it listens.
 */
import { createMesh, type Mesh } from '../../../src/net/index.ts';
import type { Hash, ValidatorId } from '../../../src/types/brand.ts';

interface ChildOptions {
  readonly self: ValidatorId;
  readonly privateKeyPem: string;
  readonly certificatePem: string;
  readonly port: number;
  readonly chain: Hash;
  readonly peers: readonly { readonly id: ValidatorId; readonly tlsKey: string; readonly address: string }[];
  /** Stops by itself once a peer is up: the process must then end because nothing holds it. */
  readonly stopAfterUp: boolean;
}

const options = JSON.parse(process.argv[2] ?? '{}') as ChildOptions;
const say = (line: object) => process.stdout.write(JSON.stringify(line) + '\n');

const mesh: Mesh = createMesh({
  self: options.self,
  privateKeyPem: options.privateKeyPem,
  certificatePem: options.certificatePem,
  listenHost: '127.0.0.1',
  listenPort: options.port,
  chain: options.chain,
  limits: { backoffMinMs: 10, backoffMaxMs: 50 },
  handlers: {
    onMessage: (from, channel) => say({ message: from, channel }),
    onRequest: (_from, _method, bytes) => Promise.resolve(bytes),
    onPeerUp: (peer) => {
      say({ up: peer });
      if (options.stopAfterUp) void stop(peer);
    },
    onPeerDown: (peer) => say({ down: peer }),
  },
});

async function stop(peer: ValidatorId): Promise<void> {
  await mesh.request(peer, 'echo', new Uint8Array(300_000), 10_000);
  const unanswered = mesh.request(peer, 'never', new Uint8Array(0), 60_000).catch((error: Error) => error.message);
  await mesh.stop();
  say({ stopped: true, unanswered: await unanswered });
}

await mesh.start();
mesh.setPeers(options.peers);
say({ listening: mesh.address });
