import { once } from 'node:events';
import { connect as http2Connect } from 'node:http2';
import { Agent } from 'node:https';
import { connect } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createWebhook } from '../../../webhook/index.ts';
import { configMapUpdate, deploymentUpdate } from '../change/reviews.ts';
import { issue } from '../../control-plane/pki.ts';
import { ADMITTED, makeCertificates, send, sendH2, start, type Certificates, type Running } from './fixture.ts';

const REVIEW = JSON.stringify(deploymentUpdate((object) => void (object['spec'].replicas = 4)));
const PATH_SECRET = 'b7Q2m0c9Zp4xT1yVn8Ls3w';
let certificates: Certificates;
let running: Running;

beforeAll(async () => {
  certificates = await makeCertificates();
});

async function startWith(options: Parameters<typeof start>[1] = {}): Promise<Running> {
  running = await start(certificates, options);
  return running;
}

afterEach(async () => running.webhook.close());

/** The first line of the answer to headers that are followed by no body. */
function announce(port: number, bytes: number): Promise<string> {
  const { privateKey: key, certificate: cert } = certificates.apiServer;
  const socket = tlsConnect({
    host: '127.0.0.1',
    port,
    key,
    cert,
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
  });
  socket.write(`POST /admit HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${bytes}\r\n\r\n`);
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('data', (data: Buffer) => {
      resolve(data.toString().split('\r\n')[0] ?? '');
      socket.destroy();
    });
  });
}

describe('who may ask', () => {
  it('the API server with its client certificate', async () => {
    const { port } = await startWith();
    const reply = await send(port, REVIEW, { client: certificates.apiServer });
    expect(reply.status).toBe(200);
    expect(reply.json.response).toMatchObject({ allowed: true, uid: '6d9a61a6-6a8c-4f0a-9d9e-0c8d3c3f7a11' });
  });

  it('nobody without a certificate, with one of another name or of another authority', async () => {
    const { port, recorder, ledger } = await startWith();
    for (const client of [undefined, certificates.somebody, certificates.stranger]) {
      const reply = await send(port, REVIEW, { client });
      expect(reply.status).toBe(403);
      expect(reply.json).toMatchObject({ code: 'WEBHOOK_CALLER' });
    }
    expect(recorder.refusals).toEqual(['no-certificate', 'wrong-certificate', 'wrong-certificate']);
    expect(ledger.asked).toEqual([]);
  });

  it('who knows the secret path, where no client authority is configured', async () => {
    const { key, cert } = { key: certificates.server.privateKey, cert: certificates.server.certificate };
    const { port, recorder } = await startWith({ tls: { key, cert }, pathSecret: PATH_SECRET });
    expect((await send(port, REVIEW, { path: `/admit/${PATH_SECRET}?timeout=10s` })).json.response.allowed).toBe(true);
    expect((await send(port, REVIEW, { path: '/admit/wrong' })).status).toBe(403);
    expect((await send(port, REVIEW)).status).toBe(403);
    expect(recorder.refusals).toEqual(['wrong-path', 'wrong-path']);
    expect(recorder.log.join()).not.toContain(PATH_SECRET);
  });

  it('only callers with both, where both are configured', async () => {
    const { port } = await startWith({ pathSecret: PATH_SECRET });
    const path = `/admit/${PATH_SECRET}`;
    expect((await send(port, REVIEW, { path })).status).toBe(403);
    expect((await send(port, REVIEW, { client: certificates.apiServer })).status).toBe(403);
    expect((await send(port, REVIEW, { path, client: certificates.apiServer })).status).toBe(200);
  });

  it('a webhook that anybody could ask does not start', async () => {
    await startWith();
    const tls = { key: certificates.server.privateKey, cert: certificates.server.certificate };
    const options = {
      ...running,
      tls,
      cluster: 'c' as never,
      hookName: 'h',
      sha256: undefined as never,
      hmacSha256: undefined as never,
      ready: () => ({ ready: true, reasons: [] }),
      logger: running.recorder.logger,
    };
    expect(() => createWebhook(options)).toThrow('who may ask');
    expect(() => createWebhook({ ...options, pathSecret: 'short' })).toThrow('fewer than');
  });

  it('no caller below TLS 1.3', async () => {
    const { port } = await startWith();
    await expect(
      send(port, REVIEW, { client: certificates.apiServer, tls: { maxVersion: 'TLSv1.2' } }),
    ).rejects.toThrow(/protocol|version/i);
  });
});

describe('probes', () => {
  it('need no certificate and tell ready from alive', async () => {
    let ready = false;
    const { port } = await startWith({ ready: () => ({ ready, reasons: ready ? [] : ['no quorum'] }) });
    const get = (path: string) => send(port, undefined, { path, method: 'GET' });
    expect((await get('/livez')).status).toBe(200);
    expect(await get('/readyz')).toMatchObject({ status: 503, json: { ready: false, reasons: ['no quorum'] } });
    ready = true;
    expect((await get('/readyz')).status).toBe(200);
    expect((await get('/metrics')).status).toBe(404);
  });
});

describe('the wire', () => {
  it('many reviews share one connection, also after an idle time in which the API server keeps it', async () => {
    const { port } = await startWith();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let i = 0; i < 5; i++) {
      const reply = await send(port, REVIEW, { client: certificates.apiServer, agent });
      expect(reply.headers['keep-alive']).toMatch(/timeout=1[12]\d/);
    }
    agent.destroy();
  });

  it('h2 is spoken where it is offered, with the same authentication', async () => {
    const { port, ledger } = await startWith();
    const replies = await sendH2(port, [REVIEW, REVIEW, REVIEW], certificates.apiServer);
    expect(replies.map(({ json }) => json.response.allowed)).toEqual([true, true, true]);
    expect(ledger.asked).toHaveLength(3);
    const [refused] = await sendH2(port, [REVIEW], certificates.somebody);
    expect(refused?.status).toBe(403);
  });

  it('only application/json is read', async () => {
    const { port, recorder } = await startWith();
    const ask = (type: string) =>
      send(port, REVIEW, { client: certificates.apiServer, headers: { 'content-type': type } });
    expect(await ask('text/plain')).toMatchObject({ status: 415, json: { code: 'WEBHOOK_CONTENT_TYPE' } });
    expect((await ask('application/json; charset=utf-8')).status).toBe(200);
    expect(recorder.refusals).toEqual(['content-type']);
  });

  it('a body that announces too much is turned away unread, one that only becomes too large is cut', async () => {
    const limits = { bodyBytesMax: 100_000, bodiesBytesMax: 1_000_000 };
    const { port, recorder } = await startWith({ limits });
    const big = ' '.repeat(100_001);
    expect(await send(port, big, { client: certificates.apiServer })).toMatchObject({
      status: 413,
      json: { code: 'WEBHOOK_BODY_TOO_LARGE' },
    });
    const [streamed] = await sendH2(port, [big], certificates.apiServer);
    expect(streamed?.status).toBe(413);
    expect(recorder.refusals).toEqual(['body-size', 'body-size']);
  });

  it('bodies that do not fit together wait: 429 with Retry-After, which the API server repeats by itself', async () => {
    const limits = { bodyBytesMax: 50_000, bodiesBytesMax: 60_000 };
    const { port, ledger, recorder } = await startWith({ limits });
    const large = JSON.stringify(configMapUpdate({ a: '' }, { a: 'x'.repeat(40_000) }));
    let finish = (): void => undefined;
    const held = new Promise<void>((resolve) => (finish = resolve));
    let asked = (): void => undefined;
    const isAsked = new Promise<void>((resolve) => (asked = resolve));
    ledger.outcome = async () => {
      asked();
      await held;
      return ADMITTED;
    };
    const first = send(port, large, { client: certificates.apiServer });
    await isAsked;
    const second = await send(port, large, { client: certificates.apiServer });
    expect(second).toMatchObject({
      status: 429,
      headers: { 'retry-after': '1' },
      json: { code: 'WEBHOOK_BODIES_FULL' },
    });
    // What is announced counts before it is sent: this caller never sends its body.
    const announced = await announce(port, 40_000);
    expect(announced).toContain('429');
    finish();
    expect((await first).json.response.allowed).toBe(true);
    // What was held is given back, or this one would not fit.
    expect((await send(port, large, { client: certificates.apiServer })).json.response.allowed).toBe(true);
    expect(recorder.refusals).toEqual(['bodies-full', 'bodies-full']);
  });

  it('a caller that sends its body drop by drop is cut off, and its share given back', async () => {
    const limits = { bodyBytesMax: 50_000, bodiesBytesMax: 50_000, bodyTimeoutMs: 50 };
    const { port, recorder } = await startWith({ limits });
    const { privateKey: key, certificate: cert } = certificates.apiServer;
    const socket = tlsConnect({
      host: '127.0.0.1',
      port,
      key,
      cert,
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
    });
    socket.on('error', () => undefined);
    socket.write('POST /admit HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 49000\r\n\r\n{');
    await new Promise((resolve) => socket.once('close', resolve));
    expect(recorder.refusals).toEqual(['body-slow']);
    expect((await send(port, REVIEW, { client: certificates.apiServer })).status).toBe(200);
  });

  it('what is no review at all is an HTTP error without a decision', async () => {
    const { port, ledger } = await startWith();
    for (const body of ['', 'null', '{}', '{"request":{}}', '{"a":1,"a":2}', REVIEW.slice(0, -1)]) {
      const reply = await send(port, body, { client: certificates.apiServer });
      expect(reply.status).toBe(400);
      expect(reply.text).not.toContain('allowed');
    }
    expect(ledger.asked).toEqual([]);
  });

  it('a new certificate is shown to new connections without a restart', async () => {
    const { port, webhook } = await startWith();
    const renewed = await issue(certificates.clients, { commonName: 'renewed', hosts: ['127.0.0.1'] });
    webhook.setTls({ key: renewed.privateKey, cert: renewed.certificate, clientCa: certificates.clients.certificate });
    const shown = await new Promise<string | undefined>((resolve) => {
      const socket = tlsConnect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
        resolve([socket.getPeerCertificate().subject.CN].flat()[0]);
        socket.destroy();
      });
    });
    expect(shown).toBe('renewed');
    expect((await send(port, REVIEW, { client: certificates.apiServer })).status).toBe(200);
    expect(() => webhook.setTls({ key: renewed.privateKey, cert: renewed.certificate })).toThrow('not taken away');
  });

  it('closing lets a review in progress end, over either protocol', async () => {
    const { port, ledger, webhook } = await startWith();
    let asked = 0;
    let finish = (): void => undefined;
    const held = new Promise<void>((resolve) => (finish = resolve));
    const bothAsked = new Promise<void>((resolve) => {
      ledger.outcome = async () => {
        if (++asked === 2) resolve();
        await held;
        return ADMITTED;
      };
    });
    const agent = new Agent({ keepAlive: true });
    const answers = [
      send(port, REVIEW, { client: certificates.apiServer, agent }),
      sendH2(port, [REVIEW], certificates.apiServer).then(([reply]) => reply!),
    ];
    await bothAsked;
    const closed = webhook.close();
    finish();
    for (const reply of await Promise.all(answers)) expect(reply.json.response.allowed).toBe(true);
    agent.destroy();
    await closed;
    await expect(send(port, REVIEW, { client: certificates.apiServer })).rejects.toThrow('ECONNREFUSED');
  });

  it('P6: a connection whose handshake ends while the webhook closes hears of it, and is not cut off in the end', async () => {
    const { port, webhook, recorder } = await startWith({ limits: { drainTimeoutMs: 20_000 } });
    const { privateKey: key, certificate: cert } = certificates.apiServer;
    const first = http2Connect(`https://127.0.0.1:${port}`, { key, cert, rejectUnauthorized: false });
    await once(first, 'connect');
    const tcp = connect({ host: '127.0.0.1', port });
    await once(tcp, 'connect');
    // Answered on a later connection: the server has accepted this one too.
    await send(port, REVIEW, { client: certificates.apiServer });
    const closed = webhook.close();
    await once(first, 'close');
    await expect(send(port, REVIEW, { client: certificates.apiServer })).rejects.toThrow('ECONNREFUSED');
    const late = http2Connect(`https://127.0.0.1:${port}`, {
      createConnection: () => tlsConnect({ socket: tcp, key, cert, rejectUnauthorized: false, ALPNProtocols: ['h2'] }),
    });
    late.on('error', () => undefined);
    const isTold = once(late, 'goaway').then(() => 'told');
    expect(await Promise.race([isTold, once(late, 'close').then(() => 'cut off')])).toBe('told');
    await closed;
    expect(recorder.refusals).toEqual([]);
  });

  it('a node that is not ready answers, and sends its callers elsewhere for the next call', async () => {
    let ready = true;
    const { port } = await startWith({ ready: () => ({ ready, reasons: [] }) });
    const { privateKey: key, certificate: cert } = certificates.apiServer;
    const session = http2Connect(`https://127.0.0.1:${port}`, { key, cert, rejectUnauthorized: false });
    const ask = async (): Promise<unknown> => {
      const headers = { ':method': 'POST', ':path': '/admit', 'content-type': 'application/json' };
      const stream = session.request(headers).end(REVIEW);
      const [answered] = await once(stream, 'response');
      stream.resume();
      await once(stream, 'close');
      return (answered as { ':status': number })[':status'];
    };
    let told = 0;
    session.on('goaway', () => (told += 1));
    expect(await ask()).toBe(200);
    expect(told).toBe(0);
    ready = false;
    expect(await ask()).toBe(200);
    expect(told).toBe(1);
    session.destroy();
  });
});
