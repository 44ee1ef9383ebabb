import { dirname, join } from 'node:path';
import { signBytes } from '../consensus/index.ts';
import { nativeBackend } from '../crypto/index.ts';
import { ChainError } from '../errors/chain-error.ts';
import { createApplication } from '../ledger/application.ts';
import { DocumentReader } from '../ledger/execute/documents.ts';
import { newestSet, setNumber } from '../ledger/execute/validator-sets.ts';
import {
  appHashOf,
  blockIdOf,
  decodeBlock,
  decodeBucket,
  decodeCertificate,
  leafHash,
  nodeHash,
  rootOf,
  StateTree,
  validatorsHashOf,
  verifyCertificate,
  type LoadedGenesis,
} from '../ledger/index.ts';
import { toHex } from '../codec/index.ts';
import type { BlockWrites, TreeSource } from '../ports/state.ts';
import { checkStore, lackedHeights, openStoreForReading, type LedgerFunctions, type Store } from '../store/index.ts';
import type { Hash } from '../types/brand.ts';
import type { Validator } from '../types/chain.ts';
import { readNodeConfig } from './config.ts';
import { readGenesis } from './genesis-command.ts';

const { sha256, verifyEd25519 } = nativeBackend;
/** Problems that are printed; a damaged file may have millions. */
const problemsMax = 1_000;

export interface FsckOptions {
  readonly config?: string;
  readonly dataDir?: string;
  readonly genesis?: string;
  readonly output: string;
}

interface Finding {
  readonly code: string;
  readonly where: string;
  readonly detail: string;
}

/**
 * Verifies a data folder: every hash, block, certificate signature, index and body, and, by executing every block again, that
 * each state follows from the one before. Changes nothing. Resolves with the exit code: 0 sound, 1 damaged.
 */
export async function runFsck(options: FsckOptions): Promise<number> {
  const { dataDir, genesisFile } = placesOf(options);
  const genesis = await readGenesis(genesisFile);
  const store = await openStoreForReading(dataDir, { chain: genesis.hash, whole: true });
  try {
    const findings: Finding[] = [];
    for (const finding of problemsOf(store, genesis)) {
      findings.push(finding);
      if (options.output !== 'json') console.log(`${finding.code}  ${finding.where}: ${finding.detail}`);
      if (findings.length >= problemsMax) break;
    }
    const last = store.lastHeight();
    const state = last > 0 ? store.state(last) : undefined;
    const summary = {
      ok: findings.length === 0,
      height: Math.max(0, last),
      logSize: state?.logSize ?? 0,
      logRoot: state?.logRoot ?? null,
      stateRoot: state?.stateRoot ?? null,
      ...(store.gap === null ? {} : { lacks: lackedHeights(store.gap) }),
    };
    if (options.output === 'json') console.log(JSON.stringify({ ...summary, problems: findings }));
    else
      console.log(
        `${summary.lacks === undefined ? '' : `heights ${summary.lacks.from} to ${summary.lacks.to} are not here yet: the running node fetches them\n`}${summary.ok ? 'sound' : `${findings.length} ${findings.length === 1 ? 'problem' : 'problems'}`}: height ${summary.height}, ${summary.logSize} leaves, log root ${summary.logRoot ?? '-'}, state root ${summary.stateRoot ?? '-'}`,
      );
    return summary.ok ? 0 : 1;
  } finally {
    await store.close();
  }
}

function placesOf({ config, dataDir, genesis }: FsckOptions): { dataDir: string; genesisFile: string } {
  if (config !== undefined) {
    const read = readNodeConfig(config);
    return { dataDir: read.dataDir, genesisFile: read.genesisFile };
  }
  if (dataDir === undefined) throw new ChainError('FSCK_USAGE', {});
  return { dataDir, genesisFile: genesis ?? join(dirname(dataDir), 'genesis.json') };
}

function* problemsOf(store: Store, genesis: LoadedGenesis): Generator<Finding> {
  let isSound = true;
  for (const problem of checkStore(store, ledgerFunctions)) {
    isSound = false;
    yield problem;
  }
  yield* badCertificates(store, genesis);
  // What does not hash right need not be executed to be found out.
  if (isSound) yield* badExecution(store, genesis);
}

const ledgerFunctions: LedgerFunctions = {
  leafHash: (bytes) => leafHash(sha256, bytes),
  nodeHash: (left, right) => nodeHash(sha256, left, right),
  logRootOf: (size, read) => toHex(rootOf(sha256, size, read)) as Hash,
  checkBucket: (bucket, bytes) => void decodeBucket(bucket, bytes),
  stateRootOf: (source) => StateTree.load(source, sha256).root(),
  decodeBlock: (bytes) => {
    const { header } = decodeBlock(bytes);
    return { id: blockIdOf(header, sha256), height: header.height, previous: header.previous, appHash: header.appHash };
  },
  appHashOf: (state) => appHashOf(state, sha256),
  decodeCertificate: (bytes) => {
    const { height, blockId } = decodeCertificate(bytes);
    return { height, blockId };
  },
};

/** Every set that the state names, by its hash; that of the genesis at least. */
function setsIn(store: Store, genesis: LoadedGenesis['genesis']): ReadonlyMap<Hash, readonly Validator[]> {
  const sets = new Map([[validatorsHashOf(genesis.validators, sha256), genesis.validators]]);
  try {
    const docs = new DocumentReader(StateTree.load(store, sha256));
    for (let n = newestSet(docs).n; n > 0; n -= 1) {
      const validators = setNumber(docs, n)?.validators ?? [];
      sets.set(validatorsHashOf(validators, sha256), validators);
    }
  } catch {
    // A state that cannot be read is a problem of its own, and found as one.
  }
  return sets;
}

function* badCertificates(store: Store, { genesis, hash }: LoadedGenesis): Generator<Finding> {
  const sets = setsIn(store, genesis);
  for (let height = 1; height <= store.lastHeight(); height += 1) {
    const bytes = store.certificate(height);
    if (bytes === undefined) continue;
    try {
      const block = store.block(height);
      if (block === undefined) continue;
      const { validatorsHash } = decodeBlock(block).header;
      const validators = sets.get(validatorsHash);
      if (validators === undefined) throw new Error(`the store knows no validator set ${validatorsHash}`);
      verifyCertificate(decodeCertificate(bytes), validators, hash, {
        verifyEd25519,
        precommitBytes: signBytes,
      });
    } catch (error) {
      yield { code: 'CERTIFICATE_INVALID', where: `height ${height}`, detail: (error as Error).message };
    }
  }
}

/** Executes every block on an empty state; stops at the first that computes to something else. */
function* badExecution(store: Store, { genesis }: LoadedGenesis): Generator<Finding> {
  const memory = new MemoryTree();
  const app = createApplication({ genesis, backend: nativeBackend, source: memory, precommitBytes: signBytes });
  for (let height = 1; height <= store.lastHeight(); height += 1) {
    const bytes = store.block(height);
    // Damaged, or the gap of a store that began with a snapshot: what follows cannot be executed.
    if (bytes === undefined) return;
    const result = app.processProposal(decodeBlock(bytes));
    if (!result.ok)
      return yield {
        code: 'EXECUTION_DIFFERS',
        where: `height ${height}`,
        detail: `${result.code}: ${result.message}`,
      };
    memory.apply(result.executed.writes);
    app.commit(result.executed);
  }
}

/** What a replay writes, in memory. */
class MemoryTree implements TreeSource {
  readonly #buckets = new Map<number, Uint8Array>();
  readonly #nodes = new Map<string, Uint8Array>();
  readonly #leaves = new Map<number, Uint8Array>();

  apply({ buckets, nodes, leaves }: BlockWrites): void {
    for (const [bucket, bytes] of buckets) {
      if (bytes === null) this.#buckets.delete(bucket);
      else this.#buckets.set(bucket, bytes);
    }
    for (const [level, index, hash] of nodes) this.#nodes.set(`${level}/${index}`, hash);
    for (const [index, bytes] of leaves) this.#leaves.set(index, bytes);
  }

  readBucket(bucket: number): Uint8Array | undefined {
    return this.#buckets.get(bucket);
  }

  readNode(level: number, index: number): Uint8Array | undefined {
    return this.#nodes.get(`${level}/${index}`);
  }

  readLeaf(index: number): Uint8Array | undefined {
    return this.#leaves.get(index);
  }
}
