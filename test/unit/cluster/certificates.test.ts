import { createServer, connect } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import {
  certificateFits,
  certificateValidity,
  issueServerCertificate,
  joinCaBundles,
  makePeerCertificate,
  makeServerCertificates,
  publicKeyHexOf,
} from '../../../src/cluster/certificates.ts';

const SEED = new Uint8Array(32).fill(7);
/** RFC 8032 public key of that seed, computed by OpenSSL. */
const SEED_PUBLIC_KEY = 'ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c';
const NOW_MS = Date.UTC(2030, 0, 1);
const DAY_MS = 86_400_000;
const OPTIONS = { dnsNames: ['hook.chain.svc'], ipAddresses: ['127.0.0.1', '::1'], commonName: 'hook', days: 90 };

test('a peer certificate carries the public key of its seed, is self-signed and does not run out', async () => {
  const peer = await makePeerCertificate(SEED, NOW_MS);
  expect(peer.publicKey).toBe(SEED_PUBLIC_KEY);
  expect(publicKeyHexOf(peer.certificatePem)).toBe(SEED_PUBLIC_KEY);
  const certificate = new X509Certificate(peer.certificatePem);
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(certificate.checkPrivateKey(createPrivateKey(peer.privateKeyPem))).toBe(true);
  expect(certificate.ca).toBe(false);
  expect(certificateValidity(peer.certificatePem, NOW_MS + 99 * 365 * DAY_MS).state).toBe('valid');
});

test('seed, PKCS #8 DER and PEM of one key give the same public key', async () => {
  const fromSeed = await makePeerCertificate(SEED, NOW_MS);
  const key = createPrivateKey(fromSeed.privateKeyPem);
  const fromDer = await makePeerCertificate(key.export({ type: 'pkcs8', format: 'der' }), NOW_MS);
  const fromPem = await makePeerCertificate(fromSeed.privateKeyPem, NOW_MS);
  const raw = createPublicKey(key).export({ type: 'spki', format: 'der' }).subarray(12).toString('hex');
  expect([fromSeed.publicKey, fromDer.publicKey, fromPem.publicKey]).toEqual([raw, raw, raw]);
});

test('a server certificate is trusted through its bundle, for its names and addresses only', async () => {
  const made = await makeServerCertificates({ ...OPTIONS, nowMs: Date.now() });
  expect(certificateFits(made, made.caBundlePem)).toBe(true);
  const certificate = new X509Certificate(made.certificatePem);
  expect(certificate.checkHost('hook.chain.svc')).toBe('hook.chain.svc');
  expect(certificate.checkHost('other.chain.svc')).toBeUndefined();
  expect(certificate.checkIP('::1')).toBe('::1');
  expect(certificate.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');

  const server = createServer({ key: made.privateKeyPem, cert: made.certificatePem }, (socket) => socket.end('hello'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const heard = await new Promise<string>((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, ca: made.caBundlePem });
    socket.on('data', (bytes) => resolve(bytes.toString())).on('error', reject);
  });
  expect(heard).toBe('hello');
  const refused = await new Promise<string>((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
  });
  expect(refused).toMatch(/SELF_SIGNED|UNABLE_TO/);
  await new Promise((resolve) => server.close(resolve));
});

test('validity tells valid, expired and not yet valid apart, and when renewal is due', async () => {
  const { certificatePem } = await makeServerCertificates({ ...OPTIONS, nowMs: NOW_MS });
  const at = (days: number) => certificateValidity(certificatePem, NOW_MS + days * DAY_MS);
  expect([at(0).state, at(91).state, at(-2).state]).toEqual(['valid', 'expired', 'not-yet-valid']);
  expect([at(0).renewalDue, at(50).renewalDue, at(70).renewalDue, at(91).renewalDue]).toEqual([
    false,
    false,
    true,
    true,
  ]);
  expect(at(0).remainingMs).toBe(90 * DAY_MS);
});

test('an authority renews a server certificate, and a bundle holds old and new authority once each', async () => {
  const first = await makeServerCertificates({ ...OPTIONS, nowMs: NOW_MS });
  const second = await makeServerCertificates({ ...OPTIONS, nowMs: NOW_MS });
  const renewed = await issueServerCertificate(first.authority, { ...OPTIONS, nowMs: NOW_MS });
  expect(renewed.certificatePem).not.toBe(first.certificatePem);
  expect(certificateFits(renewed, first.caBundlePem, NOW_MS)).toBe(true);
  expect(certificateFits(renewed, second.caBundlePem, NOW_MS)).toBe(false);
  expect(certificateFits({ ...renewed, privateKeyPem: first.privateKeyPem }, first.caBundlePem, NOW_MS)).toBe(false);
  const bundle = joinCaBundles(first.caBundlePem, second.caBundlePem, first.caBundlePem);
  expect(bundle.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
});

test('unusable keys, names and certificates are refused with one code', async () => {
  const { certificatePem } = await makeServerCertificates({ ...OPTIONS, nowMs: NOW_MS });
  const code = 'CLUSTER_CERTIFICATE';
  expect(() => publicKeyHexOf(certificatePem)).toThrowError(expect.objectContaining({ code }));
  expect(() => publicKeyHexOf('no certificate')).toThrowError(expect.objectContaining({ code }));
  await expect(makePeerCertificate(new Uint8Array(31))).rejects.toMatchObject({ code });
  const ecKey = (await makeServerCertificates({ ...OPTIONS, nowMs: NOW_MS })).privateKeyPem;
  await expect(makePeerCertificate(ecKey)).rejects.toMatchObject({ code });
  await expect(makeServerCertificates({ ...OPTIONS, ipAddresses: ['300.1.1.1'] })).rejects.toMatchObject({ code });
  await expect(makeServerCertificates({ ...OPTIONS, ipAddresses: [], dnsNames: [] })).rejects.toMatchObject({ code });
});
