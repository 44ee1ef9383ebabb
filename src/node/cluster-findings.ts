import { RECORD_HOOK } from '../change/index.ts';
import { nativeBackend } from '../crypto/index.ts';
import { observersNeeded } from '../ledger/execute/finding-facts.ts';
import { findingKey, findingOfKey, guardKey, openFindingsKey } from '../ledger/execute/keys.ts';
import type { LedgerReader } from '../ports/ledger-reader.ts';
import type { ClusterId, OrgId } from '../types/brand.ts';
import type { Finding, FindingKind, Guard } from '../types/finding.ts';
import { stateDocument } from './state-document.ts';

/** Closed findings of the cluster that are looked through for what an observer that was stopped still sees. */
const closedMax = 200;

/** What the chain says of a cluster's guard: which hooks it expects, who observes, what was found. */
export class ClusterFindings {
  readonly #reader: LedgerReader;
  readonly #cluster: ClusterId;
  /** What is closed does not change any more, and is read once. */
  readonly #closed = new Map<number, Finding>();

  constructor(reader: LedgerReader, cluster: ClusterId) {
    this.#reader = reader;
    this.#cluster = cluster;
  }

  guard(): Guard | undefined {
    return stateDocument<Guard>(this.#reader, guardKey(this.#cluster));
  }

  /** Names of the hooks that are expected. */
  hooks(): readonly string[] {
    return (this.guard()?.hooks ?? []).map(({ name }) => name);
  }

  /** The record hook refuses nothing, so no canary can prove it. */
  gates(): readonly string[] {
    return this.hooks().filter((name) => name !== RECORD_HOOK);
  }

  isObserver(org: OrgId): boolean {
    return this.#reader.cluster(this.#cluster)?.observers.includes(org) ?? false;
  }

  /** Observers that must say the same. */
  needed(): number {
    return observersNeeded(this.#reader.validators().length, this.#reader.cluster(this.#cluster) ?? { observers: [] });
  }

  byId(id: number): Finding | undefined {
    return stateDocument<Finding>(this.#reader, findingKey(this.#cluster, id));
  }

  /** Open or closed. */
  latest(kind: FindingKind, subject: string): Finding | undefined {
    const key = findingOfKey(nativeBackend.sha256, this.#cluster, kind, subject);
    const id = stateDocument<{ readonly id: number }>(this.#reader, key)?.id;
    return id === undefined ? undefined : this.byId(id);
  }

  open(): readonly Finding[] {
    const key = openFindingsKey(this.#cluster);
    const ids = stateDocument<{ readonly open: readonly number[] }>(this.#reader, key)?.open ?? [];
    return ids.flatMap((id) => this.byId(id) ?? []);
  }

  /** Newest first. */
  *closed(kind: FindingKind, subject: string): Generator<Finding, void> {
    const from = this.latest(kind, subject)?.id ?? 0;
    const oldest = Math.max(1, from - closedMax);
    for (const id of this.#closed.keys()) if (id < oldest - closedMax) this.#closed.delete(id);
    for (let id = from; id >= oldest; id -= 1) {
      const finding = this.#closed.get(id) ?? this.byId(id);
      if (finding === undefined || finding.state === 'SEEN' || finding.state === 'CONFIRMED') continue;
      this.#closed.set(id, finding);
      if (finding.kind === kind && finding.subject === subject) yield finding;
    }
  }
}
