import type { SignedPosition, WalRecord } from '../../src/types/consensus.ts';
import type { DecidedBlock, SimBlock } from './sim-block.ts';

export interface LogEntry {
  readonly seq: number;
  readonly records: readonly WalRecord[];
  readonly bodies: readonly SimBlock[];
  readonly position: SignedPosition;
  durable: boolean;
}

/** One node's disk: the log with its second slot, and the ledger. Survives a crash; what was not synced does not, or only in part. */
export class Disk {
  entries: LogEntry[] = [];
  slot: SignedPosition | null = null;
  readonly ledger: DecidedBlock[] = [];

  append(entry: Omit<LogEntry, 'durable'>): LogEntry {
    const stored = { ...entry, durable: false };
    this.entries.push(stored);
    return stored;
  }

  sync(entry: LogEntry): void {
    entry.durable = true;
    this.slot = entry.position;
  }

  /** The ledger holds the block, synced: the log of its height and of those below goes. */
  commit(decided: DecidedBlock): void {
    if (decided.block.height !== this.ledger.length + 1) return;
    this.ledger.push(decided);
    this.entries = this.entries.filter((entry) => !entry.durable || heightOfEntry(entry) > decided.block.height);
  }

  /** A crash: of the unsynced tail the first `tailKept` entries happen to have reached the disk. Returns how many were lost. */
  crash(tailKept: number): number {
    const before = this.entries.length;
    let kept = 0;
    this.entries = this.entries.filter((entry) => entry.durable || kept++ < tailKept);
    for (const entry of this.entries) entry.durable = true;
    return before - this.entries.length;
  }

  /** What a faulty node does that loses its log and slot and votes on. */
  wipeLog(): void {
    this.entries = [];
    this.slot = null;
  }
}

function heightOfEntry(entry: LogEntry): number {
  return Math.max(
    ...entry.records.map((record) => {
      if (record.kind === 'vote') return record.vote.height;
      if (record.kind === 'proposal') return record.proposal.height;
      if (record.kind === 'polka') return record.polka.height;
      return record.kind === 'decision' ? record.certificate.height : record.height;
    }),
  );
}
