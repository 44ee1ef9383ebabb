import type { Equivocation } from '../../../src/consensus/index.ts';
import type { ConsensusHost } from '../../../src/node/host.ts';
import type { ExecutedBlock } from '../../../src/ports/application.ts';
import type { WalReplay } from '../../../src/ports/log-file.ts';
import type { ValidatorId } from '../../../src/types/brand.ts';
import type { ConsensusMessage, Proposal, Vote } from '../../../src/types/consensus.ts';
import { decodeConsensusMessage } from '../../../src/codec/consensus-wire.ts';
import { messageKind } from '../../../src/node/engine.ts';
import { isChainError } from '../../../src/errors/chain-error.ts';
import { numberKey } from '../../../src/store/lmdb/key.ts';
import { epochMs } from '../genesis.ts';
import type { History } from '../history.ts';
import type { Frame } from '../net/network.ts';
import type { SimNode } from '../node.ts';
import { signBytesOf } from '../sign-bytes.ts';
import type { World } from '../world.ts';
import { ChainCheck } from './chain.ts';
import { checkBuffers, checkNothingLeft } from './buffers.ts';
import type { CheckContext } from './context.ts';
import { EvidenceCheck } from './evidence.ts';
import { RoundCheck } from './rounds.ts';
import { SigningCheck } from './signing.ts';

/** Watches a run from outside: every byte that reaches a platter, every frame that leaves, every block that is told. The first violation stays. */
export class Checker {
  violation: string | null = null;
  readonly chain: ChainCheck;
  readonly signing: SigningCheck;
  readonly #evidence: EvidenceCheck;
  readonly #rounds: RoundCheck;
  readonly #world: World;
  readonly #history: History;
  readonly #context: CheckContext;
  /** Consensus frames that correct nodes sent; none may leave an idle one. */
  framesSent = 0;
  /** Blocks that were made such that no correct validator may vote for them. */
  readonly invalid = new Set<string>();
  #last: { readonly node: SimNode; readonly message: ConsensusMessage } | null = null;

  constructor(world: World, history: History, isFaulty: (id: ValidatorId) => boolean) {
    this.#world = world;
    this.#history = history;
    const { keys, genesis } = world;
    this.#context = {
      fail: (violation) => this.fail(violation),
      cover: (what) => world.cover(what),
      nowMs: () => epochMs + world.timeline.nowMs,
      sha256: keys.backend.sha256,
      validatorsAt: (height) => this.chain.validatorsAt(height),
      blockIdAt: (height) => this.chain.blockIdAt(height),
      isSigned: (message) => this.#isSigned(message),
      isFaulty,
      isInState: (key) => this.chain.reference.stateGet(key) !== undefined,
      isMember: (node) => world.isMember(node),
      storedHeight: (node) => storedHeight(node),
    };
    this.chain = new ChainCheck(this.#context, genesis.genesis, genesis.hash, keys.backend);
    this.signing = new SigningCheck(this.#context);
    this.#evidence = new EvidenceCheck(this.#context);
    this.#rounds = new RoundCheck(this.#context);
  }

  fail(violation: string): void {
    this.violation ??= violation;
  }

  /** A process threw, or ended by itself without a reason. */
  threw(node: SimNode, error: unknown): void {
    if (!node.correct) return;
    const { message, stack = '' } = error instanceof Error ? error : { message: String(error) };
    const place = stack.split('\n').find((line) => line.includes('/src/'));
    this.fail(`exception: node ${node.validator}: ${message} ${place?.trim() ?? ''}`);
  }

  appended(node: SimNode, records: readonly Uint8Array[]): void {
    for (const record of this.signing.appended(node, records)) {
      if (!node.correct) continue;
      if (record.kind === 'vote' && node.isRecovered) this.#world.cover('recovered-signs');
      if (record.kind === 'vote') this.#rounds.signed(node, record.vote);
      if (record.kind === 'round-entry') this.#rounds.entered(node, record.height, record.round);
    }
  }

  writtenDurably(node: SimNode, bytes: Buffer): void {
    this.signing.writtenDurably(node, bytes);
  }

  replayed(node: SimNode, replay: WalReplay): void {
    if (replay.condition === 'torn') this.#world.cover('torn-log');
    if (replay.condition === 'damaged') this.#world.cover('damaged-log');
    if (replay.condition === 'missing') this.#world.cover('missing-log');
    this.signing.replayed(node, replay);
  }

  started(node: SimNode, host: ConsensusHost): void {
    this.chain.started(node, host.app.info().height);
    if (node.correct && node.isDamaged && host.observeReason !== '') this.#world.cover('observing');
    this.#history.note(this.#world.timeline.nowMs, node, `starts at height ${host.app.info().height}`);
  }

  resumed(node: SimNode): void {
    if (node.host !== null && node.host.observeReason === '')
      this.signing.resumed(node, node.height + 1, node.host.round);
  }

  crashed(node: SimNode): void {
    this.signing.crashed(node);
    this.#history.note(this.#world.timeline.nowMs, node, 'process ends');
  }

  /** A block is the state of a node: from now on it may sign for the set that the block made. */
  applied(node: SimNode): void {
    if (node.correct) this.chain.applied(node);
  }

  committed(node: SimNode, executed: ExecutedBlock): void {
    this.#history.note(
      this.#world.timeline.nowMs,
      node,
      `decides ${executed.block.header.height} ${executed.blockId.slice(0, 8)}`,
    );
    if (!node.correct) return;
    const { height } = executed.block.header;
    this.chain.committed(node, executed);
    this.signing.told(node, height, executed.blockId);
    if (node.host?.halted) this.fail(`halt: node ${node.validator} says ${node.host.halted}`);
  }

  evidence(node: SimNode, equivocation: Equivocation): void {
    this.#evidence.accused(node, equivocation);
  }

  /** Signed by somebody, whether or not anybody gets it. */
  exists(message: Proposal | Vote): void {
    this.signing.exists(message);
    if (message.kind === 'vote') this.#rounds.exists(message);
  }

  /** A node closes its connection to another because of what that did. */
  dropped(node: SimNode, peer: ValidatorId, reason: string): void {
    this.#world.cover('peer-dropped');
    if (node.correct && !node.isDamaged && !this.#context.isFaulty(peer) && !this.#world.isDamaged(peer))
      this.fail(`blame: node ${node.validator} cuts off the correct ${peer}: ${reason}`);
  }

  sent(node: SimNode, to: number, message: ConsensusMessage): void {
    this.#history.message(this.#world.timeline.nowMs, node, to, message);
    if (node.correct && !node.isDamaged) this.framesSent += 1;
    // A broadcast: what held for the first peer holds for the others.
    if (this.#last?.message === message && this.#last.node === node) return;
    this.#last = { node, message };
    const votes =
      message.kind === 'votes'
        ? message.votes
        : message.kind === 'vote' || message.kind === 'proposal'
          ? [message]
          : [];
    const polka = message.kind === 'votes' || message.kind === 'proposal' ? message.polka : null;
    for (const each of votes) this.exists(each);
    if (polka !== null) this.signing.existsPolka(polka);
    if (!node.correct) return;
    for (const each of votes) {
      const height = each.height;
      if (this.chain.validatorsAt(height)[each.validator]?.id === node.id) this.signing.released(node, each);
      else if (!this.#isSigned(each))
        this.fail(`relay: node ${node.validator} passes on a forged message of ${each.validator}`);
      if (
        each.blockId !== null &&
        this.invalid.has(each.blockId) &&
        this.chain.validatorsAt(height)[each.validator]?.id === node.id
      )
        this.fail(`validity: node ${node.validator} votes for an invalid block at ${height}/${each.round}`);
      if (each.kind === 'proposal') this.#proposal(each);
      if (each.round > 3) this.#world.cover('round>3');
    }
    if (polka !== null && !this.chain.isProof(polka, 'prevote'))
      this.fail(`relay: node ${node.validator} passes on a polka that proves nothing`);
    if (message.kind === 'commit' && !this.chain.isProof(message.certificate, 'precommit'))
      this.fail(`relay: node ${node.validator} passes on a certificate that proves nothing`);
  }

  received(node: SimNode, frame: Frame): void {
    if (frame.channel !== 'consensus' || frame.bytes[0] !== messageKind) return;
    try {
      const message = decodeConsensusMessage(frame.bytes.subarray(1));
      this.#evidence.received(node, message);
      if (message.kind === 'vote') this.#rounds.heard(node, message);
    } catch (error) {
      if (!isChainError(error)) throw error;
    }
  }

  acknowledged(node: SimNode, tx: string, height: number): void {
    if (!node.correct) return;
    this.#world.cover('acknowledged');
    this.chain.acknowledged(node, tx, height);
  }

  /** From time to time. */
  sample(nodes: readonly SimNode[]): void {
    for (const node of nodes) {
      checkBuffers(this.#context, node);
      this.#rounds.sample(node);
      const halted = node.correct ? node.host?.halted : null;
      if (typeof halted === 'string') this.fail(`halt: node ${node.validator} says ${halted}`);
    }
  }

  /** When nothing has been wanted for a while. */
  idle(nodes: readonly SimNode[]): void {
    for (const node of nodes) checkNothingLeft(this.#context, node);
  }

  /** The run is over: what can only be judged then. */
  finished(nodes: readonly SimNode[]): void {
    for (const node of nodes) if (node.correct) this.chain.finished(node);
    this.#evidence.finished();
  }

  #proposal(proposal: Proposal): void {
    if (proposal.polRound >= 0) this.#world.cover('pol-reproposal');
  }

  #isSigned(message: Proposal | Vote): boolean {
    const { keys, genesis } = this.#world;
    const key = this.chain.validatorsAt(message.height)[message.validator]?.voteKey;
    return key !== undefined && keys.backend.verifyEd25519(key, signBytesOf(genesis.hash, message), message.signature);
  }
}

/** From the database file itself, by the keys of its format. */
function storedHeight(node: SimNode): number {
  let height = node.storedHeight;
  while (node.database.content.has(numberKey('state', height + 1).toString('latin1'))) height += 1;
  node.storedHeight = height;
  return height;
}
