/** A node's webhook port as a process of its own, for tests that stop and kill it. Prints its port as one JSON line. */
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';

const { name, key, cert, port } = JSON.parse(process.argv[2] ?? '{}') as Record<'name' | 'key' | 'cert', string> & {
  port: number;
};
const server = createServer({ key, cert }, (request, response) => {
  response.end(request.url === '/readyz' ? 'ok' : name);
});
server.listen(port, '127.0.0.1', () => {
  process.stdout.write(JSON.stringify({ port: (server.address() as AddressInfo).port }) + '\n');
});
