import { textAt } from '../change/index.ts';
import type { FoundObject } from '../types/finding.ts';
import type { JsonObject } from '../types/json.ts';
import { judge, type JudgeDeps, type Judgement } from './judge.ts';
import type { ObjectSink, WatchedResource } from './resource-watch.ts';
import { TrackedObject, uidOf, type FoundAt, type ObjectVersion, type ShownObject } from './tracked-object.ts';

/** A record is nearly always here before the object is seen; only what has none for so long is worth a look at the whole log. */
const graceMs = 1_000;
/** Who attested a body is connected and does not show it. A loaded machine needs seconds to show one. */
const withheldMs = 20_000;
/** Who attested a body is away: a restart must be over by then. */
const unreachableMs = 120_000;
/** What a controller made an object of should have been seen by then. */
const absentMs = 15_000;
/** Makers that went away are remembered for longer than what they made waits. */
const rememberedMs = 600_000;
const judgedAtOnce = 16;

interface Deps extends Omit<JudgeDeps, 'known' | 'shown'> {
  /** Objects that have not changed since this resourceVersion are accepted; undefined while nothing is expected. */
  readonly acceptedThrough: () => bigint | undefined;
  /**
   * True once this node has executed everything that the chain had decided when it was called; false if that cannot be had now. What the API server stored was
   * decided before it was seen, so a version without a record after that has none.
   */
  readonly caughtUp: () => Promise<boolean>;
  /** There is something to report. */
  readonly onFound?: () => void;
  /** Milliseconds of a clock that never jumps. */
  readonly now: () => number;
}

/**
 * Every version of every followed object has a record that admitted exactly it, or was written by the control plane under an exclusion; whatever has neither is
 * found. A version that was seen as it came must also stand on the version that its record was admitted against, so nothing old can be written again.
 * Nothing is said by an observer that is behind the log: before it accuses, it has executed everything that was decided when it saw the object.
 */
export class Attribution implements ObjectSink {
  readonly #d: Deps & JudgeDeps;
  /** When objects went that were judged, by uid. */
  readonly #gone = new Map<string, number>();
  readonly #uids = new Map<string, TrackedObject>();
  readonly #objects = new Map<string, TrackedObject>();
  /** Those with versions that wait. */
  readonly #busy = new Map<string, TrackedObject>();
  /** Found and gone or overwritten since: kept until it was reported. */
  readonly #past = new Map<string, FoundAt>();
  /** What is wrong with what is there. */
  readonly #present = new Map<string, FoundAt>();
  /** Of each resource how far each served version has been read. */
  readonly #read = new Map<string, Map<string, bigint>>();
  /** When a list was handed over last. */
  #listedMs = -Infinity;
  #compared = 0;
  #uncompared = 0;
  #working = false;
  #again = false;
  /** Everything that was decided before is executed here. */
  #caughtUpMs = -Infinity;
  #isBehind = false;
  #catchingUp = false;

  constructor(deps: Deps) {
    const shown = (uid: string): ShownObject | undefined => this.#uids.get(uid)?.base?.values().next().value;
    this.#d = { ...deps, known: (uid) => this.#known(uid), shown };
  }

  #known(uid: string): 'judged' | 'waiting' | undefined {
    const tracked = this.#uids.get(uid);
    if (tracked === undefined) return this.#gone.has(uid) ? 'judged' : undefined;
    return tracked.base === undefined ? 'waiting' : 'judged';
  }

  /** Versions compared, those of which only that there is a record could be said, and objects that are followed. */
  get counts(): { readonly compared: number; readonly uncompared: number; readonly followed: number } {
    return { compared: this.#compared, uncompared: this.#uncompared, followed: this.#objects.size };
  }

  /** The version of the cluster up to which a vote may accept what is found. */
  get throughVersion(): string {
    const found = this.#found().map(({ at }) => at);
    return String(found.reduce((highest, at) => (at > highest ? at : highest), 0n));
  }

  /** True once everything that lists showed has been judged: the present as a whole, not what of it came first. */
  get isWhole(): boolean {
    return this.hasJudged(this.#listedMs);
  }

  /** Whether everything that was seen up to then, and everything that lists showed, has been judged. What came since does not count: on a busy cluster something always waits. */
  hasJudged(untilMs: number): boolean {
    const until = Math.max(untilMs, this.#listedMs);
    return ![...this.#busy.values()].some(({ waiting }) => waiting.some(({ seenMs }) => seenMs <= until));
  }

  /** Whether an object that others name would have been found here too: what is followed was read up to it, and nothing of it waits. */
  hasReached({ group, resource, uid, resourceVersion }: FoundObject): boolean {
    const versions = this.#read.get(`${group}/${resource}`);
    // Nobody follows it here: nothing more will be seen of it.
    if (versions === undefined) return true;
    // Other organisations write this: what is no version is none that could be waited for.
    if (!/^\d+$/.test(resourceVersion)) return true;
    const isRead = versions.size > 0 && [...versions.values()].every((read) => read >= BigInt(resourceVersion));
    return isRead && (this.#uids.get(uid)?.waiting.length ?? 0) === 0;
  }

  /** What is there, and what was there and has not been reported, oldest first. */
  problems(): readonly FoundObject[] {
    return this.#found().map(({ object }) => object);
  }

  #found(): readonly FoundAt[] {
    const accepted = this.#d.acceptedThrough() ?? 0n;
    return [...this.#past.values(), ...this.#present.values()].filter(({ at }) => at > accepted);
  }

  /** When what is not ratified and may still have to be reported was seen, and found. */
  timesOf(object: FoundObject): Pick<FoundAt, 'seenMs' | 'behindMs' | 'foundMs'> | undefined {
    const key = keyOfFound(object);
    return this.#past.get(key) ?? [...this.#present.values()].find((found) => keyOfFound(found.object) === key);
  }

  /** The report that names these is on the log: what is gone need not be kept. A deletion stays, until it is ratified. */
  reported(objects: readonly FoundObject[]): void {
    for (const object of objects) if (object.reason !== 'deleted') this.#past.delete(keyOfFound(object));
  }

  listed(resource: WatchedResource, objects: readonly JsonObject[], listVersion: bigint): void {
    this.#readTo(resource, listVersion);
    this.#listedMs = this.#d.now();
    const there = new Set<string>();
    for (const object of objects) {
      there.add(keyOf(resource, uidOf(object)));
      this.#saw(resource, object, { content: null, isDeleted: false, isComplete: false });
    }
    const prefix = `${resource.group}/${resource.resource}/`;
    for (const [key, tracked] of this.#objects) {
      if (!key.startsWith(prefix) || there.has(key)) continue;
      tracked.vanished(listVersion, this.#d.now());
      if (tracked.waiting.length > 0) this.#busy.set(key, tracked);
    }
  }

  changed(resource: WatchedResource, object: JsonObject, isDeleted: boolean, content: string | null): void {
    this.#saw(resource, object, { content, isDeleted, isComplete: true });
  }

  /** This served version will be listed: nothing is judged before. */
  following(resource: WatchedResource): void {
    this.#readTo(resource, -1n);
  }

  /** This served version is not followed at the moment: nothing waits for it. */
  lost(resource: WatchedResource): void {
    this.#read.get(resourceKey(resource))?.delete(resource.version);
  }

  isSaid({ group, resource }: WatchedResource): boolean {
    const isOf = (object: { readonly group: string; readonly resource: string }): boolean =>
      object.group === group && object.resource === resource;
    const isPast = [...this.#past.values()].some(({ object }) => object.reason !== 'deleted' && isOf(object));
    return !isPast && ![...this.#busy.values()].some(({ name }) => isOf(name));
  }

  #saw(
    resource: WatchedResource,
    object: JsonObject,
    state: { readonly content: string | null; readonly isDeleted: boolean; readonly isComplete: boolean },
  ): void {
    const uid = uidOf(object);
    const text = textAt(object, 'metadata', 'resourceVersion');
    if (uid === '' || !/^\d+$/.test(text)) return;
    const resourceVersion = BigInt(text);
    this.#readTo(resource, resourceVersion);
    const key = keyOf(resource, uid);
    const tracked = this.#objects.get(key) ?? new TrackedObject(resource, object);
    this.#objects.set(key, tracked);
    this.#uids.set(uid, tracked);
    const isOnlyVersion = (this.#read.get(resourceKey(resource))?.size ?? 0) <= 1;
    tracked.saw(resourceVersion, { resource, object }, { ...state, isOnlyVersion, nowMs: this.#d.now() });
    if (tracked.waiting.length > 0) this.#busy.set(key, tracked);
  }

  #readTo(resource: WatchedResource, resourceVersion: bigint): void {
    const key = resourceKey(resource);
    const versions = this.#read.get(key) ?? new Map<string, bigint>();
    this.#read.set(key, versions);
    if (resourceVersion > (versions.get(resource.version) ?? -2n)) versions.set(resource.version, resourceVersion);
  }

  /** Judges what waits; what cannot be said yet waits on. */
  async evaluate(): Promise<void> {
    this.#again = true;
    if (this.#working) return;
    this.#working = true;
    try {
      while (this.#again) {
        this.#again = false;
        await this.#round();
      }
    } finally {
      this.#working = false;
    }
    if (this.#isBehind) void this.#catchUp();
  }

  async #round(): Promise<void> {
    const accepted = this.#d.acceptedThrough();
    if (accepted === undefined || this.#d.context() === undefined) return;
    this.#isBehind = false;
    const queue = [...this.#busy];
    const work = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) await this.#work(...next, accepted);
    };
    await Promise.all(Array.from({ length: judgedAtOnce }, work));
  }

  async #work(key: string, tracked: TrackedObject, accepted: bigint): Promise<void> {
    for (let version = tracked.waiting[0]; version !== undefined; version = tracked.waiting[0]) {
      const judgement = version.resourceVersion <= accepted ? 'derived' : await this.#judge(tracked, version);
      if (judgement === 'wait') return;
      tracked.waiting = tracked.waiting.filter((other) => other !== version);
      this.#settle(key, tracked, version, judgement);
    }
    if (this.#busy.get(key) === tracked && tracked.waiting.length === 0) this.#busy.delete(key);
  }

  /** An accusation only after everything that was decided when the version was seen has been executed here. */
  async #judge(tracked: TrackedObject, version: ObjectVersion): Promise<'wait' | Settled> {
    if (!this.#isReadTo(tracked, version)) return 'wait';
    // Read before the log is: what arrives of it while this is being judged was not looked at.
    const caughtUpMs = this.#caughtUpMs;
    // A question that has no answer now is asked again.
    const judgement = await judge(this.#d, tracked, version).catch(() => 'wait' as const);
    if (judgement === 'wait' || judgement === 'recorded' || judgement === 'derived') return judgement;
    if (judgement === 'uncompared') return judgement;
    if (judgement === 'waiting') return 'wait';
    const waitedMs = this.#d.now() - version.seenMs;
    if (waitedMs < graceMs) return 'wait';
    if (caughtUpMs <= version.seenMs) {
      this.#isBehind = true;
      version.behindMs ??= this.#d.now();
      return 'wait';
    }
    if (judgement === 'absent') return waitedMs < absentMs ? 'wait' : 'unjustified';
    if (judgement === 'unreachable') return waitedMs < unreachableMs ? 'wait' : 'content-withheld';
    if (judgement === 'content-withheld' && waitedMs < withheldMs) return 'wait';
    return judgement;
  }

  /** Every served version that is followed has shown it, or has none of it. */
  #isReadTo({ name }: TrackedObject, { resourceVersion }: ObjectVersion): boolean {
    const versions = this.#read.get(resourceKey(name));
    return versions === undefined || [...versions.values()].every((read) => read >= resourceVersion);
  }

  async #catchUp(): Promise<void> {
    if (this.#catchingUp) return;
    this.#catchingUp = true;
    const askedMs = this.#d.now();
    const isDone = await this.#d.caughtUp().catch(() => false);
    this.#catchingUp = false;
    if (!isDone) return;
    this.#caughtUpMs = askedMs;
    await this.evaluate();
  }

  #settle(key: string, tracked: TrackedObject, version: ObjectVersion, judgement: Settled): void {
    this.#compared += 1;
    if (judgement === 'uncompared') this.#uncompared += 1;
    const isFound = judgement !== 'recorded' && judgement !== 'derived' && judgement !== 'uncompared';
    // What follows from something wrong is neither better nor found once more.
    const stays = judgement === 'derived' && !version.isDeleted && !this.#isAccepted(tracked.problem, version);
    const found = isFound ? tracked.found(version, judgement, this.#d.now()) : stays ? tracked.problem : undefined;
    if (tracked.problem !== undefined && tracked.problem !== found) this.#keep(tracked.problem);
    tracked.problem = found;
    if (found === undefined) this.#present.delete(key);
    else this.#present.set(key, found);
    if (isFound) this.#d.onFound?.();
    tracked.base = new Map([...(tracked.base ?? []), ...version.objects]);
    if (!version.isDeleted) return;
    if (found !== undefined) this.#keep(found);
    this.#objects.delete(key);
    this.#busy.delete(key);
    this.#present.delete(key);
    this.#uids.delete(tracked.uid);
    this.#forget();
    this.#gone.set(tracked.uid, this.#d.now());
  }

  #forget(): void {
    const before = this.#d.now() - rememberedMs;
    for (const [uid, atMs] of this.#gone) {
      if (atMs > before) return;
      this.#gone.delete(uid);
    }
  }

  #isAccepted(problem: FoundAt | undefined, { resourceVersion }: ObjectVersion): boolean {
    const accepted = this.#d.acceptedThrough() ?? 0n;
    return problem === undefined || problem.at <= accepted || resourceVersion <= accepted;
  }

  #keep(found: FoundAt): void {
    if (found.at > (this.#d.acceptedThrough() ?? 0n)) this.#past.set(keyOfFound(found.object), found);
  }
}

type Settled = Exclude<Judgement, 'unreachable' | 'waiting' | 'absent'>;

function resourceKey({ group, resource }: Pick<WatchedResource, 'group' | 'resource'>): string {
  return `${group}/${resource}`;
}

function keyOf(resource: WatchedResource, uid: string): string {
  return `${resourceKey(resource)}/${uid}`;
}

export function keyOfFound({ group, resource, uid, resourceVersion, reason }: FoundObject): string {
  return `${group}/${resource}/${uid}/${resourceVersion}/${reason}`;
}
