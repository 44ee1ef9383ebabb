import type { Disk, DiskFile } from '../../../../src/store/wal/disk.ts';

const sectorBytes = 512;

/** What a simulated disk does with an operation, by its number from 1. */
export interface Plan {
  /** This operation and all later ones never come back: the machine is gone. */
  readonly crashAt?: number;
  readonly fail?: (operation: string, path: string) => string | undefined;
}

interface Inode {
  /** What survives a power failure for sure. */
  durable: Buffer;
  /** What the process sees. */
  current: Buffer;
  /** Writes since the last sync, with the bytes that they replaced known from `durable`. */
  unsynced: { readonly offset: number; readonly bytes: Buffer }[];
}

type Names = Map<string, Inode>;

/** A source of choices; fast-check or a seed stands behind it. Returns an integer in [0, below). */
export type Choose = (below: number) => number;

/**
 * A disk in memory that keeps what is synced apart from what is only written, counts operations, and can go down at each
 * of them. Sectors of 512 bytes are written whole or not at all, or (`garble`) with the new bytes spoilt.
 */
export class SimulatedDisk implements Disk {
  operations = 0;
  readonly counts = new Map<string, number>();
  readonly #plan: Plan;
  #names: Names;
  #durableNames: Names;
  /** Names after each change of the folder since it was synced. */
  #history: Names[] = [];
  #crashed = false;
  /** Files whose sync makes durable only what was written since, not all that the process sees. */
  readonly #unwritten = new Set<string>();

  constructor(plan: Plan = {}, names: Names = new Map()) {
    this.#plan = plan;
    this.#names = new Map(names);
    this.#durableNames = new Map(names);
  }

  get crashed(): boolean {
    return this.#crashed;
  }

  /** The disk after the power failed now: any subset of unsynced sectors, any prefix of unsynced changes of the folder. */
  afterPowerFailure(choose: Choose, plan: Plan = {}): SimulatedDisk {
    const states = [this.#durableNames, ...this.#history];
    const names = states[choose(states.length)] as Names;
    const survivors: Names = new Map();
    for (const [name, inode] of names) survivors.set(name, inodeOf(survivingContent(inode, choose)));
    return new SimulatedDisk(plan, survivors);
  }

  /** The disk after the process was killed now: everything that was written is there. */
  afterKill(plan: Plan = {}): SimulatedDisk {
    const survivors: Names = new Map();
    for (const [name, inode] of this.#names) survivors.set(name, { ...inode, unsynced: [...inode.unsynced] });
    const disk = new SimulatedDisk(plan, survivors);
    disk.#durableNames = this.#durableNames;
    disk.#history = [...this.#history];
    return disk;
  }

  /** What a failed sync leaves: the pages count as clean, so no later sync writes them. */
  forgetUnsynced(path: string): void {
    this.#unwritten.add(path);
    (this.#names.get(path) as Inode).unsynced = [];
  }

  /** Names and bytes as the process sees them. */
  files(): Map<string, Buffer> {
    return new Map([...this.#names].map(([name, inode]) => [name, Buffer.from(inode.current)]));
  }

  static of(files: ReadonlyMap<string, Buffer>, plan: Plan = {}): SimulatedDisk {
    return new SimulatedDisk(plan, new Map([...files].map(([name, bytes]) => [name, inodeOf(Buffer.from(bytes))])));
  }

  async list(dir: string): Promise<readonly string[] | undefined> {
    await this.#operation('list', dir);
    const names = [...this.#names.keys()].filter((name) => name.startsWith(`${dir}/`));
    return names.length === 0 ? undefined : names.map((name) => name.slice(dir.length + 1));
  }

  async makeDirectory(dir: string): Promise<void> {
    await this.#operation('makeDirectory', dir);
  }

  async open(path: string, options: { readonly create: boolean }): Promise<DiskFile> {
    await this.#operation('open', path);
    let inode = this.#names.get(path);
    if (inode === undefined) {
      if (!options.create) throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
      inode = inodeOf(Buffer.alloc(0));
      this.#changeNames((names) => names.set(path, inode as Inode));
    }
    return this.#fileOf(path, inode);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#operation('rename', to);
    const inode = this.#names.get(from);
    if (inode === undefined) throw Object.assign(new Error(`ENOENT: ${from}`), { code: 'ENOENT' });
    this.#changeNames((names) => names.delete(from) && names.set(to, inode));
  }

  async remove(path: string): Promise<void> {
    await this.#operation('remove', path);
    this.#changeNames((names) => names.delete(path));
  }

  async syncDirectory(dir: string): Promise<void> {
    await this.#operation('syncDirectory', dir);
    this.#durableNames = new Map(this.#names);
    this.#history = [];
  }

  #changeNames(change: (names: Names) => unknown): void {
    const names = new Map(this.#names);
    change(names);
    this.#names = names;
    this.#history.push(names);
  }

  #fileOf(path: string, inode: Inode): DiskFile {
    return {
      size: async () => {
        await this.#operation('size', path);
        return inode.current.length;
      },
      read: async (offset, length) => {
        await this.#operation('read', path);
        return new Uint8Array(inode.current.subarray(offset, offset + length));
      },
      write: async (offset, bytes) => {
        const copy = Buffer.from(bytes);
        const before = (): void => write(inode, offset, copy);
        await this.#operation('write', path, before);
      },
      sync: async () => {
        // What was written until the call is covered, not what comes while it runs.
        const covered = inode.unsynced.length;
        const content = this.#unwritten.has(path) ? syncedOnly(inode) : Buffer.from(inode.current);
        await this.#operation('sync', path);
        inode.durable = content;
        inode.unsynced = inode.unsynced.slice(covered);
      },
      close: async () => this.#operation('close', path),
    };
  }

  /** `reached` runs even if the machine goes down in this operation: it was under way. */
  async #operation(kind: string, path: string, reached?: () => void): Promise<void> {
    this.operations += 1;
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    if (this.#crashed) return never();
    const code = this.#plan.fail?.(kind, path);
    if (code !== undefined) throw Object.assign(new Error(`${code}: ${kind} ${path}`), { code });
    reached?.();
    if (this.operations >= (this.#plan.crashAt ?? Infinity)) {
      this.#crashed = true;
      return never();
    }
    await Promise.resolve();
  }
}

function never(): Promise<never> {
  return new Promise<never>(() => {});
}

function inodeOf(content: Buffer): Inode {
  return { durable: content, current: Buffer.from(content), unsynced: [] };
}

function write(inode: Inode, offset: number, bytes: Buffer): void {
  inode.current = overlay(inode.current, offset, bytes);
  inode.unsynced.push({ offset, bytes });
}

function overlay(content: Buffer, offset: number, bytes: Buffer): Buffer {
  const length = Math.max(content.length, offset + bytes.length);
  const result = length === content.length ? content : Buffer.concat([content], length);
  bytes.copy(result, offset);
  return result;
}

function syncedOnly(inode: Inode): Buffer {
  let content = inode.durable;
  for (const { offset, bytes } of inode.unsynced) content = overlay(Buffer.from(content), offset, bytes);
  return content;
}

function survivingContent(inode: Inode, choose: Choose): Buffer {
  let content: Buffer = Buffer.from(inode.durable);
  for (const { offset, bytes } of inode.unsynced) {
    let at = 0;
    while (at < bytes.length) {
      const length = Math.min(bytes.length - at, sectorBytes - ((offset + at) % sectorBytes));
      const fate = choose(5);
      if (fate < 2) content = overlay(content, offset + at, bytes.subarray(at, at + length));
      if (fate === 2) content = overlay(content, offset + at, spoilt(bytes.subarray(at, at + length), choose));
      at += length;
    }
  }
  return content;
}

function spoilt(bytes: Buffer, choose: Choose): Buffer {
  const result = Buffer.from(bytes);
  const at = choose(result.length);
  for (let i = at; i < result.length; i++) result[i] = choose(256);
  return result;
}

/** A small generator of choices from a seed (mulberry32). */
export function chooserOf(seed: number): Choose {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}
