import { ChainError, isChainError } from '../../../src/errors/chain-error.ts';
import type { Mesh } from '../../../src/net/index.ts';
import type { Channel, PeerHandlers, PeerNetwork } from '../../../src/ports/network.ts';
import type { ValidatorId } from '../../../src/types/brand.ts';
import { never, type Life } from '../life.ts';
import type { Frame, Network, Topic } from './network.ts';

type Peers = Parameters<PeerNetwork['setPeers']>[0];

interface Deps {
  readonly life: Life;
  readonly network: Network;
  /** Of this node in the network. */
  readonly endpoint: number;
  readonly handlers: PeerHandlers;
  /** Validator ids by index at genesis, and back. */
  readonly idOf: (validator: number) => ValidatorId;
  readonly indexOf: (id: ValidatorId) => number;
  /** Every frame that this node lets out, before the network has it. Returns what goes to that peer in its place. */
  readonly tap: (to: number, channel: Channel, bytes: Uint8Array) => readonly { bytes: Uint8Array; topic: Topic }[];
  /** What an answer looks like when it leaves. */
  readonly tapAnswer: (method: string, request: Uint8Array, answer: Uint8Array) => Uint8Array;
  readonly enter: (run: () => void) => void;
  readonly onDrop: (peer: ValidatorId, reason: string) => void;
}

interface Call {
  readonly resolve: (answer: Uint8Array) => void;
  readonly reject: (error: Error) => void;
  readonly cancel: () => void;
}

const redialMs = 1_000;

/** The mesh port of one life of a node over the simulated network. */
export class SimMesh implements Mesh {
  readonly address = 'sim';
  readonly #d: Deps;
  readonly #up = new Set<number>();
  readonly #calls = new Map<number, Call>();
  #peers: ReadonlySet<number> = new Set();
  isListening = false;

  constructor(deps: Deps) {
    this.#d = deps;
  }

  send(to: ValidatorId, channel: Channel, bytes: Uint8Array): void {
    this.sendTo(this.#d.indexOf(to), channel, bytes);
  }

  broadcast(channel: Channel, bytes: Uint8Array): void {
    for (const peer of this.#upValidators()) this.sendTo(peer, channel, bytes);
  }

  sendTo(peer: number, channel: Channel, bytes: Uint8Array): void {
    const { life, network, endpoint, tap } = this.#d;
    if (!this.isListening || !life.acts(`send ${channel} to ${peer}`)) return;
    for (const frame of tap(peer, channel, bytes)) network.send(endpoint, peer, { ...frame, channel, call: null });
  }

  request(to: ValidatorId, method: string, bytes: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const { life, network, endpoint, indexOf } = this.#d;
    if (!life.acts(`request ${method}`)) return never();
    const peer = indexOf(to);
    if (!this.#upValidators().includes(peer))
      return Promise.reject(new ChainError('NET_UNREACHABLE', { peer: to, detail: 'it is not connected' }));
    const id = network.newCall();
    return new Promise((resolve, reject) => {
      const timeout = (): void =>
        this.#settle(id, (call) => call.reject(new ChainError('NET_TIMEOUT', { peer: to, method, timeoutMs })));
      this.#calls.set(id, { resolve, reject, cancel: life.after(timeoutMs, timeout) });
      network.send(endpoint, peer, { channel: 'request', bytes, topic: 'other', call: { id, method, failure: null } });
    });
  }

  connected(): readonly ValidatorId[] {
    return this.#upValidators().map((validator) => this.#d.idOf(validator));
  }

  setPeers(peers: Peers): void {
    this.#peers = new Set(peers.map(({ id }) => this.#d.indexOf(id)));
    if (this.isListening) this.#d.network.refresh(this.#d.endpoint);
  }

  drop(peer: ValidatorId, reason: string): void {
    this.#d.onDrop(peer, reason);
    const validator = this.#d.indexOf(peer);
    for (const other of [...this.#up])
      if (this.#validatorOf(other) === validator) this.#d.network.close(this.#d.endpoint, other, redialMs);
  }

  async start(): Promise<void> {
    this.isListening = true;
    this.#d.network.refresh(this.#d.endpoint);
  }

  async stop(): Promise<void> {
    this.isListening = false;
    this.#d.network.refresh(this.#d.endpoint);
  }

  stats(): never {
    throw new Error('nothing in a run reads the statistics of the mesh');
  }

  wants(validator: number): boolean {
    return this.#peers.has(validator);
  }

  linkUp(endpoint: number): void {
    const before = this.#upValidators();
    this.#up.add(endpoint);
    const validator = this.#validatorOf(endpoint);
    if (!before.includes(validator)) this.#d.enter(() => this.#d.handlers.onPeerUp(this.#d.idOf(validator)));
  }

  linkDown(endpoint: number): void {
    if (!this.#up.delete(endpoint)) return;
    const validator = this.#validatorOf(endpoint);
    if (!this.#upValidators().includes(validator))
      this.#d.enter(() => this.#d.handlers.onPeerDown(this.#d.idOf(validator)));
  }

  receive(from: number, frame: Frame): void {
    const { handlers, idOf, enter } = this.#d;
    const sender = idOf(this.#validatorOf(from));
    if (frame.channel === 'request') return enter(() => void this.#answer(from, sender, frame));
    if (frame.channel === 'answer') return enter(() => this.#answered(sender, frame));
    const { channel, bytes } = frame;
    enter(() => handlers.onMessage(sender, channel, bytes));
  }

  async #answer(from: number, sender: ValidatorId, { bytes, call }: Frame): Promise<void> {
    if (call === null) return;
    const { life, network, endpoint, handlers, tapAnswer } = this.#d;
    let answer = new Uint8Array();
    let failure: string | null = null;
    try {
      answer = new Uint8Array(tapAnswer(call.method, bytes, await handlers.onRequest(sender, call.method, bytes)));
    } catch (error) {
      if (!isChainError(error)) throw error;
      failure = error.code;
    }
    if (!this.isListening || !life.acts(`answer ${call.method}`)) return;
    network.sendTo(endpoint, from, { channel: 'answer', bytes: answer, topic: 'other', call: { ...call, failure } });
  }

  #answered(sender: ValidatorId, { bytes, call }: Frame): void {
    if (call === null) return;
    this.#settle(call.id, ({ resolve, reject }) => {
      if (call.failure === null) return resolve(bytes);
      reject(new ChainError('NET_REFUSED', { peer: sender, method: call.method, code: call.failure, detail: '' }));
    });
  }

  #settle(id: number, run: (call: Call) => void): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    this.#calls.delete(id);
    call.cancel();
    run(call);
  }

  #upValidators(): number[] {
    return [...new Set([...this.#up].map((endpoint) => this.#validatorOf(endpoint)))].sort((a, b) => a - b);
  }

  #validatorOf(endpoint: number): number {
    return this.#d.network.endpoints[endpoint]?.validator ?? -1;
  }
}
