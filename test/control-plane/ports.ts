import { randomInt } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { createServer } from 'node:net';

/**
 * Below the range from which Linux takes the local ports of outgoing connections (32768 and up): a server that was killed finds its port
 * free again when it starts, which a port handed out for 0 does not promise.
 */
const PORT_MIN = 20_000;
const PORT_MAX = 32_000;
const ATTEMPTS_MAX = 200;

/**
 * What this process was given is nobody else's until it ends, also while no server listens there: the UDP port of the same number, which nothing here uses, is taken as
 * a sign. So a server that is stopped for a while finds its port again, whatever other tests start meanwhile.
 */
const kept = new Set<Socket>();

/**
 * Different ports of 127.0.0.1 that nobody listens on, and that no other process gets from here as long as this one lives. A program that does not ask here may take one
 * before it is used: whoever starts a server on it tries again with another one.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  for (let attempt = 0; ports.size < count; attempt += 1) {
    if (attempt > ATTEMPTS_MAX + count) throw new Error(`no ${count} free ports between ${PORT_MIN} and ${PORT_MAX}`);
    const port = randomInt(PORT_MIN, PORT_MAX);
    const sign = await keep(port);
    if (sign === undefined) continue;
    if (await isFree(port)) {
      kept.add(sign);
      ports.add(port);
    } else sign.close();
  }
  return [...ports];
}

/** Undefined if somebody has it, this process included. */
function keep(port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => {
      socket.close();
      resolve(undefined);
    });
    socket.bind({ port, address: '127.0.0.1', exclusive: true }, () => {
      socket.unref();
      resolve(socket);
    });
  });
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
