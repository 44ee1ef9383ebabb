import http from 'node:http';
import type { Registry } from 'prom-client';
import { hostAndPort } from './config.ts';
import { listening } from './listen.ts';

/** Plain HTTP, for Prometheus inside the organisation's own network: `/metrics`, `/livez` and nothing else. */
export async function serveMetrics(registry: Registry, address: string): Promise<() => Promise<void>> {
  const server = http.createServer((request, response) => {
    if (request.method !== 'GET' || (request.url !== '/metrics' && request.url !== '/livez')) {
      response.writeHead(404).end();
      return;
    }
    if (request.url === '/livez') {
      response.writeHead(200).end('ok\n');
      return;
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  const { host, port } = hostAndPort(address);
  await listening(
    'metrics',
    address,
    new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve)),
  );
  return () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
}
