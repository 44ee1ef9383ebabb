import { expect, test } from 'vitest';
import { createMesh } from '../../../src/net/index.ts';
import type { Hash, ValidatorId } from '../../../src/types/brand.ts';
import { makeServerCertificates } from '../../../src/cluster/certificates.ts';
import {
  certificateOf,
  CHAIN,
  closedCount,
  entryOf,
  freePort,
  introduce,
  isFullMesh,
  rawPeer,
  startNode,
  until,
  type TestNode,
} from './nodes.ts';

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

async function pair(options: Parameters<typeof startNode>[1] = {}): Promise<[TestNode, TestNode]> {
  const [alpha, beta] = await Promise.all([startNode('alpha', options), startNode('beta', options)]);
  await introduce(alpha, beta);
  await until(() => isFullMesh(alpha, beta));
  return [alpha, beta];
}

test('four nodes form a full mesh, and messages carry sender and channel', async () => {
  const nodes = await Promise.all(['alpha', 'beta', 'gamma', 'delta'].map((name) => startNode(name)));
  await introduce(...nodes);
  await until(() => isFullMesh(...nodes));
  const [alpha, ...others] = nodes as [TestNode, ...TestNode[]];
  alpha.mesh.broadcast('consensus', Buffer.from('vote'));
  await until(() => others.every((node) => node.received.length === 1));
  for (const node of others) {
    expect(node.received[0]).toMatchObject({ from: 'alpha', channel: 'consensus' });
    expect(text(node.received[0]?.bytes ?? Buffer.alloc(0))).toBe('vote');
  }
  expect(nodes.map((node) => [node.ups.length, node.downs.length])).toEqual([
    [3, 0],
    [3, 0],
    [3, 0],
    [3, 0],
  ]);
  expect(alpha.received).toEqual([]);
});

test('messages of one channel arrive in the order in which they were sent, small and large', async () => {
  const [alpha, beta] = await pair();
  const count = 3_000;
  for (let i = 0; i < count; i += 1) {
    const message = Buffer.alloc(i % 100 === 0 ? 20_000 : 8);
    message.writeUInt32BE(i);
    alpha.mesh.send(beta.id, 'transaction', message);
  }
  await until(() => beta.received.length === count);
  expect(beta.received.map(({ bytes }) => Buffer.from(bytes).readUInt32BE())).toEqual([...Array(count).keys()]);
});

test('a vote overtakes the transactions that wait for the same peer', async () => {
  const [alpha, beta] = await pair();
  for (let i = 0; i < 150; i += 1) alpha.mesh.send(beta.id, 'transaction', new Uint8Array(50_000));
  // The backlog has begun to leave, as much as the socket may hold of it.
  await new Promise((resolve) => setImmediate(resolve));
  alpha.mesh.send(beta.id, 'consensus', Buffer.from('vote'));
  await until(() => beta.received.length === 151);
  expect(beta.received.findIndex(({ channel }) => channel === 'consensus')).toBeLessThan(100);
});

test('a message as large as the limit arrives, one byte more is dropped here and the connection stays', async () => {
  const [alpha, beta] = await pair({ limits: { frameBytesMax: 300_000 } });
  alpha.mesh.send(beta.id, 'control', new Uint8Array(300_000 - 6).fill(1));
  alpha.mesh.send(beta.id, 'control', new Uint8Array(300_000 - 5).fill(2));
  alpha.mesh.send(beta.id, 'control', new Uint8Array(0));
  await until(() => beta.received.length === 2);
  expect(beta.received.map(({ bytes }) => bytes.length)).toEqual([299_994, 0]);
  expect(alpha.mesh.stats().peers[0]?.dropped).toEqual({ consensus: 0, transaction: 0, control: 1 });
  expect(alpha.downs).toEqual([]);
});

test('a message to a peer that is not connected is counted as dropped', async () => {
  const alpha = await startNode('alpha');
  alpha.mesh.setPeers([await entryOf('beta', `127.0.0.1:${await freePort()}`)]);
  alpha.mesh.broadcast('consensus', Buffer.from('x'));
  expect(alpha.mesh.stats().peers[0]?.dropped.consensus).toBe(1);
  expect(alpha.events).toContainEqual({ kind: 'dropped', peer: 'beta', channel: 'consensus', frames: 1 });
});

test('a peer that does not read costs a bounded amount of memory and delays nobody else', async () => {
  const limits = { consensusQueue: { bytesMax: 1_000_000, framesMax: 500 } };
  const [alpha, gamma] = await Promise.all([startNode('alpha', { limits }), startNode('gamma')]);
  const entries = [await entryOf('beta', `127.0.0.1:${await freePort()}`), await entryOf('gamma', gamma.mesh.address)];
  alpha.mesh.setPeers(entries);
  gamma.mesh.setPeers([await entryOf('alpha', alpha.mesh.address)]);
  const slow = await rawPeer(alpha.mesh.address, await certificateOf('beta'));
  slow.hello({ id: 'beta' });
  await until(() => alpha.mesh.connected().length === 2);
  slow.pause();
  const payload = new Uint8Array(50_000);
  for (let sent = 0; sent < 400; sent += 1) {
    alpha.mesh.broadcast('consensus', payload);
    // One at a time: gamma keeps up, whatever beta does.
    await until(() => gamma.received.length === sent + 1);
  }
  const [beta, other] = alpha.mesh.stats().peers;
  expect(beta?.dropped.consensus).toBeGreaterThan(100);
  expect(beta?.unsentBytes).toBeLessThan(1_000_000 + 256 * 1024 + 2 * 50_000);
  expect(other?.dropped.consensus).toBe(0);
});

test('a request is answered with what the handler of the peer returned, also in many chunks at once', async () => {
  const big = new Uint8Array(10_000_000).map((_, i) => i % 251);
  const [alpha, beta] = await pair({
    handlers: {
      onRequest: (from, method, bytes) =>
        Promise.resolve(method === 'blocks' ? big : Buffer.from(`${from} ${method} ${text(bytes)}`)),
    },
  });
  const answers = await Promise.all([
    alpha.mesh.request(beta.id, 'blocks', Buffer.alloc(0), 20_000),
    alpha.mesh.request(beta.id, 'body.get', Buffer.from('abc'), 20_000),
    beta.mesh.request(alpha.id, 'body.get', Buffer.alloc(0), 20_000),
  ]);
  expect(Buffer.compare(answers[0] ?? Buffer.alloc(0), big)).toBe(0);
  expect(answers.slice(1).map(text)).toEqual(['alpha body.get abc', 'beta body.get ']);
});

test('a handler that takes too long gives NET_TIMEOUT, one that refuses gives NET_REFUSED with its code', async () => {
  const [alpha, beta] = await pair({
    handlers: {
      onRequest: (_from, method) => {
        if (method === 'never') return new Promise(() => undefined);
        if (method === 'sync-throw') throw new Error('password=hunter2');
        return method === 'large'
          ? Promise.resolve(new Uint8Array(16 * 1024 * 1024 + 1))
          : Promise.reject(new Error('hunter2'));
      },
    },
  });
  const ask = (method: string, timeoutMs = 20_000) => alpha.mesh.request(beta.id, method, Buffer.alloc(0), timeoutMs);
  await expect(ask('never', 30)).rejects.toMatchObject({
    code: 'NET_TIMEOUT',
    payload: { peer: 'beta', method: 'never' },
  });
  for (const method of ['fails', 'sync-throw']) {
    const refusal = await ask(method).catch((error: unknown) => error as Error);
    expect(refusal).toMatchObject({ code: 'NET_REFUSED', payload: { code: 'NET_HANDLER_FAILED', method } });
    expect((refusal as Error).message).not.toContain('hunter2');
  }
  await expect(ask('large')).rejects.toMatchObject({
    code: 'NET_REFUSED',
    payload: { code: 'NET_RESPONSE_TOO_LARGE' },
  });
  expect(beta.events.filter((event) => event.kind === 'defect')).toHaveLength(2);
  const unknown = alpha.mesh.request('omega' as ValidatorId, 'x', Buffer.alloc(0), 100);
  await expect(unknown).rejects.toMatchObject({ code: 'NET_UNREACHABLE', payload: { peer: 'omega' } });
  const oversized = alpha.mesh.request(beta.id, 'x', new Uint8Array(4 * 1024 * 1024), 100);
  await expect(oversized).rejects.toMatchObject({ code: 'NET_REFUSED', payload: { code: 'NET_FRAME_TOO_LARGE' } });
  expect(alpha.downs).toEqual([]);
});

test('requests that wait when the connection ends are rejected at once', async () => {
  const [alpha, beta] = await pair({ handlers: { onRequest: () => new Promise(() => undefined) } });
  const waiting = alpha.mesh.request(beta.id, 'never', Buffer.alloc(0), 60_000).catch((error: unknown) => error);
  await beta.mesh.stop();
  expect(await waiting).toMatchObject({ code: 'NET_UNREACHABLE' });
});

test('an idle connection stays, because both ask and answer', async () => {
  const [alpha, beta] = await pair({ limits: { pingIdleMs: 10, silenceMaxMs: 100 } });
  await until(() => (alpha.mesh.stats().peers[0]?.receivedFrames ?? 0) > 15);
  expect([alpha.downs, beta.downs]).toEqual([[], []]);
});

test('a defect in a message handler closes that connection with a code and leaves the process alone', async () => {
  let calls = 0;
  const beta = await startNode('beta', {
    handlers: {
      onMessage: () => {
        calls += 1;
        throw new TypeError('defect');
      },
    },
  });
  const alpha = await startNode('alpha');
  await introduce(alpha, beta);
  await until(() => isFullMesh(alpha, beta));
  alpha.mesh.send(beta.id, 'control', Buffer.from('x'));
  await until(() => closedCount(alpha, 'NET_HANDLER_FAILED') === 1);
  await until(() => isFullMesh(alpha, beta));
  expect(calls).toBe(1);
  expect(beta.events).toContainEqual({ kind: 'defect', peer: 'alpha' });
});

test('unusable credentials, limits and addresses are refused before anything is opened', async () => {
  const alpha = await startNode('alpha');
  const good = await certificateOf('alpha');
  const other = await certificateOf('beta');
  const ecdsa = await makeServerCertificates({ commonName: 'x', dnsNames: ['x'], ipAddresses: [], days: 9 });
  const base = {
    self: 'alpha' as ValidatorId,
    listenHost: '127.0.0.1',
    listenPort: Number(alpha.mesh.address.split(':')[1]),
    chain: CHAIN as Hash,
    handlers: {
      onMessage: () => {},
      onRequest: () => Promise.resolve(good as never),
      onPeerUp: () => {},
      onPeerDown: () => {},
    },
  };
  const credentials = { code: 'NET_CREDENTIALS' };
  expect(() => createMesh({ ...base, ...good, privateKeyPem: other.privateKeyPem })).toThrowError(
    expect.objectContaining(credentials),
  );
  expect(() => createMesh({ ...base, ...ecdsa })).toThrowError(expect.objectContaining(credentials));
  expect(() => createMesh({ ...base, ...good, limits: { pingIdleMs: 9_000 } })).toThrowError(RangeError);
  await expect(createMesh({ ...base, ...good }).start()).rejects.toMatchObject({
    code: 'NET_LISTEN',
    payload: { detail: 'EADDRINUSE' },
  });
  for (const address of ['', 'host', 'host:0', 'host:65536', ':1', 'a b:1', '::1:80']) {
    const bad = [{ id: 'beta' as ValidatorId, tlsKey: other.publicKey, address }];
    expect(() => alpha.mesh.setPeers(bad)).toThrowError(expect.objectContaining({ code: 'NET_ADDRESS' }));
  }
});
