import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { toHex } from '../codec/index.ts';
import { signBytes } from '../consensus/index.ts';
import { nativeBackend } from '../crypto/index.ts';
import { ChainError, isChainError } from '../errors/chain-error.ts';
import { createApplication } from '../ledger/application.ts';
import { decodeBlock, decodeCertificate, type LoadedGenesis } from '../ledger/index.ts';
import type { Application, ExecutedBlock } from '../ports/application.ts';
import type { Block, Certificate } from '../types/chain.ts';
import {
  databaseFolder,
  openStore,
  openStoreForReading,
  repairCompleteMarker,
  repairFolder,
  type Problem,
  type Store,
} from '../store/index.ts';
import { syncDirectory } from '../store/sync-directory.ts';
import { requireBody } from './block-exchange.ts';
import { committedBlock } from './commit-pipeline.ts';
import { readNodeConfig, type NodeConfig } from './config.ts';
import { walCreatedKey } from './consensus-log.ts';
import { readGenesis } from './genesis-command.ts';
import { observeKey, unknownPast } from './observing-until.ts';
import { PeerBlocks } from './peer-blocks.ts';
import { executeCertified } from './sync.ts';

const { sha256, verifyEd25519 } = nativeBackend;
const progressBlocks = 1_000;

interface Healed {
  readonly height: number;
  /** What was wrong with the own block. */
  readonly reason: string;
  readonly from: string;
}

/**
 * Makes a sound store of a damaged one. Every block is executed again: the own one where its certificate proves it, otherwise a peer's, and
 * all that follows from blocks (leaves, tree, state, indexes) is written anew. Bodies are taken over if they still have their hash; the node
 * fetches what it lacks. The damaged folder is kept beside. Nothing is changed unless all of it succeeds. Resolves with the exit code.
 * Throws REPAIR_NO_SOURCE, STATE_DIVERGENCE, STORE_IN_USE.
 */
export async function runRepair(options: { readonly config: string; readonly output: string }): Promise<number> {
  const config = readNodeConfig(options.config);
  const genesis = await readGenesis(config.genesisFile);
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const work = join(config.dataDir, repairFolder);
  if (finishSwap(config.dataDir)) say('the repair that was interrupted is complete');
  rmSync(work, { recursive: true, force: true });

  const problem = await firstProblem(options.config);
  if (problem === null) return report(options.output, { height: null, healed: [] });
  say(`damage: ${problem.text}`);
  const old = problem.isReadable ? await openStoreForReading(config.dataDir, { chain: genesis.hash }) : null;
  try {
    const { height, healed, bodies } = await rebuild({ config, genesis, old, work, say });
    await old?.close();
    writeFileSync(join(work, repairCompleteMarker), '');
    syncDirectory(work);
    finishSwap(config.dataDir);
    return report(options.output, { height, healed, bodies });
  } finally {
    await old?.close();
  }
}

/**
 * What fsck says, in a process of its own: LMDB ends the process that reads beyond the end of a cut file. Null if all is sound. Throws what
 * is no damage, as fsck did.
 */
async function firstProblem(config: string): Promise<{ readonly text: string; readonly isReadable: boolean } | null> {
  const main = process.argv[1] ?? '';
  const child = spawn(process.execPath, [...process.execArgv, main, 'fsck', '--config', config, '-o', 'json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>,
  ]);
  if (code === 0) return null;
  if (signal !== null) return { text: `reading the store ends with ${signal}`, isReadable: false };
  if (stdout === '') {
    const coded = /\[([A-Z_]+)\]/.exec(stderr)?.[1];
    // One that belongs to another chain, or to nobody, is not damaged.
    if (coded !== 'STORE_IO' && coded !== 'STORE_DAMAGED')
      throw new ChainError('REPAIR_NOT_DAMAGE', { said: stderr.trim() });
    return { text: stderr.split('\n')[0] ?? '', isReadable: false };
  }
  const [first] = (JSON.parse(stdout) as { problems: Problem[] }).problems;
  return { text: `${first?.code} ${first?.where}: ${first?.detail}`, isReadable: true };
}

interface Work {
  readonly config: NodeConfig;
  readonly genesis: LoadedGenesis;
  readonly old: Store | null;
  readonly work: string;
  readonly say: (line: string) => void;
}

async function rebuild({
  config,
  genesis,
  old,
  work,
  say,
}: Work): Promise<{ height: number; healed: Healed[]; bodies: { kept: number; lost: number } }> {
  mkdirSync(work, { mode: 0o700 });
  const store = await openStore(work, { chain: genesis.hash });
  const peers = new PeerBlocks(config, genesis);
  try {
    const app = createApplication({
      genesis: genesis.genesis,
      backend: nativeBackend,
      source: store,
      precommitBytes: signBytes,
    });
    const healed = await replay({ app, store, old, peers, genesis, say });
    const height = app.info().height;
    const had = lastOf(old);
    if (height < had) throw new ChainError('REPAIR_NO_SOURCE', { height: height + 1, had });
    const bodies = await takeOver(old, store);
    return { height, healed, bodies };
  } finally {
    await peers.close();
    await store.close();
  }
}

interface Replay {
  readonly app: Application;
  readonly store: Store;
  readonly old: Store | null;
  readonly peers: PeerBlocks;
  readonly genesis: LoadedGenesis;
  readonly say: (line: string) => void;
}

/** Executes own and others' blocks into the new store until nobody has a next one. */
async function replay({ app, store, old, peers, genesis, say }: Replay): Promise<Healed[]> {
  const context = {
    app,
    chain: genesis.hash,
    sha256,
    verify: verifyEd25519,
    requireBody: (block: Block) => requireBody(block, sha256),
  };
  const execute = (block: Block, certificate: Certificate): ExecutedBlock =>
    executeCertified(context, block, certificate);
  const last = lastOf(old);
  const healed: Healed[] = [];
  let written: Promise<void> = Promise.resolve();
  for (let height = 1; ; height += 1) {
    const own = height > last ? null : ownBlock(old, height, execute);
    const fetched = (own?.decided ?? null) === null ? await peers.block(height, execute) : null;
    const next = own?.decided ?? fetched;
    if (next === null) break;
    if (own?.decided === null && fetched !== null) healed.push({ height, reason: own.reason, from: fetched.peer });
    const { executed, certificate } = next;
    written = store.commitBlock(committedBlock(executed, certificate));
    app.commit(executed);
    if (height % progressBlocks !== 0) continue;
    await written;
    say(`${height} blocks are sound, ${healed.length} of them from peers`);
  }
  await written;
  return healed;
}

type Own =
  | { readonly decided: { readonly executed: ExecutedBlock; readonly certificate: Certificate } }
  | { readonly decided: null; readonly reason: string };

function ownBlock(
  old: Store | null,
  height: number,
  execute: (block: Block, certificate: Certificate) => ExecutedBlock,
): Own {
  try {
    const block = old?.block(height);
    const certificate = old?.certificate(height);
    if (block === undefined || certificate === undefined) return { decided: null, reason: 'it is missing' };
    const decoded = decodeCertificate(certificate);
    return { decided: { executed: execute(decodeBlock(block), decoded), certificate: decoded } };
  } catch (error) {
    if (isChainError(error, 'STATE_DIVERGENCE')) throw error;
    return { decided: null, reason: (error as Error).message };
  }
}

function lastOf(old: Store | null): number {
  try {
    return Math.max(0, old?.lastHeight() ?? 0);
  } catch {
    return 0;
  }
}

/** Bodies that are what their hash says, and what belongs to this node alone. */
async function takeOver(old: Store | null, store: Store): Promise<{ kept: number; lost: number }> {
  let kept = 0;
  let lost = 0;
  try {
    for (const hash of old?.bodyHashes() ?? []) {
      const bytes = old?.getBody(hash);
      const isWhole = bytes !== undefined && toHex(sha256(bytes)) === hash;
      if (isWhole) await store.putBody(hash, bytes, old?.bodyInfo(hash));
      if (isWhole) kept += 1;
      else lost += 1;
    }
    for (const name of old?.local.names('') ?? []) {
      const value = old?.local.get(name);
      if (value !== undefined) await store.local.put(name, value);
    }
  } catch {
    old = null;
  }
  // Without what the node remembered of itself (what it cosigned last, that it has a log) it begins like one from a backup.
  if (old === null) {
    await store.local.put(walCreatedKey, new Uint8Array([1]));
    await store.local.put(observeKey, unknownPast('restored'));
  }
  return { kept, lost };
}

/** Puts the finished store in the place of the damaged one; also when a repair was interrupted here. True if there was one. */
function finishSwap(dataDir: string): boolean {
  const work = join(dataDir, repairFolder);
  if (!existsSync(join(work, repairCompleteMarker))) return false;
  const place = join(dataDir, databaseFolder);
  if (existsSync(join(work, databaseFolder))) {
    if (existsSync(place)) renameSync(place, `${place}-damaged-${Date.now()}`);
    renameSync(join(work, databaseFolder), place);
    syncDirectory(dataDir);
  }
  rmSync(work, { recursive: true, force: true });
  syncDirectory(dataDir);
  return true;
}

function report(
  output: string,
  result: { height: number | null; healed: readonly Healed[]; bodies?: { kept: number; lost: number } },
): number {
  const { height, healed, bodies } = result;
  if (output === 'json') console.log(JSON.stringify({ ok: true, ...result }));
  else if (bodies === undefined) console.log('sound: nothing to repair');
  else {
    for (const { height: at, reason, from } of healed) console.log(`block ${at} came from ${from}: ${reason}`);
    console.log(
      `repaired: height ${height}, ${healed.length} blocks came from peers, ${bodies.kept} bodies kept, ${bodies.lost} lost`,
    );
  }
  return 0;
}
