import { describe, expect, it } from 'vitest';
import { ByteWriter, utf8Decode, utf8Encode } from '../../../src/codec/index.ts';
import { generateSeed, nativeBackend, signerFromSeed } from '../../../src/crypto/index.ts';
import { checkpointText, cosign, parseCheckpointText, verifyCheckpoint } from '../../../src/ledger/checkpoint.ts';
import { Checkpoints } from '../../../src/node/checkpoints.ts';
import type { PeerNetwork } from '../../../src/ports/network.ts';
import type { Hash, ValidatorId } from '../../../src/types/brand.ts';
import type { Validator } from '../../../src/types/chain.ts';

const origin = 'kubectl-chain.dev/test/0000000000000000';
const nowMs = 1_800_000_000_000;
const nowSeconds = nowMs / 1_000;
const root = 'ab'.repeat(32) as Hash;
const signers = new Map(['a', 'b', 'c', 'd'].map((id) => [id as ValidatorId, signerFromSeed(generateSeed())] as const));
const validators = [...signers].map(
  ([id, { publicKey }]) => ({ id, org: id as string, checkpointKey: publicKey }) as unknown as Validator,
);

/** Node a; b answers at once as it is told, c and d some milliseconds later and well. */
function nodeBeside(liar: (request: Uint8Array) => Uint8Array, forgotten = ''): Checkpoints {
  const honest = (peer: ValidatorId, request: Uint8Array): Uint8Array => answer(peer, request, nowSeconds);
  return new Checkpoints({
    origin,
    self: 'a' as ValidatorId,
    signer: () => signers.get('a' as ValidatorId)!,
    backend: nativeBackend,
    network: {
      connected: () => ['b', 'c', 'd'] as ValidatorId[],
      request: async (peer: ValidatorId, _method: string, request: Uint8Array) => {
        if (peer === 'b') return liar(request);
        await new Promise((resolve) => setTimeout(resolve, 30));
        return honest(peer, request);
      },
    } as unknown as PeerNetwork,
    local: { get: () => undefined, put: async () => undefined },
    tree: () => ({ size: 7, root }),
    rootAt: () => root,
    validators: () => validators,
    forgotten: () => forgotten,
    nowMs: () => nowMs,
  });
}

function answer(peer: ValidatorId, request: Uint8Array, timeSeconds: number): Uint8Array {
  const { signature } = cosign(parseCheckpointText(utf8Decode(request)), timeSeconds, signers.get(peer)!);
  return new ByteWriter().u64(timeSeconds).bytes(signature).finish();
}

function oldestSeconds(note: string): number {
  const { times } = verifyCheckpoint(note, origin, validators, nativeBackend);
  return Math.min(...times.map(({ timeSeconds }) => timeSeconds));
}

describe('P3: one lying validator does not keep a note from being fresh', () => {
  it('by answering first with a signature that does not verify', async () => {
    const node = nodeBeside(() => new ByteWriter().u64(nowSeconds).bytes(new Uint8Array(64)).finish());
    expect(oldestSeconds(await node.note(true))).toBe(nowSeconds);
  });

  it('by answering first with an old one', async () => {
    const node = nodeBeside((request) => answer('b' as ValidatorId, request, nowSeconds - 3_600));
    expect(oldestSeconds(await node.note(true))).toBe(nowSeconds);
  });
});

describe('P3: a node that forgot what it cosigned', () => {
  it('cosigns no tree, since it may have signed a larger one, and still gathers what others sign', async () => {
    const node = nodeBeside((request) => answer('b' as ValidatorId, request, nowSeconds), 'it was restored');
    const text = utf8Encode(checkpointText({ origin, size: 7, root }));
    await expect(node.serve(text)).rejects.toThrow('it was restored');
    const { times } = verifyCheckpoint(await node.note(true), origin, validators, nativeBackend);
    expect(times.map(({ validator }) => validator)).not.toContain('a');
  });
});
