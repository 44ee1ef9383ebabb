import { nativeBackend } from '../crypto/index.ts';
import { createMesh, type Mesh, type MeshOptions } from '../net/index.ts';
import type { CryptoBackend } from '../ports/crypto.ts';
import { openStore, openWal, type NewStore, type Store } from '../store/index.ts';

/** Disk, network and cryptography of a host. A node has the real ones; the simulator puts its own in their place, and nothing else. */
export interface HostWorld {
  readonly openStore: (dataDir: string, options: NewStore) => Promise<Store>;
  readonly openWal: typeof openWal;
  createMesh(options: MeshOptions): Mesh;
  readonly backend: CryptoBackend;
  /** Called with the name of each rule of the consensus core that fires. */
  readonly trace?: (rule: string) => void;
}

export const realWorld: HostWorld = { openStore, openWal, createMesh, backend: nativeBackend };
