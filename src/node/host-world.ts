import { nativeBackend } from '../crypto/index.ts';
import { VerifyThread } from '../crypto/verify-thread.ts';
import { createMesh, type Mesh, type MeshOptions } from '../net/index.ts';
import type { BatchVerifier, CryptoBackend } from '../ports/crypto.ts';
import { openStore, openWal, type NewStore, type Store } from '../store/index.ts';

/** Disk, network and cryptography of a host. A node has the real ones; the simulator puts its own in their place, and nothing else. */
export interface HostWorld {
  readonly openStore: (dataDir: string, options: NewStore) => Promise<Store>;
  readonly openWal: typeof openWal;
  createMesh(options: MeshOptions): Mesh;
  readonly backend: CryptoBackend;
  /** Absent: signatures are verified where they are needed, and not before. */
  readonly verifyAhead?: () => BatchVerifier;
  /** Called with the name of each rule of the consensus core that fires. */
  readonly trace?: (rule: string) => void;
}

export const realWorld: HostWorld = {
  openStore,
  openWal,
  createMesh,
  backend: nativeBackend,
  verifyAhead: () => new VerifyThread(),
};
