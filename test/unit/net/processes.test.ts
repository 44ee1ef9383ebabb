import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { certificateOf, CHAIN, closedCount, entryOf, freePort, startNode, until, type TestNode } from './nodes.ts';

const CHILD = fileURLToPath(new URL('child-node.ts', import.meta.url));

/** Validator beta as a process that knows alpha. */
async function startBeta(
  alpha: TestNode,
  port: number,
  stopAfterUp = false,
): Promise<{ child: ChildProcess; output: () => string }> {
  const { privateKeyPem, certificatePem } = await certificateOf('beta');
  const peers = [await entryOf('alpha', alpha.mesh.address)];
  const options = { self: 'beta', privateKeyPem, certificatePem, port, chain: CHAIN, peers, stopAfterUp };
  const child = spawn(process.execPath, [CHILD, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return { child, output: () => output };
}

test('a stopped peer is noticed by its silence, and is back after it continues; so is one that was killed and started again', async () => {
  const port = await freePort();
  const alpha = await startNode('alpha', { limits: { pingIdleMs: 50, silenceMaxMs: 250, handshakeTimeoutMs: 400 } });
  alpha.mesh.setPeers([await entryOf('beta', `127.0.0.1:${port}`)]);
  const { child } = await startBeta(alpha, port);
  await until(() => alpha.ups.length === 1);

  child.kill('SIGSTOP');
  await until(() => alpha.downs.length === 1);
  expect(closedCount(alpha, 'NET_SILENT')).toBe(1);
  // It still accepts TCP, in the kernel; that is not enough to be a peer.
  await until(() => closedCount(alpha, 'NET_HANDSHAKE_TIMEOUT') > 0);
  expect(alpha.mesh.connected()).toEqual([]);
  child.kill('SIGCONT');
  await until(() => alpha.mesh.connected().length === 1);

  const downsBefore = alpha.downs.length;
  child.kill('SIGKILL');
  await until(() => alpha.downs.length > downsBefore);
  await startBeta(alpha, port);
  await until(() => alpha.mesh.connected().length === 1);
  expect(alpha.ups.length).toBeGreaterThan(2);
});

test('after stop nothing holds the process: it ends by itself', async () => {
  const alpha = await startNode('alpha', {
    handlers: {
      onRequest: (_from, method, bytes) => (method === 'never' ? new Promise(() => undefined) : Promise.resolve(bytes)),
    },
  });
  const port = await freePort();
  alpha.mesh.setPeers([await entryOf('beta', `127.0.0.1:${port}`)]);
  const { child, output } = await startBeta(alpha, port, true);
  const [code] = (await once(child, 'exit')) as [number | null];
  expect(output()).toContain('"stopped":true');
  expect(output()).toContain('NET_STOPPING');
  expect(code).toBe(0);
});
