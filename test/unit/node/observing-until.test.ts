import { describe, expect, it, vi } from 'vitest';
import { encodeCertificate } from '../../../src/ledger/index.ts';
import { encodeProgress, knownPast, ObservingUntil, pastOf, unknownPast } from '../../../src/node/observing-until.ts';
import type { Hash, Height, Round, ValidatorId } from '../../../src/types/brand.ts';
import type { Certificate } from '../../../src/types/chain.ts';

const certificate = (height: number): Uint8Array =>
  encodeCertificate({ height: height as Height, round: 0 as Round, blockId: '0'.repeat(64) as Hash, signatures: [] });

interface Case {
  readonly reason?: 'empty' | 'restored';
  readonly validators?: number;
  readonly height?: number;
  /** What each connected peer shows: the height of its last certificate, or null for none. */
  readonly peers: readonly (number | null)[];
  readonly verify?: (certificate: Certificate) => void;
  readonly isBehind?: () => boolean;
}

function observing({ reason = 'restored', validators = 4, height = 0, peers, verify, isBehind }: Case) {
  const saved: Uint8Array[] = [];
  const dropped: string[] = [];
  const shown: number[] = [];
  let nowMs = 0;
  let underway = 0;
  const until = new ObservingUntil({
    past: pastOf(unknownPast(reason))!,
    network: {
      connected: () => peers.map((_, i) => `peer-${i}` as ValidatorId),
      request: async (peer) => {
        nowMs += 100;
        const at = peers[Number(peer.slice(5))] ?? null;
        return encodeProgress(at === null ? undefined : certificate(at));
      },
      drop: (peer) => dropped.push(peer),
    },
    validators: () => validators,
    height: () => height,
    isBehind: isBehind ?? (() => false),
    verify: verify ?? (() => undefined),
    onShown: (at) => shown.push(at),
    onUnderway: () => (underway += 1),
    save: async (bytes) => void saved.push(bytes),
    nowMs: () => nowMs,
  });
  return { until, saved, dropped, shown, underway: () => underway };
}

/** The height if it was found at the first look; null if the node goes on waiting. */
async function atOnce(each: Case): Promise<number | null> {
  const { until } = observing(each);
  const found = await Promise.race([until.resolve(), new Promise<null>((resolve) => setTimeout(resolve, 60, null))]);
  until.stop();
  return found;
}

describe('P7: how long a node observes that does not know what it signed', () => {
  it.each<[what: string, each: Case, through: number | null]>([
    ['one above the highest height in progress', { height: 3, peers: [7, 9, 8] }, 11],
    ['by its own height if that is the highest', { height: 12, peers: [7, 9, 8] }, 14],
    ['not known while one of the three others that a quorum needs is missing', { height: 3, peers: [7, 9] }, null],
    ['not known at genesis either, if it was restored', { peers: [null, null] }, null],
    ['nothing at the founding, with q-1 others that have nothing', { reason: 'empty', peers: [null, null] }, 0],
    ['not known before q-1 others were heard at the founding', { reason: 'empty', peers: [null] }, null],
    ['not a founding if one of them has a block', { reason: 'empty', peers: [null, 1] }, null],
    ['as everybody else, with an empty folder in an old chain', { reason: 'empty', peers: [4, 5, null] }, 7],
    ['what is decided, where a quorum is everybody', { validators: 3, height: 3, peers: [4, 5] }, 5],
    ['nothing more than it has, alone', { validators: 1, height: 3, peers: [] }, 3],
    ['of ten, by seven others', { validators: 10, peers: [1, 1, 1, 1, 1, 1, 2] }, 4],
    ['of ten, not by six', { validators: 10, peers: [1, 1, 1, 1, 1, 2] }, null],
  ])('%s', async (_what, each, through) => {
    expect(await atOnce(each)).toBe(through);
  });

  it('says so until then, signs nothing, and has it written down before it acts on it', async () => {
    const { until, saved } = observing({ height: 3, peers: [7, 9, 8] });
    expect([until.observes(1_000), until.reason]).toEqual([
      true,
      'it signs nothing yet: it was restored from a backup, and 3 other validators must say where they are (0 did)',
    ]);
    await until.resolve();
    expect(saved.map((bytes) => pastOf(bytes))).toEqual([{ reason: 'restored', through: 11 }]);
    expect([until.observes(11), until.observes(12)]).toEqual([true, false]);
    expect(until.reason).toBe('it signs nothing through height 11: it was restored from a backup');
    expect(pastOf(knownPast('empty', 11))).toEqual({ reason: 'empty', through: 11 });
  });

  it('believes no height that a certificate does not prove; who insists is dropped and counts as one without blocks', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    const verify = ({ height }: Certificate): void => {
      if (height > 100) throw new Error('no quorum');
    };
    const { until, dropped, shown } = observing({ height: 3, peers: [7, 1_000_000, 8], verify });
    const found = until.resolve();
    for (let i = 0; i < 200; i += 1) await vi.advanceTimersByTimeAsync(200);
    vi.useRealTimers();
    expect(await found).toBe(10);
    expect(dropped).toEqual(['peer-1']);
    expect(shown).toContain(1_000_000);
  });

  it('waits for the blocks when the certificate may be of validators that it does not know yet', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    const verify = (): void => {
      throw new Error('unknown validators');
    };
    const { until, dropped } = observing({ height: 3, peers: [7, 9, 8], verify, isBehind: () => true });
    const found = until.resolve();
    for (let i = 0; i < 500; i += 1) await vi.advanceTimersByTimeAsync(200);
    until.stop();
    await vi.advanceTimersByTimeAsync(200);
    vi.useRealTimers();
    expect([await found, dropped]).toEqual([null, []]);
  });

  it('tells that this is no founding as soon as a block is proven, so that it follows meanwhile', async () => {
    const { until, underway } = observing({ reason: 'empty', peers: [null, 1] });
    void until.resolve();
    await vi.waitFor(() => expect(underway()).toBeGreaterThan(0));
    until.stop();
  });
});
