import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { startFailover } from './failover.ts';

/**
 * The failover as a process of its own: `node webhook/failover-main.ts <config.json>`. Prints one JSON line with its address when it
 * listens; SIGHUP makes it read the authorities of the nodes again, SIGTERM or SIGINT end it. An unusable configuration or a taken port ends it with status 1 and the reason on stderr.
 */
const Config = z.strictObject({
  listenHost: z.string(),
  listenPort: z.int().min(0).max(65_535),
  backends: z
    .array(
      z.strictObject({
        host: z.string(),
        port: z.int().min(1).max(65_535),
        probe: z.strictObject({ url: z.url({ protocol: /^https$/ }), caPem: z.string() }),
      }),
    )
    .min(1),
  probeIntervalMs: z.int().positive().optional(),
  probeTimeoutMs: z.int().positive().optional(),
  connectTimeoutMs: z.int().positive().optional(),
  connectionsMax: z.int().positive().optional(),
});

function withoutUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as never;
}

async function main(): Promise<void> {
  const file = process.argv[2];
  if (file === undefined) throw new Error('usage: node failover-main.ts <config.json>');
  const read = () => Config.parse(JSON.parse(readFileSync(file, 'utf8')));
  const config = read();
  const say = (fields: object, message: string) => process.stdout.write(JSON.stringify({ ...fields, message }) + '\n');
  const failover = await startFailover({ ...withoutUndefined(config), logger: { info: say } });
  say({ address: failover.address }, 'failover listens');
  process.on('SIGHUP', () => {
    try {
      failover.trust(read().backends.map(({ probe }) => probe));
      say({}, 'authorities read again');
    } catch (error) {
      say({ reason: error instanceof Error ? error.message : String(error) }, 'the configuration is not taken');
    }
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void failover.stop());
}

await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
