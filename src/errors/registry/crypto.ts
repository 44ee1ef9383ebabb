import { entry } from '../define.ts';

export const cryptoErrors = {
  CRYPTO_SEED: entry<{ bytes: number }>(
    500,
    (p) => `an Ed25519 seed has 32 bytes, not ${p.bytes}`,
    'This is a mistake in the program that made the seed; report it.',
  ),
  CRYPTO_PUBLIC_KEY: entry<{ key: string }>(
    400,
    (p) => `${JSON.stringify(p.key)} is not an Ed25519 public key of 64 lowercase hexadecimal digits`,
    'Give the raw 32 bytes of the public key in hexadecimal.',
  ),
  CRYPTO_PEM: entry<{ reason: string }>(
    400,
    (p) => `not a private key in PKCS#8 PEM form: ${p.reason}`,
    'Give a file that begins with BEGIN PRIVATE KEY or BEGIN ENCRYPTED PRIVATE KEY.',
  ),
  CRYPTO_KEY_TYPE: entry<{ type: string }>(
    400,
    (p) => `the private key is of type ${p.type}, not ed25519`,
    'Generate an Ed25519 key.',
  ),
  CRYPTO_PASSPHRASE_MISSING: entry<{ purpose: 'decrypt' | 'encrypt' }>(
    400,
    (p) =>
      p.purpose === 'decrypt'
        ? 'the private key is encrypted and no passphrase was given'
        : 'the passphrase to encrypt the private key with is empty',
    'Give the passphrase.',
  ),
  CRYPTO_PASSPHRASE_WRONG: entry<Record<string, never>>(
    400,
    () => 'the private key does not open: the passphrase is wrong, or the file is damaged',
    'Check the passphrase; if it is right, restore the key file from a backup.',
  ),
} as const;
