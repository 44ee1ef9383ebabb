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
  const caller = callerOf(socket);
  if (caller === undefined) return 'no-certificate';
  if (!socket.authorized || caller.commonName !== rule.commonName) return 'wrong-certificate';
  return undefined;
}

/** True where the certificate alone shows that the API server is behind a connection. */
export function isTrusted(socket: TLSSocket, { commonName }: CallerRule): boolean {
  return commonName !== undefined && socket.authorized && callerOf(socket)?.commonName === commonName;
}

interface Caller {
  readonly commonName: string | undefined;
}

const callers = new WeakMap<TLSSocket, Caller>();

/**
 * Undefined where no certificate was shown. TLS 1.3 shows it once a connection, and a connection takes thousands of reviews: reading it anew for each one, twice,
 * was 0.13 ms of a review.
 */
function callerOf(socket: TLSSocket): Caller | undefined {
  const known = callers.get(socket);
  if (known !== undefined) return known;
  const certificate = socket.getPeerCertificate();
  // An empty object where none was shown.
  if (certificate === null || Object.keys(certificate).length === 0) return undefined;
  const caller: Caller = { commonName: certificate.subject?.CN };
  callers.set(socket, caller);
  return caller;
}

/** Hashed first, so that neither the time nor the length says anything. */
function sameSecret(given: string, wanted: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}
