import { ByteReader, ByteWriter, utf8Decode, utf8Encode } from '../codec/index.ts';
import { quorumOf } from '../consensus/index.ts';
import { decodeCertificate } from '../ledger/certificate.ts';
import type { PeerNetwork } from '../ports/network.ts';
import type { ValidatorId } from '../types/brand.ts';
import type { Certificate } from '../types/chain.ts';

/** Node-local value: `{reason, through}`, canonical enough to be read by people. */
export const observeKey = 'observe';
const certificateBytesMax = 65_535;
const askIntervalMs = 200;
const askTimeoutMs = 2_000;
/** A certificate above our head that still does not verify when nobody has had newer blocks for us for so long proves nothing. */
const unprovenMs = 30_000;

export type ObserveReason = 'empty' | 'restored' | 'elsewhere';

const whyOf: Readonly<Record<ObserveReason, string>> = {
  empty: 'its data folder was empty',
  restored: 'it was restored from a backup',
  elsewhere: 'another process signed with its vote key',
};

/** What a store without a past gets in its first transaction, and `chain-node restore` writes: through which height is not known yet. */
export function unknownPast(reason: ObserveReason): Uint8Array {
  return encode({ reason, through: null });
}

/** The operator says through which height this node may have signed. */
export function knownPast(reason: ObserveReason, through: number): Uint8Array {
  return encode({ reason, through });
}

export interface Past {
  readonly reason: ObserveReason;
  /** Heights up to this one are only observed; null until enough peers said where they are. */
  readonly through: number | null;
}

export function pastOf(bytes: Uint8Array | undefined): Past | null {
  return bytes === undefined ? null : (JSON.parse(utf8Decode(bytes)) as Past);
}

function encode(past: Past): Uint8Array {
  return utf8Encode(JSON.stringify(past));
}

/** A peer's answer to `progress`: the certificate of its last block, empty at genesis. */
export function encodeProgress(certificate: Uint8Array | undefined): Uint8Array {
  return new ByteWriter().lengthPrefixed(certificate ?? new Uint8Array(), certificateBytesMax).finish();
}

function decodeProgress(answer: Uint8Array): Certificate | null {
  const reader = new ByteReader(answer);
  const bytes = reader.lengthPrefixed(certificateBytesMax);
  reader.end();
  return bytes.length === 0 ? null : decodeCertificate(bytes);
}

interface Deps {
  readonly past: Past;
  readonly network: Pick<PeerNetwork, 'connected' | 'request' | 'drop'>;
  readonly validators: () => number;
  /** Last committed height here. */
  readonly height: () => number;
  readonly isBehind: () => boolean;
  /** Throws unless the certificate proves its block to the set of validators known here. */
  readonly verify: (certificate: Certificate) => void;
  /** A peer shows a later block than the last one here. */
  readonly onShown: (height: number, peer: ValidatorId) => void;
  /** Some block was decided: this is not the founding. Called as often as that is seen. */
  readonly onUnderway: () => void;
  /** Durable when it resolves. */
  readonly save: (past: Uint8Array) => Promise<void>;
  readonly nowMs: () => number;
}

/**
 * A node whose store is empty, or comes from a backup, may have signed what it no longer knows (consensus.md, "Durable before sent"). It
 * observes through one above the highest height in progress that q others report.
 *
 * Why that is enough: a signature at height h needs the certificate of h-1, so q validators, at least f+1 of them honest and at least f of
 * these others than this node, had precommitted h-1 before and never forget it. Among any q others is one of these. The lowest block that
 * it can show as its last is h-2, so h is at most that plus two. What peers show is proven by certificates: none can lie upwards.
 *
 * Two exceptions. With fewer than four validators a quorum is everybody, so that no second quorum can form, and nobody decides without this
 * node: the heights decided are enough. And where q-1 others are at genesis too, this is the founding, and all sign at once: only a
 * disk that was lost before the second block was decided can go unnoticed, as for that block q validators had the first.
 */
export class ObservingUntil {
  readonly #d: Deps;
  readonly #heights = new Map<ValidatorId, number>();
  readonly #unproven = new Map<ValidatorId, number>();
  #past: Past;
  #stopped = false;

  constructor(deps: Deps) {
    this.#d = deps;
    this.#past = deps.past;
  }

  /** For people; empty once the node may sign. */
  get reason(): string {
    const { reason, through } = this.#past;
    if (through !== null && this.#d.height() >= through) return '';
    const why = whyOf[reason];
    return through === null
      ? `it signs nothing yet: ${why}, and ${this.#needed} other validators must say where they are (${this.#heights.size} did)`
      : `it signs nothing through height ${through}: ${why}`;
  }

  get #needed(): number {
    const validators = this.#d.validators();
    return Math.min(quorumOf(validators), validators - 1);
  }

  /** Resolves with the height when it is known and durably written, or null when stopped. */
  async resolve(): Promise<number | null> {
    while (this.#past.through === null && !this.#stopped) {
      await Promise.all(this.#d.network.connected().map((peer) => this.#ask(peer)));
      if (this.#decided > 0) this.#d.onUnderway();
      const through = this.#judge();
      if (through === null) {
        await new Promise((resolve) => setTimeout(resolve, askIntervalMs));
        continue;
      }
      const past = { ...this.#past, through };
      await this.#d.save(encode(past));
      this.#past = past;
    }
    return this.#past.through;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Whether this height is one that is only observed. */
  observes(height: number): boolean {
    return this.#past.through === null || height <= this.#past.through;
  }

  get #decided(): number {
    return Math.max(this.#d.height(), ...this.#heights.values());
  }

  #judge(): number | null {
    const validators = this.#d.validators();
    const quorum = quorumOf(validators);
    const decided = this.#decided;
    if (this.#past.reason === 'empty' && decided === 0 && this.#heights.size >= quorum - 1) return 0;
    if (this.#heights.size < this.#needed) return null;
    return quorum === validators ? decided : decided + 2;
  }

  async #ask(peer: ValidatorId): Promise<void> {
    try {
      const certificate = decodeProgress(
        await this.#d.network.request(peer, 'progress', new Uint8Array(), askTimeoutMs),
      );
      const height = certificate === null ? 0 : this.#proven(peer, certificate);
      if (height !== null) this.#heights.set(peer, Math.max(height, this.#heights.get(peer) ?? 0));
    } catch {
      // Not connected any more, or an answer that is none: asked again.
    }
  }

  /** Height that the certificate proves; null while that cannot be said. */
  #proven(peer: ValidatorId, certificate: Certificate): number | null {
    if (certificate.height <= this.#d.height()) return certificate.height;
    this.#d.onShown(certificate.height, peer);
    try {
      this.#d.verify(certificate);
      return certificate.height;
    } catch (error) {
      // The validators may have changed since: then the blocks up to there will come.
      const since = this.#unproven.get(peer) ?? this.#d.nowMs();
      this.#unproven.set(peer, this.#d.isBehind() ? this.#d.nowMs() : since);
      if (this.#d.nowMs() - since < unprovenMs) return null;
      this.#d.network.drop(peer, `showed a certificate that proves nothing: ${(error as Error).message}`);
      return 0;
    }
  }
}
