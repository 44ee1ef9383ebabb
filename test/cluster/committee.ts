import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { memoryLastSeen } from '../../src/client/last-seen.ts';
import { ChainReader, type RecordList } from '../../src/client/reader.ts';
import { httpsTransport } from '../../src/client/transport.ts';
import { parseJson } from '../../src/codec/index.ts';
import { decodePrivateKeyPem, nativeBackend } from '../../src/crypto/index.ts';
import { configProposal } from '../../src/ledger/config-proposal.ts';
import { changeUseKey, KEY, proposalKey } from '../../src/ledger/execute/keys.ts';
import { signTransaction, type CertifiedHead } from '../../src/ledger/index.ts';
import type { Signer } from '../../src/ports/crypto.ts';
import type { Hash, OrgId } from '../../src/types/brand.ts';
import type { ChangeState, ChangeUse, Proposal } from '../../src/types/proposal.ts';
import type { BallotChoice, ConfigChange, Payload, TxResult } from '../../src/types/transaction.ts';
import type { Playground } from '../playground/playground.ts';

const LIFE_MS = 60_000;
const POLL_INTERVAL_MS = 100;
const WAIT_MS = 90_000;

/** A proposal with what became of each of its changes. */
export type SeenProposal = Proposal & {
  readonly changes: readonly ({ readonly state: ChangeState } & Partial<Omit<ChangeUse, 'state'>>)[];
};

type Draft<K extends Payload['kind']> = Omit<
  Extract<Payload, { kind: K }>,
  'v' | 'alg' | 'chain' | 'notAfterMs' | 'org' | 'member'
>;

/**
 * The playground's members, acting through the client library: what `kubectl chain` does, without starting a process for each step. Every
 * answer is verified from the genesis.
 */
export class Committee {
  readonly reader: ChainReader;
  readonly #chain: Hash;
  readonly #members: ReadonlyMap<string, { org: OrgId; keyFile: string; passphraseFile: string }>;
  readonly #signers = new Map<string, Signer>();

  /** Asks all nodes, or only those with these indexes. */
  constructor({ state, layout }: Playground, nodes?: readonly number[]) {
    this.#chain = state.genesisHash as Hash;
    this.#members = new Map(
      state.nodes.map(({ org, person }) => {
        const files = layout.org(org);
        const keyFile = files.memberKey(person);
        return [person, { org: org as OrgId, keyFile, passphraseFile: layout.passphraseFile }];
      }),
    );
    this.reader = new ChainReader({
      genesisHash: this.#chain,
      endpoints: state.nodes
        .filter((_, i) => nodes === undefined || nodes.includes(i))
        .map(({ ports }) => `https://127.0.0.1:${ports.api}`),
      transport: httpsTransport({ caBundle: readFileSync(layout.apiCaFile, 'utf8'), timeoutMs: 3_000 }),
      lastSeen: memoryLastSeen(),
      nowMs: () => Date.now(),
      maxAgeMs: 60_000,
    });
  }

  get people(): readonly string[] {
    return [...this.#members.keys()];
  }

  /** Signs and submits; resolves with what a quorum computed. */
  async submit<K extends Payload['kind']>(person: string, draft: Draft<K>): Promise<TxResult> {
    const member = this.#members.get(person);
    if (member === undefined) throw new Error(`${person} is no member`);
    const head = { v: 1, alg: 'ed25519', chain: this.#chain, notAfterMs: Date.now() + LIFE_MS };
    const payload = { ...head, org: member.org, member: person, ...draft } as unknown as Payload;
    const envelope = signTransaction(payload, this.#signer(person, member), nativeBackend.sha256);
    return (await this.reader.submit(envelope)).result;
  }

  /** Opening a key takes a tenth of a second, on purpose. */
  #signer(person: string, { keyFile, passphraseFile }: { keyFile: string; passphraseFile: string }): Signer {
    const known = this.#signers.get(person);
    if (known !== undefined) return known;
    const signer = decodePrivateKeyPem(readFileSync(keyFile, 'utf8'), readFileSync(passphraseFile, 'utf8').trim());
    this.#signers.set(person, signer);
    return signer;
  }

  async proposeConfig(person: string, config: readonly ConfigChange[]): Promise<number> {
    const nonce = randomBytes(16).toString('hex');
    const result = await this.submit<'proposal'>(person, configProposal(config, nonce));
    if (result.proposal === null) throw new Error(`no proposal: ${result.decision} ${result.code}`);
    return result.proposal;
  }

  vote(person: string, { id, termsHash, votes }: Proposal, choice: BallotChoice = 'approve'): Promise<TxResult> {
    const sequence = Math.max(0, ...votes.filter(({ member }) => member === person).map((vote) => vote.sequence)) + 1;
    return this.submit<'ballot'>(person, { kind: 'ballot', proposal: id, sequence, choice, reason: '', termsHash });
  }

  /** Votes of these people once the proposal's bodies are where they must be; then waits until it is in `state`. */
  async approve(id: number, people: readonly string[], state: Proposal['state'] = 'APPROVED'): Promise<SeenProposal> {
    const open = await this.until(id, ({ deadlineVotingMs }) => deadlineVotingMs !== null);
    for (const person of people) {
      const { decision, code } = await this.vote(person, open);
      if (decision !== 'DONE') throw new Error(`${person}'s vote on proposal/${id}: ${decision} ${code}`);
    }
    return this.until(id, (proposal) => proposal.state === state);
  }

  /** The proposal and the uses of its changes, as they are at one height. */
  async proposal(id: number): Promise<SeenProposal> {
    const { proposal: before } = await this.#documentOf(id, []);
    const keys = Array.from({ length: before.changeCount }, (_, index) => changeUseKey(id, index));
    const { proposal, values } = await this.#documentOf(id, keys);
    const changes = keys.map((key) => {
      const use = values.get(key);
      return { state: proposal.unused, ...(use === undefined ? {} : (parseJson(use) as unknown as ChangeUse)) };
    });
    return { ...proposal, changes };
  }

  async #documentOf(
    id: number,
    keys: readonly string[],
  ): Promise<{ proposal: Proposal; values: ReadonlyMap<string, Uint8Array | undefined> }> {
    const { values } = await this.reader.state([proposalKey(id), ...keys]);
    const bytes = values.get(proposalKey(id));
    if (bytes === undefined) throw new Error(`there is no proposal/${id}`);
    return { proposal: parseJson(bytes) as unknown as Proposal, values };
  }

  async until(id: number, holds: (proposal: SeenProposal) => boolean, timeoutMs = WAIT_MS): Promise<SeenProposal> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const proposal = await this.proposal(id);
      if (holds(proposal)) return proposal;
      if (performance.now() > deadline) {
        const { state, changes, votes, bodyHeldBy, endCode } = proposal;
        const seen = JSON.stringify({
          state,
          endCode,
          bodyHeldBy,
          votes: votes.length,
          changes: changes.map((change) => change.state),
        });
        throw new Error(`proposal/${id} stays ${seen}`);
      }
      await sleep(POLL_INTERVAL_MS);
    }
  }

  async liveProposals(): Promise<readonly number[]> {
    const { values } = await this.reader.state([KEY.liveProposals]);
    const bytes = values.get(KEY.liveProposals);
    return bytes === undefined ? [] : (parseJson(bytes) as unknown as number[]);
  }

  /** Puts a policy in force by the vote of a majority. */
  async enforce(name: string, spec: object): Promise<void> {
    const [author = '', ...others] = this.people;
    const id = await this.proposeConfig(author, [{ type: 'policy-put', name, spec, replaces: null }]);
    const needed = Math.floor(this.people.length / 2) + 1;
    await this.approve(id, [author, ...others].slice(0, needed), 'EXECUTED');
  }

  /** @throws Error while the chain has no block. */
  async head(): Promise<CertifiedHead> {
    const head = await this.reader.head();
    if (head === undefined) throw new Error('the chain is empty');
    return head;
  }

  records(query: Readonly<Record<string, string>>): Promise<RecordList> {
    return this.reader.records(query);
  }

  close(): void {
    this.reader.close();
  }
}

/** The id in the refusal that the API server passes on. @throws Error if it names none. */
export function proposalIn(stderr: string): number {
  const id = /proposal\/(\d+)/.exec(stderr)?.[1];
  if (id === undefined) throw new Error(`no proposal is named in: ${stderr}`);
  return Number(id);
}
