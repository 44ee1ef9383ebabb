import { randomBytes } from 'node:crypto';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { memoryLastSeen } from '../../src/client/last-seen.ts';
import { ChainReader } from '../../src/client/reader.ts';
import { httpsTransport } from '../../src/client/transport.ts';
import { parseJson } from '../../src/codec/index.ts';
import { decodePrivateKeyPem, nativeBackend } from '../../src/crypto/index.ts';
import { configProposal } from '../../src/ledger/config-proposal.ts';
import { KEY, proposalKey } from '../../src/ledger/execute/keys.ts';
import { signTransaction } from '../../src/ledger/index.ts';
import { versionHash } from '../../src/ledger/version-hash.ts';
import type { Hash, OrgId } from '../../src/types/brand.ts';
import type { Validator } from '../../src/types/chain.ts';
import type { Proposal } from '../../src/types/proposal.ts';
import type { ConfigChange, Payload, TxResult } from '../../src/types/transaction.ts';
import { organisations } from '../playground/organisations.ts';
import { PortReservation } from '../playground/ports.ts';
import { FaultNode, type Committee } from './committee.ts';
import { makeKeys, nodeConfig, PORTS_PER_NODE, type Member } from './founding.ts';
import { waitFor } from './wait-for.ts';

const HANDED_OVER_TIMEOUT_MS = 60_000;

type Unsigned = Payload extends infer P
  ? P extends Payload
    ? Omit<P, 'v' | 'alg' | 'chain' | 'notAfterMs' | 'org' | 'member'>
    : never
  : never;

/** A reader that knows the genesis only and asks all nodes. */
export function readerFromGenesis({ founded, nodes }: Committee): ChainReader {
  return new ChainReader({
    genesisHash: founded.genesisHash as Hash,
    endpoints: nodes.map(({ member }) => `https://127.0.0.1:${member.ports.api}`),
    transport: httpsTransport({ caBundle: nodes.map(({ org }) => founded.apiCa(org)).join('\n'), timeoutMs: 5_000 }),
    lastSeen: memoryLastSeen(),
    nowMs: () => Date.now(),
    maxAgeMs: 60_000,
  });
}

/** An organisation more than the committee has makes its keys; it is in no genesis, answers no hook, and its node may join. */
export async function prepareJoiner(committee: Committee): Promise<FaultNode> {
  const count = committee.nodes.length + 1;
  const { name, person } = organisations(count).at(-1) ?? { name: '', person: '' };
  const ports = new PortReservation();
  const [peer = 0, api = 0, webhook = 0] = await ports.take(PORTS_PER_NODE);
  await ports.releaseAll();
  const { layout } = committee.founded;
  const member: Member = { org: name, hook: '', ports: { peer, api, webhook } };
  await makeKeys(layout, name, person, member.ports);
  const files = layout.org(name);
  copyFileSync(layout.org(committee.nodes[0]?.org ?? '').genesis, files.genesis);
  const { webhook: _webhook, cluster: _cluster, ...config } = nodeConfig(layout, member, '');
  writeFileSync(files.config, stringify({ ...config, joining: true }));
  return new FaultNode(committee.founded, member);
}

/** What the members of a committee decide together, with their real keys over the API. */
export class Governing {
  readonly #committee: Committee;
  readonly reader: ChainReader;

  constructor(committee: Committee) {
    this.#committee = committee;
    this.reader = readerFromGenesis(committee);
  }

  close(): void {
    this.reader.close();
  }

  /** The member of an organisation signs this and submits it. */
  async act(org: string, content: Unsigned): Promise<TxResult> {
    const { founded, nodes } = this.#committee;
    const person = organisations(nodes.length + 1).find(({ name }) => name === org)?.person ?? '';
    const signer = decodePrivateKeyPem(readFileSync(founded.layout.org(org).memberKey(person), 'utf8'), null);
    const head = { v: 1, alg: 'ed25519', chain: founded.genesisHash, notAfterMs: Date.now() + 60_000 };
    const payload = { ...head, org, member: person, ...content } as unknown as Payload;
    return (await this.reader.submit(signTransaction(payload, signer, nativeBackend.sha256))).result;
  }

  propose(config: readonly ConfigChange[]): Promise<TxResult> {
    return this.act(this.#committee.nodes[0]?.org ?? '', configProposal(config, randomBytes(8).toString('hex')));
  }

  /** A document of the state, proven. */
  async document<T>(key: string): Promise<T> {
    const { values } = await this.reader.state([key]);
    return parseJson(values.get(key) ?? new Uint8Array()) as unknown as T;
  }

  /** Put to the vote, approved by a majority; returns when it is executed. */
  async decide(config: readonly ConfigChange[]): Promise<void> {
    const { proposal, decision, code } = await this.propose(config);
    if (proposal === null) throw new Error(`${decision} ${code}`);
    const { termsHash } = await this.document<Proposal>(proposalKey(proposal));
    for (const { org } of this.#committee.nodes.slice(0, 3))
      await this.act(org, {
        kind: 'ballot',
        proposal,
        sequence: 1,
        choice: 'approve',
        reason: '',
        termsHash,
      } as Unsigned);
    await waitFor('the decision is executed', async () =>
      (await this.document<Proposal>(proposalKey(proposal))).state === 'EXECUTED' ? true : undefined,
    );
  }

  /** Returns when the joiner is a validator and both quorums have signed; `n` is the number of the new set. */
  async join(joiner: FaultNode, n: number): Promise<void> {
    const descriptor = readFileSync(joiner.files.descriptor, 'utf8').trimEnd();
    await this.decide([{ type: 'validator-join', descriptor, replaces: null }]);
    await joiner.start();
    await joiner.answering();
    await this.#handedOver(n);
  }

  /** Returns when the organisation is no validator any more and both quorums have signed. */
  async remove(org: string, n: number): Promise<void> {
    const validators = await this.document<readonly Validator[]>(KEY.validators);
    const leaving = validators.find((validator) => validator.org === org) as Validator;
    const replaces = versionHash(nativeBackend.sha256, leaving);
    await this.decide([{ type: 'validator-remove', org: org as OrgId, replaces }]);
    await this.#handedOver(n);
  }

  async #handedOver(n: number): Promise<void> {
    await waitFor(
      `set ${n} is in force, and both quorums have signed`,
      async () => {
        const newest = (await this.reader.validatorSets()).at(-1);
        return newest?.n === n && newest.isHandedOver ? true : undefined;
      },
      HANDED_OVER_TIMEOUT_MS,
    );
  }
}
