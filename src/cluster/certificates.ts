import 'reflect-metadata';
import { createHash, createPrivateKey, createPublicKey, randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';
import type { PublicKeyHex } from '../types/brand.ts';
import { ChainError } from '../errors/chain-error.ts';

x509.cryptoProvider.set(webcrypto);

/** Clocks of different machines differ; a certificate made now must be valid on a machine that is behind. */
const BACKDATE_MS = 24 * 3_600_000;
const DAY_MS = 24 * 3_600_000;
/** The validator set says who is a peer and revokes keys; the dates of a peer's certificate say nothing, so they never run out. */
const PEER_DAYS = 100 * 365;
const SEED_BYTES = 32;
/** PKCS #8 and SubjectPublicKeyInfo of an Ed25519 key are these bytes and then the 32 of the key (RFC 8410, 7 and 4). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const SERVER_KEY = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

export interface CertificatePem {
  readonly certificatePem: string;
  /** PKCS #8, unencrypted. */
  readonly privateKeyPem: string;
}

export interface PeerCertificate extends CertificatePem {
  /** The validator's tlsKey. */
  readonly publicKey: PublicKeyHex;
}

export interface ServerCertificateOptions {
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly commonName: string;
  /** Days until the server certificate runs out. Its authority lives as long. */
  readonly days: number;
  readonly nowMs?: number;
}

export interface ServerCertificates extends CertificatePem {
  readonly authority: CertificatePem;
  /** For a webhook's caBundle (base64 it once more) and for clients of the API. */
  readonly caBundlePem: string;
}

export interface CertificateValidity {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly state: 'valid' | 'not-yet-valid' | 'expired';
  /** Negative once it has run out. */
  readonly remainingMs: number;
  /** True when less than a third of its life is left: the time to make the next one. */
  readonly renewalDue: boolean;
}

/**
 * Self-signed Ed25519 certificate for the mesh; its key is the node's tlsKey.
 * @param key 32-byte seed, or PKCS #8 as DER or PEM. Throws CLUSTER_CERTIFICATE if it is no Ed25519 key.
 */
export async function makePeerCertificate(key: Uint8Array | string, nowMs = Date.now()): Promise<PeerCertificate> {
  const privateKey = readEd25519(key);
  const der = privateKey.export({ type: 'pkcs8', format: 'der' });
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const publicKey = rawEd25519(spki);
  const keys = {
    privateKey: await webcrypto.subtle.importKey('pkcs8', der, 'Ed25519', true, ['sign']),
    publicKey: await webcrypto.subtle.importKey('spki', spki, 'Ed25519', true, ['verify']),
  };
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: commonNameOf(`kubectl-chain peer ${publicKey.slice(0, 16)}`),
    keys,
    signingAlgorithm: { name: 'Ed25519' },
    ...validity(nowMs, PEER_DAYS),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
    ],
  });
  return { certificatePem: certificate.toString('pem'), privateKeyPem: pem(der), publicKey };
}

/** A new authority and one ECDSA P-256 server certificate of it (the API server's clients do not all speak Ed25519). */
export async function makeServerCertificates(options: ServerCertificateOptions): Promise<ServerCertificates> {
  const authority = await makeAuthority(`${options.commonName} CA`, options.days, options.nowMs);
  const server = await issueServerCertificate(authority, options);
  return { ...server, authority, caBundlePem: authority.certificatePem };
}

/** Self-signed ECDSA P-256 authority that signs server certificates and nothing below (path length 0). */
export async function makeAuthority(commonName: string, days: number, nowMs = Date.now()): Promise<CertificatePem> {
  const keys = await webcrypto.subtle.generateKey(SERVER_KEY, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: commonNameOf(commonName),
    keys,
    signingAlgorithm: SERVER_KEY,
    ...validity(nowMs, days),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificatePem: certificate.toString('pem'), privateKeyPem: await exportKey(keys.privateKey) };
}

/** The next server certificate of an authority, for renewal while serving. Throws CLUSTER_CERTIFICATE on unusable names or keys. */
export async function issueServerCertificate(
  authority: CertificatePem,
  options: ServerCertificateOptions,
): Promise<CertificatePem> {
  if (options.dnsNames.length + options.ipAddresses.length === 0) throw unusable('it names no host');
  for (const address of options.ipAddresses) if (isIP(address) === 0) throw unusable(`${address} is no IP address`);
  const keys = await webcrypto.subtle.generateKey(SERVER_KEY, true, ['sign', 'verify']);
  const issuer = new x509.X509Certificate(authority.certificatePem);
  const issuerKey = createPrivateKey(authority.privateKeyPem).export({ type: 'pkcs8', format: 'der' });
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: commonNameOf(options.commonName),
    issuer: issuer.subjectName,
    publicKey: keys.publicKey,
    signingKey: await webcrypto.subtle.importKey('pkcs8', issuerKey, SERVER_KEY, false, ['sign']),
    signingAlgorithm: SERVER_KEY,
    ...validity(options.nowMs ?? Date.now(), options.days),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([
        ...options.dnsNames.map((value) => ({ type: 'dns' as const, value })),
        ...options.ipAddresses.map((value) => ({ type: 'ip' as const, value })),
      ]),
      await x509.AuthorityKeyIdentifierExtension.create(await issuer.publicKey.export()),
    ],
  });
  return { certificatePem: certificate.toString('pem'), privateKeyPem: await exportKey(keys.privateKey) };
}

/** One bundle of several authorities, each once: while one replaces another, both are trusted. */
export function joinCaBundles(...bundles: readonly string[]): string {
  const seen = new Map<string, string>();
  for (const bundle of bundles) {
    for (const der of x509.PemConverter.decode(bundle)) {
      seen.set(
        createHash('sha256').update(new Uint8Array(der)).digest('hex'),
        x509.PemConverter.encode(der, 'CERTIFICATE'),
      );
    }
  }
  return [...seen.values()].join('\n') + '\n';
}

/** Dates of the first certificate of a PEM text against a clock. */
export function certificateValidity(certificatePem: string, nowMs = Date.now()): CertificateValidity {
  const certificate = parse(certificatePem);
  const notBeforeMs = Date.parse(certificate.validFrom);
  const notAfterMs = Date.parse(certificate.validTo);
  const remainingMs = notAfterMs - nowMs;
  const state = nowMs < notBeforeMs ? 'not-yet-valid' : remainingMs < 0 ? 'expired' : 'valid';
  return { notBeforeMs, notAfterMs, state, remainingMs, renewalDue: remainingMs * 3 < notAfterMs - notBeforeMs };
}

/** True if the certificate was signed by this authority, is in date, and its key is the private key. */
export function certificateFits(server: CertificatePem, caPem: string, nowMs = Date.now()): boolean {
  const certificate = parse(server.certificatePem);
  const authority = parse(caPem);
  return (
    certificate.checkIssued(authority) &&
    certificate.verify(authority.publicKey) &&
    certificate.checkPrivateKey(createPrivateKey(server.privateKeyPem)) &&
    certificateValidity(server.certificatePem, nowMs).state === 'valid'
  );
}

/** Raw Ed25519 public key of a certificate. Throws CLUSTER_CERTIFICATE if it holds another kind of key. */
export function publicKeyHexOf(certificatePem: string): PublicKeyHex {
  return rawEd25519(parse(certificatePem).publicKey.export({ type: 'spki', format: 'der' }));
}

function rawEd25519(spki: Buffer): PublicKeyHex {
  const fits = spki.length === SPKI_PREFIX.length + 32 && spki.subarray(0, SPKI_PREFIX.length).equals(SPKI_PREFIX);
  if (!fits) throw unusable('its key is not Ed25519');
  return spki.subarray(SPKI_PREFIX.length).toString('hex') as PublicKeyHex;
}

function readEd25519(key: Uint8Array | string): KeyObject {
  try {
    if (typeof key === 'string') return createPrivateKey(key);
    const der = key.length === SEED_BYTES ? Buffer.concat([PKCS8_PREFIX, key]) : Buffer.from(key);
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  } catch (cause) {
    throw unusable('its private key cannot be read', cause);
  }
}

function parse(certificatePem: string): X509Certificate {
  try {
    return new X509Certificate(certificatePem);
  } catch (cause) {
    throw unusable('it is not a PEM certificate', cause);
  }
}

function unusable(detail: string, cause?: unknown): ChainError<'CLUSTER_CERTIFICATE'> {
  return new ChainError('CLUSTER_CERTIFICATE', { detail }, { cause });
}

/** A plain string would be read as an escaped one: commas and quotes in a name would change it. */
function commonNameOf(name: string): x509.Name {
  return new x509.Name([{ CN: [{ utf8String: name }] }]);
}

function validity(nowMs: number, days: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(nowMs - BACKDATE_MS), notAfter: new Date(nowMs + days * DAY_MS) };
}

/** Positive and without a leading zero octet, as DER wants it (RFC 5280, 4.1.2.2). */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}

function pem(pkcs8: Buffer): string {
  return x509.PemConverter.encode(new Uint8Array(pkcs8).buffer, 'PRIVATE KEY') + '\n';
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return pem(Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)));
}
