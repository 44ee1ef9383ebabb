import { describe, expect, it, onTestFinished } from 'vitest';
import { decodeConsensusMessage, encodeConsensusMessage } from '../../../src/codec/consensus-wire.ts';
import { initialState } from '../../../src/consensus/index.ts';
import { nativeBackend } from '../../../src/crypto/index.ts';
import { BlockExchange } from '../../../src/node/block-exchange.ts';
import type { CommitPipeline } from '../../../src/node/commit-pipeline.ts';
import { Engine, messageKind } from '../../../src/node/engine.ts';
import { Mempool } from '../../../src/node/mempool.ts';
import type { PeerNetwork } from '../../../src/ports/network.ts';
import type { Hash, Height, Round, ValidatorId } from '../../../src/types/brand.ts';
import type { Certificate } from '../../../src/types/chain.ts';
import type { ConsensusMessage } from '../../../src/types/consensus.ts';
import { alone, signerOf } from '../ledger/test-chain.ts';

const ignore = (): void => undefined;
const stranger = 'epsilon' as ValidatorId;

/** The engine of one node of four, at the first height. */
function engineOf(self: string, lastCertificate: Certificate | null = null) {
  const { app } = alone();
  const sent: { to: string; message: ConsensusMessage }[] = [];
  const wanted: number[] = [];
  const dropped: string[] = [];
  const mempool = new Mempool();
  const network = {
    send: (to: string, _channel: string, bytes: Uint8Array) =>
      void sent.push({ to, message: decodeConsensusMessage(bytes.subarray(1)) }),
    broadcast: ignore,
    connected: () => [],
    drop: (peer: string) => dropped.push(peer),
  } as unknown as PeerNetwork;
  const { sha256, verifyEd25519 } = nativeBackend;
  const engine = new Engine({
    chain: app.genesisHash,
    self: self as ValidatorId,
    voteKey: signerOf(`${self} vote`).publicKey,
    app,
    state: initialState({ chain: app.genesisHash, sign: null }),
    wal: { append: async () => undefined, truncateBefore: async () => undefined, close: async () => undefined },
    pipeline: { isFull: false } as CommitPipeline,
    network,
    mempool,
    exchange: new BlockExchange({
      network,
      mempool,
      sha256,
      height: () => 0,
      lastBlock: () => undefined,
      warn: ignore,
    }),
    sha256,
    verify: verifyEd25519,
    now: () => 1_760_000_000_000,
    lastCertificate,
    observes: () => false,
    onApplied: ignore,
    onCommitted: ignore,
    onEvidence: ignore,
    onSyncWanted: (height) => wanted.push(height),
    onHalt: ignore,
    fatal: ignore,
    warn: ignore,
    metrics: { decided: ignore, refusedMessage: ignore },
  });
  onTestFinished(() => engine.stop());
  engine.start();
  return { engine, sent, wanted, dropped };
}

function frameOf(message: ConsensusMessage): Uint8Array {
  const encoded = encodeConsensusMessage(message);
  return new Uint8Array([messageKind, ...encoded]);
}

/** As the others say it at that height, by keys that this node may not know yet. */
const vote = (height: number): ConsensusMessage => ({
  kind: 'vote',
  type: 'prevote',
  height: height as Height,
  round: 0 as Round,
  blockId: null,
  validator: 3,
  signature: new Uint8Array(64),
});

const certificate: Certificate = {
  height: 7 as Height,
  round: 0 as Round,
  blockId: 'cd'.repeat(32) as Hash,
  signatures: [0, 1, 2].map((validator) => ({ validator, signature: new Uint8Array(64) })),
};

describe('P8: a node that is far behind', () => {
  it('hears from any vote of the others where they are, while they work without a pause', () => {
    const { engine, wanted, dropped } = engineOf('alpha');
    engine.onFrame('beta' as ValidatorId, frameOf(vote(9)));
    expect(wanted).toEqual([9]);
    expect(dropped).toEqual([]);
  });

  it('hears it too when it is no validator yet', () => {
    const { engine, wanted } = engineOf(stranger);
    engine.onFrame('beta' as ValidatorId, frameOf(vote(9)));
    expect(wanted).toEqual([9]);
  });

  it('asks for nothing because of a vote of the next height, which may have overtaken the decision', () => {
    const { engine, wanted, dropped } = engineOf('alpha');
    engine.onFrame('beta' as ValidatorId, frameOf(vote(2)));
    expect([wanted, dropped]).toEqual([[], []]);
  });

  it('is shown the last certificate when it connects and is no validator yet', () => {
    const { engine, sent } = engineOf('alpha', certificate);
    engine.onPeerUp(stranger);
    expect(sent).toEqual([{ to: stranger, message: { kind: 'commit', certificate } }]);
  });
});
