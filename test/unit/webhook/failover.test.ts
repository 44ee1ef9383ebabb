import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, createServer as createHttpsServer, request } from 'node:https';
import { connect, createServer as createTcpServer, Server as TcpServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { makeServerCertificates, type ServerCertificates } from '../../../src/cluster/certificates.ts';
import { probeReadiness } from '../../../webhook/failover-probe.ts';
import { startFailover, type Failover, type FailoverBackend, type FailoverOptions } from '../../../webhook/failover.ts';

const CHILD = fileURLToPath(new URL('child-backend.ts', import.meta.url));
const MAIN = fileURLToPath(new URL('../../../webhook/failover-main.ts', import.meta.url));
let certificates: ServerCertificates;
let others: ServerCertificates;

beforeAll(async () => {
  const options = { commonName: 'hook', dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'], days: 9 };
  certificates = await makeServerCertificates(options);
  others = await makeServerCertificates(options);
});

const backendAt = (port: number): FailoverBackend => ({
  host: '127.0.0.1',
  port,
  probe: { url: `https://127.0.0.1:${port}/readyz`, caPem: certificates.caBundlePem },
});

interface FakeNode {
  readonly backend: FailoverBackend;
  status: number;
  /** So many probes are not answered. */
  silent: number;
  /** Takes no new connection; those that it has go on. */
  readonly stopListening: () => void;
}

/** A node in this process whose readiness the test sets. */
async function startNode(name: string, made: ServerCertificates = certificates): Promise<FakeNode> {
  const node = { status: 200, silent: 0 } as { -readonly [K in keyof FakeNode]: FakeNode[K] };
  const server = createHttpsServer({ key: made.privateKeyPem, cert: made.certificatePem }, (incoming, response) => {
    if (incoming.url === '/readyz') {
      response.statusCode = node.status;
      if (node.silent > 0) {
        node.silent -= 1;
        return;
      }
    }
    response.end(name);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  // The https server's own close ends idle connections too.
  node.stopListening = () => void TcpServer.prototype.close.call(server);
  node.backend = backendAt((server.address() as AddressInfo).port);
  return node;
}

async function startChild(
  name: string,
  port = 0,
): Promise<{ child: ChildProcess; port: number; backend: FailoverBackend }> {
  const options = { name, key: certificates.privateKeyPem, cert: certificates.certificatePem, port };
  const child = spawn(process.execPath, [CHILD, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const bound = (JSON.parse(line.toString()) as { port: number }).port;
  return { child, port: bound, backend: backendAt(bound) };
}

async function start(backends: readonly FailoverBackend[], options: Partial<FailoverOptions> = {}): Promise<Failover> {
  // As in production: not so short that a loaded machine fails to answer in time.
  const defaults = { listenHost: '127.0.0.1', listenPort: 0, probeIntervalMs: 500, probeTimeoutMs: 450 };
  const failover = await startFailover({ ...defaults, backends, ...options });
  onTestFinished(() => failover.stop());
  return failover;
}

/** Who answers: the name of the node, or the error code. TLS is verified to the node, through the failover. */
function ask(failover: { address: string }, agent?: Agent): Promise<string> {
  return new Promise((resolve) => {
    const call = request(
      `https://${failover.address}/validate`,
      { ca: certificates.caBundlePem, agent: agent ?? false },
      (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => resolve(text));
      },
    );
    call.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    call.end();
  });
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** Unlike `once`, which takes the error before it for a failure of the test. */
function closed(socket: Socket | undefined): Promise<void> {
  return new Promise((resolve) => socket?.resume().once('close', () => resolve()));
}

function open(failover: Failover): Socket {
  const [host, port] = failover.address.split(':');
  const socket = connect({ host: host ?? '', port: Number(port) });
  socket.on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  return socket;
}

test('the first ready node in order answers, and TLS ends in that node', async () => {
  const [first, second] = await Promise.all([startNode('first'), startNode('second')]);
  first.status = 503;
  const failover = await start([first.backend, second.backend]);
  expect(failover.status().current).toBe(1);
  expect(failover.status().backends[0]).toMatchObject({ ready: false, detail: 'status 503' });
  expect(await ask(failover)).toBe('second');
});

test('the choice is sticky: a node that comes back takes over only when the other one fails', async () => {
  const [first, second] = await Promise.all([startNode('first'), startNode('second')]);
  const failover = await start([first.backend, second.backend]);
  expect(await ask(failover)).toBe('first');
  first.status = 500;
  await until(() => failover.status().current === 1);
  first.status = 200;
  await until(() => failover.status().backends[0]?.ready === true);
  expect(await ask(failover)).toBe('second');
  second.status = 500;
  await until(() => failover.status().current === 0);
  expect(await ask(failover)).toBe('first');
});

test('a node that says itself that it is not ready gets no new connection while another is ready, answers on those that it has, and loses them in the end', async () => {
  const [node, other] = await Promise.all([startNode('leaving'), startNode('other')]);
  const failover = await start([node.backend, other.backend], { drainMs: 1_000 });
  const agent = new Agent({ keepAlive: true });
  expect(await ask(failover, agent)).toBe('leaving');
  node.status = 503;
  await until(() => failover.status().current === 1);
  expect(await ask(failover)).toBe('other');
  expect(await ask(failover, agent)).toBe('leaving');
  expect(failover.status().backends[0]).toMatchObject({ cut: 0, connections: 1, ready: false });
  await until(() => failover.status().backends[0]?.connections === 0);
  expect(failover.status().backends[0]).toMatchObject({ cut: 1, ready: false });
  agent.destroy();
});

test('P6: a node that no longer listens and still answers what it has taken is not cut by a caller that finds it closed', async () => {
  const [node, other] = await Promise.all([startNode('leaving'), startNode('other')]);
  const failover = await start([node.backend, other.backend], { probeIntervalMs: 60_000, probeTimeoutMs: 5_000 });
  const agent = new Agent({ keepAlive: true });
  expect(await ask(failover, agent)).toBe('leaving');
  node.stopListening();
  expect(await ask(failover)).toBe('other');
  expect(await ask(failover, agent)).toBe('leaving');
  expect(failover.status().backends[0]).toMatchObject({ cut: 0, connections: 1, ready: false });
  agent.destroy();
});

test('a busy node that answers two probes late keeps its connections, and what it answers on them arrives', async () => {
  const [node, other] = await Promise.all([startNode('busy'), startNode('other')]);
  const failover = await start([node.backend, other.backend]);
  const agent = new Agent({ keepAlive: true });
  expect(await ask(failover, agent)).toBe('busy');
  node.silent = 2;
  await until(() => failover.status().backends[0]?.probesFailed === 2);
  await until(() => node.silent === 0);
  expect(await ask(failover, agent)).toBe('busy');
  expect(failover.status().backends[0]).toMatchObject({ ready: true, cut: 0, connections: 1 });
  agent.destroy();
});

test('a node too busy for any probe keeps its connections for as long as it answers on them', async () => {
  const [node, other] = await Promise.all([startNode('busy'), startNode('other')]);
  const failover = await start([node.backend, other.backend]);
  const agent = new Agent({ keepAlive: true });
  expect(await ask(failover, agent)).toBe('busy');
  node.silent = Infinity;
  await until(async () => {
    expect(await ask(failover, agent)).toBe('busy');
    return (failover.status().backends[0]?.probesFailed ?? 0) >= 5;
  });
  expect(failover.status().backends[0]).toMatchObject({ ready: true, cut: 0 });
  await until(() => failover.status().current === 1);
  agent.destroy();
});

test('a stopped process, which still accepts TCP, is left for the next node, and its open connection is closed', async () => {
  const [first, second] = await Promise.all([startChild('first'), startNode('second')]);
  const failover = await start([first.backend, second.backend], { answerTimeoutMs: 3_000 });
  const agent = new Agent({ keepAlive: true });
  expect(await ask(failover, agent)).toBe('first');
  first.child.kill('SIGSTOP');
  const hanging = ask(failover, agent);
  // More than all buffers on the way hold: bytes that nobody will ever read must not keep a connection open.
  const flooding = open(failover);
  flooding.write(Buffer.alloc(30_000_000));
  expect(await hanging).toBe('ECONNRESET');
  await closed(flooding);
  await until(() => failover.status().backends[0]?.connections === 0);
  expect(failover.status().backends[0]?.cut).toBe(2);
  expect(await ask(failover)).toBe('second');
  expect(failover.status().backends[0]?.detail).toBe('no answer within 450 ms');
  first.child.kill('SIGCONT');
  await until(() => failover.status().backends[0]?.ready === true);
  agent.destroy();
});

test('P6: what was asked of a node that falls silent is waited for as long as it can be answered; what is idle is closed, and nothing new goes there', async () => {
  const [first, second] = await Promise.all([startChild('first'), startNode('second')]);
  const failover = await start([first.backend, second.backend], { answerTimeoutMs: 50_000, drainMs: 100_000 });
  const idle = new Agent({ keepAlive: true });
  expect(await ask(failover, idle)).toBe('first');
  first.child.kill('SIGSTOP');
  const waiting = ask(failover);
  await until(() => failover.status().current === 1);
  await until(() => failover.status().backends[0]?.connections === 1);
  expect(failover.status().backends[0]).toMatchObject({ ready: false, cut: 1 });
  expect(await ask(failover)).toBe('second');
  first.child.kill('SIGCONT');
  expect(await waiting).toBe('first');
  idle.destroy();
});

test('P6: an answer that comes while this process does not get to run is an answer in time', async () => {
  const node = await startNode('node');
  const probed = probeReadiness(node.backend.probe, 3_000);
  // Nothing runs here for longer than the probe may take, its own first step neither.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3_100);
  expect(await probed).toEqual({ ready: true });
});

test('a killed process costs the next caller nothing: it goes to the next node before any probe has failed', async () => {
  const [first, second] = await Promise.all([startChild('first'), startNode('second')]);
  const failover = await start([first.backend, second.backend], { probeIntervalMs: 60_000, probeTimeoutMs: 2_000 });
  expect(await ask(failover)).toBe('first');
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');
  expect(await ask(failover)).toBe('second');
  expect(failover.status().backends[0]).toMatchObject({ ready: false, detail: 'ECONNREFUSED', probesFailed: 0 });
});

test('a node whose certificate is not of its authority is not ready', async () => {
  const impostor = await startNode('impostor', others);
  const failover = await start([impostor.backend]);
  expect(failover.status().backends[0]?.ready).toBe(false);
  expect(failover.status().backends[0]?.detail).toMatch(/SELF_SIGNED|UNABLE_TO|SIGNATURE/);
  expect(await ask(failover)).toBe('ECONNRESET');
});

/** A ready node on one port, and on another one a plain TCP server in its place. */
async function startPlain(
  onConnection: (socket: Socket) => void,
  options: Partial<FailoverOptions> = {},
): Promise<Failover> {
  const node = await startNode('ready');
  const server = createTcpServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    onTestFinished(() => void socket.destroy());
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return start([{ ...node.backend, port: (server.address() as AddressInfo).port }], options);
}

test('a client that has ended its side still gets the whole answer', async () => {
  const answer = Buffer.alloc(3_000_000, 'x');
  const failover = await startPlain((socket) => socket.resume().once('end', () => socket.end(answer)));
  const client = open(failover);
  client.end('question');
  let received = 0;
  client.on('data', (chunk: Buffer) => (received += chunk.length));
  await closed(client);
  expect(received).toBe(answer.length);
  await until(() => failover.status().connections === 0);
});

test('a connection that stays half open is closed after its time', async () => {
  const failover = await startPlain((socket) => void socket.resume(), { halfOpenTimeoutMs: 50 });
  const client = open(failover);
  client.end('question');
  await closed(client);
  await until(() => failover.status().connections === 0);
  expect(failover.status().backends[0]?.cut).toBe(0);
});

test('an abort on one side ends the other', async () => {
  const upstreams: Socket[] = [];
  const failover = await startPlain((socket) => upstreams.push(socket));
  const client = open(failover);
  client.write('question');
  await until(() => upstreams.length === 1);
  upstreams[0]?.resetAndDestroy();
  await closed(client);
  const second = open(failover);
  second.write('question');
  await until(() => upstreams.length === 2);
  second.resetAndDestroy();
  await new Promise((resolve) => upstreams[1]?.resume().once('end', resolve));
  await until(() => failover.status().connections === 0);
  expect(failover.status().accepted).toBe(2);
});

test('connections are bounded, and a closed one makes room', async () => {
  const failover = await startPlain((socket) => void socket.resume(), { connectionsMax: 2 });
  const first = open(failover);
  open(failover);
  await until(() => failover.status().connections === 2);
  await closed(open(failover));
  expect(failover.status().refused.tooMany).toBe(1);
  first.resetAndDestroy();
  await until(() => failover.status().connections === 1);
  open(failover);
  await until(() => failover.status().connections === 2);
});

test('options that cannot work are refused', async () => {
  await expect(start([])).rejects.toThrowError(RangeError);
  await expect(start([backendAt(1)], { probeIntervalMs: 10, probeTimeoutMs: 20 })).rejects.toThrowError(RangeError);
});

test('as a process of its own it says where it listens, forwards, and ends on SIGTERM', async () => {
  const node = await startNode('node');
  const directory = mkdtempSync(join(tmpdir(), 'failover-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'config.json');
  writeFileSync(file, JSON.stringify({ listenHost: '127.0.0.1', listenPort: 0, backends: [node.backend] }));
  const child = spawn(process.execPath, [MAIN, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await until(() => output.includes('failover listens'));
  const { address } = JSON.parse(output.split('\n').find((line) => line.includes('address')) ?? '{}') as {
    address: string;
  };
  expect(await ask({ address })).toBe('node');
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
  writeFileSync(file, '{"listenHost":"127.0.0.1"}');
  const refused = spawn(process.execPath, [MAIN, file], { stdio: ['ignore', 'ignore', 'pipe'] });
  let complaint = '';
  refused.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  expect(await once(refused, 'exit')).toEqual([1, null]);
  expect(complaint).toContain('backends');
});
