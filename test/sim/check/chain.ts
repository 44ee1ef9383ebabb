import { signBytes } from '../../../src/consensus/index.ts';
import { createApplication } from '../../../src/ledger/application.ts';
import { blockIdOf, decodeBlock, encodeBlock, transactionHash } from '../../../src/ledger/index.ts';
import type { Application, ExecutedBlock } from '../../../src/ports/application.ts';
import type { CryptoBackend } from '../../../src/ports/crypto.ts';
import type { LedgerReader } from '../../../src/ports/ledger-reader.ts';
import type { Block, Certificate, Genesis, Validator } from '../../../src/types/chain.ts';
import { MemorySource } from '../../unit/ledger/memory-source.ts';
import type { SimNode } from '../node.ts';
import { expectedSignBytes } from '../sign-bytes.ts';
import type { CheckContext } from './context.ts';

interface DecidedBlock {
  readonly blockId: string;
  readonly appHash: string;
  readonly bytes: Buffer;
  readonly txs: readonly string[];
}

/** A clock of a correct node may be a minute fast in the storm, and drifts. A quorum of them prevotes no block of a later time. */
const aheadMsMax = 90_000;

/**
 * The one chain: agreement, total order, validity by a ledger of the checker's own that executes every decided block again, no
 * transaction twice, and what was acknowledged.
 */
export class ChainCheck {
  readonly #c: CheckContext;
  readonly #backend: CryptoBackend;
  readonly #chain: string;
  /** The checker's own ledger, at the newest height that anybody decided. */
  readonly reference: Application & LedgerReader;
  readonly #source = new MemorySource();
  readonly #sets = new Map<number, readonly Validator[]>();
  readonly #blocks = new Map<number, DecidedBlock>();
  readonly #heightOfTx = new Map<string, number>();
  readonly #acknowledged: { readonly tx: string; readonly height: number; readonly node: number }[] = [];
  /** Highest height that each node has told, and the next that its present process must tell. */
  readonly #told = new Map<SimNode, number>();
  #referenceHeight = 0;

  constructor(context: CheckContext, genesis: Genesis, chain: string, backend: CryptoBackend) {
    this.#c = context;
    this.#backend = backend;
    this.#chain = chain;
    this.reference = createApplication({ genesis, backend, source: this.#source, precommitBytes: signBytes });
    this.#sets.set(1, genesis.validators);
  }

  get height(): number {
    return this.#blocks.size;
  }

  validatorsAt(height: number): readonly Validator[] {
    // A faulty one names heights without end.
    for (let at = Math.min(height, this.#referenceHeight + 1); at >= 1; at--) {
      const set = this.#sets.get(at);
      if (set !== undefined) return set;
    }
    return [];
  }

  blockIdAt(height: number): string | undefined {
    return this.#blocks.get(height)?.blockId;
  }

  heightOf(tx: string): number | undefined {
    return this.#heightOfTx.get(tx);
  }

  get acknowledgements(): number {
    return this.#acknowledged.length;
  }

  committed(node: SimNode, { blockId, block, state }: ExecutedBlock): void {
    const { height } = block.header;
    // What a process told before it could be heard stands in the store.
    this.#learnStored(node, height - 1);
    const known = this.#blocks.get(height);
    if (known === undefined) this.#first(node, blockId, block, state.stateRoot);
    else if (known.blockId !== blockId)
      this.#c.fail(
        `agreement: height ${height} is ${known.blockId.slice(0, 8)} and, at node ${node.validator}, ${blockId.slice(0, 8)}`,
      );
    else if (known.appHash !== block.header.appHash || !known.bytes.equals(encodeBlock(block)))
      this.#c.fail(`state: node ${node.validator} has other content under the id of height ${height}`);
    const told = this.#told.get(node) ?? 0;
    if (height !== told + 1) this.#c.fail(`order: node ${node.validator} tells height ${height} after ${told}`);
    this.#told.set(node, Math.max(told, height));
  }

  /** What a node has decided stands in its store at once, before it is durable and told. */
  applied(node: SimNode): void {
    this.#learnStored(node, node.height);
  }

  acknowledged(node: SimNode, tx: string, height: number): void {
    this.#acknowledged.push({ tx, height, node: node.validator });
  }

  /** A process starts with `height` on its disk: nothing that it ever told may be missing. */
  started(node: SimNode, height: number): void {
    const told = this.#told.get(node) ?? 0;
    if (node.correct && !node.isDamaged && height < told)
      this.#c.fail(`durability: node ${node.validator} starts at height ${height} and has told ${told}`);
    this.#told.set(node, height);
    this.#learnStored(node, height);
  }

  #learnStored(node: SimNode, through: number): void {
    for (let height = this.#blocks.size + 1; height <= through; height++) {
      const bytes = node.host?.store.block(height);
      const state = node.host?.store.state(height);
      if (bytes === undefined || state === undefined) return;
      const block = decodeBlock(bytes);
      this.#first(node, blockIdOf(block.header, this.#backend.sha256), block, state.stateRoot);
    }
  }

  /** Every node against the one chain, block by block, from its store; every acknowledgement against every log. */
  finished(node: SimNode): void {
    const { host } = node;
    if (host === null) return;
    for (let height = 1; height <= node.height; height++) {
      const expected = this.#blocks.get(height);
      if (expected === undefined) continue;
      if (host.store.blockId(height) !== expected.blockId)
        return this.#c.fail(`agreement: node ${node.validator} stores another block at height ${height}`);
      const stored = host.store.block(height);
      if (stored === undefined || !expected.bytes.equals(stored))
        return this.#c.fail(`storage: node ${node.validator} does not give back block ${height} as it was decided`);
    }
    for (const { tx, height, node: told } of this.#acknowledged)
      if (height <= node.height && this.#heightOfTx.get(tx) !== height)
        return this.#c.fail(
          `durability: ${tx.slice(0, 8)}, acknowledged by node ${told} at height ${height}, is not there`,
        );
  }

  /** q distinct validators signed precommits for the block, judged without the sources' own verification. */
  isProof({ height, round, blockId, signatures }: Certificate, type: 'precommit' | 'prevote'): boolean {
    const set = this.validatorsAt(height);
    const bytes = expectedSignBytes(this.#chain, { type, height, round, blockId });
    const signers = new Set<number>();
    for (const { validator, signature } of signatures) {
      const key = set[validator]?.voteKey;
      if (key === undefined || !this.#backend.verifyEd25519(key, bytes, signature)) return false;
      signers.add(validator);
    }
    return signers.size === signatures.length && 3 * signers.size > 2 * set.length;
  }

  /** The first node to decide a height: everything about the block is judged. */
  #first(node: SimNode, blockId: string, block: Block, stateRoot: string): void {
    const { height } = block.header;
    const fail = (what: string): void =>
      this.#c.fail(`validity: node ${node.validator} committed height ${height}: ${what}`);
    if (height !== this.#referenceHeight + 1) return fail(`after ${this.#referenceHeight}`);
    const txs = block.txs.map((tx) => transactionHash(tx, this.#backend.sha256) as string);
    this.#blocks.set(height, { blockId, appHash: block.header.appHash, bytes: Buffer.from(encodeBlock(block)), txs });
    for (const tx of txs) {
      const before = this.#heightOfTx.get(tx);
      if (before !== undefined) fail(`transaction ${tx.slice(0, 8)} is in block ${before} already`);
      this.#heightOfTx.set(tx, height);
    }
    if (block.header.timeMs > this.#c.nowMs() + aheadMsMax)
      fail(`its time is ${block.header.timeMs - this.#c.nowMs()} ms ahead`);
    const { lastCertificate } = block;
    if (height > 1 && (lastCertificate === null || lastCertificate.blockId !== this.#blocks.get(height - 1)?.blockId))
      fail('its last certificate is of another block');
    if (lastCertificate !== null && !this.isProof(lastCertificate, 'precommit'))
      fail('its last certificate proves nothing');
    const again = this.reference.processProposal(block);
    if (!again.ok) return fail(`${again.code}: ${again.message}`);
    if (again.executed.blockId !== blockId || again.executed.state.stateRoot !== stateRoot)
      return fail('another execution gives another state');
    this.#source.write(again.executed.writes);
    this.reference.commit(again.executed);
    this.#referenceHeight = height;
    const next = this.reference.info().validators;
    if (block.header.nextValidatorsHash !== block.header.validatorsHash) this.#c.cover('set-change');
    this.#sets.set(height + 1, next);
  }
}
