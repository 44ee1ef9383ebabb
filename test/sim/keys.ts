import { hash } from 'node:crypto';
import { nativeBackend } from '../../src/crypto/index.ts';
import type { CryptoBackend, Signer } from '../../src/ports/crypto.ts';
import type { PublicKeyHex } from '../../src/types/brand.ts';

/**
 * Signatures that cannot be forged inside a run and cost next to nothing: SHA-512 over a secret and the message. A node is given its own
 * signers only; the verifier knows all secrets. The real verification code runs on top.
 */
export class SimKeys {
  readonly #secrets = new Map<PublicKeyHex, Buffer>();

  /** The same name always has the same key. */
  signer(name: string): Signer {
    const secret = Buffer.from(`secret of ${name}`);
    const publicKey = hash('sha256', `public key of ${name}`) as PublicKeyHex;
    this.#secrets.set(publicKey, secret);
    return { publicKey, sign: (message) => new Uint8Array(signed(secret, message)) };
  }

  readonly backend: CryptoBackend = {
    name: 'native',
    sha256: nativeBackend.sha256,
    hmacSha256: nativeBackend.hmacSha256,
    verifyEd25519: (publicKey, message, signature) => {
      const secret = this.#secrets.get(publicKey);
      return secret !== undefined && signed(secret, message).equals(signature);
    },
    isRegistrableKey: () => true,
  };
}

function signed(secret: Buffer, message: Uint8Array): Buffer {
  return hash('sha512', Buffer.concat([secret, message]), 'buffer');
}
