import { fork } from 'node:child_process';
import { closeSync, existsSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ChainError } from '../../errors/chain-error.ts';

const fileName = 'data.mdb';
/** The child begins, or finds its next thousand entries, in less. */
const SILENCE_MAX_MS = 60_000;
/** What the child (read-through.ts) tells: that it goes on. */
export type Progress = { readonly entries: number; readonly bytes: number };
/** Exit code of the child that says itself what is wrong, as the last line of its output. */
export const damagedExit = 3;

/** Places in LMDB's two meta pages (mdb.c, MDB_meta behind the page's header), data format 2, 64 bits. */
const META = { magic: 24, pageSize: 48, lastPage: 144, txnId: 152, bytes: 160 } as const;
const MAGIC = 0xbeefc0de;

interface Meta {
  readonly pageSize: number;
  readonly lastPage: number;
  readonly txnId: number;
}

/**
 * Reads the database of the folder `path` from its first entry to the last, in a process of its own: LMDB has no checksums, and ends the process that
 * meets a page that is cut off or makes no sense, or never returns. Throws STORE_DAMAGED. A folder without a file is sound.
 */
export async function requireReadable(path: string, silenceMaxMs = SILENCE_MAX_MS): Promise<void> {
  const file = join(path, fileName);
  if (!existsSync(file) || statSync(file).size === 0) return;
  const child = fork(new URL('./read-through.ts', import.meta.url), [path], {
    execArgv: [],
    stdio: ['ignore', 'pipe', 'ignore', 'ipc'],
  });
  let said = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (said += text));
  const detail = await new Promise<string | null>((resolve, reject) => {
    let silence: NodeJS.Timeout;
    const goesOn = (): void => {
      clearTimeout(silence);
      silence = setTimeout(() => {
        child.kill('SIGKILL');
        resolve('reading it does not come to an end');
      }, silenceMaxMs);
    };
    goesOn();
    child.on('message', goesOn);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(silence);
      if (code === 0) resolve(null);
      else if (code === damagedExit) resolve(said);
      else resolve(`reading it ends with ${signal ?? `exit code ${code}`}`);
    });
  });
  if (detail !== null) throw new ChainError('STORE_DAMAGED', { where: file, detail });
}

/**
 * True where the file is shorter than its newest meta page says. LMDB may leave pages at the end unwritten that are in no tree, so this alone
 * is no damage, only a reason to look.
 */
export function looksCut(path: string): boolean {
  const file = join(path, fileName);
  if (!existsSync(file)) return false;
  const fd = openSync(file, 'r');
  try {
    const first = metaAt(fd, 0);
    const second = metaAt(fd, first?.pageSize ?? 4_096);
    const newest = [first, second].flatMap((meta) => meta ?? []).toSorted((a, b) => b.txnId - a.txnId)[0];
    // After the meta page, so that a file that grows meanwhile is not taken for a cut one.
    const { size } = fstatSync(fd);
    if (size === 0) return false;
    return newest === undefined || second === undefined || size < (newest.lastPage + 1) * newest.pageSize;
  } finally {
    closeSync(fd);
  }
}

function metaAt(fd: number, offset: number): Meta | undefined {
  const bytes = Buffer.alloc(META.bytes);
  if (readSync(fd, bytes, 0, META.bytes, offset) < META.bytes) return undefined;
  if (bytes.readUInt32LE(META.magic) !== MAGIC) return undefined;
  return {
    pageSize: bytes.readUInt32LE(META.pageSize),
    lastPage: Number(bytes.readBigUInt64LE(META.lastPage)),
    txnId: Number(bytes.readBigUInt64LE(META.txnId)),
  };
}
