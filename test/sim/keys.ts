import { createHash } from 'node:crypto';
import type { VerifyContext } from '../../src/consensus/index.ts';
import type { Hash, PublicKeyHex } from '../../src/types/brand.ts';

export const simChain = createHash('sha256').update('simulated genesis').digest('hex') as Hash;

/**
 * Signatures that cannot be forged inside a run: SHA-512 over a secret and the message. A node is given only its own `sign`; the
 * verifier knows all secrets. The real verification code of src/consensus runs on top.
 */
export function simKeys(validators: number): {
  readonly context: VerifyContext;
  readonly signers: readonly ((message: Uint8Array) => Uint8Array)[];
} {
  const secrets = Array.from({ length: validators }, (_, index) => `secret of ${index}`);
  const voteKeys = secrets.map((secret) => createHash('sha256').update(secret).digest('hex') as PublicKeyHex);
  const secretOf = new Map(voteKeys.map((key, index) => [key, secrets[index] ?? '']));
  const signWith = (secret: string, message: Uint8Array): Buffer =>
    createHash('sha512').update(secret).update(message).digest();
  return {
    context: {
      chain: simChain,
      voteKeys,
      verify: (key, message, signature) => {
        const secret = secretOf.get(key);
        return secret !== undefined && signWith(secret, message).equals(signature);
      },
    },
    signers: secrets.map((secret) => (message) => new Uint8Array(signWith(secret, message))),
  };
}
