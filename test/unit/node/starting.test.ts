import { get } from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pino } from 'pino';
import { readNodeConfig } from '../../../src/node/config.ts';
import { readGenesis } from '../../../src/node/genesis-command.ts';
import { ChainNode } from '../../../src/node/node.ts';
import { Committee } from '../../fault/committee.ts';

let committee: Committee;
let node: ChainNode | undefined;
const held = Promise.withResolvers<void>();
const reached = Promise.withResolvers<void>();

beforeAll(async () => {
  committee = await Committee.found();
  await committee.freePorts();
});

afterAll(async () => {
  held.resolve();
  await node?.stop();
  await committee?.close();
});

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** `GET /readyz` at a port of this host; null if nobody listens there. */
function readyAt(port: number, ca: string): Promise<Answer | null> {
  return new Promise((resolve, reject) => {
    const asked = get({ host: '127.0.0.1', port, path: '/readyz', ca, agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => (text += part));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    asked.on('error', (error: NodeJS.ErrnoException) => (error.code === 'ECONNREFUSED' ? resolve(null) : reject(error)));
  });
} // prettier-ignore

describe('a node that starts (P6)', () => {
  it('is not ready before its webhook listens, however long that takes', async () => {
    const { files, member } = committee.node('alpha');
    const { founded } = committee;
    const { ca } = founded.hookTls('alpha');
    const atApi = (): Promise<Answer | null> => readyAt(member.ports.api, founded.apiCa('alpha'));
    node = await ChainNode.open({
      config: readNodeConfig(files.config),
      genesis: await readGenesis(files.genesis),
      log: pino({ level: 'silent' }),
      fatal: (error) => reached.reject(error),
      beforeWebhook: () => {
        reached.resolve();
        return held.promise;
      },
    });
    const started = node.start();
    await reached.promise;
    // Nothing else keeps it from being ready.
    expect(await atApi()).toMatchObject({ status: 503, text: expect.stringContaining('["it is starting"]') });
    expect(await readyAt(member.ports.webhook, ca)).toBeNull();
    held.resolve();
    await started;
    expect(await readyAt(member.ports.webhook, ca)).not.toBeNull();
    expect(await atApi()).toMatchObject({ status: 200 });
  });
});
