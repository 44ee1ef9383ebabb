import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  issueServerCertificate,
  joinCaBundles,
  makeAuthority,
  type CertificatePem,
  type ServerCertificateOptions,
} from '../cluster/certificates.ts';
import { ChainError } from '../errors/chain-error.ts';
import { serverCertificateDays } from './keygen.ts';

export const certificateSteps = ['renew', 'prepare-authority', 'switch-authority', 'retire-authority'] as const;
export type CertificateStep = (typeof certificateSteps)[number];
export type ServerPurpose = 'api' | 'webhook';

/**
 * One step of a rotation in the folder that `keygen` made. A running node takes what it serves from there by itself.
 *
 * `renew`: the next server certificate of the present authority. To replace the authority, three steps with a pause after each, so that at any time
 * whoever asks the node trusts what it shows: `prepare-authority` (bundle of both, give it to those who ask), `switch-authority` (certificate of the new
 * one), `retire-authority` (bundle of the new one alone).
 * @returns what is to be done next. Throws NODE_FILE_UNREADABLE, CLUSTER_CERTIFICATE.
 */
export async function rotateCertificates(dir: string, purpose: ServerPurpose, step: CertificateStep): Promise<string> {
  const file = (name: string): string => join(dir, 'tls', `${purpose}${name}`);
  const bundle = file('-ca.crt');
  const names = namesOf(read(file('.crt')));
  const next = (): CertificatePem => ({
    certificatePem: read(file('-ca-next.crt')),
    privateKeyPem: read(file('-ca-next.key')),
  });
  switch (step) {
    case 'renew': {
      const key = read(file('-ca.key'));
      await serve(file, { certificatePem: issuerIn(read(bundle), key), privateKeyPem: key }, names);
      return 'the node serves the new certificate within seconds';
    }
    case 'prepare-authority': {
      const authority = await makeAuthority(`${names.commonName} CA`, serverCertificateDays);
      write(file('-ca-next.key'), authority.privateKeyPem, 0o600);
      write(file('-ca-next.crt'), authority.certificatePem);
      write(bundle, joinCaBundles(read(bundle), authority.certificatePem));
      return `give ${bundle} to everybody who asks this node, then switch-authority`;
    }
    case 'switch-authority': {
      const authority = next();
      await serve(file, authority, names);
      write(file('-ca.key'), authority.privateKeyPem, 0o600);
      return 'the node serves a certificate of the new authority within seconds; when all nodes do, retire-authority';
    }
    case 'retire-authority':
      write(bundle, next().certificatePem);
      return `give ${bundle} to everybody who asks this node: the old authority is trusted no longer`;
  }
}

async function serve(
  file: (name: string) => string,
  authority: CertificatePem,
  names: ServerCertificateOptions,
): Promise<void> {
  const made = await issueServerCertificate(authority, names);
  write(file('.key'), made.privateKeyPem, 0o600);
  write(file('.crt'), made.certificatePem);
}

/** The one in the bundle whose key it is. */
function issuerIn(bundle: string, privateKeyPem: string): string {
  const certificates = bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const found = certificates.find((pem) => isKeyOf(pem, privateKeyPem));
  if (found === undefined)
    throw new ChainError('CLUSTER_CERTIFICATE', { detail: 'no authority in the bundle has the key that is beside it' });
  return found;
}

function isKeyOf(pem: string, privateKeyPem: string): boolean {
  return new X509Certificate(pem).checkPrivateKey(createPrivateKey(privateKeyPem));
}

/** Whom the present certificate names: the next one names the same. */
function namesOf(certificatePem: string): ServerCertificateOptions {
  const { subject, subjectAltName = '' } = new X509Certificate(certificatePem);
  const of = (prefix: string): string[] =>
    subjectAltName.split(', ').flatMap((name) => (name.startsWith(prefix) ? [name.slice(prefix.length)] : []));
  return {
    commonName: /^CN=(.*)$/m.exec(subject)?.[1] ?? 'kubectl-chain',
    dnsNames: of('DNS:'),
    ipAddresses: of('IP Address:'),
    days: serverCertificateDays,
  };
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new ChainError(
      'NODE_FILE_UNREADABLE',
      { what: 'file', file: path, reason: (cause as Error).message },
      { cause },
    );
  }
}

/** Whole or not at all: a running node reads it. */
function write(path: string, text: string, mode = 0o644): void {
  const temporary = `${path}.new`;
  writeFileSync(temporary, text, { mode });
  renameSync(temporary, path);
}
