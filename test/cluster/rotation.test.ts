import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { X509Certificate } from 'node:crypto';
import { connect } from 'node:tls';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findingKey, guardKey, KEY } from '../../src/ledger/execute/keys.ts';
import { rotateCertificates, type CertificateStep } from '../../src/node/certificates-command.ts';
import { parseJson } from '../../src/codec/index.ts';
import { makeNextKey } from '../../src/node/next-key.ts';
import type { Validator } from '../../src/types/chain.ts';
import type { Guard } from '../../src/types/finding.ts';
import { sendSignal } from '../control-plane/process.ts';
import { hookUrl, writeHookFiles } from '../playground/hooks.ts';
import { httpsGet, tailOf } from '../playground/node-process.ts';
import { createdOn } from './log-of.ts';
import { createConfigMap, createNamespace } from './objects.ts';
import { withPlayground } from './with-playground.ts';

const NS = 'dev';
const TIMEOUT_MS = 240_000;
const WRITERS = 3;
const NODES = [0, 1, 2, 3];
const CLUSTER = 'main';

const world = withPlayground({}, async ({ playground }) => {
  await createNamespace(playground, NS);
  await until(
    'the chain knows what to expect of both hooks and the record hook',
    async () => (await guard())?.hooks.length === 3,
  );
});

async function until(what: string, holds: () => boolean | Promise<boolean>, timeoutMs = 60_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await sleep(50);
  }
}

async function state<T>(key: string): Promise<T | undefined> {
  const { values } = await world.committee.reader.state([key]);
  const bytes = values.get(key);
  return bytes === undefined ? undefined : (parseJson(bytes) as unknown as T);
}

const guard = (): Promise<Guard | undefined> => state<Guard>(guardKey(CLUSTER));

interface Writing {
  /** Names that the API server said are stored. */
  readonly created: readonly string[];
  readonly failed: readonly string[];
  /** Returns when every writer has stored so many more. */
  readonly more: (count: number) => Promise<void>;
}

/** People who make changes all the time while `body` runs. */
async function whileWriting(prefix: string, body: (writing: Writing) => Promise<void>): Promise<Writing> {
  const created: string[] = [];
  const failed: string[] = [];
  const counts = Array.from({ length: WRITERS }, () => 0);
  let stopped = false;
  const write = async (writer: number): Promise<void> => {
    for (let i = 0; !stopped; i += 1) {
      const name = `${prefix}-${writer}-${i}`;
      const { status, message } = await createConfigMap(world.playground, 'alice', NS, name);
      counts[writer] = (counts[writer] ?? 0) + 1;
      if (status === 201) created.push(name);
      else failed.push(`${name}: ${status} ${message}`);
      await sleep(20);
    }
  };
  const more = async (count: number): Promise<void> => {
    const targets = counts.map((at) => at + count);
    await until(`${count} more changes of each writer`, () => counts.every((at, i) => at >= (targets[i] ?? 0)));
  };
  const writers = counts.map((_, writer) => write(writer));
  const writing = { created, failed, more };
  try {
    await more(5);
    await body(writing);
    await more(5);
  } finally {
    stopped = true;
    await Promise.all(writers);
  }
  return writing;
}

/** Serial number and issuer of what a node's webhook shows. */
function shown(index: number): Promise<{ serial: string; issuerHash: string }> {
  const { nodes } = world.playground.state;
  return new Promise((resolve, reject) => {
    const port = nodes[index]?.ports.webhook ?? 0;
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      const { serialNumber, issuer } = socket.getPeerX509Certificate() as X509Certificate;
      socket.destroy();
      resolve({ serial: serialNumber, issuerHash: issuer });
    });
    socket.on('error', reject);
  });
}

/** What the failovers ask, and a probe more. */
async function isHookReady(index: number): Promise<boolean> {
  const { layout, state: current } = world.playground;
  const port = current.nodes[index]?.ports.webhook ?? 0;
  const answer = await httpsGet(`https://127.0.0.1:${port}/readyz`, layout.webhookCaFile).catch(() => undefined);
  if (answer?.status !== 200) return false;
  await sleep(600);
  return true;
}

const nodeDir = (index: number): string => {
  const { playground } = world;
  return playground.layout.org(playground.state.nodes[index]?.org ?? '').nodeDir;
};

/** The step at every node, and the node is told; returns when each shows another certificate if the step makes one. */
async function step(name: CertificateStep): Promise<void> {
  const changes = name === 'renew' || name === 'switch-authority';
  for (const index of NODES) {
    const before = await shown(index);
    await rotateCertificates(nodeDir(index), 'webhook', name);
    // Half of them find the new files by themselves.
    const { process } = world.playground.state.nodes[index] ?? {};
    if (index % 2 === 0 && process !== undefined) sendSignal(process, 'SIGHUP');
    if (changes) await until(`node ${index} shows it`, async () => (await shown(index)).serial !== before.serial);
  }
}

/** Bundles of all nodes as they are now, to the failovers and into the webhook configuration in place. */
function giveBundles(): void {
  const { layout, state: current } = world.playground;
  writeHookFiles(layout, current.hooks, current.nodes);
  for (const { process } of current.hooks) if (process !== undefined) sendSignal(process, 'SIGHUP');
}

/** What the failovers and the nodes said last: a failed admission is explained by nothing else. */
function logTails(): string {
  const { hooks, nodes } = world.playground.state;
  return [...hooks, ...nodes].map(({ logFile }) => `${logFile}\n${tailOf(logFile, 6_000)}`).join('\n');
}

describe('rotation under load, without one failed admission (P6, P8)', () => {
  test('every node is restarted, one after the other', { timeout: TIMEOUT_MS }, async () => {
    const { playground } = world;
    const { created, failed } = await whileWriting('restart', async ({ more }) => {
      for (const index of NODES) {
        await playground.stopNode(index);
        await more(3);
        await playground.startNode(index);
        // Both nodes of a group must not be away at once: as an operator does, the next one waits until this one answers its hook again.
        await until(`node ${index} answers its hook`, () => isHookReady(index));
        await more(3);
      }
    });
    expect(failed, failed.length === 0 ? '' : logTails()).toEqual([]);
    for (const index of NODES) {
      const recorded = await createdOn(playground, index, NS);
      expect(created.filter((name) => !recorded.has(name))).toEqual([]);
    }
  });

  test("the webhooks' certificates are renewed while they serve", { timeout: TIMEOUT_MS }, async () => {
    const { failed } = await whileWriting('renew', async ({ more }) => {
      await step('renew');
      await more(5);
    });
    expect(failed).toEqual([]);
  });

  test(
    'nodes rotate the keys that they sign with, and the old ones count no longer',
    { timeout: TIMEOUT_MS },
    async () => {
      const { playground, committee } = world;
      const registered = async (org: string): Promise<Validator> => {
        const all = (await state<readonly Validator[]>(KEY.validators)) ?? [];
        return all.find((validator) => validator.org === org) as Validator;
      };
      const { failed } = await whileWriting('keys', async ({ more }) => {
        for (const [index, purpose, field] of [
          [0, 'tx', 'txKey'],
          [2, 'tx', 'txKey'],
          [1, 'checkpoint', 'checkpointKey'],
        ] as const) {
          const org = playground.state.nodes[index]?.org ?? '';
          const before = await registered(org);
          await makeNextKey(playground.layout.org(org).config, purpose);
          await until(
            `${org} has another ${purpose} key`,
            async () => (await registered(org))[field] !== before[field],
          );
          await more(5);
        }
      });
      expect(failed).toEqual([]);
      await until('every change is handed over', async () => {
        const sets = await committee.reader.validatorSets();
        return sets.length === 4 && sets.every(({ isHandedOver }) => isHandedOver);
      });
      expect(committee.reader.liars).toEqual([]);
    },
  );

  test(
    'the authority is replaced in place, announced by a vote, and is no finding',
    { timeout: TIMEOUT_MS },
    async () => {
      const { playground, committee } = world;
      const { hooks } = playground.state;
      const before = await guard();
      const hashes = (known: Guard | undefined) => known?.hooks.map(({ hash }) => hash);
      const { failed } = await whileWriting('authority', async ({ more }) => {
        await step('prepare-authority');
        giveBundles();
        // What follows the bundle of both: the new authorities alone.
        const next = join(playground.dir, 'next-ca.pem');
        writeFileSync(
          next,
          `${NODES.map((index) => readFileSync(`${nodeDir(index)}/tls/webhook-ca-next.crt`, 'utf8').trimEnd()).join('\n')}\n`,
        );
        const urls = hooks.flatMap((hook) => ['--hook', `${hook.name}=${hookUrl(hook)}`]);
        const bundles = ['--webhook-ca', playground.layout.webhookCaFile, '--webhook-ca', next];
        const proposed = await playground.chain('alice', [
          'propose',
          'authority',
          ...urls,
          ...bundles,
          '--yes',
          '-o',
          'json',
        ]);
        expect(proposed.stderr).not.toContain('error');
        const id = Number(/proposal\/(\d+)|"proposal": ?(\d+)/.exec(proposed.stdout)?.slice(1).find(Boolean));
        await committee.approve(id, ['alice', 'bob', 'carol'], 'EXECUTED');

        await playground.installHooks();
        await until('the bundle of both is expected', async () => {
          const now = await guard();
          return now?.hooks.every(({ announced }) => announced.length === 1) ?? false;
        });
        await more(5);
        await step('switch-authority');
        await more(5);
        await step('retire-authority');
        giveBundles();
        await playground.installHooks();
        await until('the new authority alone is expected', async () => {
          const now = await guard();
          return now?.hooks.every(({ announced }) => announced.length === 0) ?? false;
        });
        await more(5);
      });
      expect(failed).toEqual([]);
      expect(hashes(await guard())).not.toEqual(hashes(before));
      // An observer looks twice a second; what it had found would be there by now.
      await sleep(3_000);
      expect(await state(findingKey(CLUSTER, 1))).toBeUndefined();
    },
  );
});
