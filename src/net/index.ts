export { createMesh, type Mesh, type MeshOptions } from './mesh.ts';
export type { NetLimits } from './limits.ts';
export type { NetEvent, NetLogger, NetStats, PeerStats } from './observer.ts';
