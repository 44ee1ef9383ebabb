import 'reflect-metadata';
import { webcrypto, X509Certificate } from 'node:crypto';
import { X509CertificateGenerator } from '@peculiar/x509';
import { expect, test } from 'vitest';
import { identityOfCertificate } from '../../../src/net/identity.ts';
import { faultOf, type Self } from '../../../src/net/introduction.ts';
import { PROTOCOL_VERSION } from '../../../src/net/limits.ts';
import type { Hello } from '../../../src/net/payload.ts';
import { CHAIN, closedCount, entryOf, OTHER_CHAIN, startNode, until } from './nodes.ts';

const self: Self = { id: 'alpha', chain: CHAIN, instance: 'a1', key: 'aa' };
const hello: Hello = { version: PROTOCOL_VERSION, id: 'beta', chain: CHAIN, instance: 'b1', counter: 1 };

test('a hello is believed when version, chain and proven key fit', () => {
  expect(faultOf(hello, self, 'beta')).toBeUndefined();
});

test.each<[keyof Hello, Hello, string]>([
  ['version', { ...hello, version: PROTOCOL_VERSION + 1 }, 'NET_WRONG_VERSION'],
  ['chain', { ...hello, chain: OTHER_CHAIN }, 'NET_WRONG_CHAIN'],
  ['id', { ...hello, id: 'gamma' }, 'NET_WRONG_KEY'],
  ['id', { ...hello, id: 'alpha' }, 'NET_SELF'],
])('a hello of another %s is refused', (_field, other, code) => {
  expect(faultOf(other, self, 'beta')?.code).toBe(code);
});

test('a certificate counts only when the key that it shows has signed it', async () => {
  const algorithm = { name: 'Ed25519' };
  const make = () =>
    webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;
  const [victim, thief] = await Promise.all([make(), make()]);
  const signedBy = async (keys: webcrypto.CryptoKeyPair) => {
    const made = await X509CertificateGenerator.create({
      serialNumber: '01',
      subject: 'CN=peer',
      issuer: 'CN=peer',
      signingAlgorithm: algorithm,
      publicKey: victim.publicKey,
      signingKey: keys.privateKey,
    });
    return identityOfCertificate(new X509Certificate(made.toString('pem')));
  };
  expect(await signedBy(victim)).toMatchObject({ ok: true });
  expect(await signedBy(thief)).toEqual({ ok: false, detail: 'certificate is not self-signed' });
});

test('a listener with another key than the named validator is never called up', async () => {
  const [alpha, impostor] = await Promise.all([startNode('alpha'), startNode('beta', { keyOf: 'mallory' })]);
  impostor.mesh.setPeers([await entryOf('alpha', alpha.mesh.address)]);
  alpha.mesh.setPeers([await entryOf('beta', impostor.mesh.address)]);
  await until(() => closedCount(alpha, 'NET_WRONG_KEY') > 0 || alpha.ups.length > 0);
  expect(alpha.ups).toEqual([]);
});
