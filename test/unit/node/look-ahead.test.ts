import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ByteWriter } from '../../../src/codec/index.ts';
import { signBytes } from '../../../src/consensus/index.ts';
import { VerifiedAhead } from '../../../src/crypto/ahead.ts';
import { nativeBackend } from '../../../src/crypto/index.ts';
import { RememberedSignatures } from '../../../src/crypto/remembered.ts';
import { VerifyThread } from '../../../src/crypto/verify-thread.ts';
import { createApplication } from '../../../src/ledger/application.ts';
import { encodeBlock, encodeCertificate } from '../../../src/ledger/index.ts';
import { requireBody } from '../../../src/node/block-exchange.ts';
import { LookAhead } from '../../../src/node/look-ahead.ts';
import { Syncer } from '../../../src/node/sync.ts';
import type { ExecutedBlock } from '../../../src/ports/application.ts';
import type { SignedBytes } from '../../../src/ports/crypto.ts';
import type { Height, Round, ValidatorId } from '../../../src/types/brand.ts';
import type { Block, Certificate } from '../../../src/types/chain.ts';
import { MemorySource } from '../ledger/memory-source.ts';
import { alone, changeOf, genesisOf, signerOf } from '../ledger/test-chain.ts';

const { sha256, verifyEd25519 } = nativeBackend;
const peer = 'beta' as ValidatorId;
const blocks = 12;
const records = 6;

/** A chain of one validator with records in each block; the last block is of whatever `last` makes of its transactions, and certified all the same. */
function decided(last: (txs: readonly Uint8Array[]) => readonly Uint8Array[] = (txs) => txs) {
  const chain = alone(genesisOf({ orgs: ['alpha'], policies: [] })).ready();
  const range: { block: Block; certificate: Certificate }[] = [];
  const took = (executed: ExecutedBlock): void =>
    void range.push({ block: executed.block, certificate: chain.certificate });
  took(chain.blocks[0]!);
  const txsOf = (at: number): readonly Uint8Array[] =>
    Array.from({ length: records }, (_, i) =>
      chain.attest(changeOf('data', { namespace: 'dev', name: `object-${at}-${i}` }), 'alpha'),
    );
  for (let at = 1; at < blocks - 1; at += 1) took(chain.advance(1).block(...txsOf(at)));
  // Whoever verifies nothing makes a block that only its signatures are wrong in.
  const credulous = createApplication({
    genesis: chain.genesis,
    backend: { ...nativeBackend, verifyEd25519: () => true },
    source: chain.source,
    precommitBytes: signBytes,
    last: { header: chain.blocks.at(-1)!.block.header, state: chain.blocks.at(-1)!.state },
  });
  chain.app = credulous;
  took(chain.advance(1).block(...last(txsOf(blocks))));
  return { chain, range };
}

/** A node at genesis that catches up by that range, another thread verifying ahead. */
function catchingUp({ chain, range }: ReturnType<typeof decided>) {
  const writer = new ByteWriter().u16(range.length);
  for (const { block, certificate } of range)
    writer.lengthPrefixed(encodeBlock(block), 0xff_ffff).lengthPrefixed(encodeCertificate(certificate), 65_535);
  const answer = writer.finish();
  const others = new VerifyThread();
  onTestFinished(() => others.close());
  const computedHere = vi.fn<typeof verifyEd25519>(verifyEd25519);
  const ahead = new VerifiedAhead(computedHere, others);
  const votes = new RememberedSignatures(ahead.verify, 64);
  const source = new MemorySource();
  const app = createApplication({
    genesis: chain.genesis,
    backend: { ...nativeBackend, verifyEd25519: ahead.verify },
    source,
    precommitBytes: signBytes,
    verifyVote: votes.verify,
  });
  const dropped: string[] = [];
  const diverged: number[] = [];
  const fatal = vi.fn<(error: unknown) => void>();
  const syncer = new Syncer({
    app,
    chain: app.genesisHash,
    network: {
      connected: () => [peer],
      request: async () => answer,
      drop: (_: ValidatorId, why: string) => dropped.push(why),
    },
    sha256,
    verify: votes.verify,
    ahead: ahead.ahead,
    requireBody: (block: Block) => requireBody(block, sha256),
    apply: async (executed: ExecutedBlock) => {
      source.write(executed.writes);
      app.commit(executed);
    },
    onSynced: () => undefined,
    onDivergence: (height: number) => diverged.push(height),
    fatal,
    instead: () => false,
    info: () => undefined,
  } as unknown as ConstructorParameters<typeof Syncer>[0]);
  syncer.want((range.length + 1) as Height, peer);
  return { app, syncer, dropped, diverged, fatal, computedHere, ahead };
}

const flipped = (bytes: Uint8Array, at: number): Uint8Array => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));

/** The same envelope with another signature, which is base64 of 64 bytes. */
function forged(tx: Uint8Array): Uint8Array {
  const line = Buffer.from(tx).toString('latin1');
  return Buffer.from(
    line.replace(/"sig":"([^"]+)"/, (_, sig: string) => {
      const bytes = flipped(Buffer.from(sig, 'base64'), 7);
      return `"sig":"${Buffer.from(bytes).toString('base64')}"`;
    }),
    'latin1',
  );
}

describe('a node that catches up while another thread verifies ahead', () => {
  it('takes every block, and computes no signature itself that was found sound', async () => {
    const { app, dropped, computedHere, ahead } = catchingUp(decided());
    await vi.waitUntil(() => app.info().height === blocks, { timeout: 60_000 });
    expect(dropped).toEqual([]);
    expect(computedHere).not.toHaveBeenCalled();
    expect(ahead.size).toBe(0);
  });

  it('refuses a forged signature in the midst of sound ones, whoever certified the block', async () => {
    const { app, syncer, diverged, computedHere, fatal } = catchingUp(
      decided((txs) => txs.map((tx, i) => (i === 3 ? forged(tx) : tx))),
    );
    await vi.waitUntil(() => diverged.length > 0, { timeout: 60_000 });
    await syncer.stop();
    expect(diverged).toEqual([blocks]);
    expect(app.info().height).toBe(blocks - 1);
    // It was found again here, and nowhere else.
    expect(computedHere).toHaveBeenCalledOnce();
    expect(fatal).not.toHaveBeenCalled();
  });

  it('refuses a certificate with a forged signature, and cuts off who sent it', async () => {
    const chain = decided();
    const at = 7;
    const { block, certificate } = chain.range[at]!;
    const signatures = certificate.signatures.map((each) => ({ ...each, signature: flipped(each.signature, 9) }));
    chain.range[at] = { block, certificate: { ...certificate, signatures } };
    const { app, syncer, dropped } = catchingUp(chain);
    await vi.waitUntil(() => dropped.length > 0, { timeout: 60_000 });
    await syncer.stop();
    expect(app.info().height).toBe(at);
  });
});

describe('what is verified ahead', () => {
  it('is of a bounded number of signatures, and of several blocks at once', async () => {
    const { chain, range } = decided();
    const long = Array.from({ length: 400 }, () => range[5]!);
    const batches: (readonly SignedBytes[])[] = [];
    const app = {
      info: () => ({ ...chain.app.info(), height: 0 as Height }),
      signatureOf: (tx: Uint8Array) => chain.app.signatureOf(tx),
    };
    const ahead = new LookAhead(
      { app, chain: chain.app.genesisHash, ahead: async (batch) => void batches.push(batch) },
      long,
    );
    for (let at = 0; at < long.length; at += 1) {
      await ahead.ready(at);
      const begun = batches.reduce((sum, batch) => sum + batch.length, 0);
      // Seven signatures a block: six records and one vote.
      expect(begun).toBeGreaterThanOrEqual(7 * (at + 1));
      expect(begun - 7 * (at + 1)).toBeLessThanOrEqual(256 + 7);
    }
    expect(batches.length).toBeLessThan(long.length / 8);
  });

  it('is nothing of which the state does not know the signer, and of a certificate only what its own check would ask', async () => {
    const { chain, range } = decided();
    const batches: (readonly SignedBytes[])[] = [];
    const app = {
      info: () => ({ ...chain.app.info(), height: 0 as Height }),
      signatureOf: (tx: Uint8Array) => chain.app.signatureOf(tx),
    };
    const stranger = chain.sign(
      { kind: 'cluster-key', node: 'nobody' as ValidatorId, cluster: 'c' as never, keyId: chain.app.genesisHash },
      signerOf('nobody'),
    );
    const { block, certificate } = range[5]!;
    const nonsense = {
      block: { ...block, txs: [stranger, new Uint8Array(3)] },
      certificate: { ...certificate, round: 0 as Round, signatures: [] },
    };
    const ahead = new LookAhead(
      { app, chain: chain.app.genesisHash, ahead: async (batch) => void batches.push(batch) },
      [nonsense],
    );
    await ahead.ready(0);
    expect(batches.flat()).toEqual([]);
  });
});
