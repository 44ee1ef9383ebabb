/** The public door: the two implementations of the crypto port, and keys. */
export { nativeBackend } from './native.ts';
export { nobleBackend } from './noble.ts';
export { keyIdOf, publicKeyHex } from './public-key.ts';
export { generateSeed, signerFromSeed } from './signer.ts';
export { decodePrivateKeyPem, encodePrivateKeyPem } from './pem.ts';
