import type { ClientRequest } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { describe, expect, it } from 'vitest';
import { createApi } from '../../../src/api/server.ts';
import { makeServerCertificates } from '../../../src/cluster/certificates.ts';
import type { ApiBackend } from '../../../src/ports/api-backend.ts';

/** As many as the node answers at once. */
const requestsMax = 256;

function call(
  port: number,
  method: string,
  path: string,
  agent: https.Agent | false = false,
): { request: ClientRequest; status: Promise<number> } {
  const request = https.request({ host: '127.0.0.1', port, method, path, rejectUnauthorized: false, agent });
  const status = new Promise<number>((resolve) => {
    request.on('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on('error', () => resolve(0));
  });
  return { request, status };
}

async function newApi(backend: ApiBackend): Promise<FastifyInstance> {
  const { certificatePem, privateKeyPem } = await makeServerCertificates({
    dnsNames: ['localhost'],
    ipAddresses: [],
    commonName: 'node',
    days: 1,
  });
  const app = await createApi({
    backend,
    tls: { key: privateKeyPem, cert: certificatePem },
    readiness: () => ({ ready: true, reasons: [] }),
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  return app;
}

describe('P8: callers who hang up', () => {
  it('leave no trace: the node goes on answering the others', async () => {
    let asked = 0;
    let arrived: () => void = () => undefined;
    let decided: (() => void)[] = [];
    const submit = async (): Promise<{ kind: 'unknown'; hash: string }> => {
      const decision = new Promise<void>((resolve) => decided.push(resolve));
      asked += 1;
      arrived();
      await decision;
      return { kind: 'unknown', hash: 'h' };
    };
    const app = await newApi({ submit } as unknown as ApiBackend);
    const { port } = app.server.address() as AddressInfo;
    for (let done = 0; done < requestsMax + 8; done += 44) {
      const all = new Promise<void>((resolve) => {
        arrived = () => asked >= done + 44 && resolve();
      });
      const calls = Array.from({ length: 44 }, () => call(port, 'POST', '/v1/transactions'));
      for (const { request } of calls) request.end('x');
      await Promise.race([all, ...calls.map(({ status }) => status)]);
      for (const { request } of calls) request.destroy();
      await Promise.all(calls.map(({ status }) => status));
      // The server has heard of it, too, before the decision comes.
      await new Promise((resolve) => setTimeout(resolve, 20));
      for (const tell of decided.splice(0)) tell();
    }
    decided = [];
    const { request, status } = call(port, 'GET', '/livez');
    request.end();
    expect(await status).toBe(200);
    await app.close();
  });

  it('and so does one who asks again and again over one connection', async () => {
    const app = await newApi({} as ApiBackend);
    const { port } = app.server.address() as AddressInfo;
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
    const statuses = new Set<number>();
    for (let i = 0; i < requestsMax + 8; i += 1) {
      const { request, status } = call(port, 'GET', '/livez', agent);
      request.end();
      statuses.add(await status);
    }
    expect([...statuses]).toEqual([200]);
    agent.destroy();
    await app.close();
  });
});
