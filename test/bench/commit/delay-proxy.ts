import { connect, createServer, type Server, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';

/**
 * A TCP proxy in front of each node, the same for every network: what comes in leaves `delayMs` later, in each direction, at
 * whatever rate it came. In a thread of its own, so that it does not wait for the load generator.
 */
export class DelayProxies {
  readonly ports: readonly number[];
  readonly #worker: Worker | undefined;

  private constructor(ports: readonly number[], worker: Worker | undefined) {
    this.ports = ports;
    this.#worker = worker;
  }

  /** With a delay of 0 there is none, and no ports. */
  static async start(count: number, delayMs: number): Promise<DelayProxies> {
    if (delayMs === 0) return new DelayProxies([], undefined);
    const worker = new Worker(new URL(import.meta.url), { workerData: { count, delayMs } satisfies Task });
    worker.unref();
    const ports = await new Promise<readonly number[]>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    return new DelayProxies(ports, worker);
  }

  /** Where each proxy leads; connections before that are refused. */
  connect(targets: readonly number[]): void {
    this.#worker?.postMessage(targets);
  }

  close(): void {
    void this.#worker?.terminate();
  }
}

interface Task {
  readonly count: number;
  readonly delayMs: number;
}

async function serve({ count, delayMs }: Task): Promise<void> {
  let targets: readonly number[] = [];
  parentPort?.on('message', (ports: readonly number[]) => (targets = ports));
  const servers = Array.from({ length: count }, (_, i) =>
    createServer((inner) => {
      const target = targets[i];
      if (target === undefined) {
        inner.destroy();
        return;
      }
      const outer = connect(target, '127.0.0.1');
      forward(inner, outer, delayMs);
      forward(outer, inner, delayMs);
    }),
  );
  parentPort?.postMessage(await Promise.all(servers.map(listen)));
}

function forward(from: Socket, to: Socket, delayMs: number): void {
  from.setNoDelay(true);
  from.on('data', (chunk: Buffer) => setTimeout(() => to.writable && to.write(chunk), delayMs));
  from.on('end', () => setTimeout(() => to.end(), delayMs));
  from.on('error', () => to.destroy());
  from.on('close', () => setTimeout(() => to.destroy(), delayMs));
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}

if (!isMainThread && workerData !== null) void serve(workerData as Task);
