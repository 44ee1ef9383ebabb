import type { AppState, Block, BlockHeader, ChainParams, Genesis, Validator } from '../types/chain.ts';
import type { Hash, Height, ValidatorId } from '../types/brand.ts';
import type { Payload } from '../types/transaction.ts';
import type {
  Application,
  ApplicationInfo,
  CheckResult,
  ExecutedBlock,
  Lane,
  PairHint,
  ProposeInput,
} from '../ports/application.ts';
import type { CryptoBackend, SignedBytes, VerifyEd25519 } from '../ports/crypto.ts';
import type { LedgerReader } from '../ports/ledger-reader.ts';
import type { BlockWrites, StateReader, TreeSource } from '../ports/state.ts';
import { toHex } from '../codec/index.ts';
import { ChainError } from '../errors/chain-error.ts';
import { encodeArchived } from './archive.ts';
import { checkBlockParts, txRootOf } from './block.ts';
import { verifyCertificate, type PrecommitBytes } from './certificate.ts';
import { originOf } from './checkpoint.ts';
import { signerOf } from './execute/admit-tx.ts';
import { checkTransaction } from './execute/check-tx.ts';
import { clusterRecord } from './execute/committee.ts';
import { DocumentReader, Documents } from './execute/documents.ts';
import { beginExecution, executeTxs, type BlockFacts, type ExecutedTxs } from './execute/execute-block.ts';
import type { Chain } from './execute/execution.ts';
import { writeGenesisState } from './execute/genesis-state.ts';
import { KEY, proposalDigestsKey, proposalKey } from './execute/keys.ts';
import { isRefusal } from './execute/refusal.ts';
import { noteLastBlock, validatorsAt } from './execute/validator-sets.ts';
import { genesisHashOf } from './genesis.ts';
import { appHashOf, blockIdOf, paramsHashOf, validatorsHashOf } from './header.ts';
import { blockLeafBytes } from './leaf.ts';
import { appendLeaves, leafHash, rootOf } from './merkle.ts';
import { createReader, type Committed } from './reader.ts';
import type { StateOverlay } from './state-overlay.ts';
import { stateProofToJson } from './state-proof.ts';
import { StateTree } from './state-tree.ts';
import { TxCache } from './tx-cache.ts';
import { TxFacts } from './execute/tx-facts.ts';
import type { DecodedTransaction } from './transaction.ts';

/** The last committed block, as the store has it. */
export interface LastBlock {
  readonly header: BlockHeader;
  readonly state: AppState;
}

export interface ApplicationOptions {
  /** Checked by loadGenesis. */
  readonly genesis: Genesis;
  readonly backend: CryptoBackend;
  readonly source: TreeSource;
  /** The bytes that a precommit signs; `signBytes` of src/consensus is one. */
  readonly precommitBytes: PrecommitBytes;
  /** For precommits, each of which its driver has mostly verified already; that of the backend unless given. */
  readonly verifyVote?: VerifyEd25519;
  /** Absent on a new chain. */
  readonly last?: LastBlock;
}

/** Headers that are kept for `headerOf`; older ones are the store's. */
const HEADERS_MAX = 64;
/** Executed blocks of the present height: one a round, of the rounds that still matter. */
const EXECUTED_MAX = 16;
/** What never expires leaves a mempool all the same: its node offers it again until it is in a block. */
const SPOOLED_POOL_MS = 30_000;

/**
 * The deterministic state machine (see README.md in execute). Everything that it decides follows from the genesis and the blocks; clock, order and
 * durability are its driver's. Throws what a genesis policy is refused for, and LEDGER_STATE_MISMATCH if the stored state is not that of `last`.
 */
export function createApplication(options: ApplicationOptions): Application & LedgerReader {
  const engine = new StateMachine(options);
  return Object.assign(
    createReader(engine.chain, engine.cache, options.source, () => engine.committed()),
    {
      info: () => engine.info(),
      checkTx: (tx: Uint8Array, nowMs: number) => engine.checkTx(tx, nowMs),
      signatureOf: (tx: Uint8Array) => engine.signatureOf(tx),
      prepareProposal: (input: ProposeInput) => engine.prepareProposal(input),
      processProposal: (block: Block) => engine.processProposal(block),
      commit: (executed: ExecutedBlock) => engine.commit(executed),
      headerOf: (height: Height) => engine.headerOf(height),
    },
  );
}

class StateMachine {
  readonly chain: Chain;
  readonly cache: TxCache;
  readonly #options: ApplicationOptions;
  readonly #tree: StateTree;
  readonly #overlays = new WeakMap<ExecutedBlock, StateOverlay>();
  readonly #executed = new Map<Hash, ExecutedBlock>();
  readonly #headers = new Map<number, BlockHeader>();
  #base: StateReader;
  readonly #docs: DocumentReader;
  #last: ApplicationInfo;

  constructor(options: ApplicationOptions) {
    const { genesis, backend, source, last } = options;
    this.#options = options;
    this.cache = new TxCache(backend);
    this.chain = {
      hash: genesisHashOf(genesis, backend.sha256),
      origin: originOf(genesis.chainName, genesisHashOf(genesis, backend.sha256)),
      appVersion: genesis.appVersion,
      sha256: backend.sha256,
      verifyEd25519: backend.verifyEd25519,
      isRegistrableKey: (key) => backend.isRegistrableKey(key),
      verifyTx: (tx, key) => this.cache.verify(tx, key),
      facts: new TxFacts(backend.sha256),
    };
    this.#tree = StateTree.load(source, backend.sha256);
    // Before the first block there is nothing in the store: the genesis state is an overlay that the first block writes along.
    const base = last === undefined ? this.#overlay() : this.#tree;
    this.#base = base;
    this.#docs = new DocumentReader(base);
    this.#last = last === undefined ? this.#atGenesis(base.root()) : this.#atBlock(last, this.#docs);
    if (base.root() !== this.#last.state.stateRoot) {
      throw new ChainError('LEDGER_STATE_MISMATCH', {
        height: this.#last.height,
        expected: this.#last.state.stateRoot,
        found: base.root(),
      });
    }
    if (last !== undefined) this.#headers.set(last.header.height, last.header);
  }

  info(): ApplicationInfo {
    return this.#last;
  }

  committed(): Committed {
    return { docs: this.#docs, base: this.#base, tree: this.#tree, timeMs: this.#last.timeMs, state: this.#last.state };
  }

  headerOf(height: Height): BlockHeader | undefined {
    return this.#headers.get(height);
  }

  checkTx(bytes: Uint8Array, nowMs: number): CheckResult {
    try {
      const tx = this.cache.decode(bytes);
      const timeMs = Math.max(nowMs, this.#last.timeMs + 1);
      const facts = this.#facts(timeMs, []);
      const x = beginExecution(this.chain, this.#overlay(), this.#last.validators, facts, this.#docs);
      // What these two say is compared with what only the next block will write down.
      if (tx.payload.kind === 'handover' || tx.payload.kind === 'validator-join') noteLastBlock(x, facts.last);
      const { org } = checkTransaction(x, tx, nowMs);
      return {
        ok: true,
        hash: tx.hash,
        org,
        user: tx.payload.kind === 'mutation' ? tx.payload.attestation.attributes.user : '',
        lane: laneOf(tx.payload),
        bytes: bytes.length,
        notAfterMs: 'notAfterMs' in tx.payload ? tx.payload.notAfterMs : nowMs + SPOOLED_POOL_MS,
        pair: this.#pairHint(tx.payload),
      };
    } catch (error) {
      if (!isRefusal(error)) throw error;
      return { ok: false, code: error.code, message: error.message };
    }
  }

  signatureOf(bytes: Uint8Array): SignedBytes | null {
    const tx = decodedOrNone(this.cache, bytes);
    if (tx === undefined) return null;
    try {
      const { key } = signerOf(this.#docs, this.#last.validators, tx.payload);
      return { publicKey: key, message: tx.signedBytes, signature: tx.signature };
    } catch (error) {
      rethrowFault(error);
      return null;
    }
  }

  #pairHint(payload: Payload): PairHint | null {
    if (payload.kind !== 'mutation') return null;
    const { attestation } = payload;
    const witnesses = clusterRecord(this.#docs, attestation.attributes.cluster)?.hooks.length ?? 1;
    return witnesses > 1 ? { key: this.chain.facts.pairHash(attestation), witnesses } : null;
  }

  /** Takes what has its place in the block, in the given order, up to the governed limits. */
  prepareProposal(input: ProposeInput): ExecutedBlock {
    const { blockBytesMax, blockTxsMax } = this.#last.params;
    const room = { bytes: blockBytesMax, txs: blockTxsMax };
    const { cache } = this;
    function* offered(): Generator<DecodedTransaction> {
      for (const bytes of input.txs) {
        if (bytes.length > room.bytes || room.txs === 0) continue;
        const tx = decodedOrNone(cache, bytes);
        if (tx === undefined) continue;
        room.bytes -= bytes.length;
        room.txs -= 1;
        yield tx;
      }
    }
    const giveBack = (tx: DecodedTransaction, error: unknown): void => {
      rethrowFault(error);
      room.bytes += tx.bytes.length;
      room.txs += 1;
    };
    return this.#execute(input, offered(), giveBack);
  }

  /** Executes everything again and compares. A block that an honest proposer could not have made is refused with what is wrong. */
  processProposal(block: Block): ReturnType<Application['processProposal']> {
    try {
      return { ok: true, executed: this.#process(block) };
    } catch (error) {
      rethrowFault(error);
      const { code, message } = error as ChainError;
      return { ok: false, code, message };
    }
  }

  commit(executed: ExecutedBlock): void {
    const overlay = this.#overlays.get(executed);
    if (overlay === undefined)
      throw new ChainError('LEDGER_STATE_OVERLAY', { detail: 'the block was not executed here' });
    this.#tree.apply(overlay);
    this.cache.committed(executed.txs.map(({ hash }) => hash));
    const { header } = executed.block;
    this.#base = this.#tree;
    this.#docs.advance(this.#tree, overlay.changedKeys());
    this.#last = {
      height: header.height,
      blockId: executed.blockId,
      timeMs: header.timeMs,
      state: executed.state,
      validators: executed.nextValidators,
      lastValidators: this.#last.validators,
      params: executed.params,
    };
    this.#executed.clear();
    this.#headers.set(header.height, header);
    this.#headers.delete(header.height - HEADERS_MAX);
  }

  #process(block: Block): ExecutedBlock {
    const { header } = block;
    const { sha256, hash: chain } = this.chain;
    checkBlockParts(block, this.#last.params, sha256);
    this.#checkHeader(header);
    const known = this.#executed.get(blockIdOf(header, sha256));
    if (known !== undefined) return known;
    if (block.lastCertificate !== null) {
      const { backend, precommitBytes, verifyVote: verifyEd25519 = backend.verifyEd25519 } = this.#options;
      // Its signers are the set of its own height, which may be another one than this block's.
      verifyCertificate(block.lastCertificate, this.#last.lastValidators, chain, {
        verifyEd25519,
        precommitBytes,
      });
    }
    const txs = block.txs.map((bytes) => this.cache.decode(bytes));
    const refuse = (tx: DecodedTransaction, error: unknown): never => {
      rethrowFault(error);
      const { message } = error as ChainError;
      throw new ChainError(
        'LEDGER_BLOCK_TX',
        { height: header.height, index: txs.indexOf(tx), reason: message },
        { cause: error },
      );
    };
    const executed = this.#execute({ ...header, lastCertificate: block.lastCertificate }, txs, refuse);
    for (const field of ['appHash', 'validatorsHash', 'nextValidatorsHash', 'paramsHash', 'txRoot'] as const) {
      compare(header, field, executed.block.header[field]);
    }
    return executed;
  }

  #checkHeader(header: BlockHeader): void {
    const { height, blockId, timeMs, validators } = this.#last;
    compare(header, 'height', height + 1);
    compare(header, 'chain', this.chain.hash);
    compare(header, 'appVersion', this.chain.appVersion);
    compare(header, 'previous', blockId);
    if (!(header.timeMs > timeMs)) throw wrongHeader(header, 'timeMs', `more than ${timeMs}`);
    if (!validators.some((validator) => validator.id === header.proposer))
      throw wrongHeader(header, 'proposer', 'a validator');
  }

  #execute(
    input: Omit<ProposeInput, 'txs'>,
    offered: Iterable<DecodedTransaction>,
    onDropped: (tx: DecodedTransaction, error: unknown) => void,
  ): ExecutedBlock {
    const overlay = this.#overlay();
    const facts = this.#facts(input.timeMs, this.#seen(input));
    const x = beginExecution(this.chain, overlay, this.#last.validators, facts, this.#docs);
    const executed = executeTxs(x, facts, offered, onDropped);
    const block = this.#seal(input, executed, overlay);
    this.#overlays.set(block, overlay);
    if (this.#executed.size >= EXECUTED_MAX) this.#executed.clear();
    this.#executed.set(block.blockId, block);
    return block;
  }

  /** Block leaf, log, app hash and header over what was executed. */
  #seal(
    input: Omit<ProposeInput, 'txs'>,
    { taken, hashes, leaves, txs, indexes, execution }: ExecutedTxs,
    overlay: StateOverlay,
  ): ExecutedBlock {
    const { sha256, hash: chain, appVersion } = this.chain;
    const { validators, params } = this.#last;
    const nextValidators = execution.docs.get<readonly Validator[]>(KEY.validators) ?? validators;
    const nextParams = execution.docs.get<ChainParams>(KEY.params) ?? params;
    const hashesOfConfig = {
      validatorsHash: validatorsHashOf(validators, sha256),
      nextValidatorsHash: validatorsHashOf(nextValidators, sha256),
      paramsHash: paramsHashOf(params, sha256),
    };
    const { height, timeMs, previous, proposer, lastCertificate, lastCertificateHash } = input;
    const stateRoot = overlay.root();
    const changed = hashesOfConfig.validatorsHash !== hashesOfConfig.nextValidatorsHash;
    const fields = { height, timeMs, appVersion, stateRoot, ...hashesOfConfig, previous };
    const blockLeaf = blockLeafBytes(changed ? { ...fields, nextValidators } : fields);
    const allLeaves = [...leaves, blockLeaf];
    const first = this.#last.state.logSize;
    const { source } = this.#options;
    const log = appendLeaves(
      sha256,
      first,
      (level, index) => source.readNode(level, index),
      allLeaves.map((bytes) => leafHash(sha256, bytes)),
    );
    const state: AppState = { logSize: log.size, logRoot: toHex(log.root) as Hash, stateRoot };
    const header: BlockHeader = {
      v: 1,
      appVersion,
      chain,
      height,
      previous,
      txRoot: txRootOf(hashes, sha256),
      appHash: appHashOf(state, sha256),
      ...hashesOfConfig,
      proposer,
      timeMs,
      lastCertificateHash,
    };
    return {
      block: { header, lastCertificate, txs: taken },
      blockId: blockIdOf(header, sha256),
      state,
      writes: {
        buckets: overlay.bucketWrites(),
        nodes: log.nodes,
        leaves: allLeaves.map((bytes, i) => [first + i, bytes] as const),
        indexes,
        archive: this.#archived(execution.retired),
      },
      txs,
      decisions: execution.decisions,
      proposals: [...execution.changedProposals].sort((a, b) => a - b),
      nextValidators,
      params: nextParams,
    };
  }

  /** The last state of proposals that left it, proven against the root that the leaf of the block before holds. */
  #archived(ids: readonly number[]): BlockWrites['archive'] {
    const { height, state } = this.#last;
    return ids.map((id) => {
      const keys = [proposalKey(id), proposalDigestsKey(id)];
      const entries = keys.map((key) => ({ key, proof: stateProofToJson(this.#tree.prove(key)) }));
      return [proposalKey(id), encodeArchived({ v: 1, height, leaf: state.logSize - 1, entries })] as const;
    });
  }

  /** A fresh overlay on the committed state; before the first block it starts with the genesis. */
  #overlay(): StateOverlay {
    const overlay = this.#tree.overlay();
    if (!this.#isStarted()) {
      const docs = new Documents(overlay, {
        mark: () => overlay.mark(),
        rollback: (mark) => overlay.rollback(mark as ReturnType<StateOverlay['mark']>),
      });
      writeGenesisState(docs, this.chain, this.#options.genesis);
    }
    return overlay;
  }

  #isStarted(): boolean {
    return this.#options.last !== undefined || this.#tree.version > 0;
  }

  #facts(timeMs: number, seen: readonly ValidatorId[]): BlockFacts {
    const { height, state } = this.#last;
    return { height: height + 1, timeMs, firstLeaf: state.logSize, last: { state, seen } };
  }

  /** Who took part, as the block itself shows: its proposer and the signers of its last certificate. */
  #seen({ proposer, lastCertificate }: Pick<ProposeInput, 'proposer' | 'lastCertificate'>): readonly ValidatorId[] {
    const { lastValidators } = this.#last;
    const signers = (lastCertificate?.signatures ?? []).flatMap(({ validator }) => lastValidators[validator]?.id ?? []);
    return [proposer, ...signers];
  }

  #atGenesis(stateRoot: Hash): ApplicationInfo {
    const { createdMs, validators, params } = this.#options.genesis;
    const logRoot = toHex(rootOf(this.chain.sha256, 0, () => undefined)) as Hash;
    return {
      height: 0 as Height,
      blockId: this.chain.hash,
      timeMs: createdMs,
      state: { logSize: 0, logRoot, stateRoot },
      validators,
      lastValidators: validators,
      params,
    };
  }

  #atBlock({ header, state }: LastBlock, docs: DocumentReader): ApplicationInfo {
    return {
      height: header.height,
      blockId: blockIdOf(header, this.chain.sha256),
      timeMs: header.timeMs,
      state,
      validators: docs.get<readonly Validator[]>(KEY.validators) ?? [],
      lastValidators: validatorsAt(docs, header.height),
      params: docs.get<ChainParams>(KEY.params) as ChainParams,
    };
  }
}

/** The reserved lane is what keeps the committee able to act under load. */
function laneOf(payload: Payload): Lane {
  switch (payload.kind) {
    case 'mutation':
    case 'observation':
    case 'spooled-record':
      return 'normal';
    case 'proposal':
      return payload.config.length > 0 ? 'reserved' : 'normal';
    default:
      return 'reserved';
  }
}

function decodedOrNone(cache: TxCache, bytes: Uint8Array): DecodedTransaction | undefined {
  try {
    return cache.decode(bytes);
  } catch (error) {
    rethrowFault(error);
    return undefined;
  }
}

function rethrowFault(error: unknown): void {
  if (!isRefusal(error)) throw error;
}

function compare<F extends keyof BlockHeader>(header: BlockHeader, field: F, expected: number | string): void {
  if (header[field] !== expected) throw wrongHeader(header, field, String(expected));
}

function wrongHeader(
  header: BlockHeader,
  field: keyof BlockHeader,
  expected: string,
): ChainError<'LEDGER_BLOCK_HEADER'> {
  return new ChainError('LEDGER_BLOCK_HEADER', {
    height: header.height,
    field,
    expected,
    found: String(header[field]),
  });
}
