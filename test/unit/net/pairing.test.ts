import { expect, test } from 'vitest';
import {
  certificateOf,
  closedCount,
  entryOf,
  freePort,
  introduce,
  isFullMesh,
  rawPeer,
  startNode,
  until,
} from './nodes.ts';

test('two nodes that dial each other at once end up with one connection, up once, never down', async () => {
  for (let round = 0; round < 15; round += 1) {
    const [alpha, beta] = await Promise.all([startNode('alpha'), startNode('beta')]);
    await introduce(alpha, beta);
    await until(() => isFullMesh(alpha, beta));
    alpha.mesh.broadcast('consensus', Buffer.from('from alpha'));
    beta.mesh.broadcast('consensus', Buffer.from('from beta'));
    await until(() => alpha.received.length === 1 && beta.received.length === 1);
    // Whatever lost is over by now or within the next exchange; the winner stays.
    const answer = await alpha.mesh.request(beta.id, 'echo', Buffer.from('x'), 5_000);
    expect(Buffer.from(answer).toString()).toBe('echo:x');
    expect([alpha.ups, beta.ups, alpha.downs, beta.downs]).toEqual([['beta'], ['alpha'], [], []]);
    await Promise.all([alpha.mesh.stop(), beta.mesh.stop()]);
  }
});

/** Alpha, connected to a beta that the test plays; alpha's own dials lead nowhere. */
async function connectedToPlayedBeta() {
  const alpha = await startNode('alpha');
  alpha.mesh.setPeers([await entryOf('beta', `127.0.0.1:${await freePort()}`)]);
  const dial = async (instance: string, counter: number) => {
    const beta = await rawPeer(alpha.mesh.address, await certificateOf('beta'));
    beta.hello({ id: 'beta', instance: instance.repeat(32), counter });
    return beta;
  };
  const standing = await dial('a', 5);
  await until(() => alpha.mesh.connected().length === 1);
  return { alpha, dial, standing };
}

test('an older dial of the same process does not disturb the connection that stands', async () => {
  const { alpha, dial } = await connectedToPlayedBeta();
  expect(await (await dial('a', 4)).reason()).toBe('NET_DUPLICATE');
  expect(await (await dial('a', 5)).reason()).toBe('NET_DUPLICATE');
  expect(alpha.downs).toEqual([]);
});

test('a newer dial of the same process, or one of a restarted process, replaces the connection at once', async () => {
  const { alpha, dial, standing } = await connectedToPlayedBeta();
  const newer = await dial('a', 6);
  expect(await standing.reason()).toBe('NET_DUPLICATE');
  await until(() => alpha.ups.length === 2);
  await dial('b', 1);
  expect(await newer.reason()).toBe('NET_DUPLICATE');
  await until(() => alpha.ups.length === 3);
  expect(alpha.mesh.connected()).toEqual(['beta']);
});

test('where only the higher id can dial, its dial is taken although the dial of the lower id would win', async () => {
  // Alpha's dials reach a port that accepts and never speaks: they are on their way for ever.
  const { createServer } = await import('node:net');
  const tarpit = createServer((socket) => void socket.on('error', () => undefined));
  const port = await freePort();
  await new Promise<void>((resolve) => tarpit.listen(port, '127.0.0.1', resolve));
  const [alpha, beta] = await Promise.all([startNode('alpha', { limits: { holdMs: 30 } }), startNode('beta')]);
  alpha.mesh.setPeers([await entryOf('beta', `127.0.0.1:${port}`)]);
  beta.mesh.setPeers([await entryOf('alpha', alpha.mesh.address)]);
  await until(() => isFullMesh(alpha, beta));
  expect(alpha.events).toContainEqual({ kind: 'up', peer: 'beta', dialledBy: 'peer' });
  tarpit.close();
});

test('a peer that stops and starts again is reconnected without anybody asking', async () => {
  const port = await freePort();
  const alpha = await startNode('alpha');
  const before = await startNode('beta', { port });
  await introduce(alpha, before);
  await until(() => isFullMesh(alpha, before));
  await before.mesh.stop();
  await until(() => alpha.downs.length === 1);
  expect(closedCount(alpha, 'NET_STOPPING')).toBe(1);
  await expect(alpha.mesh.request(before.id, 'echo', Buffer.alloc(0), 100)).rejects.toMatchObject({
    code: 'NET_UNREACHABLE',
  });
  const after = await startNode('beta', { port });
  await introduce(alpha, after);
  await until(() => isFullMesh(alpha, after));
  expect(alpha.ups).toEqual(['beta', 'beta']);
});
