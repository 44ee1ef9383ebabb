import { constants, X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { ChainError } from '../errors/chain-error.ts';
import { identityOfCertificate } from './identity.ts';

export interface Credentials {
  /** For both roles: TLS 1.3 only, Ed25519 only, no session tickets. */
  readonly context: SecureContextOptions;
  /** Own raw public key, hexadecimal. */
  readonly key: string;
}

/** Throws NET_CREDENTIALS unless the PEMs are one Ed25519 key and its self-signed certificate. */
export function readCredentials(privateKeyPem: string, certificatePem: string): Credentials {
  const context: SecureContextOptions = {
    key: privateKeyPem,
    cert: certificatePem,
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    sigalgs: 'ed25519',
    // A resumed session proves no key; a peer that resumes all the same is refused.
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
  try {
    createSecureContext(context);
    const identity = identityOfCertificate(new X509Certificate(certificatePem));
    if (identity.ok) return { context, key: identity.key };
    throw new Error(identity.detail);
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : 'unreadable';
    throw new ChainError('NET_CREDENTIALS', { detail }, { cause });
  }
}
