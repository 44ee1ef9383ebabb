import { decodeWalRecord } from '../../../src/codec/consensus-wal.ts';
import { blockIdOf, decodeBlock, BLOCK_BYTES_CAP } from '../../../src/ledger/index.ts';
import { heightOfRecord } from '../../../src/consensus/index.ts';
import type { WalReplay } from '../../../src/ports/log-file.ts';
import type { PolkaCertificate, Proposal, Vote, WalRecord } from '../../../src/types/consensus.ts';
import type { SimNode } from '../node.ts';
import type { CheckContext } from './context.ts';

/** What one node has on its platter, has let out, and has written but not synced. */
interface Ledgered {
  readonly durable: Map<string, number>;
  readonly released: Map<string, string>;
  pending: { readonly bytes: Uint8Array; readonly record: WalRecord }[];
  highest: readonly [number, number, number];
  /** Last precommit for a block. */
  lock: { readonly height: number; readonly round: number; readonly blockId: string } | null;
  entered: { readonly height: number; readonly round: number } | null;
  /** Its disk lost signatures of heights up to this one. */
  forgottenThrough: number;
}

const stepOf = { proposal: 1, prevote: 2, precommit: 3 } as const;

/**
 * What a correct validator signs and lets out, against what its platter holds at that moment: persist before send, a monotone signer,
 * no second signature for a position, locks. It reads bytes on the platter, not promises of the log.
 */
export class SigningCheck {
  readonly #c: CheckContext;
  readonly #nodes = new Map<SimNode, Ledgered>();
  /** Every prevote that exists anywhere: height/round/block to voters. */
  readonly #prevotes = new Map<string, Set<number>>();

  constructor(context: CheckContext) {
    this.#c = context;
  }

  /** Records are handed to the log, as one write. Returns what they say. */
  appended(node: SimNode, batch: readonly Uint8Array[]): readonly WalRecord[] {
    const records: WalRecord[] = [];
    for (const bytes of batch) {
      const { record, body } = decodeWalRecord(bytes, BLOCK_BYTES_CAP);
      records.push(record);
      if (
        record.kind === 'block' &&
        (body === null || blockIdOf(decodeBlock(body).header, this.#c.sha256) !== record.blockId)
      )
        this.#c.fail(`log: node ${node.validator} writes another body for block ${record.blockId.slice(0, 8)}`);
      this.#of(node).pending.push({ bytes, record });
    }
    for (const record of records)
      if (record.kind === 'lock' && !records.some((other) => isPrecommitOf(other, record)) && node.correct)
        this.#c.fail(`lock: node ${node.validator} locks at ${record.height}/${record.round} and does not precommit`);
    return records;
  }

  /** Bytes reached the platter. */
  writtenDurably(node: SimNode, bytes: Buffer): void {
    const known = this.#of(node);
    if (known.pending.length === 0) return;
    known.pending = known.pending.filter(({ bytes: wanted, record }) => {
      if (bytes.indexOf(wanted) < 0) return true;
      this.#durable(node, known, record);
      return false;
    });
  }

  crashed(node: SimNode): void {
    this.#of(node).pending = [];
  }

  /** What the log gave back at a start. Of what was durable nothing above the store may be missing. */
  replayed(node: SimNode, replay: WalReplay): void {
    if ((replay.condition === 'damaged' || replay.condition === 'missing') && node.correct && !node.isDamaged)
      return this.#c.fail(`log: node ${node.validator} finds its sound log ${replay.condition}: ${replay.detail}`);
    const known = this.#of(node);
    const found = new Set<string>();
    for (const bytes of replay.records) {
      const { record } = decodeWalRecord(bytes, BLOCK_BYTES_CAP);
      found.add(keyOf(record));
      this.#durable(node, known, record);
    }
    if (!node.correct) return;
    // By what this start found: a deletion that was not synced is undone by a power failure, and then the node knows again.
    known.forgottenThrough = 0;
    const stored = this.#c.storedHeight(node);
    for (const [key, height] of known.durable) {
      if (height <= stored || found.has(key)) continue;
      if (!node.isDamaged) this.#c.fail(`log: node ${node.validator} lost ${key}, which was durable`);
      else if (isSignature(key)) known.forgottenThrough = Math.max(known.forgottenThrough, height);
    }
  }

  /** Highest height that it has signed, as far as its platters ever held it. */
  highestOf(node: SimNode): number {
    return this.#of(node).highest[0];
  }

  /** A core stands in the highest round that its log shows, never below. */
  resumed(node: SimNode, height: number, round: number): void {
    const { entered } = this.#of(node);
    if (node.correct && entered !== null && entered.height === height && round < entered.round)
      this.#c.fail(
        `restart: node ${node.validator} is in round ${round} of height ${height}, its log in ${entered.round}`,
      );
  }

  /** Exists, whoever made it. A lock is judged by all prevotes there are. */
  exists(message: Proposal | Vote): void {
    if (message.kind !== 'vote' || message.type !== 'prevote' || message.blockId === null) return;
    this.#prevote(message.height, message.round, message.blockId, [message.validator]);
  }

  existsPolka({ height, round, blockId, signatures }: PolkaCertificate): void {
    this.#prevote(
      height,
      round,
      blockId,
      signatures.map(({ validator }) => validator),
    );
  }

  /** A correct validator lets a message of its own out. */
  released(node: SimNode, own: Proposal | Vote): void {
    const known = this.#of(node);
    const key = positionOf(own).join('/');
    const value = `${own.blockId ?? 'nil'}${own.kind === 'proposal' ? `/${own.polRound}` : ''}`;
    const before = known.released.get(key);
    if (before === value) return;
    const at = nameOf(node, own);
    if (before !== undefined) return this.#c.fail(`double sign: ${at}`);
    known.released.set(key, value);
    if (!this.#c.isSigned(own)) this.#c.fail(`signature: ${at} is not signed as the design says`);
    this.#durableBefore(node, known, own, at);
  }

  /** "Committed" was told to a client: body and quorum are in the log, or the block is in the store. */
  told(node: SimNode, height: number, blockId: string): void {
    const { durable } = this.#of(node);
    const logged = durable.has(`decision/${height}/${blockId}`) && durable.has(`block/${height}/${blockId}`);
    if (!logged && this.#c.storedHeight(node) < height)
      this.#c.fail(`persist before told: node ${node.validator} told height ${height} before it was durable`);
  }

  #durable(node: SimNode, known: Ledgered, record: WalRecord): void {
    const key = keyOf(record);
    if (known.durable.has(key)) return;
    const height = heightOfRecord(record);
    known.durable.set(key, height);
    if (record.kind === 'round-entry') known.entered = record;
    if (!node.correct) return;
    if (record.kind === 'vote') this.#signed(node, known, record.vote);
    if (record.kind === 'proposal') this.#signed(node, known, record.proposal);
  }

  /** Judged in the order of signing: a send may come much later, after a crash. */
  #signed(node: SimNode, known: Ledgered, own: Proposal | Vote): void {
    const position = positionOf(own);
    const at = nameOf(node, own);
    if (own.height <= known.forgottenThrough)
      this.#c.fail(`damaged log: ${at}, of a height of which it does not know any more what it signed`);
    if (compare(position, known.highest) <= 0) this.#c.fail(`monotone signer: ${at} after ${known.highest.join('/')}`);
    known.highest = position;
    if (own.kind === 'proposal') return this.#lockProposed(known, own, at);
    this.#lockKept(known, own, at);
    this.exists(own);
    if (own.type === 'precommit' && own.blockId !== null)
      known.lock = { height: own.height, round: own.round, blockId: own.blockId };
  }

  /** The table of the design, line by line. */
  #durableBefore(node: SimNode, { durable }: Ledgered, own: Proposal | Vote, at: string): void {
    const { height, round, blockId } = own;
    const needed: string[] = [];
    if (round > 0) needed.push(`entry/${height}/${round}`);
    if (own.kind === 'proposal') needed.push(`proposal/${height}/${round}/${blockId}`, `block/${height}/${blockId}`);
    else needed.push(`${own.type}/${height}/${round}/${blockId ?? 'nil'}`);
    if (own.kind === 'proposal' && own.polRound >= 0) needed.push(`polka/${height}/${own.polRound}/${blockId}`);
    if (own.kind === 'vote' && own.type === 'precommit' && blockId !== null)
      needed.push(
        `lock/${height}/${round}/${blockId}`,
        `polka/${height}/${round}/${blockId}`,
        `block/${height}/${blockId}`,
      );
    for (const key of needed)
      if (!durable.has(key)) this.#c.fail(`persist before send: ${at} left before ${key} was durable`);
    const last = this.#c.blockIdAt(height - 1);
    if (last === undefined || this.#c.storedHeight(node) >= height - 1) return;
    for (const key of [`decision/${height - 1}/${last}`, `block/${height - 1}/${last}`])
      if (!durable.has(key)) this.#c.fail(`persist before send: ${at} left before ${key} was durable`);
  }

  /** Whoever is locked proposes a value with a polka of the lock's round or later, never a new one. */
  #lockProposed({ lock }: Ledgered, own: Proposal, at: string): void {
    if (lock !== null && lock.height === own.height && own.polRound < lock.round)
      this.#c.fail(`lock: ${at} with POL round ${own.polRound} while locked since round ${lock.round}`);
  }

  /** A lock is given up only for a block that has a polka in the lock's round or later. */
  #lockKept({ lock }: Ledgered, own: Vote, at: string): void {
    if (lock === null || own.blockId === null || lock.height !== own.height || lock.blockId === own.blockId) return;
    const through = own.type === 'prevote' ? own.round - 1 : own.round;
    for (let round = lock.round; round <= through; round++) {
      const voters = this.#prevotes.get(`${own.height}/${round}/${own.blockId}`)?.size ?? 0;
      if (3 * voters > 2 * this.#c.validatorsAt(own.height).length)
        return this.#c.cover(own.type === 'prevote' ? 'unlock' : 'relock');
    }
    this.#c.fail(
      `lock: ${at} for ${own.blockId.slice(0, 8)} while locked on ${lock.blockId.slice(0, 8)} since round ${lock.round}`,
    );
  }

  #prevote(height: number, round: number, blockId: string, voters: readonly number[]): void {
    const key = `${height}/${round}/${blockId}`;
    const known = this.#prevotes.get(key) ?? new Set<number>();
    for (const voter of voters) known.add(voter);
    this.#prevotes.set(key, known);
  }

  #of(node: SimNode): Ledgered {
    let found = this.#nodes.get(node);
    if (found === undefined) {
      found = {
        durable: new Map(),
        released: new Map(),
        pending: [],
        highest: [0, 0, 0],
        lock: null,
        entered: null,
        forgottenThrough: 0,
      };
      this.#nodes.set(node, found);
    }
    return found;
  }
}

function positionOf(own: Proposal | Vote): readonly [number, number, number] {
  return [own.height, own.round, stepOf[own.kind === 'proposal' ? 'proposal' : own.type]];
}

function nameOf(node: SimNode, own: Proposal | Vote): string {
  return `node ${node.validator}, ${own.kind === 'proposal' ? 'proposal' : own.type} at ${own.height}/${own.round}`;
}

function compare(a: readonly [number, number, number], b: readonly [number, number, number]): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}

function keyOf(record: WalRecord): string {
  switch (record.kind) {
    case 'round-entry':
      return `entry/${record.height}/${record.round}`;
    case 'proposal':
      return `proposal/${record.proposal.height}/${record.proposal.round}/${record.proposal.blockId}`;
    case 'vote':
      return `${record.vote.type}/${record.vote.height}/${record.vote.round}/${record.vote.blockId ?? 'nil'}`;
    case 'lock':
      return `lock/${record.height}/${record.round}/${record.blockId}`;
    case 'polka':
      return `polka/${record.polka.height}/${record.polka.round}/${record.polka.blockId}`;
    case 'block':
      return `block/${record.height}/${record.blockId}`;
    case 'decision':
      return `decision/${record.certificate.height}/${record.certificate.blockId}`;
  }
}

function isPrecommitOf(record: WalRecord, lock: Extract<WalRecord, { kind: 'lock' }>): boolean {
  if (record.kind !== 'vote' || record.vote.type !== 'precommit') return false;
  const { height, round, blockId } = record.vote;
  return height === lock.height && round === lock.round && blockId === lock.blockId;
}

function isSignature(key: string): boolean {
  return /^(proposal|prevote|precommit)\//.test(key);
}
