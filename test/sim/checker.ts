import { isQuorum } from '../../src/consensus/index.ts';
import type { ConsensusMessage, Proposal, Vote, WalRecord } from '../../src/types/consensus.ts';
import type { DecidedBlock } from './sim-block.ts';
import type { SimNode } from './sim-node.ts';

/** What one correct node has on disk and has let out. */
interface Ledgered {
  readonly durable: Set<string>;
  readonly released: Map<string, string>;
  highest: readonly [number, number, number];
  /** Last precommit for a block: height, round, block. */
  lock: { readonly height: number; readonly round: number; readonly blockId: string } | null;
}

const stepOf = { proposal: 1, prevote: 2, precommit: 3 } as const;

/** Watches a run from outside and knows everything that was ever sent. The first violation stays. */
export class Checker {
  violation: string | null = null;
  readonly decidedIds = new Map<number, string>();
  readonly #validators: number;
  readonly #faulty: ReadonlySet<number>;
  readonly #nodes = new Map<SimNode, Ledgered>();
  /** Every prevote that exists anywhere: height/round/block to voters. */
  readonly #prevotes = new Map<string, Set<number>>();

  constructor(validators: number, faulty: ReadonlySet<number>) {
    this.#validators = validators;
    this.#faulty = faulty;
  }

  fail(violation: string): void {
    this.violation ??= violation;
  }

  /** Agreement: no two correct nodes commit different blocks at one height; what is committed is valid. */
  decided(node: SimNode, { block }: DecidedBlock): void {
    if (!node.correct) return;
    const before = this.decidedIds.get(block.height);
    if (before === undefined) this.decidedIds.set(block.height, block.id);
    else if (before !== block.id)
      this.fail(`agreement: height ${block.height} is ${before} and, at node ${node.validator}, ${block.id}`);
    if (!block.sound)
      this.fail(`validity: node ${node.validator} committed an unsound block at height ${block.height}`);
  }

  /** Records reached the disk. What is signed is judged here, in the order of signing: a send may come much later, after a crash. */
  durable(node: SimNode, records: readonly WalRecord[]): void {
    const known = this.#of(node);
    for (const record of records) {
      const key = recordKey(record);
      const again = known.durable.has(key);
      known.durable.add(key);
      if (again || !node.correct) continue;
      if (record.kind === 'vote') this.#signed(node, known, record.vote);
      if (record.kind === 'proposal') this.#signed(node, known, record.proposal);
    }
  }

  /** After a restart a core stands in the highest round that its log shows, never below. */
  resumed(node: SimNode, records: readonly WalRecord[]): void {
    const current = node.state?.current ?? null;
    if (!node.correct || current === null) return;
    for (const record of records)
      if (record.kind === 'round-entry' && record.height === current.config.height && record.round > current.round)
        this.fail(
          `restart: node ${node.validator} is in round ${current.round} of height ${record.height}, its log in ${record.round}`,
        );
  }

  /** What any core sends (and so has verified), and what an adversary signs: a lock is judged by all prevotes there are. */
  known(message: ConsensusMessage): void {
    const votes = message.kind === 'vote' ? [message] : message.kind === 'votes' ? message.votes : [];
    for (const vote of votes) {
      if (vote.type !== 'prevote' || vote.blockId === null) continue;
      const key = `${vote.height}/${vote.round}/${vote.blockId}`;
      const voters = this.#prevotes.get(key) ?? new Set<number>();
      this.#prevotes.set(key, voters.add(vote.validator));
    }
    const polka = message.kind === 'votes' || message.kind === 'proposal' ? message.polka : null;
    if (polka === null) return;
    const key = `${polka.height}/${polka.round}/${polka.blockId}`;
    this.#prevotes.set(
      key,
      new Set([...(this.#prevotes.get(key) ?? []), ...polka.signatures.map((each) => each.validator)]),
    );
  }

  /** A correct node lets a message out. */
  released(node: SimNode, message: ConsensusMessage): void {
    const votes =
      message.kind === 'votes'
        ? message.votes
        : message.kind === 'vote' || message.kind === 'proposal'
          ? [message]
          : [];
    for (const own of votes) if (own.validator === node.validator) this.#ownMessage(node, own);
  }

  evidence(reporter: SimNode, accused: number): void {
    if (reporter.correct && !this.#faulty.has(accused))
      this.fail(`evidence: node ${reporter.validator} accuses the correct ${accused}`);
  }

  halted(node: SimNode, code: string): void {
    if (node.correct) this.fail(`halt: node ${node.validator} says ${code}`);
  }

  #ownMessage(node: SimNode, own: Proposal | Vote): void {
    const known = this.#of(node);
    const key = positionOf(own).join('/');
    const value = `${own.blockId ?? 'nil'}${own.kind === 'proposal' ? `/${own.polRound}` : ''}`;
    const before = known.released.get(key);
    if (before === value) return;
    const at = nameOf(node, own);
    if (before !== undefined) return this.fail(`double sign: ${at}`);
    known.released.set(key, value);
    this.#durableBefore(known, own, at);
  }

  #signed(node: SimNode, known: Ledgered, own: Proposal | Vote): void {
    const position = positionOf(own);
    const at = nameOf(node, own);
    if (compare(position, known.highest) <= 0) this.fail(`monotone signer: ${at} after ${known.highest.join('/')}`);
    known.highest = position;
    if (own.kind === 'proposal') return;
    this.#lockKept(known, own, at);
    this.known(own);
    if (own.type === 'precommit' && own.blockId !== null)
      known.lock = { height: own.height, round: own.round, blockId: own.blockId };
  }

  /** The table of the design, line by line. */
  #durableBefore({ durable }: Ledgered, own: Proposal | Vote, at: string): void {
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
      if (!durable.has(key)) this.fail(`persist before send: ${at} left before ${key} was durable`);
  }

  /** A lock is given up only for a block that has a polka in the lock's round or later. */
  #lockKept({ lock }: Ledgered, own: Vote, at: string): void {
    if (lock === null || own.type !== 'prevote' || own.blockId === null) return;
    if (lock.height !== own.height || lock.blockId === own.blockId) return;
    for (let round = lock.round; round < own.round; round++)
      if (isQuorum(this.#prevotes.get(`${own.height}/${round}/${own.blockId}`)?.size ?? 0, this.#validators)) return;
    this.fail(`lock: ${at} for ${own.blockId} while locked on ${lock.blockId} since round ${lock.round}`);
  }

  #of(node: SimNode): Ledgered {
    const found = this.#nodes.get(node) ?? {
      durable: new Set<string>(),
      released: new Map(),
      highest: [0, 0, 0] as const,
      lock: null,
    };
    this.#nodes.set(node, found);
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

function recordKey(record: WalRecord): string {
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
    default:
      return record satisfies never;
  }
}
