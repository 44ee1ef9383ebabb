import { createServer as createTlsServer } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { connect as connectTcp } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { makeServerCertificates } from '../../../src/cluster/certificates.ts';
import type { ValidatorId } from '../../../src/types/brand.ts';
import {
  certificateOf,
  closedCount,
  entryOf,
  freePort,
  introduce,
  isFullMesh,
  OTHER_CHAIN,
  rawPeer,
  startNode,
  until,
} from './nodes.ts';

/** Where nobody listens: the node under test is dialled, and its own dials fail. */
const nowhere = async () => `127.0.0.1:${await freePort()}`;

/** A node that knows validator beta, who is played by the test. */
async function nodeThatKnowsBeta(limits = {}) {
  const node = await startNode('alpha', { limits });
  node.mesh.setPeers([await entryOf('beta', await nowhere())]);
  return node;
}

test('a listener that proves another key than the named validator has is not talked to', async () => {
  const [alpha, impostor] = await Promise.all([startNode('alpha'), startNode('beta', { keyOf: 'mallory' })]);
  alpha.mesh.setPeers([await entryOf('beta', impostor.mesh.address)]);
  await until(() => closedCount(alpha, 'NET_WRONG_KEY') >= 2);
  expect(alpha.mesh.connected()).toEqual([]);
  expect(alpha.ups).toEqual([]);
});

test('a caller whose key belongs to no validator is refused with a code that it hears', async () => {
  const alpha = await nodeThatKnowsBeta();
  const stranger = await rawPeer(alpha.mesh.address, await certificateOf('mallory'));
  stranger.hello({ id: 'beta' });
  expect(await stranger.reason()).toBe('NET_NOT_A_PEER');
  expect(closedCount(alpha, 'NET_NOT_A_PEER')).toBe(1);
});

test('a validator that calls itself by the name of another one is refused', async () => {
  const alpha = await nodeThatKnowsBeta();
  alpha.mesh.setPeers([await entryOf('beta', await nowhere()), await entryOf('gamma', await nowhere())]);
  const beta = await rawPeer(alpha.mesh.address, await certificateOf('beta'));
  beta.hello({ id: 'gamma' });
  expect(await beta.reason()).toBe('NET_WRONG_KEY');
  const self = await rawPeer(alpha.mesh.address, await certificateOf('beta'));
  self.hello({ id: 'alpha' });
  expect(await self.reason()).toBe('NET_SELF');
});

test('no certificate, another kind of key, another protocol and TLS 1.2 do not get as far as a hello', async () => {
  const alpha = await nodeThatKnowsBeta();
  const { address } = alpha.mesh;
  const beta = await certificateOf('beta');
  expect(await (await rawPeer(address, undefined)).reason()).toBe('NET_TLS');
  const ecdsa = await makeServerCertificates({ commonName: 'x', dnsNames: ['x'], ipAddresses: [], days: 9 });
  expect(await (await rawPeer(address, { ...ecdsa, publicKey: beta.publicKey })).reason()).toBe('NET_TLS');
  expect(await (await rawPeer(address, beta, { ALPNProtocols: ['http/1.1'] })).reason()).toBe('none');
  expect(await (await rawPeer(address, beta, { ALPNProtocols: [] })).reason()).toBe('NET_TLS');
  expect(await (await rawPeer(address, beta, { maxVersion: 'TLSv1.2' })).reason()).toBe('none');
  await until(() => closedCount(alpha, 'NET_TLS') === 5);
  const welcome = await rawPeer(address, beta);
  welcome.hello({ id: 'beta' });
  await until(() => alpha.mesh.connected().length === 1);
  expect(alpha.mesh.stats().unfinished).toBe(0);
});

test('a listener that only speaks TLS 1.2 is not talked to', async () => {
  const beta = await certificateOf('beta');
  const options = { key: beta.privateKeyPem, cert: beta.certificatePem, ALPNProtocols: ['kubectl-chain/1'] };
  const old = createTlsServer({ ...options, maxVersion: 'TLSv1.2', requestCert: true, rejectUnauthorized: false });
  old.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => old.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void old.close());
  const alpha = await startNode('alpha');
  alpha.mesh.setPeers([await entryOf('beta', `127.0.0.1:${(old.address() as AddressInfo).port}`)]);
  await until(() => closedCount(alpha, 'NET_TLS') >= 1);
  expect(alpha.ups).toEqual([]);
});

test('a node of another chain is refused on both sides', async () => {
  const [alpha, beta] = await Promise.all([startNode('alpha'), startNode('beta', { chain: OTHER_CHAIN })]);
  await introduce(alpha, beta);
  await until(() => closedCount(alpha, 'NET_WRONG_CHAIN') > 0 && closedCount(beta, 'NET_WRONG_CHAIN') > 0);
  expect([alpha.ups, beta.ups]).toEqual([[], []]);
});

test('another protocol version is refused whatever else its hello says', async () => {
  const alpha = await nodeThatKnowsBeta();
  const beta = await rawPeer(alpha.mesh.address, await certificateOf('beta'));
  beta.hello({ id: 'beta', version: 2 });
  expect(await beta.reason()).toBe('NET_WRONG_VERSION');
});

test('a peer address that leads back to the node itself is noticed', async () => {
  const alpha = await startNode('alpha');
  alpha.mesh.setPeers([await entryOf('beta', alpha.mesh.address)]);
  await until(() => closedCount(alpha, 'NET_SELF') >= 2);
  expect(alpha.ups).toEqual([]);
});

test('a peer that leaves the validator set is disconnected, and one whose key is swapped must prove the new one', async () => {
  const nodes = await Promise.all([startNode('alpha'), startNode('beta'), startNode('gamma')]);
  const [alpha, beta, gamma] = nodes;
  await introduce(...nodes);
  await until(() => isFullMesh(...nodes));
  const swapped = { ...(await entryOf('beta', beta.mesh.address)), tlsKey: (await certificateOf('beta2')).publicKey };
  alpha.mesh.setPeers([swapped]);
  expect(alpha.mesh.connected()).toEqual([]);
  expect([...alpha.downs].sort()).toEqual(['beta', 'gamma']);
  await until(() => closedCount(alpha, 'NET_WRONG_KEY') > 0);
  await until(() => closedCount(gamma, 'NET_NOT_A_PEER') > 0);
  expect(alpha.ups).toHaveLength(2);
});

test('a dropped peer hears why, stays away for the backoff, and then comes back', async () => {
  const [alpha, beta] = await Promise.all([startNode('alpha'), startNode('beta')]);
  await introduce(alpha, beta);
  await until(() => isFullMesh(alpha, beta));
  alpha.mesh.drop('beta' as ValidatorId, 'lied about a block');
  expect(alpha.mesh.connected()).toEqual([]);
  await until(() => beta.downs.length === 1);
  expect(closedCount(beta, 'NET_DROPPED')).toBe(1);
  await until(() => isFullMesh(alpha, beta));
  expect(closedCount(alpha, 'NET_BACKOFF')).toBeGreaterThan(0);
});

test('who says nothing after connecting, or nothing after TLS, is closed and counted', async () => {
  const alpha = await nodeThatKnowsBeta({ handshakeTimeoutMs: 80, holdMs: 20 });
  const [host, port] = alpha.mesh.address.split(':');
  const silent = connectTcp({ host: host ?? '', port: Number(port) });
  silent.on('error', () => undefined);
  const silentClosed = new Promise((resolve) => silent.once('close', resolve));
  const speaksTls = await rawPeer(alpha.mesh.address, await certificateOf('beta'));
  expect(await speaksTls.reason()).toBe('NET_HANDSHAKE_TIMEOUT');
  await silentClosed;
  expect(closedCount(alpha, 'NET_HANDSHAKE_TIMEOUT')).toBe(2);
  expect(alpha.mesh.stats().unfinished).toBe(0);
});

test('unfinished connections are bounded per address, and a finished one makes room', async () => {
  const alpha = await nodeThatKnowsBeta({ unfinishedPerAddressMax: 2 });
  const [host, port] = alpha.mesh.address.split(':');
  const open = () => {
    const socket = connectTcp({ host: host ?? '', port: Number(port) });
    socket.on('error', () => undefined);
    onTestFinished(() => void socket.destroy());
    return socket;
  };
  const first = open();
  open();
  await until(() => alpha.mesh.stats().unfinished === 2);
  const third = open();
  await new Promise((resolve) => third.once('close', resolve));
  expect(closedCount(alpha, 'NET_TOO_MANY_CONNECTIONS')).toBe(1);
  first.destroy();
  await until(() => alpha.mesh.stats().unfinished === 1);
  const beta = await rawPeer(alpha.mesh.address, await certificateOf('beta'));
  beta.hello({ id: 'beta' });
  await until(() => alpha.mesh.connected().length === 1);
  expect(alpha.mesh.stats().unfinished).toBe(1);
});
