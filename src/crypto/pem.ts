import { createCipheriv, createPrivateKey, randomBytes, scryptSync, type KeyObject } from 'node:crypto';
import { ChainError } from '../errors/chain-error.ts';
import type { Signer } from '../ports/crypto.ts';
import { der, derInteger, TAG } from './der.ts';
import { pkcs8OfSeed, signerFromKey } from './signer.ts';

const LABEL_PLAIN = 'PRIVATE KEY';
const LABEL_ENCRYPTED = 'ENCRYPTED PRIVATE KEY';
/** A PKCS#8 Ed25519 key takes some 300 bytes; even an RSA key, which is refused by its type, fits. */
const PEM_CHARS_MAX = 16_384;
const PEM_LINE = 64;

/**
 * One of the five settings that OWASP counts as equal to N = 2^17, p = 1, at 16 MiB, which stays below OpenSSL's limit of 32 MiB
 * for reading. node:crypto can only write PBKDF2 with 2,048 iterations, hence the few lines of DER here.
 */
const SCRYPT = { N: 16_384, r: 8, p: 5 } as const;
const SALT_BYTES = 16;
const IV_BYTES = 16;
const AES_256_KEY_BYTES = 32;
const OID_PBES2 = Buffer.from('2a864886f70d01050d', 'hex');
const OID_SCRYPT = Buffer.from('2b06010401da47040b', 'hex');
const OID_AES_256_CBC = Buffer.from('60864801650304012a', 'hex');

/**
 * PKCS#8 PEM of a 32-byte seed. With a passphrase: PBES2 (RFC 8018) with scrypt (RFC 7914 section 7) and AES-256-CBC, which
 * `openssl pkey` reads. CRYPTO_SEED for a seed of another length, CRYPTO_PASSPHRASE_MISSING for ''.
 */
export function encodePrivateKeyPem(seed: Uint8Array, passphrase: string | null): string {
  const plain = pkcs8OfSeed(seed);
  if (passphrase === null) return toPem(LABEL_PLAIN, plain);
  if (passphrase === '') throw new ChainError('CRYPTO_PASSPHRASE_MISSING', { purpose: 'encrypt' });
  return toPem(LABEL_ENCRYPTED, encrypt(plain, passphrase));
}

/**
 * The signer of a PKCS#8 PEM. CRYPTO_PEM (no such file), CRYPTO_PASSPHRASE_MISSING, CRYPTO_PASSPHRASE_WRONG,
 * CRYPTO_KEY_TYPE. A passphrase for a key that is not encrypted is ignored.
 */
export function decodePrivateKeyPem(pem: string, passphrase: string | null): Signer {
  if (pem.length > PEM_CHARS_MAX)
    throw new ChainError('CRYPTO_PEM', { reason: `longer than ${PEM_CHARS_MAX} characters` });
  const label = /-----BEGIN ([A-Z0-9 ]+)-----/.exec(pem)?.[1];
  if (label !== LABEL_PLAIN && label !== LABEL_ENCRYPTED) {
    throw new ChainError('CRYPTO_PEM', { reason: label === undefined ? 'no BEGIN line' : `it is a ${label}` });
  }
  return signerFromKey(label === LABEL_PLAIN ? readPlain(pem) : readEncrypted(pem, passphrase));
}

function readPlain(pem: string): KeyObject {
  try {
    return createPrivateKey({ key: pem, format: 'pem' });
  } catch (cause) {
    throw new ChainError('CRYPTO_PEM', { reason: 'its content does not decode' }, { cause });
  }
}

function readEncrypted(pem: string, passphrase: string | null): KeyObject {
  if (passphrase === null || passphrase === '') {
    throw new ChainError('CRYPTO_PASSPHRASE_MISSING', { purpose: 'decrypt' });
  }
  try {
    return createPrivateKey({ key: pem, format: 'pem', passphrase });
  } catch (cause) {
    throw new ChainError('CRYPTO_PASSPHRASE_WRONG', {}, { cause });
  }
}

function encrypt(plain: Uint8Array, passphrase: string): Buffer {
  const salt = randomBytes(SALT_BYTES);
  const iv = randomBytes(IV_BYTES);
  const key = scryptSync(Buffer.from(passphrase, 'utf8'), salt, AES_256_KEY_BYTES, SCRYPT);
  const cipher = createCipheriv('aes-256-cbc', key, iv);
  const encrypted = Buffer.concat([cipher.update(plain), cipher.final()]);
  const derivation = der(
    TAG.sequence,
    der(TAG.oid, OID_SCRYPT),
    der(
      TAG.sequence,
      der(TAG.octetString, salt),
      derInteger(SCRYPT.N),
      derInteger(SCRYPT.r),
      derInteger(SCRYPT.p),
      derInteger(AES_256_KEY_BYTES),
    ),
  );
  const scheme = der(TAG.sequence, der(TAG.oid, OID_AES_256_CBC), der(TAG.octetString, iv));
  const algorithm = der(TAG.sequence, der(TAG.oid, OID_PBES2), der(TAG.sequence, derivation, scheme));
  return der(TAG.sequence, algorithm, der(TAG.octetString, encrypted));
}

function toPem(label: string, content: Buffer): string {
  const lines = content.toString('base64').match(new RegExp(`.{1,${PEM_LINE}}`, 'g')) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
