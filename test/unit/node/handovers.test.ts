import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { nativeBackend } from '../../../src/crypto/index.ts';
import { cosign, type Checkpoint } from '../../../src/ledger/checkpoint.ts';
import type { Checkpoints } from '../../../src/node/checkpoints.ts';
import { Handovers } from '../../../src/node/handovers.ts';
import type { PeerNetwork } from '../../../src/ports/network.ts';
import type { Hash, ValidatorId } from '../../../src/types/brand.ts';
import type { AppState, Validator, ValidatorSet } from '../../../src/types/chain.ts';
import { ORGS, signerByKey, validatorOf } from '../ledger/test-chain.ts';

const validators: readonly Validator[] = ORGS.map((org) => validatorOf(org));
const set: ValidatorSet = { n: 1, fromHeight: 6, validators, checkpoint: null, handover: null };
const state = { logSize: 9, logRoot: 'ab'.repeat(32) as Hash } as AppState;

/** The handover as one validator does it, among peers that answer as `answers` says. */
function handoversOf(self: string, answers: Readonly<Record<string, () => Promise<Uint8Array>>>) {
  const kept = new Map<string, Uint8Array>();
  const dropped: string[] = [];
  const published: object[] = [];
  const handovers = new Handovers({
    self: self as ValidatorId,
    origin: 'demo',
    backend: nativeBackend,
    network: {
      connected: () => Object.keys(answers) as ValidatorId[],
      request: (peer: ValidatorId) => answers[peer]?.(),
      drop: (peer: ValidatorId) => dropped.push(peer),
    } as unknown as PeerNetwork,
    reader: { validatorSet: () => set, validatorSetNumber: () => ({ ...set, n: 0, fromHeight: 1 }) },
    checkpoints: {
      signWith: async (checkpoint: Checkpoint, key: string) => cosign(checkpoint, 1_760_000_000, signerByKey(key)),
    } as unknown as Checkpoints,
    local: { get: (name) => kept.get(name), put: async (name, value) => void kept.set(name, value) },
    stateAt: () => state,
    publish: async (handover) => void published.push(handover),
    warn: () => undefined,
  });
  onTestFinished(() => handovers.stop());
  return { handovers, dropped, published };
}

const request = new Uint8Array([0, 0, 0, 1]);

/** What a correct validator answers. */
async function answerOf(org: string): Promise<Uint8Array> {
  const { handovers } = handoversOf(org, {});
  handovers.sign();
  return handovers.serve(request);
}

describe('P7: a handover with one Byzantine validator among four', () => {
  it.each([
    ['no JSON', async () => new TextEncoder().encode('\0'), true],
    ['half an answer', async () => new TextEncoder().encode('{"before":null}'), true],
    // As a peer may whose keys are just being replaced.
    ['the signature of somebody else', () => answerOf('delta'), false],
  ])("comes about although one answers %s, and ends nobody's process", async (_, lie, isDropped) => {
    const [alpha, beta, gamma, delta] = ORGS;
    const answers = { [gamma]: lie, [beta]: () => answerOf(beta), [delta]: () => answerOf(delta) };
    const { handovers, dropped, published } = handoversOf(alpha, answers);
    handovers.start();
    await vi.waitFor(() => expect(published.length).toBeGreaterThan(0), { timeout: 60_000 });
    expect(published[0]).toMatchObject({ set: 1 });
    expect(new Set(dropped)).toEqual(new Set(isDropped ? [gamma] : []));
  });
});
