import { toHex } from '../../src/codec/index.ts';
import { ChainError } from '../../src/errors/chain-error.ts';
import { originOf, rootOf, type LoadedGenesis } from '../../src/ledger/index.ts';
import { Checkpoints } from '../../src/node/checkpoints.ts';
import { Handovers } from '../../src/node/handovers.ts';
import type { ConsensusHost } from '../../src/node/host.ts';
import { Joining } from '../../src/node/joining.ts';
import type { Hash, ValidatorId } from '../../src/types/brand.ts';
import type { SimKeys } from './keys.ts';
import { quietLogger } from './quiet.ts';

interface Deps {
  readonly id: ValidatorId;
  readonly keys: SimKeys;
  readonly genesis: LoadedGenesis;
  readonly host: ConsensusHost;
  readonly nowMs: () => number;
  /** Signs a transaction of this node and submits it. */
  readonly publish: (content: object) => Promise<unknown>;
}

/** What a node does for a change of the validator set beside its host: it shows that it is in sync, and hands over. Put together as src/node/node.ts does. */
export class SetDuties {
  readonly #checkpoints: Checkpoints;
  readonly #handovers: Handovers;
  readonly #joining: Joining;

  constructor({ id, keys, genesis, host, nowMs, publish }: Deps) {
    const { app, mesh, store } = host;
    const { backend } = keys;
    const origin = originOf(genesis.genesis.chainName, genesis.hash);
    const own = keys.signer(`${id} checkpoint`);
    this.#checkpoints = new Checkpoints({
      origin,
      self: id,
      signer: (publicKey) => (publicKey === own.publicKey ? own : undefined),
      backend,
      network: mesh,
      local: store.local,
      tree: () => ({ size: app.info().state.logSize, root: app.info().state.logRoot }),
      rootAt: (size) => toHex(rootOf(backend.sha256, size, (level, index) => store.readNode(level, index))) as Hash,
      validators: () => app.info().validators,
      forgotten: () => host.forgotten,
      nowMs,
    });
    this.#handovers = new Handovers({
      self: id,
      origin,
      backend,
      network: mesh,
      reader: app,
      checkpoints: this.#checkpoints,
      local: store.local,
      stateAt: (height) => (height === app.info().height ? app.info().state : store.state(height)),
      publish: (handover) => publish({ kind: 'handover', ...handover }),
      warn: (message, details) => quietLogger.warn(details, message),
    });
    this.#joining = new Joining({
      self: id,
      app,
      isBehind: () => host.catchingUpTo !== null,
      publish: (join) => publish({ kind: 'validator-join', ...join }),
    });
  }

  start(): void {
    this.#handovers.start();
    this.#joining.start();
  }

  stop(): void {
    this.#handovers.stop();
    this.#joining.stop();
  }

  /** A block became the state that reads see. */
  onApplied(): void {
    this.#handovers.sign();
  }

  async serve(method: string, request: Uint8Array): Promise<Uint8Array> {
    if (method === 'handover') return this.#handovers.serve(request);
    if (method === 'cosign') return this.#checkpoints.serve(request);
    throw new ChainError('API_NOT_FOUND', { what: `method ${method}` });
  }
}
