import { entry } from '../define.ts';

export const storeErrors = {
  STORE_OTHER_CHAIN: entry<{ dir: string; expected: string; found: string }>(
    500,
    (p) => `the data folder ${p.dir} belongs to chain ${p.found}, not to ${p.expected}`,
    'Point dataDir at the folder of this chain, or start with an empty folder. Never mix the data of two chains.',
  ),
  STORE_IN_USE: entry<{ dir: string; pid: number; host: string }>(
    500,
    (p) => `the data folder ${p.dir} is in use by process ${p.pid} on host ${p.host}`,
    'Stop that process first. If it is certain that it no longer runs (another host, a removed container), delete the file "lock" in the data folder.',
  ),
  STORE_REPAIR_UNFINISHED: entry<{ dir: string }>(
    500,
    (p) => `a repair of the data folder ${p.dir} was interrupted before its last step`,
    'Run chain-node repair once more: it only has to put the rebuilt store in its place.',
  ),
  STORE_PERMISSION: entry<{ path: string; operation: string }>(
    500,
    (p) => `no permission to ${p.operation} ${p.path}`,
    'Give the user that runs chain-node read and write permission on the data folder and everything in it, on a writable file system.',
  ),
  STORE_NOT_A_FOLDER: entry<{ path: string }>(
    500,
    (p) => `${p.path} is not a folder`,
    'Point dataDir at a folder, or at a path that does not exist yet.',
  ),
  STORE_NOT_FOUND: entry<{ dir: string }>(
    500,
    (p) => `there is no store in the data folder ${p.dir}`,
    'Check the path. A node creates its store at the first start; reading one never does.',
  ),
  STORE_FULL: entry<{ path: string }>(
    507,
    (p) => `no space left to write ${p.path}`,
    'Free space on the disk (or raise the quota) and start the node again: nothing that was acknowledged is lost.',
  ),
  STORE_IO: entry<{ path: string; operation: string; detail: string }>(
    500,
    (p) => `${p.operation} failed on ${p.path}: ${p.detail}`,
    'Check the disk (dmesg, SMART). After a failed write the store refuses everything until the node is started again; run chain-node fsck before.',
  ),
  STORE_SCHEMA_NEWER: entry<{ found: number; supported: number }>(
    500,
    (p) => `the store has schema ${p.found}, this program knows schemas up to ${p.supported}`,
    'Start a release of chain-node at least as new as the one that wrote this data folder.',
  ),
  STORE_SCHEMA_OLDER: entry<{ found: number; supported: number }>(
    500,
    (p) => `the store has schema ${p.found}, older than ${p.supported}, and cannot be migrated from here`,
    'Start the node once to migrate the data folder (a reader never does); a gap in the migrations needs an intermediate release.',
  ),
  STORE_HEIGHT: entry<{ height: number; last: number }>(
    500,
    (p) => `block ${p.height} cannot follow block ${p.last} in the store`,
    'Blocks are committed one after the other; this is a defect of the program: report it.',
  ),
  STORE_KEY: entry<{ what: string; detail: string }>(
    500,
    (p) => `${p.what} cannot be a key of the store: ${p.detail}`,
    'This is a defect of the program: report it.',
  ),
  STORE_BODY_HASH: entry<{ expected: string; found: string }>(
    400,
    (p) => `the body hashes to ${p.found}, not to ${p.expected}`,
    'Fetch the body again, from another node if need be.',
  ),
  STORE_DAMAGED: entry<{ where: string; detail: string }>(
    500,
    (p) => `the store is damaged at ${p.where}: ${p.detail}`,
    'Run chain-node fsck to see all that is wrong, then restore the folder or let the node synchronise into an empty one.',
  ),
  STORE_CLOSED: entry<{ operation: string }>(
    503,
    (p) => `the store is closed: ${p.operation} came too late`,
    'Start the node again.',
  ),
  WAL_IO: entry<{ file: string; operation: string; detail: string }>(
    500,
    (p) => `${p.operation} failed on the write-ahead log file ${p.file}: ${p.detail}`,
    'Check the disk (dmesg, SMART) and start the node again. Until then it signs nothing: after a failed sync nobody knows what the disk holds.',
  ),
  WAL_FULL: entry<{ file: string }>(
    507,
    (p) => `no space left for the write-ahead log file ${p.file}`,
    'Free space on the disk (or raise the quota) and start the node again; it signs nothing until then.',
  ),
  WAL_UNUSABLE: entry<{ condition: string; detail: string }>(
    503,
    (p) => `the write-ahead log is ${p.condition}: ${p.detail}`,
    'The node only observes. Let it observe until the height in progress is decided, or use chain-node restore; never copy a log from elsewhere.',
  ),
  WAL_TOO_LARGE: entry<{ bytes: number; bytesMax: number }>(
    500,
    (p) => `${p.bytes} bytes in one append to the write-ahead log, at most ${p.bytesMax} are allowed`,
    'Lower blockBytesMax of the chain; this is a defect of the program if it is within the documented limits.',
  ),
  WAL_CLOSED: entry<{ operation: string }>(
    503,
    (p) => `the write-ahead log is closed: ${p.operation} came too late`,
    'Start the node again.',
  ),
} as const;
