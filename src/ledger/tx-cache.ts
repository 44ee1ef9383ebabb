import type { Hash, PublicKeyHex } from '../types/brand.ts';
import type { CryptoBackend } from '../ports/crypto.ts';
import { decodeTransaction, transactionHash, verifyTransaction, type DecodedTransaction } from './transaction.ts';

const ENTRIES_MAX = 20_000;
/** Of encoded transactions, more than all blocks that are kept hold under load. Decoded, one takes some four times its bytes; and a peer may push what no pool takes, without end. */
const BYTES_MAX = 16 * 1024 * 1024;
/** So many blocks later a transaction is forgotten: copies of it that were on their way have arrived by then. */
const BLOCKS_KEPT = 16;

interface Entry {
  readonly decoded: DecodedTransaction;
  /** The key that its signature was verified against. */
  verified: PublicKeyHex | undefined;
}

/** Decodes each transaction once and verifies each signature once, however often it is checked, proposed and executed. */
export class TxCache {
  readonly #crypto: Pick<CryptoBackend, 'sha256' | 'verifyEd25519'>;
  /** Oldest first. */
  readonly #entries = new Map<string, Entry>();
  readonly #bytesMax: number;
  #bytes = 0;
  /** Transactions of the last committed blocks. */
  readonly #committed: (readonly Hash[])[] = [];

  constructor(crypto: Pick<CryptoBackend, 'sha256' | 'verifyEd25519'>, bytesMax = BYTES_MAX) {
    this.#crypto = crypto;
    this.#bytesMax = bytesMax;
  }

  /** Throws what decodeTransaction throws; such bytes are not remembered. */
  decode(bytes: Uint8Array): DecodedTransaction {
    const hash = transactionHash(bytes, this.#crypto.sha256);
    const known = this.#entries.get(hash);
    if (known !== undefined) return known.decoded;
    const decoded = decodeTransaction(bytes, this.#crypto.sha256);
    this.#entries.set(hash, { decoded, verified: undefined });
    this.#bytes += bytes.length;
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= ENTRIES_MAX && this.#bytes <= this.#bytesMax) break;
      this.#forget(oldest);
    }
    return decoded;
  }

  /** These are in a committed block: what they were decoded to is not needed much longer. */
  committed(hashes: readonly Hash[]): void {
    this.#committed.push(hashes);
    const old = this.#committed.length > BLOCKS_KEPT ? this.#committed.shift() : undefined;
    for (const hash of old ?? []) this.#forget(hash);
  }

  #forget(hash: string): void {
    this.#bytes -= this.#entries.get(hash)?.decoded.bytes.length ?? 0;
    this.#entries.delete(hash);
  }

  /** Throws LEDGER_TX_KEY or LEDGER_TX_SIGNATURE. A signature that verified against this key is not computed again. */
  verify(decoded: DecodedTransaction, key: PublicKeyHex): void {
    const entry = this.#entries.get(decoded.hash);
    if (entry?.verified === key) return;
    verifyTransaction(decoded, key, this.#crypto.verifyEd25519, this.#crypto.sha256);
    if (entry !== undefined) entry.verified = key;
  }
}
