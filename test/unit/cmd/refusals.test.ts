import { beforeEach, describe, expect, test } from 'vitest';
import { findKubectl } from '../../../cmd/kubectl-chain/kubectl-process.ts';
import { memoryLastSeen } from '../../../src/client/last-seen.ts';
import { ChainReader } from '../../../src/client/reader.ts';
import { ChainError } from '../../../src/errors/chain-error.ts';
import { FakeTransport } from '../client/fake-node.ts';
import { cleanUp, keyFile, newWorld, pin, type World } from './fake-terminal.ts';
import { newChain, refused } from './world.ts';

cleanUp();
const endpoint = 'https://a.example';
const made = newChain();
refused(made, 'v1', 'v2');
for (const org of ['beta', 'gamma', 'delta']) made.chain.vote(org, 1, { choice: 'reject' });
refused(made, 'v1', 'v3');

let world: World;
beforeEach(() => {
  world = newWorld();
  world.transport = new FakeTransport().add(endpoint, made.node);
  let reads = 0;
  // Each look at the clock is a second later, so that waiting ends.
  world.nowMs = () => made.chain.nowMs + 1_000 * (reads += 1);
  pin(world, made.chain, [endpoint]);
});

describe('a refusal names its code and what to do', () => {
  test.each([
    [['audit', 'nonsense/x', '-n', 'dev'], 'CLI_RESOURCE_TYPE'],
    [['audit', '-o', 'custom-columns=oops'], 'CLI_TEMPLATE'],
    [['audit', 'deploy/web', '-n=dev', '--cluster-name=elsewhere'], 'CLI_CLUSTER'],
    [['audit', '--kubeconfig=/does/not/exist'], 'CLI_FILE'],
    [['audit', '--chain=elsewhere'], 'CLIENT_TRUST_UNKNOWN'],
    [['audit', '--since=yesterday'], 'CLI_USAGE'],
    [['vote', '2', '--approve', '--yes'], 'CLI_NO_KEY'],
    [['vote', '2', '--approve', '--yes', '--key=nobody'], 'CLI_KEY_UNKNOWN'],
    [['wait', 'proposal/2', '--for=approved', '--timeout=2s'], 'CLI_WAIT_TIMEOUT'],
    [['wait', 'proposal/1', '--for=approved'], 'CLI_WAIT_ENDED'],
    [['propose', 'delete', 'deploy/web', '--yes'], 'CLI_KUBECTL'],
  ])('%j is %s', async (args, code) => {
    const ran = await world.run(...args);
    expect(ran.code).toBe(1);
    expect(ran.err).toContain(`[${code}]\n`);
    expect(ran.err.trimEnd().split('\n').length).toBeGreaterThan(1);
  });

  test('also where the answer on a terminal was no', async () => {
    world.replies = ['no'];
    expect((await world.run('vote', '2', '--approve', '--key', keyFile(world, 'bob of beta'))).err).toContain(
      '[CLI_DECLINED]',
    );
  });

  test('also where kubectl, or a kind that it should know, is not there', async () => {
    expect(() => findKubectl({ PATH: '/does/not/exist' })).toThrow(
      expect.objectContaining({ code: 'CLI_KUBECTL_MISSING' }) as Error,
    );
    world.kubectl = (args) => ({
      code: 0,
      stdout: Buffer.from(args.includes('auth') ? '{}' : '{"resources":[]}'),
      stderr: '',
    });
    expect(
      (await world.run('propose', 'delete', 'deploy/web', '--yes', '--key', keyFile(world, 'bob of beta'))).err,
    ).toContain('[CLI_OBJECT]');
  });
});

describe('a transaction that was sent to a node which then fell silent', () => {
  test.each([
    [true, 'CLIENT_OUTCOME_UNKNOWN'],
    [false, 'CLIENT_UNREACHABLE'],
  ])('(sent: %s) is %s', async (wasSent, code) => {
    const transport = new FakeTransport().add(endpoint, made.node);
    transport.post = () =>
      Promise.reject(new ChainError('CLIENT_UNREACHABLE', { endpoints: endpoint, reason: 'socket hang up', wasSent }));
    const reader = new ChainReader({
      genesisHash: made.chain.app.genesisHash,
      endpoints: [endpoint],
      transport,
      lastSeen: memoryLastSeen(),
      nowMs: () => 0,
      maxAgeMs: 1,
    });
    const ballot = made.chain.sign({ ...made.chain.ballot('beta', 2), notAfterMs: made.chain.nowMs + 1 });
    await expect(reader.submit(ballot)).rejects.toMatchObject({ code });
  });
});

test('a node that shows another block at a height that was seen is rolled back', async () => {
  const lastSeen = memoryLastSeen();
  const options = {
    genesisHash: made.chain.app.genesisHash,
    endpoints: [endpoint],
    lastSeen,
    nowMs: () => 0,
    maxAgeMs: 1,
  };
  await new ChainReader({ ...options, transport: new FakeTransport().add(endpoint, made.node) }).head();
  const other = newChain();
  while (other.chain.blocks.length < made.chain.blocks.length) other.chain.block();
  const reader = new ChainReader({ ...options, transport: new FakeTransport().add(endpoint, other.node) });
  await expect(reader.head()).rejects.toMatchObject({ code: 'CLIENT_NO_VERIFIED_ANSWER' });
  expect(reader.liars[0]?.code).toBe('CLIENT_ROLLED_BACK');
});
