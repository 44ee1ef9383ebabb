import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PortReservation } from '../playground/ports.ts';
import { expectOneLogWith } from './checks.ts';
import { Committee, type Change, type FaultNode } from './committee.ts';
import { NodeReader } from './node-reader.ts';
import { NodeRun } from './node-run.ts';
import { waitFor } from './wait-for.ts';

const EVENTUALLY_MS = 150_000;

let committee: Committee;
let delta: FaultNode;
const changes: Change[] = [];

beforeAll(async () => {
  committee = await Committee.found();
  delta = committee.node('delta');
  await committee.start();
});

afterAll(() => committee?.close());

describe('P7: a data folder that was copied, so that one key is started twice', () => {
  it('each of the two that hears of the other signs nothing more and says so; the chain goes on and does not fork', async () => {
    changes.push(await committee.mustChange('before', ['alpha', 'gamma']));
    await delta.stop();
    const copied = join(committee.dir, 'copied');
    cpSync(delta.files.dataDir, copied, { recursive: true });
    await delta.start();
    await delta.ready();

    const ports = new PortReservation();
    const [peer = 0, api = 0] = await ports.take(2);
    const config = parse(readFileSync(delta.files.config, 'utf8')) as { peer: object; api: object; webhook?: object };
    const { webhook: _webhook, ...rest } = config;
    const configFile = join(committee.dir, 'copied.yaml');
    const listen = (port: number): string => `127.0.0.1:${port}`;
    const changed = {
      ...rest,
      dataDir: copied,
      peer: { ...rest.peer, listen: listen(peer) },
      api: { ...rest.api, listen: listen(api) },
    };
    writeFileSync(configFile, stringify(changed));
    await ports.releaseAll();
    const logFile = join(committee.dir, 'copied.log');
    const twin = await NodeRun.start(configFile, logFile);
    const reader = new NodeReader(committee.founded, { ...delta.member, ports: { ...delta.member.ports, api } });
    try {
      const said = async (who: NodeReader): Promise<string> =>
        (await who.status().catch(() => ({ notReady: [] as readonly string[] }))).notReady.join('\n');
      const silent = await waitFor(
        'one of the two that signs nothing any more',
        async () => {
          changes.push(await committee.change(`twice-${changes.length}`, ['alpha', 'gamma']));
          const both = await Promise.all([delta.reader, reader].map(said));
          return both.find((text) => text.includes('signs nothing any more'));
        },
        EVENTUALLY_MS,
      );
      expect(silent).toContain('another process signed with its vote key');
    } finally {
      reader.close();
      await twin.kill();
    }
    const log = await expectOneLogWith(committee, changes);
    // Whoever is accused of signing twice is the one who did.
    expect(log.filter(({ accused }) => accused !== '' && accused !== 'delta')).toEqual([]);

    // The other one is gone: after a restart it observes, and then takes part again.
    await delta.stop();
    await delta.start();
    await delta.answering();
    await waitFor(
      'a delta that signs again',
      async () => {
        changes.push(await committee.change(`again-${changes.length}`, ['alpha', 'gamma']));
        const { notReady } = await delta.reader.status();
        return notReady.length === 0 ? true : undefined;
      },
      EVENTUALLY_MS,
    );
    changes.push(await committee.mustChange('after', ['alpha', 'gamma']));
    await expectOneLogWith(committee, changes);
  });
});
