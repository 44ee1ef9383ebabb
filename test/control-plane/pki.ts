import 'reflect-metadata';
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, webcrypto } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as x509 from '@peculiar/x509';

x509.cryptoProvider.set(webcrypto);

/** A certificate and its private key, both PEM (PKCS #8), ECDSA P-256. */
export interface KeyPairPem {
  readonly certificate: string;
  readonly privateKey: string;
}

export interface Authority extends KeyPairPem {
  readonly keys: webcrypto.CryptoKeyPair;
  readonly parsed: x509.X509Certificate;
}

export interface LeafOptions {
  readonly commonName: string;
  /** Groups, in the API server's reading of a client certificate. */
  readonly organizations?: readonly string[];
  /** A server certificate for these names and addresses; without it, only a client certificate. */
  readonly hosts?: readonly string[];
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
/** Clocks of one machine agree, but tests may turn them back. */
const BACKDATE_MS = 24 * 3_600_000;
const VALIDITY_MS = 10 * 365 * 24 * 3_600_000;

/** A new self-signed certificate authority. */
export async function createAuthority(commonName: string): Promise<Authority> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const parsed = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [commonName] }],
    keys: keys,
    signingAlgorithm: ALGORITHM,
    ...validity(),
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign | x509.KeyUsageFlags.digitalSignature,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    keys: keys,
    parsed,
    certificate: parsed.toString('pem'),
    privateKey: await exportKey(keys.privateKey),
  };
}

/** Reads back an authority that `createAuthority` made. */
export async function loadAuthority(certificateFile: string, privateKeyFile: string): Promise<Authority> {
  const certificate = readFileSync(certificateFile, 'utf8');
  const privateKey = readFileSync(privateKeyFile, 'utf8');
  const parsed = new x509.X509Certificate(certificate);
  const key = createPrivateKey(privateKey);
  const keys = {
    privateKey: await importKey('pkcs8', key.export({ type: 'pkcs8', format: 'der' }), 'sign'),
    publicKey: await importKey('spki', createPublicKey(key).export({ type: 'spki', format: 'der' }), 'verify'),
  };
  return { keys, parsed, certificate, privateKey };
}

/** A new key with a certificate of this authority. */
export async function issue(authority: Authority, options: LeafOptions): Promise<KeyPairPem> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const purposes = [x509.ExtendedKeyUsage.clientAuth, ...(options.hosts ? [x509.ExtendedKeyUsage.serverAuth] : [])];
  const extensions: x509.Extension[] = [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension(purposes),
    await x509.AuthorityKeyIdentifierExtension.create(authority.keys.publicKey),
  ];
  if (options.hosts) {
    extensions.push(
      new x509.SubjectAlternativeNameExtension(
        options.hosts.map((host) => ({
          type: /^[\d.]+$|:/.test(host) ? ('ip' as const) : ('dns' as const),
          value: host,
        })),
      ),
    );
  }
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    // A plain string would be read as an escaped one: quotes and backslashes in a name would be lost.
    subject: new x509.Name([
      ...(options.organizations ?? []).map((organization) => ({ O: [{ utf8String: organization }] })),
      { CN: [{ utf8String: options.commonName }] },
    ]),
    issuer: authority.parsed.subject,
    publicKey: keys.publicKey,
    signingKey: authority.keys.privateKey,
    signingAlgorithm: ALGORITHM,
    ...validity(),
    extensions,
  });
  return { certificate: certificate.toString('pem'), privateKey: await exportKey(keys.privateKey) };
}

/** A key pair without a certificate, PEM: ServiceAccount tokens are signed with it. */
export function createSigningKeys(): { readonly privateKey: string; readonly publicKey: string } {
  return generateKeyPairSync('ec', {
    namedCurve: ALGORITHM.namedCurve,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
}

function validity(): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - BACKDATE_MS), notAfter: new Date(now + VALIDITY_MS) };
}

/** Positive and without a leading zero octet, as DER wants it (RFC 5280, 4.1.2.2). */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

function importKey(format: 'pkcs8' | 'spki', der: Buffer, usage: 'sign' | 'verify'): Promise<webcrypto.CryptoKey> {
  return webcrypto.subtle.importKey(format, der, ALGORITHM, true, [usage]);
}
