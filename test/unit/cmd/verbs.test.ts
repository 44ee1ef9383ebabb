import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { openMemberDescriptor } from '../../../src/client/descriptor.ts';
import { signBytes } from '../../../src/consensus/index.ts';
import { genesisBytes } from '../../../src/ledger/index.ts';
import type { Height, Round } from '../../../src/types/brand.ts';
import { FakeNode, FakeTransport, tampering } from '../client/fake-node.ts';
import { hashOf, signerOf } from '../ledger/fixtures.ts';
import { notPersisted, persisted, TestChain } from '../ledger/test-chain.ts';
import { cleanUp, keyFile, newWorld, pin, type World } from './fake-terminal.ts';
import { attested, newChain, refused, updateRequest } from './world.ts';

const endpoint = 'https://a.example';
const other = 'https://b.example';
cleanUp();

let world: World;
beforeEach(() => {
  world = newWorld();
});

/** The plugin's world beside a chain with one node. */
function beside(chain: TestChain, node: FakeNode): FakeTransport {
  const transport = new FakeTransport().add(endpoint, node);
  world.transport = transport;
  world.nowMs = () => chain.nowMs;
  pin(world, chain, [endpoint, other]);
  return transport;
}

interface Item {
  readonly [field: string]: unknown;
}
const itemsOf = (text: string): readonly Item[] => (JSON.parse(text) as { items: Item[] }).items;

describe('audit', () => {
  const made = newChain({ hooks: 2 });
  const dev = attested(updateRequest('v1', 'v2', 'ann@alpha', 'dev'));
  const decision = made.chain.review(dev.change, ['alpha', 'beta']).leaf;
  made.chain.observe('gamma', [persisted(decision)]);
  made.chain.review(attested(updateRequest('v1', 'v3', 'ci')).change, ['alpha', 'beta']);

  test('prints one line a decided change, with its witnesses and whether it was stored', async () => {
    beside(made.chain, made.node);
    const { code, out, err } = await world.run('audit');
    expect(err).toBe('note: not proven complete: only the history of one object or namespace can be\n');
    expect(code).toBe(0);
    const lines = out
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ {3,}/));
    expect(lines[0]).toEqual([
      'INDEX',
      'AGE',
      'ACTOR',
      'ORG',
      'OPERATION',
      'RESOURCE',
      'NAMESPACE',
      'NAME',
      'DECISION',
      'PROPOSAL',
      'WITNESSES',
      'PERSISTED',
    ]);
    expect(lines.slice(1).map((line) => line.slice(2))).toEqual([
      ['ci', '<none>', 'UPDATE', 'deployments.apps', 'prod-web', 'web', 'REFUSED', '1', 'alpha,beta', '<none>'],
      ['ann@alpha', 'alpha', 'UPDATE', 'deployments.apps', 'dev', 'web', 'ADMITTED', '<none>', 'alpha,beta', 'yes (1)'],
    ]);
  });

  test('of one object is proven complete', async () => {
    beside(made.chain, made.node);
    const { out, err } = await world.run('audit', 'deploy/web', '-n=dev', '-o=json');
    expect(err).toBe('');
    expect(JSON.parse(out)).toMatchObject({
      apiVersion: 'kubectl-chain.dev/v1alpha1',
      kind: 'RecordList',
      provenComplete: true,
    });
    expect(itemsOf(out)).toHaveLength(1);
    expect(itemsOf(out)[0]).toMatchObject({
      kind: 'Record', index: decision, actor: 'ann@alpha', org: 'alpha', operation: 'UPDATE', group: 'apps', version: 'v1', resource: 'deployments', subresource: '',
      namespace: 'dev', name: 'web', uid: 'uid-1', decision: 'ADMITTED', code: 'OK', proposal: null, digest: dev.change.digest.diff, persisted: true, persistedBy: ['gamma'],
      witnesses: [{ org: 'alpha' }, { org: 'beta' }],
    }); // prettier-ignore
  });

  test.each([
    [['--actor', 'ci'], ['ci']],
    [['--actor=ci', '--decision=admitted'], []],
    [['--decision', 'REFUSED'], ['ci']],
    [['--operation=delete'], []],
    [['--proposal=proposal/1'], ['ci']],
    [['--since=2026-01-01'], []],
    [['--limit=1'], ['ci']],
    [['-n', 'dev'], ['ann@alpha']],
    [
      ['deployments.apps', '-A'],
      ['ci', 'ann@alpha'],
    ],
    [['cm', '-A'], []],
    [['deploy', '-n', 'prod-web'], ['ci']],
  ])('with %j shows what %j did', async (flags, actors) => {
    beside(made.chain, made.node);
    const { out } = await world.run('audit', ...flags, '-o', 'json');
    expect(itemsOf(out).map(({ actor }) => actor)).toEqual(actors);
  });

  test('with --raw shows every record as it stands in the log', async () => {
    beside(made.chain, made.node);
    const { out } = await world.run('audit', '--raw', '-o', 'json');
    expect(itemsOf(out).map(({ type, decision: result }) => `${String(type)} ${String(result)}`)).toEqual([
      'mutation REFUSED', 'mutation WAITING', 'observation DONE', 'mutation ADMITTED', 'mutation WAITING', 'cluster-key DONE',
    ]); // prettier-ignore
  });

  test('of what is not there finds nothing, and that is no error', async () => {
    beside(made.chain, made.node);
    expect(await world.run('audit', 'deploy/none', '-n', 'dev')).toEqual({
      code: 0,
      out: '',
      err: 'No resources found\n',
    });
    expect((await world.run('audit', '99')).code).toBe(1);
  });

  test('names a node that lies, and answers from another one', async () => {
    const transport = beside(made.chain, made.node);
    transport.add(other, made.node).add(
      endpoint,
      made.node,
      tampering('/v1/records', ({ items }: { items: unknown[] }) => void items.pop()),
    );
    const { code, out, err } = await world.run('audit', 'deploy/web', '-n=dev', '-o=name');
    expect({ code, out }).toEqual({ code: 0, out: `record/${decision}\n` });
    expect(err).toContain(`warning: ${endpoint} gave an answer that does not verify`);
  });

  test('ends with 4 where every node lies, with 3 where none is there', async () => {
    beside(made.chain, made.node).add(
      endpoint,
      made.node,
      tampering('/v1/records', ({ items }: { items: unknown[] }) => void items.pop()),
    );
    expect((await world.run('audit', 'deploy/web', '-n=dev')).code).toBe(4);
    world = newWorld();
    beside(made.chain, made.node);
    world.transport = new FakeTransport();
    expect((await world.run('audit')).code).toBe(3);
  });

  test('of a chain without a block finds nothing', async () => {
    const empty = new TestChain();
    beside(empty, new FakeNode(empty));
    expect(await world.run('audit')).toMatchObject({
      code: 0,
      out: '',
      err: expect.stringContaining('No resources found') as string,
    });
  });
});

describe('audit of what was recorded and never stored', () => {
  const made = newChain({ hooks: 2 });
  const leaves = ['v2', 'v3', 'v4'].map(
    (image) =>
      made.chain.review(attested(updateRequest('v1', image, 'ann@alpha', 'dev')).change, ['alpha', 'beta']).leaf,
  );
  const [once, twice, contested] = leaves as [number, number, number];
  // One transaction about many.
  made.chain.observe('beta', leaves.map(notPersisted));
  made.chain.observe('gamma', [notPersisted(twice), notPersisted(contested)]);
  made.chain.observe('delta', [persisted(contested)]);
  const answers = async (...flags: string[]) => {
    beside(made.chain, made.node);
    return itemsOf((await world.run('audit', ...flags, '-o=json')).out);
  };

  test('it takes the word of so many observers that one of them is honest, and one who saw it stored does not undo that', async () => {
    expect((await answers()).map(({ index, persisted: word }) => [index, word])).toEqual([[contested, false], [twice, false], [once, null]]); // prettier-ignore
    beside(made.chain, made.node);
    const { out } = await world.run('audit', '-n=dev', '--no-headers');
    const cells = out.trimEnd().split('\n').map((line) => line.split(/ {3,}/).at(-1)); // prettier-ignore
    expect(cells).toEqual(['no (2)', 'no (2)', '<unknown>']);
  });

  test('has a filter of its own, and is nothing that needs a look', async () => {
    const indexes = async (...flags: string[]) => (await answers(...flags)).map(({ index }) => index);
    expect(await indexes('--persisted=no')).toEqual([contested, twice]);
    expect(await indexes('--persisted', 'unknown', '-n=dev')).toEqual([once]);
    expect(await indexes('--persisted=yes')).toEqual([]);
    expect(await indexes('--findings')).toEqual([]);
    beside(made.chain, made.node);
    expect(await world.run('audit', '--persisted=perhaps')).toMatchObject({ code: 1, err: expect.stringContaining('CLI_USAGE') as string }); // prettier-ignore
  });

  test('what observers said comes once a page, and a node that leaves one out is named', async () => {
    const page = await made.node.records({ filter: { by: 'decision', key: 'ADMITTED' }, sinceMs: null, untilMs: null, before: null, limit: 10, withBlocks: false }); // prettier-ignore
    expect(page.items.map(({ observations }) => observations.length)).toEqual([3, 2, 1]);
    expect(page.observations).toHaveLength(3);
    beside(made.chain, made.node).add(
      endpoint,
      made.node,
      tampering('/v1/records', ({ observations }: { observations: unknown[] }) => void observations.pop()),
    );
    expect(await world.run('audit', '-n=dev')).toMatchObject({ code: 4 });
  });
});

describe('show', () => {
  const made = newChain();
  refused(made, 'v1', 'v2');

  test('a proposal renders the diff from the verified body', async () => {
    beside(made.chain, made.node);
    const { code, out } = await world.run('show', 'proposal/1', '--key', keyFile(world, 'bob of beta'));
    expect(code).toBe(0);
    expect(out).toContain('Asked by:         ann@alpha (alpha)\n');
    expect(out).toContain('- v1\n+ v2\n');
  });

  test('without a key says that the body is not to be had', async () => {
    beside(made.chain, made.node);
    expect((await world.run('show', 'proposal/1')).out).toContain('BODY_UNAVAILABLE: only a member may read it');
    const record = await world.run('show', '2');
    expect(record.err).toContain('note: BODY_UNAVAILABLE');
    expect(record.out).toContain('Decision:         REFUSED GOVERNANCE_VOTES_REQUIRED\n');
  });

  test('never renders a body that is not the recorded one', async () => {
    beside(made.chain, made.node).add(
      endpoint,
      made.node,
      tampering('/v1/bodies', (json: object) => ({ ...json, v: 2 })),
    );
    const { out } = await world.run('show', 'proposal/1', '--key', keyFile(world, 'bob of beta'));
    expect(out).toContain('BODY_UNAVAILABLE');
    expect(out).not.toContain('+ v2');
  });

  test('what does not exist is not found', async () => {
    beside(made.chain, made.node);
    expect(await world.run('show', 'proposal/9')).toMatchObject({
      code: 1,
      err: expect.stringContaining('proposal/9 was not found [CLI_NOT_FOUND]') as string,
    });
  });
});

describe('vote', () => {
  let made: ReturnType<typeof newChain>;
  beforeEach(() => {
    made = newChain();
    refused(made, 'v1', 'v2');
    beside(made.chain, made.node);
  });

  test('shows the diff and signs a ballot for exactly these terms', async () => {
    const { code, out, err } = await world.run(
      'vote',
      '1',
      '--approve',
      '--yes',
      '--reason=looks right',
      '--key',
      keyFile(world, 'bob of beta'),
    );
    expect(err).toContain('- v1\n+ v2\n');
    expect({ code, out }).toEqual({ code: 0, out: 'proposal/1 voted\n' });
    expect(made.chain.proposal(1).votes).toMatchObject([
      { org: 'beta', member: 'bob', choice: 'approve', sequence: 1, reason: 'looks right' },
    ]);
  });

  test('again replaces the earlier ballot, and a quorum of approvals ends the wait', async () => {
    const bob = keyFile(world, 'bob of beta');
    await world.run('vote', 'proposal/1', '--reject', '--yes', '--key', bob);
    await world.run('vote', 'proposal/1', '--approve', '--yes', '--key', bob);
    expect(made.chain.proposal(1).votes).toMatchObject([{ choice: 'approve', sequence: 2 }]);
    const listed = await world.run('proposals', '--awaiting-me', '-o', 'name', '--key', keyFile(world, 'ann of gamma'));
    expect(listed.out).toBe('proposal/1\n');
    await world.run('vote', '1', '--approve', '--yes', '--key', keyFile(world, 'ann of gamma'));
    expect(await world.run('wait', 'proposal/1', '--for=approved')).toEqual({
      code: 0,
      out: 'proposal/1 condition met\n',
      err: '',
    });
    expect((await world.run('wait', 'proposal/1', '--for=executed', '--timeout=0s')).code).toBe(1);
    const shown = await world.run('proposals', '1', '-o=jsonpath={.state} {.missing.approvals} {.votes[*].org}');
    expect(shown.out).toBe('APPROVED 0 beta gamma');
  });

  test('asks on a terminal, and signs nothing unless the answer is yes', async () => {
    world.replies = ['n'];
    const declined = await world.run('vote', '1', '--approve', '--key', keyFile(world, 'bob of beta'));
    expect(declined).toMatchObject({ code: 1, out: '' });
    expect(made.chain.proposal(1).votes).toEqual([]);
    world.replies = ['y'];
    expect((await world.run('vote', '1', '--approve', '--key', join(world.home, 'bob-of-beta.pem'))).out).toBe(
      'proposal/1 voted\n',
    );
  });

  test('where nobody can be asked names --yes', async () => {
    const { code, err } = await world.run('vote', '1', '--approve', '--key', keyFile(world, 'bob of beta'));
    expect(code).toBe(1);
    expect(err).toContain('--yes');
  });

  test('with --dry-run signs nothing', async () => {
    const { out } = await world.run('vote', '1', '--approve', '--dry-run', '--key', keyFile(world, 'bob of beta'));
    expect(out).toBe('proposal/1 would be voted approve as beta/bob (dry run)\n');
    expect(made.chain.proposal(1).votes).toEqual([]);
  });

  test('approves nothing that cannot be shown, but may reject it', async () => {
    made.node.bodies.clear();
    const bob = keyFile(world, 'bob of beta');
    const refusedVote = await world.run('vote', '1', '--approve', '--yes', '--key', bob);
    expect(refusedVote.code).toBe(1);
    expect(refusedVote.err).toContain('[CLI_BODY]');
    expect((await world.run('vote', '1', '--reject', '--yes', '--key', bob)).code).toBe(0);
  });

  test('of the author is refused in the words of the chain', async () => {
    const { code, err } = await world.run('vote', '1', '--approve', '--yes', '--key', keyFile(world, 'bob of alpha'));
    expect(code).toBe(1);
    expect(err).toContain('GOVERNANCE_BALLOT_EXCLUDED');
  });

  test('with a key that nobody registered is refused before anything is asked', async () => {
    const { code, err } = await world.run('vote', '1', '--approve', '--yes', '--key', keyFile(world, 'a stranger'));
    expect(code).toBe(1);
    expect(err).toContain('[CLI_KEY_FOREIGN]');
  });

  test('opens an encrypted key with a passphrase file, an environment variable or a prompt', async () => {
    const bob = keyFile(world, 'bob of beta', 'open sesame');
    const file = join(world.home, 'passphrase');
    writeFileSync(file, 'open sesame\n');
    const dryRun = (...flags: string[]) => world.run('vote', '1', '--approve', '--dry-run', '--key', bob, ...flags);
    expect((await dryRun()).err).toContain('[CLI_PASSPHRASE]');
    expect((await dryRun('--passphrase-file', file)).code).toBe(0);
    world.env['KUBECTL_CHAIN_PASSPHRASE_FILE'] = file;
    expect((await dryRun()).code).toBe(0);
    delete world.env['KUBECTL_CHAIN_PASSPHRASE_FILE'];
    world.replies = ['open sesame'];
    expect((await dryRun()).code).toBe(0);
    world.replies = ['wrong'];
    expect((await dryRun()).err).toContain('[CRYPTO_PASSPHRASE_WRONG]');
  });

  test('needs exactly one choice', async () => {
    expect((await world.run('vote', '1', '--approve', '--reject')).err).toContain('exactly one of');
  });
});

describe('claim', () => {
  test("makes an unclaimed proposal the claimant's, and takes it back again", async () => {
    const made = newChain();
    refused(made, 'v1', 'v2', 'ci');
    beside(made.chain, made.node);
    const bob = keyFile(world, 'bob of beta');
    expect((await world.run('proposals', '-o=jsonpath={.items[0].missing.claim}')).out).toBe('true');
    expect((await world.run('claim', '1', '--yes', '--key', bob)).out).toBe('proposal/1 claimed\n');
    expect((await world.run('proposals', '--mine', '-o=jsonpath={.items[0].claimedBy[0]}', '--key', bob)).out).toBe(
      'beta/bob',
    );
    expect((await world.run('claim', '1', '--withdraw', '--yes', '--key', bob)).out).toBe('proposal/1 unclaimed\n');
    expect(made.chain.proposal(1).claims).toEqual([]);
  });
});

describe('the lists', () => {
  const made = newChain();
  test.each([
    [['policies', '-o', 'name'], 'policy/production\n'],
    [
      ['members', '--no-headers', '-o=custom-columns=ORG:.org,NAME:.name', '--sort-by=.org'],
      /^alpha {3}ann\nalpha {3}bob\n/,
    ],
    [['validators', '-o=jsonpath={.items[*].id}'], 'alpha beta gamma delta'],
    [['blocks', '-o=jsonpath={.items[*].height}'], '1'],
    [['status', '-o=jsonpath={.height} {.fresh}'], '1 true'],
  ])('%j', async (args, expected) => {
    beside(made.chain, made.node);
    const { code, out } = await world.run(...args);
    expect(code).toBe(0);
    if (typeof expected === 'string') expect(out).toBe(expected);
    else expect(out).toMatch(expected);
  });

  test('status says that a node cannot be reached, and waits for health in vain', async () => {
    beside(made.chain, made.node);
    const { code, out, err } = await world.run('status', '--wait-for=healthy', '--timeout=0s');
    expect(code).toBe(1);
    expect(out).toContain('degraded');
    expect(err).toContain(`${other} cannot be reached`);
  });
});

describe('a validator that signed twice', () => {
  test('is named by status, proven by the state of the log', async () => {
    const { chain, node } = newChain();
    const twice = (round: number) =>
      ['a', 'b'].map((blockId) => {
        const bytes = signBytes(chain.app.genesisHash, {
          type: 'precommit',
          height: 5 as Height,
          round: round as Round,
          blockId: hashOf(blockId),
        });
        const signature = Buffer.from(signerOf('delta vote').sign(bytes)).toString('base64');
        return { bytes: Buffer.from(bytes).toString('base64'), signature };
      });
    for (const round of [0, 1]) {
      const [first, second] = twice(round);
      chain.run({ kind: 'evidence', node: 'beta', validator: 'delta', first, second } as never);
    }
    beside(chain, node);
    const { out, err } = await world.run('status', '-o=json');
    expect(JSON.parse(out)).toMatchObject({ doubleSigners: [{ validator: 'delta', count: 2, signedHeight: 5 }] });
    expect((await world.run('status')).err + err).toContain(
      'delta signed two different votes at height 5 (2 proofs on the log',
    );
  });
});

describe('trust and keys', () => {
  test('pins a genesis only from a file, and never another one under its name', async () => {
    const chain = new TestChain();
    const file = join(world.home, 'genesis.json');
    writeFileSync(file, genesisBytes(chain.genesis));
    expect((await world.run('audit')).err).toContain('[CLIENT_NO_TRUST]');
    expect((await world.run('trust', 'add', 'demo', '--genesis', file, '--endpoint', endpoint)).out).toBe(
      'chain/demo trusted\n',
    );
    expect((await world.run('trust', 'list', '-o=jsonpath={.items[0].genesisHash} {.items[0].endpoints[0]}')).out).toBe(
      `${chain.app.genesisHash} ${endpoint}`,
    );
    writeFileSync(file, genesisBytes({ ...chain.genesis, chainName: 'evil' }));
    expect((await world.run('trust', 'add', 'demo', '--genesis', file, '--endpoint', endpoint)).err).toContain(
      '[CLI_TRUST_EXISTS]',
    );
    expect((await world.run('trust', 'remove', 'demo')).code).toBe(0);
    expect((await world.run('trust', 'list')).err).toBe('No resources found\n');
  });

  test('a mistake in config.yaml is named with line and column', async () => {
    const made = newChain();
    beside(made.chain, made.node);
    writeFileSync(join(world.home, 'chain', 'config.yaml'), 'chains: []\ndefaultkey: bob\n');
    const { code, err } = await world.run('audit');
    expect(code).toBe(1);
    expect(err).toContain('config.yaml:2:1: defaultkey: unknown field [CLI_CONFIG]');
  });

  test('generates an encrypted key that only its owner can read, and a descriptor signed by it', async () => {
    const passphrase = join(world.home, 'passphrase');
    writeFileSync(passphrase, 'open sesame\n');
    const made = await world.run(
      'keys',
      'generate',
      'carol',
      '--org',
      'beta',
      '--role=member',
      '--role=operator',
      '--passphrase-file',
      passphrase,
    );
    expect(made).toMatchObject({ code: 0, out: 'key/carol generated\n' });
    const file = join(world.home, 'chain', 'keys', 'carol.pem');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8')).toContain('BEGIN ENCRYPTED PRIVATE KEY');
    const descriptor = openMemberDescriptor(
      'd',
      Buffer.from(readFileSync(join(world.home, 'chain', 'keys', 'carol.descriptor.json'), 'utf8').trimEnd()),
    );
    expect(descriptor).toMatchObject({ org: 'beta', member: { name: 'carol', roles: ['member', 'operator'] } });
    expect(
      (await world.run('keys', 'generate', 'carol', '--org', 'beta', '--passphrase-file', passphrase)).err,
    ).toContain('nothing is overwritten');
    expect((await world.run('keys', 'list', '-o=jsonpath={.items[*].name} {.items[*].isDefault}')).out).toBe(
      'carol true',
    );
  });

  test('is careful with a key file that others may read', async () => {
    const made = newChain();
    refused(made, 'v1', 'v2');
    beside(made.chain, made.node);
    const file = keyFile(world, 'bob of beta');
    const open = join(world.home, 'open.pem');
    writeFileSync(open, readFileSync(file), { mode: 0o644 });
    expect((await world.run('vote', '1', '--approve', '--yes', '--key', open)).err).toContain('[CLI_KEY_PERMISSION]');
  });
});

describe('usage', () => {
  test.each([
    [['--help'], 0, /^Usage: kubectl chain COMMAND/],
    [[], 0, /^Usage: kubectl chain COMMAND/],
    [['vote', '--help'], 0, /^Usage: kubectl chain vote/],
    [['version', '--client'], 0, /^Client Version: 0\.1\.0\n$/],
    [['completion', 'bash'], 0, /complete -F _kubectl_chain/],
    [['__complete', 'pro'], 0, /^proposals\npropose\n:4\n$/],
    [['__complete', 'audit', '-o', 'j'], 0, /^json\njsonpath=\n:4\n$/],
    [['__complete', 'propose', ''], 0, /^change\ndelete\npolicy\n/],
    [['nonsense'], 1, /^$/],
    [['audit', '--nonsense'], 1, /^$/],
    [['completion', 'tcsh'], 1, /^$/],
  ])('%j ends with %d', async (args, code, expected) => {
    const ran = await world.run(...args);
    expect(ran.code).toBe(code);
    expect(ran.out).toMatch(expected);
  });

  test('the version is that of the package', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    expect(JSON.parse((await world.run('version', '--client', '-o=json')).out)).toMatchObject({
      clientVersion: { version },
    });
  });
});
