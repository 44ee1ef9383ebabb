import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { memoryLastSeen } from '../../src/client/last-seen.ts';
import { ChainReader } from '../../src/client/reader.ts';
import { httpsTransport } from '../../src/client/transport.ts';
import { parseJson } from '../../src/codec/index.ts';
import { decodePrivateKeyPem, nativeBackend } from '../../src/crypto/index.ts';
import { KEY, proposalKey } from '../../src/ledger/execute/keys.ts';
import { signTransaction } from '../../src/ledger/index.ts';
import { versionHash } from '../../src/ledger/version-hash.ts';
import type { Hash, OrgId } from '../../src/types/brand.ts';
import type { Validator } from '../../src/types/chain.ts';
import type { Proposal } from '../../src/types/proposal.ts';
import type { ConfigChange, Payload, TxResult } from '../../src/types/transaction.ts';
import { organisations } from '../playground/organisations.ts';
import { PortReservation } from '../playground/ports.ts';
import { expectSoundFolders } from './checks.ts';
import { Committee, FaultNode } from './committee.ts';
import { makeKeys, nodeConfig, PORTS_PER_NODE, type Member } from './founding.ts';
import { Load } from './load.ts';
import { waitFor } from './wait-for.ts';

const TIMEOUT_MS = 240_000;
const [, , , , fifth = { name: '', person: '' }] = organisations(5);

let committee: Committee;
let joiner: FaultNode;
let reader: ChainReader;

beforeAll(async () => {
  committee = await Committee.found(4);
  joiner = await prepareFifth();
  reader = readerFromGenesis();
  await committee.start();
}, TIMEOUT_MS);

afterAll(async () => {
  reader.close();
  await joiner.close();
  await committee.close();
}, TIMEOUT_MS);

/** A fifth organisation makes its keys; it is in no genesis, answers no hook, and its node may join. */
async function prepareFifth(): Promise<FaultNode> {
  const ports = new PortReservation();
  const [peer = 0, api = 0, webhook = 0] = await ports.take(PORTS_PER_NODE);
  await ports.releaseAll();
  const { layout } = committee.founded;
  const member: Member = { org: fifth.name, hook: '', ports: { peer, api, webhook } };
  await makeKeys(layout, fifth.name, fifth.person, member.ports);
  const files = layout.org(fifth.name);
  copyFileSync(layout.org(committee.nodes[0]?.org ?? '').genesis, files.genesis);
  const { webhook: _webhook, cluster: _cluster, ...config } = nodeConfig(layout, member, '');
  writeFileSync(files.config, stringify({ ...config, joining: true }));
  return new FaultNode(committee.founded, member);
}

function readerFromGenesis(): ChainReader {
  const { founded, nodes } = committee;
  return new ChainReader({
    genesisHash: founded.genesisHash as Hash,
    endpoints: nodes.map(({ member }) => `https://127.0.0.1:${member.ports.api}`),
    transport: httpsTransport({ caBundle: nodes.map(({ org }) => founded.apiCa(org)).join('\n'), timeoutMs: 5_000 }),
    lastSeen: memoryLastSeen(),
    nowMs: () => Date.now(),
    maxAgeMs: 60_000,
  });
}

type Unsigned = Payload extends infer P
  ? P extends Payload
    ? Omit<P, 'v' | 'alg' | 'chain' | 'notAfterMs' | 'org' | 'member'>
    : never
  : never;

async function act(org: string, content: Unsigned): Promise<TxResult> {
  const person = organisations(5).find(({ name }) => name === org)?.person ?? '';
  const signer = decodePrivateKeyPem(readFileSync(committee.founded.layout.org(org).memberKey(person), 'utf8'), null);
  const head = { v: 1, alg: 'ed25519', chain: committee.founded.genesisHash, notAfterMs: Date.now() + 60_000 };
  const payload = { ...head, org, member: person, ...content } as unknown as Payload;
  return (await reader.submit(signTransaction(payload, signer, nativeBackend.sha256))).result;
}

const propose = (config: readonly ConfigChange[]): Promise<TxResult> =>
  act(committee.nodes[0]?.org ?? '', {
    kind: 'proposal',
    nonce: randomBytes(8).toString('hex'),
    reason: '',
    cluster: '',
    details: '',
    title: '',
    digests: [],
    policies: [],
    config,
  } as Unsigned);

async function document<T>(key: string): Promise<T> {
  const { values } = await reader.state([key]);
  return parseJson(values.get(key) ?? new Uint8Array()) as unknown as T;
}

/** Put to the vote, approved by a majority; returns when it is executed. */
async function decide(config: readonly ConfigChange[]): Promise<void> {
  const { proposal, decision, code } = await propose(config);
  if (proposal === null) throw new Error(`${decision} ${code}`);
  const { termsHash } = await document<Proposal>(proposalKey(proposal));
  for (const { org } of committee.nodes.slice(0, 3))
    await act(org, { kind: 'ballot', proposal, sequence: 1, choice: 'approve', reason: '', termsHash } as Unsigned);
  await waitFor('the decision is executed', async () =>
    (await document<Proposal>(proposalKey(proposal))).state === 'EXECUTED' ? true : undefined,
  );
}

/** Undefined until it holds. */
const so = async (holds: Promise<boolean>): Promise<true | undefined> => ((await holds) ? true : undefined);

const handedOver = async (n: number): Promise<boolean> => {
  const newest = (await reader.validatorSets()).at(-1);
  return newest?.n === n && newest.isHandedOver;
};
const descriptor = (): string => readFileSync(joiner.files.descriptor, 'utf8').trimEnd();

describe('P3, P7, P8: four validators become five, and four again, while changes are made', () => {
  it(
    'and nothing that was allowed is lost, nobody disagrees, and a reader that knows the genesis only follows',
    async () => {
      const load = new Load(committee, 'sets', 2);
      await load.progress(10);

      // One that does not hold the keys that it shows.
      const altered = JSON.parse(descriptor()) as { signatures: object[] };
      const stolen = JSON.stringify({ ...altered, signatures: altered.signatures.slice(1) });
      await expect(propose([{ type: 'validator-join', descriptor: stolen, replaces: null }])).rejects.toThrow(
        'is not signed by key',
      );

      await decide([{ type: 'validator-join', descriptor: descriptor(), replaces: null }]);
      await joiner.start();
      await joiner.answering();
      await waitFor('the fifth is a validator, and both quorums have signed', () => so(handedOver(1)), 60_000);
      expect((await reader.validatorSets()).map(({ validators }) => validators.length)).toEqual([4, 5]);
      await load.progress(10);

      // Five tolerate one, so now the fifth must vote: without it there would be no quorum.
      const away = committee.nodes[3] as FaultNode;
      await away.kill();
      await load.progress(10);
      await away.start();
      await away.ready();

      const validators = await document<readonly Validator[]>(KEY.validators);
      const leaving = validators.find(({ org }) => org === joiner.org) as Validator;
      const replaces = versionHash(nativeBackend.sha256, leaving);
      await decide([{ type: 'validator-remove', org: joiner.org as OrgId, replaces }]);
      await waitFor('four are left, and both quorums have signed', () => so(handedOver(2)), 60_000);
      await load.progress(10);
      await load.stop();

      await committee.agreed();
      const stranger = readerFromGenesis();
      const sets = await stranger.validatorSets();
      expect(sets.map(({ validators: members, isHandedOver }) => [members.length, isHandedOver])).toEqual([
        [4, true],
        [5, true],
        [4, true],
      ]);
      const index = load.allowed.flatMap(({ answers }) => answers.flatMap(({ leaf }) => leaf ?? []));
      expect(await stranger.leaves([...new Set(index)])).toHaveLength(new Set(index).size);
      expect(stranger.liars).toEqual([]);
      expect(await stranger.freshness()).toMatchObject({ isFresh: true });
      stranger.close();

      expect((await joiner.stop()).code).toBe(0);
      expect((await joiner.fsck()).problems).toEqual([]);
      await expectSoundFolders(committee);
    },
    TIMEOUT_MS,
  );
});
