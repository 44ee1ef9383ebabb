import { once } from 'node:events';
import { connect as tcpConnect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { deploymentUpdate } from '../change/reviews.ts';
import { makeCertificates, send, start, type Certificates, type Running } from './fixture.ts';
import { ADMIT_FIELDS, H2_FRAME, h2Frame, h2Headers, rawH2, rawHttp1, type RawClient } from './raw.ts';

const REVIEW = JSON.stringify(deploymentUpdate((object) => void (object['spec'].replicas = 4)));
const HEAD = 'POST /admit?timeout=10s HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n';
/** For what surely comes, on however busy a machine. */
const waiting = { timeout: 30_000 };
let certificates: Certificates;
let running: Running;

beforeAll(async () => {
  certificates = await makeCertificates();
});

afterEach(async () => running.webhook.close());

async function startWith(limits: NonNullable<Parameters<typeof start>[1]>['limits'] = {}): Promise<Running> {
  running = await start(certificates, { limits: { drainTimeoutMs: 200, ...limits } });
  return running;
}

/** The API server goes on meanwhile, over a connection of its own. */
async function honest(): Promise<void> {
  const reply = await send(running.port, REVIEW, { client: certificates.apiServer });
  expect(reply.json.response.allowed).toBe(true);
}

const counted = (reason: string): number => running.recorder.refusals.filter((other) => other === reason).length;

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('what is no TLS 1.3, no HTTP, or too slow', () => {
  it('plain HTTP and TLS 1.2 are refused in the handshake, and counted', async () => {
    const { port } = await startWith();
    const plain = tcpConnect(port, '127.0.0.1');
    plain.on('error', () => undefined);
    plain.write(`${HEAD}content-length: 2\r\n\r\n{}`);
    let answered = '';
    plain.on('data', (data: Buffer) => (answered += data.toString()));
    await new Promise((resolve) => plain.once('close', resolve));
    expect(answered).not.toContain('200');
    await until(() => counted('tls') === 1);
    const old = send(port, REVIEW, { client: certificates.apiServer, tls: { maxVersion: 'TLSv1.2' } });
    await expect(old).rejects.toThrow(/protocol|version/i);
    await until(() => counted('tls') === 2);
    await honest();
  });

  it.each([
    ['no HTTP at all', 'hello\r\n\r\n'],
    ['a header line without a colon', `${HEAD}what\r\n\r\n`],
    ['two lengths that differ', `${HEAD}content-length: 2\r\ncontent-length: 3\r\n\r\n{}`],
    ['a length and chunks', `${HEAD}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['headers of 20 KB', `${HEAD}x: ${'x'.repeat(20_000)}\r\n\r\n`],
  ])('%s: 400 with a code, counted, connection closed', async (_what, bytes) => {
    const { port, ledger } = await startWith();
    const raw = rawHttp1(port, certificates.apiServer);
    raw.write(bytes);
    await raw.closed;
    expect(raw.received).toMatch(/^HTTP\/1\.1 400 /);
    expect(raw.received).toContain('"code":"WEBHOOK_HTTP"');
    expect(counted('http')).toBe(1);
    expect(ledger.asked).toEqual([]);
    await honest();
  });

  it('headers that come byte by byte end after the timeout, from the API server too', async () => {
    const { port } = await startWith({ headersTimeoutMs: 200 });
    const slow = [certificates.apiServer, undefined].map((client) => rawHttp1(port, client));
    const dripping = Promise.all(slow.map((raw) => raw.drip(HEAD + 'x: y\r\n'.repeat(100), 20)));
    await honest();
    await dripping;
    expect(slow.map(({ isClosed }) => isClosed)).toEqual([true, true]);
    expect(counted('http')).toBe(2);
    await honest();
  });

  it('a body that comes byte by byte over h2 ends after the timeout', async () => {
    const { port } = await startWith({ bodyTimeoutMs: 100 });
    const raw = rawH2(port, certificates.apiServer);
    raw.write(h2Frame(H2_FRAME.headers, 4, 1, h2Headers(ADMIT_FIELDS)));
    for (let i = 0; counted('body-slow') === 0; i += 1) {
      raw.write(h2Frame(0, 0, 1, Buffer.from(' ')));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await honest();
  });
});

describe('many connections', () => {
  it('that an API server begins at once for two hundred parallel writers are all kept', async () => {
    const { port } = await startWith();
    const sockets = Array.from({ length: 200 }, () => tcpConnect(port, '127.0.0.1'));
    onTestFinished(() => sockets.forEach((socket) => socket.destroy()));
    for (const socket of sockets) socket.on('error', () => undefined);
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    // All are here before the first one shows who it is.
    await honest();
    expect(counted('too-many')).toBe(0);
  });

  it('two thousand that send nothing cost their opener its own: the API server gets in meanwhile', async () => {
    const { port } = await startWith({
      strangersMax: 300,
      strangersPerAddressMax: 300,
      strangerIdleMs: 2_000,
    });
    const open = new Set<unknown>();
    let ended = 0;
    const sockets: Socket[] = [];
    onTestFinished(() => sockets.forEach((socket) => socket.destroy()));
    const openOne = (): Promise<void> =>
      new Promise((resolve) => {
        const socket = tcpConnect(port, '127.0.0.1', () => {
          open.add(socket);
          resolve();
        });
        socket.resume().on('error', () => undefined);
        socket.once('close', () => {
          open.delete(socket);
          ended += 1;
          resolve();
        });
        sockets.push(socket);
      });
    // No more at once than the kernel keeps for a server.
    for (let i = 0; i < 20; i += 1) {
      await Promise.all(Array.from({ length: 100 }, openOne));
      if (i % 4 === 0) await honest();
    }
    await until(() => ended >= 1_700);
    await honest();
    expect(counted('too-many')).toBeGreaterThan(1_000);
    expect(counted('tls')).toBe(0);
    // And those left end, as they say nothing.
    await until(() => ended === 2_000 && open.size === 0);
    expect(counted('idle')).toBeGreaterThan(0);
    await honest();
  });

  it('a probe that asks again and again keeps its connection; a caller without certificate loses it with its first review', async () => {
    const { port } = await startWith({ strangerIdleMs: 1_500 });
    const probe = rawHttp1(port, undefined);
    // In all twice as long as a quiet one may stay.
    for (let asked = 1; asked <= 10; asked += 1) {
      probe.write('GET /livez HTTP/1.1\r\nhost: x\r\n\r\n');
      await vi.waitFor(() => expect(probe.received.match(/200 OK/g)).toHaveLength(asked), waiting);
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    expect(probe.isClosed).toBe(false);
    const forger = rawHttp1(port, undefined);
    forger.write(`${HEAD}content-length: ${REVIEW.length}\r\n\r\n`);
    await forger.closed;
    expect(forger.received).toMatch(/^HTTP\/1\.1 403 [\s\S]*WEBHOOK_CALLER/);
    await vi.waitFor(() => expect(probe.isClosed).toBe(true), waiting);
  }, 90_000);

  it('forged reviews without end make one line of the log a second, and all of them are counted', async () => {
    const { port, recorder } = await startWith();
    await Promise.all(Array.from({ length: 50 }, () => send(port, REVIEW)));
    expect(counted('no-certificate')).toBe(50);
    expect(recorder.log.filter((line) => line.includes('caller refused')).length).toBeLessThan(10);
  });
});

describe('bodies that lie', () => {
  it('a compressed body is refused unread: no gzip bomb', async () => {
    const { port } = await startWith();
    const bomb = gzipSync(Buffer.alloc(20_000_000));
    const headers = { 'content-encoding': 'gzip' };
    const reply = await send(port, bomb, { client: certificates.apiServer, headers });
    expect(reply).toMatchObject({ status: 415, json: { code: 'WEBHOOK_CONTENT_ENCODING' } });
    expect(counted('content-encoding')).toBe(1);
    await honest();
  });

  it('64 MiB are refused by what is announced, and cut where nothing is announced', async () => {
    const { port } = await startWith();
    const announced = rawHttp1(port, certificates.apiServer);
    announced.write(`${HEAD}content-length: ${64 * 1024 * 1024}\r\n\r\n`);
    await announced.closed;
    expect(announced.received).toContain('WEBHOOK_BODY_TOO_LARGE');
    const endless = rawHttp1(port, certificates.apiServer);
    endless.write(`${HEAD}transfer-encoding: chunked\r\n\r\n`);
    const chunk = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(1024 * 1024, 0x20), Buffer.from('\r\n')]);
    for (let sent = 0; sent < 64 && !endless.isClosed; sent += 1) {
      endless.write(chunk);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => counted('body-size') === 2);
    await honest();
  });

  it('chunks that never end are cut by time, and what they held is given back', async () => {
    const { port, recorder } = await startWith({ bodyTimeoutMs: 200, bodyBytesMax: 50_000, bodiesBytesMax: 50_000 });
    const raw = rawHttp1(port, certificates.apiServer);
    raw.write(`${HEAD}transfer-encoding: chunked\r\n\r\n9c40\r\n${' '.repeat(40_000)}\r\n`);
    await until(() => counted('body-slow') === 1);
    await raw.closed;
    expect(recorder.load[1]).toBe(0);
    await honest();
  });

  it('fewer bytes than announced are a broken body, not half a review', async () => {
    const { port, ledger } = await startWith();
    const raw = rawHttp1(port, certificates.apiServer);
    raw.write(`${HEAD}expect: 100-continue\r\ncontent-length: ${REVIEW.length + 10}\r\n\r\n`);
    // The server has begun to read.
    await until(() => raw.received.includes('100 Continue'));
    raw.write(REVIEW);
    await new Promise((resolve) => setTimeout(resolve, 20));
    raw.socket.destroy();
    await until(() => running.recorder.refusals.length + running.recorder.outcomes.length === 1);
    expect(counted('body-broken')).toBe(1);
    expect(ledger.asked).toEqual([]);
    expect(running.recorder.log.join()).not.toContain('call failed');
    await honest();
  });

  it.each([
    ['300 levels of lists', `{"a":${'['.repeat(300)}${']'.repeat(300)}}`, 'CODEC_JSON_DEPTH'],
    ['a million levels of lists', `{"a":${'['.repeat(1_000_000)}`, 'CODEC_JSON_DEPTH'],
    ['two million values', `{"a":[${'1,'.repeat(2_000_000)}1]}`, 'CODEC_JSON_NODES'],
    ['a review of another version', REVIEW.replace('k8s.io/v1"', 'k8s.io/v1beta1"'), ''],
    ['another kind', REVIEW.replace('AdmissionReview', 'TokenReview'), ''],
    ['a number of ten thousand digits', `{"a":${'9'.repeat(10_000)}}`, 'CODEC_JSON_NUMBER'],
  ])('%s: refused with a code', async (_what, body, code) => {
    const { port, ledger } = await startWith();
    const reply = await send(port, body, { client: certificates.apiServer });
    if (code === '') expect(reply.json.response).toMatchObject({ allowed: false, status: { code: 400 } });
    else expect(reply.json).toMatchObject({ code });
    expect(ledger.asked).toEqual([]);
    expect(running.recorder.refusals.length + running.recorder.outcomes.length).toBe(1);
    await honest();
  });
});

describe('h2', () => {
  const streams = function* (raw: RawClient, count: number): Generator<void> {
    for (let i = 0; i < count && !raw.isClosed; i += 1) {
      const id = 2 * i + 1;
      yield raw.write(
        h2Frame(H2_FRAME.headers, 4, id, h2Headers(ADMIT_FIELDS)),
        h2Frame(H2_FRAME.reset, 0, id, Buffer.from([0, 0, 0, 8])),
      );
    }
  };

  it('streams opened and reset without end end the session', async () => {
    const { port } = await startWith();
    const raw = rawH2(port, certificates.apiServer);
    let sent = 0;
    for (const _ of streams(raw, 100_000)) {
      sent += 1;
      if (sent % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(sent).toBeLessThan(100_000);
    await raw.closed;
    await honest();
  });

  it.each([
    ['pings', () => h2Frame(H2_FRAME.ping, 0, 0, Buffer.alloc(8))],
    ['settings', () => h2Frame(H2_FRAME.settings, 0, 0)],
  ])('a flood of %s that nobody reads the answers of ends the session', async (_what, frame) => {
    const { port } = await startWith();
    const raw = rawH2(port, certificates.apiServer);
    await new Promise((resolve) => raw.socket.once('secureConnect', resolve));
    raw.socket.pause();
    const flood = Buffer.concat(Array.from({ length: 1_000 }, frame));
    for (let i = 0; i < 2_000 && !raw.socket.destroyed && raw.socket.writable; i += 1) {
      raw.write(flood);
      await new Promise((resolve) => setImmediate(resolve));
      if (i % 100 === 0) await honest();
    }
    raw.socket.resume();
    await raw.closed;
    await honest();
  });

  it.each([
    ['a header list of 100 KB', h2Headers([...ADMIT_FIELDS, ...manyFields(100, 1_000)])],
    ['ten thousand fields', h2Headers([...ADMIT_FIELDS, ...manyFields(10_000, 1)])],
  ])('%s is refused', async (_what, block) => {
    const { port, ledger } = await startWith();
    const raw = rawH2(port, certificates.apiServer);
    raw.write(h2Frame(H2_FRAME.headers, 0, 1, block.subarray(0, 16_000)));
    for (let at = 16_000; at < block.length; at += 16_000)
      raw.write(
        h2Frame(H2_FRAME.continuation, at + 16_000 >= block.length ? 4 : 0, 1, block.subarray(at, at + 16_000)),
      );
    raw.write(h2Frame(0, 1, 1, Buffer.from(REVIEW)));
    await honest();
    expect(ledger.asked).toHaveLength(1);
  });

  it('more streams at once than allowed are refused, the session goes on', async () => {
    const { port } = await startWith({ bodyTimeoutMs: 300 });
    const raw = rawH2(port, certificates.apiServer);
    for (let i = 0; i < 300; i += 1) raw.write(h2Frame(H2_FRAME.headers, 4, 2 * i + 1, h2Headers(ADMIT_FIELDS)));
    await honest();
    await until(() => counted('body-slow') > 0);
    expect(counted('body-slow')).toBeLessThanOrEqual(256);
    await honest();
  });
});

function manyFields(count: number, chars: number): (readonly [string, string])[] {
  return Array.from({ length: count }, (_, i) => [`x-${i}`, 'x'.repeat(chars)] as const);
}
