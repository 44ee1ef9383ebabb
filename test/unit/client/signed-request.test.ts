import type { AddressInfo } from 'node:net';
import { createServer } from 'node:https';
import { X509Certificate } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { openRequest, requestLifeMs, signRequest } from '../../../src/client/signed-request.ts';
import { httpsTransport } from '../../../src/client/transport.ts';
import { makeServerCertificates } from '../../../src/cluster/certificates.ts';
import type { Hash, OrgId } from '../../../src/types/brand.ts';
import type { Member } from '../../../src/types/chain.ts';
import { expectCode } from '../codec/expect-code.ts';
import { hashOf, signerOf } from '../ledger/test-chain.ts';

const signer = signerOf('ann of alpha');
const ann = { org: 'alpha' as OrgId, member: 'ann', signer };
const member = { name: 'ann', key: signer.publicKey } as unknown as Member;
const own = hashOf('certificate of alpha');
const trust = (audiences: readonly Hash[], nowMs = 1_000_000) => ({
  chain: hashOf('chain'),
  nowMs,
  audiences,
  member: (org: OrgId, name: string) => (org === ann.org && name === 'ann' ? member : undefined),
});
const request = (audience: Hash, nowMs = 1_000_000): Uint8Array =>
  signRequest({ kind: 'body-request', hash: hashOf('body') }, hashOf('chain'), ann, nowMs, audience);

test('P5: a request for one node is worth nothing at another one', () => {
  expect(openRequest(request(own), 'body-request', trust([own])).content).toMatchObject({ hash: hashOf('body') });
  const passedOn = request(hashOf('certificate of mallory'));
  expect(expectCode('API_UNAUTHORIZED', () => openRequest(passedOn, 'body-request', trust([own])))).toEqual({
    reason: 'it is for a node with another certificate',
  });
  // While a node takes a new certificate, who connected before has seen the old one.
  expect(openRequest(request(own), 'body-request', trust([hashOf('new'), own])).member).toBe(member);
});

test('nor later, nor for another purpose, nor without its signature', () => {
  const old = request(own, 1_000_000 - 2 * requestLifeMs);
  expectCode('API_UNAUTHORIZED', () => openRequest(old, 'body-request', trust([own])));
  expectCode('API_UNAUTHORIZED', () => openRequest(request(own), 'canonicalize-request', trust([own])));
  const forged = signRequest({ kind: 'body-request', hash: hashOf('body') }, hashOf('chain'), { ...ann, signer: signerOf('mallory') }, 1_000_000, own); // prettier-ignore
  expectCode('API_UNAUTHORIZED', () => openRequest(forged, 'body-request', trust([own])));
});

test('the client names the certificate that the node showed it, and each endpoint is verified by its own authority', async () => {
  const nodes = await Promise.all(
    ['alpha', 'beta'].map(async (commonName) => {
      const made = await makeServerCertificates({ dnsNames: [], ipAddresses: ['127.0.0.1'], commonName, days: 1 });
      const server = createServer({ key: made.privateKeyPem, cert: made.certificatePem }, (_request, response) => {
        response.end('{}');
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      onTestFinished(() => void server.close());
      return { ...made, endpoint: `https://127.0.0.1:${(server.address() as AddressInfo).port}` };
    }),
  );
  const [alpha, beta] = nodes;
  if (alpha === undefined || beta === undefined) throw new Error('no nodes');
  const hashOfPem = (pem: string): string => new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase();
  const transport = httpsTransport({
    caBundle: alpha.caBundlePem,
    caBundles: new Map([[beta.endpoint, beta.caBundlePem]]),
    timeoutMs: 30_000,
  });
  onTestFinished(() => transport.close());
  for (const { endpoint, certificatePem } of nodes)
    expect(await transport.certificate(endpoint)).toBe(hashOfPem(certificatePem));
  // The authority of one node says nothing about another one.
  const swapped = httpsTransport({ caBundle: '', caBundles: new Map([[alpha.endpoint, beta.caBundlePem]]), timeoutMs: 30_000 }); // prettier-ignore
  onTestFinished(() => swapped.close());
  await expect(swapped.get(alpha.endpoint, '/')).rejects.toMatchObject({ code: 'CLIENT_UNREACHABLE' });
});
