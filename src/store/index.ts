export {
  copyStore,
  type NewStore,
  openStore,
  openStoreForReading,
  repairCompleteMarker,
  repairFolder,
} from './open-store.ts';
export { databaseFolder, Store, type CommittedBlock } from './store.ts';
export { lackedHeights, type HistoryGap } from './lmdb/spaces.ts';
export type { BodyInfo } from './lmdb/bodies.ts';
export type { IndexKeys, IndexPage } from './lmdb/audit-index.ts';
export { Spool } from './spool/spool.ts';
export { openWal, type OpenWalOptions } from './wal/open.ts';
export { checkStore, type LedgerFunctions, type Problem, type ProblemCode } from './integrity.ts';
