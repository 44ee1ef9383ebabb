/** What was seen of one object, oldest first. */
interface Version {
  readonly resourceVersion: bigint;
  /** Canonical text hash of the normalised, redacted object; null when it was deleted. */
  readonly content: string | null;
  readonly deleting: boolean;
}

interface Entry {
  readonly versions: Version[];
  /** When it was first found deleted and wanted by nobody. */
  unwantedMs?: number;
}

/** Versions kept of an object: decisions are confirmed within seconds of the write. */
const versionsMax = 32;
/**
 * What was deleted is remembered for longer than a reservation lasts (120 s): this node may hear of a decision only after the object that it
 * admitted has come and gone.
 */
const forgetAfterMs = 180_000;

export type Seen =
  /** First version after the given one. */
  | {
      readonly kind: 'version';
      readonly resourceVersion: string;
      readonly content: string | null;
      readonly deleting: boolean;
    }
  /** Nothing happened to the object since. */
  | { readonly kind: 'unchanged' }
  /** The version after the given one may have been missed. */
  | { readonly kind: 'unknown' };

/**
 * Every version of every object of one resource since a list was taken. A resourceVersion is comparable within a resource
 * (KEP-5504), so "the first version after the one that was reviewed" says exactly what became of a write, as long as the
 * watch has not been interrupted since before it.
 */
export class ObjectHistory {
  readonly #objects = new Map<string, Entry>();
  /** Versions above this one are complete. */
  #completeFrom = 0n;
  #completeSinceMs = Infinity;
  #forgottenMs = -Infinity;

  /** Time of the own clock from which on no version was missed; infinite before the first list. */
  get completeSinceMs(): number {
    return this.#completeSinceMs;
  }

  /** When the latest of what is forgotten was found deleted: what was decided later and is not known here never came. */
  get forgottenMs(): number {
    return this.#forgottenMs;
  }

  /**
   * A list replaces what was known of the present and starts the coverage anew, unless the watch could be resumed. `nowMs` is when the list was
   * complete.
   */
  relist(
    resourceVersion: string,
    objects: readonly { uid: string; resourceVersion: string; content: string; deleting: boolean }[],
    nowMs: number,
  ): void {
    this.#objects.clear();
    this.#completeFrom = BigInt(resourceVersion);
    this.#completeSinceMs = nowMs;
    for (const { uid, ...version } of objects) {
      this.#objects.set(uid, { versions: [{ ...version, resourceVersion: BigInt(version.resourceVersion) }] });
    }
  }

  saw(uid: string, resourceVersion: string, content: string | null, deleting: boolean): void {
    const entry = this.#objects.get(uid) ?? { versions: [] };
    entry.versions.push({ resourceVersion: BigInt(resourceVersion), content, deleting });
    if (entry.versions.length > versionsMax) entry.versions.shift();
    this.#objects.set(uid, entry);
  }

  /** Whether the object with this uid was ever seen. */
  first(uid: string): Seen {
    const version = this.#objects.get(uid)?.versions[0];
    return version === undefined ? { kind: 'unknown' } : show(version);
  }

  /** Content of exactly this version; undefined if it is not kept or could not be read. */
  contentAt(uid: string, resourceVersion: string): string | undefined {
    const wanted = BigInt(resourceVersion);
    const found = this.#objects.get(uid)?.versions.find((version) => version.resourceVersion === wanted);
    return found?.content || undefined;
  }

  current(uid: string): Seen {
    const version = this.#objects.get(uid)?.versions.at(-1);
    return version === undefined ? { kind: 'unknown' } : show(version);
  }

  /** What became of the object after `resourceVersion`. */
  after(uid: string, resourceVersion: string): Seen {
    const reviewed = BigInt(resourceVersion);
    const versions = this.#objects.get(uid)?.versions ?? [];
    const next = versions.find((version) => version.resourceVersion > reviewed);
    const oldest = versions[0];
    // Complete if the base itself is among what is kept, or everything since before it was watched.
    const isComplete =
      versions.some((version) => version.resourceVersion === reviewed) ||
      (this.#completeFrom <= reviewed && (oldest === undefined || versions.length < versionsMax));
    if (next === undefined) return isComplete ? { kind: 'unchanged' } : { kind: 'unknown' };
    return isComplete ? show(next) : { kind: 'unknown' };
  }

  /** Deleted objects are forgotten once nothing waits for them, and nothing that was decided before can come to wait for them. */
  prune(keep: (uid: string) => boolean, nowMs: number): void {
    for (const [uid, entry] of this.#objects) {
      if (entry.versions.at(-1)?.content !== null || keep(uid)) continue;
      entry.unwantedMs ??= nowMs;
      if (nowMs - entry.unwantedMs < forgetAfterMs) continue;
      this.#objects.delete(uid);
      this.#forgottenMs = Math.max(this.#forgottenMs, entry.unwantedMs);
    }
  }
}

function show({ resourceVersion, content, deleting }: Version): Seen {
  return { kind: 'version', resourceVersion: String(resourceVersion), content, deleting };
}
