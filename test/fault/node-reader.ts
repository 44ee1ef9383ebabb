import { recordOf, type VerifiedRecord } from '../../src/client/answer.ts';
import { ChainReader, type RecordList } from '../../src/client/reader.ts';
import { httpsTransport, type Transport } from '../../src/client/transport.ts';
import { memoryLastSeen } from '../../src/client/last-seen.ts';
import { blockIdOf, decodeHeadJson } from '../../src/ledger/index.ts';
import { nativeBackend } from '../../src/crypto/index.ts';
import type { NodeStatus } from '../../src/ports/api-backend.ts';
import type { Hash } from '../../src/types/brand.ts';
import type { ChangeAttestation } from '../../src/types/change.ts';
import type { JsonObject } from '../../src/types/json.ts';
import type { SpooledRecordPayload } from '../../src/types/transaction.ts';
import type { Founded, Member } from './founding.ts';

export interface BlockOutcome {
  readonly height: number;
  readonly timeMs: number;
  readonly blockId: string;
  readonly logRoot: string;
  readonly stateRoot: string;
}

/** A record of the log, verified: certified head, inclusion, signature of whoever submitted it. */
export interface LogRecord {
  readonly index: number;
  readonly height: number;
  readonly kind: string;
  /** Validator or organisation that signed it. */
  readonly by: string;
  /** Object of a mutation; empty for others. */
  readonly name: string;
  readonly decision: string;
  /** Validator that evidence convicts; empty for other kinds. */
  readonly accused: string;
  readonly witnesses: readonly number[];
}

/** A page of 500 proven records, asked of four nodes at once beside other work of the machine. */
const READ_TIMEOUT_MS = 20_000;
const PAGE = 500;

/** Reads one node's log as a stranger would: only the genesis hash is trusted. */
export class NodeReader {
  readonly #endpoint: string;
  readonly #transport: Transport;
  readonly #reader: ChainReader;

  constructor(founded: Founded, member: Member) {
    this.#endpoint = `https://127.0.0.1:${member.ports.api}`;
    this.#transport = httpsTransport({ caBundle: founded.apiCa(member.org), timeoutMs: READ_TIMEOUT_MS });
    this.#reader = new ChainReader({
      genesisHash: founded.genesisHash as Hash,
      endpoints: [this.#endpoint],
      transport: this.#transport,
      lastSeen: memoryLastSeen(),
      nowMs: () => Date.now(),
      maxAgeMs: 60_000,
    });
  }

  /** What the node says of itself, not proven. */
  async status(): Promise<NodeStatus> {
    return (await this.#json('/v1/status')) as NodeStatus;
  }

  /** Certified by a quorum; null if there is no block yet. Never older than what this reader saw before. */
  async head(): Promise<BlockOutcome | null> {
    const head = await this.#reader.head();
    return head === undefined ? null : outcomeOf(head);
  }

  /** Outcomes of all blocks from `from` on. */
  async blocks(from = 1): Promise<readonly BlockOutcome[]> {
    const blocks: BlockOutcome[] = [];
    for (;;) {
      const { items } = (await this.#json(`/v1/blocks?from=${from + blocks.length}&limit=${PAGE}`)) as {
        items: JsonObject[];
      };
      blocks.push(...items.map(({ txCount: _txCount, ...head }) => outcomeOf(decodeHeadJson(head))));
      if (items.length < PAGE) return blocks;
    }
  }

  /** Indexes of the validators whose precommits certify each block from `from` on; another node may hold another quorum's. */
  async signers(from: number): Promise<readonly (readonly number[])[]> {
    const { items } = (await this.#json(`/v1/blocks?from=${from}&limit=${PAGE}`)) as { items: JsonObject[] };
    return items.map(({ txCount: _txCount, ...head }) =>
      decodeHeadJson(head).certificate.signatures.map(({ validator }) => validator),
    );
  }

  /** All records, oldest first. */
  async records(): Promise<readonly LogRecord[]> {
    const found: LogRecord[] = [];
    let before: number | null = null;
    do {
      const page = await this.#reader.records({
        limit: String(PAGE),
        ...(before === null ? {} : { before: String(before) }),
      });
      found.push(...page.records.map(logRecordOf));
      before = page.next;
    } while (before !== null);
    return found.reverse();
  }

  /** The records at these places of the log, in the order asked for. @throws Error where a block's leaf stands. */
  async recordsAt(indexes: readonly number[]): Promise<readonly LogRecord[]> {
    return (await this.#reader.leaves(indexes)).map((leaf) => logRecordOf(recordOf(leaf)));
  }

  /** What record hooks wrote down, oldest first. */
  async spooled(): Promise<readonly SpooledRecordPayload[]> {
    const found: SpooledRecordPayload[] = [];
    let before: number | null = null;
    do {
      const page: RecordList = await this.#reader.records({
        kind: 'spooled-record',
        limit: String(PAGE),
        ...(before === null ? {} : { before: String(before) }),
      });
      for (const { transaction } of page.records)
        if (transaction.payload.kind === 'spooled-record') found.push(transaction.payload);
      before = page.next;
    } while (before !== null);
    return found.reverse();
  }

  /** What the newest mutation in the log attests. @throws Error if there is none. */
  async newestAttestation(): Promise<ChangeAttestation> {
    const { records } = await this.#reader.records({ kind: 'mutation', limit: '1' });
    const payload = records[0]?.transaction.payload;
    if (payload?.kind !== 'mutation') throw new Error('the log has no mutation');
    return payload.attestation;
  }

  /** Nodes whose answers did not verify: there must be none. */
  get liars(): ChainReader['liars'] {
    return this.#reader.liars;
  }

  close(): void {
    this.#transport.close();
  }

  async #json(path: string): Promise<unknown> {
    const { status, body } = await this.#transport.get(this.#endpoint, path);
    const text = new TextDecoder().decode(body);
    if (status !== 200) throw new Error(`${path}: ${status} ${text}`);
    return JSON.parse(text);
  }
}

function logRecordOf({ index, leaf, transaction }: VerifiedRecord): LogRecord {
  const { payload } = transaction;
  return {
    index,
    height: leaf.height,
    kind: payload.kind,
    by: 'node' in payload ? payload.node : payload.org,
    name: payload.kind === 'mutation' ? payload.attestation.attributes.name : '',
    decision: leaf.result.decision,
    accused: payload.kind === 'evidence' ? payload.validator : '',
    witnesses: leaf.result.witnesses ?? [],
  };
}

function outcomeOf({ header, state }: ReturnType<typeof decodeHeadJson>): BlockOutcome {
  return {
    height: header.height,
    timeMs: header.timeMs,
    blockId: blockIdOf(header, nativeBackend.sha256),
    logRoot: state.logRoot,
    stateRoot: state.stateRoot,
  };
}
