import type { TLSSocket } from 'node:tls';
import type { X509Certificate } from 'node:crypto';
import { ALPN_PROTOCOL } from './limits.ts';

/** SubjectPublicKeyInfo of an Ed25519 key is these bytes and then the 32 of the key (RFC 8410, 4). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const KEY_BYTES = 32;

export type PeerIdentity =
  { readonly ok: true; readonly key: string } | { readonly ok: false; readonly detail: string };

/**
 * Raw Ed25519 key, hexadecimal, of whoever is at the other end. OpenSSL has been told to accept every certificate, so this is the
 * whole check: TLS 1.3 with a full handshake (whose CertificateVerify proves possession of the key, RFC 8446, 4.4.3), our protocol,
 * and a certificate that is its own issuer and signed by that key. Its names and dates are the peer's own words and
 * count for nothing: the validator set says which key is whose, and a turned clock must not cut the mesh.
 */
export function identityOf(socket: TLSSocket): PeerIdentity {
  if (socket.getProtocol() !== 'TLSv1.3') return refuse(`protocol ${socket.getProtocol() ?? 'none'}`);
  if (socket.alpnProtocol !== ALPN_PROTOCOL) return refuse(`application protocol ${socket.alpnProtocol || 'none'}`);
  if (socket.isSessionReused()) return refuse('resumed session, which proves no key');
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return refuse('no certificate');
  return identityOfCertificate(certificate);
}

export function identityOfCertificate(certificate: X509Certificate): PeerIdentity {
  try {
    const { publicKey } = certificate;
    const spki = publicKey.export({ type: 'spki', format: 'der' });
    const fits =
      spki.length === SPKI_PREFIX.length + KEY_BYTES && spki.subarray(0, SPKI_PREFIX.length).equals(SPKI_PREFIX);
    if (!fits) return refuse('key is not Ed25519');
    if (certificate.issuer !== certificate.subject || !certificate.verify(publicKey))
      return refuse('certificate is not self-signed');
    return { ok: true, key: spki.subarray(SPKI_PREFIX.length).toString('hex') };
  } catch {
    return refuse('certificate cannot be read');
  }
}

/** The code for a connection that broke during the TLS handshake: a matter of TLS, or of the network, or of a dial that was called off. */
export function codeOfBrokenHandshake(error: NodeJS.ErrnoException | undefined): 'NET_TLS' | 'NET_SOCKET' {
  return /^ERR_(SSL|TLS)/.test(error?.code ?? '') ? 'NET_TLS' : 'NET_SOCKET';
}

function refuse(detail: string): PeerIdentity {
  return { ok: false, detail };
}
