import type { Hash, LeafIndex } from '../types/brand.ts';
import type { ChangeAttributes } from '../types/change.ts';
import type { ObservedResult } from '../types/transaction.ts';
import type { AdmittedRecord } from './judge.ts';
import type { ObjectHistory } from './object-history.ts';
import { clockSlackMs, settledAfterMs } from './observer.ts';
import type { ResourceWatch } from './resource-watch.ts';

/** Leaves that are looked at together, and so the most results of one transaction. */
const leavesAtOnce = 500;
/** A resource that cannot be followed keeps the others waiting for so long; then nothing is said of its writes. */
const patienceMs = 120_000;
/** Where the log was at which time; one is enough for each second of the time in which an API server may still store. */
const markEveryMs = 1_000;
/** Matched records that are remembered until their turn comes; beyond it the history of the object has to say it. */
const rememberedMax = 100_000;

/** An admitted change that no policy held back. */
export interface RecordedWrite {
  readonly leaf: LeafIndex;
  readonly attributes: ChangeAttributes;
  /** Commitment of base and result: equal for two writes of one base that leave the same. */
  readonly commitment: Hash;
  readonly decidedMs: number;
}

export type Followed = Pick<ResourceWatch, 'resource' | 'isSynced' | 'position' | 'hurry'> & {
  readonly history: Pick<ObjectHistory, 'first' | 'after' | 'current' | 'completeSinceMs' | 'forgottenMs'>;
};

interface Deps {
  /** Leaves of the log that are executed here. */
  readonly logSize: () => number;
  /** Recorded writes of the cluster among these leaves, oldest first. */
  readonly records: (from: number, to: number) => AsyncIterable<RecordedWrite>;
  readonly isObserver: () => boolean;
  /** Who follows the resource; undefined if nobody does. */
  readonly watchOf: (attributes: ChangeAttributes) => Followed | undefined;
  /** A version of the resource that holds everything which was stored before the call. Throws if there is no answer. */
  readonly revision: (watch: Followed, attributes: ChangeAttributes) => Promise<bigint | undefined>;
  /** True if it is on the log. */
  readonly publish: (results: readonly ObservedResult[]) => Promise<boolean>;
  /** Everything below this leaf is said; kept over restarts. */
  readonly position: { readonly load: () => number | undefined; readonly save: (leaf: number) => void };
  readonly unsaid: (count: number) => void;
  /** Milliseconds of a clock that never jumps. */
  readonly now: () => number;
}

/**
 * Says of changes that were only recorded which ones were never stored: a quota or another webhook refused them after ours, the object was another one by then, or the
 * API server died. Only these are said, together, once no API server can store them any more; the log is the queue, so that nothing of it is kept in memory.
 * Where it cannot be known (not followed, followed too late, somebody else wrote the next version and it is not known by which record) nothing is said.
 */
export class NeverStored {
  readonly #d: Deps;
  readonly #marks: { readonly logSize: number; readonly atMs: number }[] = [];
  readonly #stored = new Set<number>();
  /** By object and base, the record that made the version after it. */
  readonly #next = new Map<string, { readonly leaf: LeafIndex; readonly commitment: Hash }>();
  /** How far each resource must be read for the leaves that are being looked at. */
  readonly #through = new Map<string, bigint>();
  #from: number | undefined;
  #waitingMs: number | undefined;
  #working = false;

  constructor(deps: Deps) {
    this.#d = deps;
  }

  /** A version of an object was found to be exactly what this record admitted. */
  stored({ leaf, attestation }: AdmittedRecord, isNext: boolean): void {
    remember(this.#stored, leaf);
    const { uid, resourceVersion, operation } = attestation.attributes;
    if (isNext && operation === 'UPDATE')
      remember(this.#next, `${uid} ${resourceVersion}`, { leaf, commitment: attestation.commitment.strict });
  }

  /** Looks once at what has settled since. What cannot be said yet is looked at again. */
  async look(): Promise<void> {
    this.#mark();
    if (this.#working) return;
    this.#working = true;
    try {
      this.#from ??= this.#begin();
      const settled = this.#settled();
      // Who observes from now on says nothing of what was before.
      if (!this.#d.isObserver()) this.#passed(Math.max(this.#from, settled));
      while (this.#from < settled) {
        const to = Math.min(this.#from + leavesAtOnce, settled);
        if (!(await this.#say(this.#from, to))) return;
        this.#passed(to);
      }
    } finally {
      this.#working = false;
    }
  }

  #begin(): number {
    const known = this.#d.position.load();
    if (known !== undefined) return known;
    const from = this.#d.logSize();
    this.#d.position.save(from);
    return from;
  }

  #mark(): void {
    const atMs = this.#d.now();
    if (atMs - (this.#marks.at(-1)?.atMs ?? -Infinity) >= markEveryMs)
      this.#marks.push({ logSize: this.#d.logSize(), atMs });
  }

  /** What was executed here so long ago that no API server may still store it. */
  #settled(): number {
    const before = this.#d.now() - settledAfterMs;
    while ((this.#marks[1]?.atMs ?? Infinity) <= before) this.#marks.shift();
    const [oldest] = this.#marks;
    return oldest !== undefined && oldest.atMs <= before ? oldest.logSize : 0;
  }

  #passed(to: number): void {
    if (to === this.#from) return;
    this.#from = to;
    this.#waitingMs = undefined;
    this.#through.clear();
    this.#d.position.save(to);
    for (const leaf of this.#stored) if (leaf < to) this.#stored.delete(leaf);
  }

  /** False while something of it cannot be said yet. */
  async #say(from: number, to: number): Promise<boolean> {
    const suspects: (RecordedWrite & { readonly watch: Followed })[] = [];
    for await (const record of this.#d.records(from, to)) {
      const watch = isStorable(record.attributes) ? this.#d.watchOf(record.attributes) : undefined;
      if (watch === undefined || this.#stored.has(record.leaf)) continue;
      if (!watch.isSynced || this.#judge(record, watch) === 'missing') suspects.push({ ...record, watch });
    }
    const unread = new Set<Followed>();
    for (const [watch, { attributes }] of new Map(suspects.map((suspect) => [suspect.watch, suspect])))
      if (!(await this.#isRead(watch, attributes))) unread.add(watch);
    if (unread.size > 0) {
      this.#waitingMs ??= this.#d.now();
      if (this.#d.now() - this.#waitingMs < patienceMs) return false;
    }
    // Nothing is awaited from here on: what was read and what is judged are the same.
    const missing = suspects.filter((one) => !unread.has(one.watch) && this.#judge(one, one.watch) === 'missing');
    this.#d.unsaid(suspects.filter(({ watch }) => unread.has(watch)).length);
    if (missing.length === 0) return true;
    // The record itself says of which object.
    const results = missing.map(({ leaf }) => ({ decision: leaf, persisted: false, uid: '', resourceVersion: '' }));
    return this.#d.publish(results);
  }

  /** Everything that was stored until now, so long after the decision, has been shown here. */
  async #isRead(watch: Followed, attributes: ChangeAttributes): Promise<boolean> {
    const { group, version, resource } = watch.resource;
    const key = `${group}/${version}/${resource}`;
    if (!this.#through.has(key)) {
      const revision = await this.#d.revision(watch, attributes).catch(() => undefined);
      if (revision === undefined) return false;
      this.#through.set(key, revision);
    }
    const read = watch.position?.resourceVersion ?? '';
    const isRead = watch.isSynced && /^\d+$/.test(read) && BigInt(read) >= (this.#through.get(key) as bigint);
    if (!isRead) watch.hurry();
    return isRead;
  }

  #judge({ attributes, commitment, decidedMs, leaf }: RecordedWrite, watch: Followed): 'missing' | 'other' {
    const { history } = watch;
    const { operation, uid, resourceVersion, subresource } = attributes;
    const current = history.current(uid);
    if (operation === 'CREATE') {
      // Gone and forgotten, or come and gone before it was followed, is not the same as never stored.
      const isCovered = Math.max(history.completeSinceMs, history.forgottenMs) + clockSlackMs <= decidedMs;
      return history.first(uid).kind === 'unknown' && isCovered ? 'missing' : 'other';
    }
    // What was deleted does not come back: only what is there unharmed was not.
    if (current.kind !== 'version' || current.content === null) return 'other';
    if (operation === 'DELETE') return current.deleting ? 'other' : 'missing';
    if (!/^\d+$/.test(resourceVersion)) return 'other';
    const next = history.after(uid, resourceVersion);
    if (next.kind === 'unchanged') return 'missing';
    if (subresource !== '') return 'other';
    const winner = this.#next.get(`${uid} ${resourceVersion}`);
    return winner !== undefined && winner.leaf !== leaf && winner.commitment !== commitment ? 'missing' : 'other';
  }
}

/** Whether a write of this leaves something that its uid and version tell: no stream, no token, no binding of something else. */
function isStorable({ operation, subresource, uid }: ChangeAttributes): boolean {
  if (uid === '' || operation === 'CONNECT') return false;
  return subresource === '' || operation === 'UPDATE';
}

function remember(set: Set<number>, leaf: number): void;
function remember<T>(map: Map<string, T>, key: string, value: T): void;
function remember<T>(known: Set<number> | Map<string, T>, key: number | string, value?: T): void {
  if (known instanceof Set) known.add(key as number);
  else known.set(key as string, value as T);
  for (const oldest of known.keys()) {
    if (known.size <= rememberedMax) return;
    (known as { delete(key: unknown): boolean }).delete(oldest);
  }
}
