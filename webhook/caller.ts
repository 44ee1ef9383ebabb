import { createHash, timingSafeEqual } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { Refusal } from './metrics.ts';

export interface CallerRule {
  /** Wanted from callers, issued by the client CA of the TLS context; undefined: no certificate is asked for. */
  readonly commonName: string | undefined;
  readonly pathSecret: string | undefined;
}

/**
 * Why this caller may not ask, or undefined. The certificate chain was checked by TLS (with the purpose of a client); here
 * is decided who of the authority's clients may. Each part that is configured must fit.
 */
export function refuseCaller(socket: TLSSocket, pathSecret: string, rule: CallerRule): Refusal | undefined {
  if (rule.pathSecret !== undefined && !sameSecret(pathSecret, rule.pathSecret)) return 'wrong-path';
  if (rule.pathSecret === undefined && pathSecret !== '') return 'wrong-path';
  if (rule.commonName === undefined) return undefined;
  const certificate = socket.getPeerCertificate();
  // An empty object where none was shown.
  if (certificate === null || Object.keys(certificate).length === 0) return 'no-certificate';
  if (!socket.authorized || certificate.subject?.CN !== rule.commonName) return 'wrong-certificate';
  return undefined;
}

/** True where the certificate alone shows that the API server is behind a connection. */
export function isTrusted(socket: TLSSocket, { commonName }: CallerRule): boolean {
  return commonName !== undefined && socket.authorized && socket.getPeerCertificate().subject?.CN === commonName;
}

/** Hashed first, so that neither the time nor the length says anything. */
function sameSecret(given: string, wanted: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}
