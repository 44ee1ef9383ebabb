import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { toHex } from '../codec/index.ts';
import type { Equivocation } from '../consensus/index.ts';
import { nativeBackend } from '../crypto/index.ts';
import { ChainError } from '../errors/chain-error.ts';
import { KEY } from '../ledger/execute/keys.ts';
import { originOf, rootOf, type LoadedGenesis } from '../ledger/index.ts';
import type { ExecutedBlock } from '../ports/application.ts';
import type { ClusterId, Hash, ValidatorId } from '../types/brand.ts';
import type { Validator } from '../types/chain.ts';
import { NodeApiBackend } from './api-backend.ts';
import { ApiService } from './api-service.ts';
import { attestationAt } from './attestation-at.ts';
import { Bodies } from './bodies.ts';
import { BodyRetention } from './body-retention.ts';
import { Checkpoints } from './checkpoints.ts';
import { ClusterKeys } from './cluster-keys.ts';
import type { NodeConfig } from './config.ts';
import { evidenceOf } from './evidence.ts';
import { Handovers } from './handovers.ts';
import { HookService } from './hook-service.ts';
import { ConsensusHost } from './host.ts';
import { checkIdentity, loadIdentity, type NodeIdentity } from './identity.ts';
import { Joining, strangerOf } from './joining.ts';
import { KeyRotations } from './key-rotation.ts';
import { listening } from './listen.ts';
import { createMetrics, type NodeMetrics } from './metrics.ts';
import { serveMetrics } from './metrics-server.ts';
import { ObserverService } from './observer-service.ts';
import { OwnTransactions } from './own-transactions.ts';
import { Readiness } from './readiness.ts';
import { stateDocument } from './state-document.ts';
import { nodeStatus } from './status.ts';
import { Ticker } from './ticker.ts';
import { TlsReload } from './tls-reload.ts';
import { decodeSetsRequest, encodeSets } from './validator-sets.ts';

const { sha256 } = nativeBackend;
/** Sets of validators in one answer to a peer. */
const setsMax = 100;

export interface NodeOptions {
  readonly config: NodeConfig;
  readonly genesis: LoadedGenesis;
  readonly log: Logger;
  readonly fatal: (error: unknown) => void;
  /** A state was fetched: stop this node and open it again. */
  readonly onSnapshot?: () => void;
  /** Awaited before the webhook is opened, when every other door is. */
  readonly beforeWebhook?: () => Promise<void>;
}

/** Works beside the doors from the start to the stop of a node, at times of its own. */
interface Duty {
  start(): void;
  stop(): void;
}

/** One organisation's node: what it runs, connected. */
export class ChainNode {
  readonly #options: NodeOptions;
  readonly #self: Validator;
  readonly #metrics: NodeMetrics;
  readonly #host: ConsensusHost;
  readonly #readiness: Readiness;
  readonly #own: OwnTransactions;
  readonly #clusterKeys: ClusterKeys;
  readonly #bodies: Bodies;
  readonly #retention: BodyRetention;
  readonly #checkpoints: Checkpoints;
  readonly #handovers: Handovers;
  readonly #backend: NodeApiBackend;
  readonly #api: ApiService;
  readonly #hook: HookService;
  readonly #observer: ObserverService;
  readonly #tls: TlsReload;
  readonly #duties: readonly Duty[];
  #stopMetrics: (() => Promise<void>) | undefined;

  /** Checks keys and data, brings the ledger up to what is on disk. Nothing listens yet. Throws coded errors. */
  static async open(options: NodeOptions): Promise<ChainNode> {
    const { config, genesis, log, fatal, onSnapshot } = options;
    const { identity, self } = knownBefore(config, genesis);
    await mkdir(config.dataDir, { recursive: true, mode: 0o700 }).catch(() => undefined);
    const metrics = createMetrics();
    // Opening the host may already tell of blocks: the node that hears of them comes after it.
    const opened: { node?: ChainNode } = {};
    const host = await ConsensusHost.open({
      config,
      genesis,
      self,
      identity,
      metrics,
      log,
      onApplied: () => opened.node?.onApplied(),
      onCommitted: (executed) => opened.node?.onCommitted(executed),
      onEvidence: (equivocation) => opened.node?.onEvidence(equivocation),
      onKeyElsewhere: (height) => host.stopSigning(height),
      serve: async (from, method, request) => {
        const { node } = opened;
        if (node === undefined) throw new ChainError('NODE_NOT_READY', { reason: 'it is starting' });
        return node.serve(from, method, request);
      },
      fatal,
      ...(onSnapshot === undefined ? {} : { onSnapshot }),
      onWhole: () => opened.node?.onWhole(),
    });
    try {
      if (!config.joining) checkIdentity(identity, registeredIn(host, config.org));
    } catch (error) {
      await host.stop();
      throw error;
    }
    opened.node = new ChainNode(options, self, identity, metrics, host);
    return opened.node;
  }

  private constructor(
    options: NodeOptions,
    self: Validator,
    identity: NodeIdentity,
    metrics: NodeMetrics,
    host: ConsensusHost,
  ) {
    const { config, genesis, log } = options;
    const { app, mesh, store, submitter } = host;
    const chain = genesis.hash;
    const origin = originOf(genesis.genesis.chainName, chain);
    const now = (): number => Date.now();
    const info = (message: string, details: object): void => log.info(details, message);
    const warn = (message: string, details: object): void => log.warn(details, message);
    this.#options = options;
    this.#self = self;
    this.#metrics = metrics;
    this.#host = host;
    this.#readiness = new Readiness(host);

    const own = new OwnTransactions({ chain, self: self.id, key: identity.tx, app, submitter, log });
    this.#own = own;

    // What is kept off the chain.
    const clusterKeys = new ClusterKeys({
      dir: join(config.dataDir, 'cluster-keys'),
      self: self.id,
      org: self.org,
      sha256,
      network: mesh,
      cluster: (name) => app.cluster(name),
      registered: (name) => app.clusterKeyId(name),
      clusters: () => stateDocument<readonly ClusterId[]>(app, KEY.clusters) ?? [],
      publish: async (cluster, keyId) => void (await own.submit({ kind: 'cluster-key', cluster, keyId })),
      info,
      warn,
    });
    const bodies = new Bodies({
      store,
      network: mesh,
      sha256,
      org: self.org,
      proposal: (id) => app.proposal(id),
      live: () => app.liveProposals(),
      checkDetails: (proposal, details) => app.checkDetails(proposal, details),
      refusedAt: (leaf) => attestationAt(store, leaf),
      isErased: (hash) => app.isErased(hash),
      retentionMs: () => app.params().bodyRetentionMs,
      nowMs: now,
      publish: async (proposal, details) => void (await own.submit({ kind: 'body-held', proposal, details })),
      warn,
    });
    this.#clusterKeys = clusterKeys;
    this.#bodies = bodies;
    this.#retention = new BodyRetention({ app, bodies, log });

    // What a validator owes to the others beside its votes.
    this.#checkpoints = new Checkpoints({
      origin,
      self: self.id,
      signer: (publicKey) => identity.checkpoint.of(publicKey),
      backend: nativeBackend,
      network: mesh,
      local: store.local,
      tree: () => {
        const { logSize, logRoot } = app.info().state;
        return { size: logSize, root: logRoot };
      },
      rootAt: (size) => toHex(rootOf(sha256, size, (level, index) => store.readNode(level, index))) as Hash,
      validators: () => app.info().validators,
      forgotten: () => host.forgotten,
      nowMs: now,
    });
    this.#handovers = new Handovers({
      self: self.id,
      origin,
      backend: nativeBackend,
      network: mesh,
      reader: app,
      checkpoints: this.#checkpoints,
      local: store.local,
      stateAt: (height) => (height === app.info().height ? app.info().state : store.state(height)),
      publish: (handover) => own.submit({ kind: 'handover', ...handover }),
      warn,
    });
    const rotations = new KeyRotations({
      chain,
      self: self.id,
      keys: { tx: identity.tx, checkpoint: identity.checkpoint },
      registered: () => own.registered(),
      gate: own.gate,
      publish: (rotation) => own.submit({ kind: 'key-rotation', ...rotation }),
      info,
      warn,
    });
    const joining = new Joining({
      self: self.id,
      app,
      isBehind: () => host.catchingUpTo !== null,
      publish: (join) => own.submit({ kind: 'validator-join', ...join }),
    });
    const ticker = new Ticker(
      app,
      ({ dueMs, id }) => void own.submit({ kind: 'tick', dueMs, id, height: app.info().height }),
      now,
    );

    // The doors, and the observer.
    const cluster = { config, self, host, own, bodies, clusterKeys, metrics, log };
    this.#hook = new HookService({ ...cluster, chain, tls: identity.webhook, readiness: this.#readiness });
    this.#observer = new ObserverService(cluster);
    this.#backend = new NodeApiBackend({
      genesis,
      org: self.org,
      store,
      reader: app,
      lastCertificate: () => host.certificate,
      submitter,
      bodies,
      clusterKeys,
      checkpoints: this.#checkpoints,
      status: () =>
        nodeStatus({ config, self, genesis, host, hook: this.#hook, observer: this.#observer, clusterKeys }),
      obstacle: () => host.obstacle(),
      apiCertificates: () => this.#api.certificates,
      now,
    });
    this.#api = new ApiService({
      config,
      tls: identity.api,
      backend: this.#backend,
      readiness: () => this.#readiness.of(),
      metrics,
      log,
    });
    this.#tls = new TlsReload({
      config,
      current: { api: identity.api, webhook: identity.webhook },
      apply: (files) => {
        this.#api.setTls(files.api);
        if (files.webhook !== null) this.#hook.setTls(files.webhook);
      },
      info,
      warn,
    });
    this.#duties = [ticker, this.#tls, this.#handovers, rotations, joining, this.#retention, clusterKeys];
  }

  /** Opens every door that the configuration names; the webhook last, since whoever asks there needs all others. Throws NODE_PORT_IN_USE, NODE_NO_HOOK. */
  async start(): Promise<void> {
    const { config, log, beforeWebhook } = this.#options;
    await listening('the mesh', config.peer.listen, this.#host.start());
    await this.#api.start();
    if (config.metrics !== undefined)
      this.#stopMetrics = await serveMetrics(this.#metrics.registry, config.metrics.listen);
    await beforeWebhook?.();
    await this.#hook.start();
    this.#readiness.doorsOpen();
    await this.#observer.start();
    for (const duty of this.#duties) duty.start();
    this.#bodies.consider(this.#host.app.liveProposals().map(({ id }) => id));
    const { height } = this.#host.app.info();
    log.info({ org: this.#self.org, height, observing: this.#host.observeReason }, 'node started');
  }

  /** Unready first, then drains: what was asked before is still answered. The mesh closes after all that needs a quorum. */
  async stop(): Promise<void> {
    this.#readiness.drain();
    for (const duty of this.#duties) duty.stop();
    this.#observer.stop();
    await this.#hook.stop();
    await this.#api.stop();
    this.#bodies.stop();
    await this.#host.stop();
    await this.#stopMetrics?.();
  }

  /** Looks at once for new certificates. */
  reload(): void {
    this.#tls.look();
  }

  onApplied(): void {
    this.#handovers.sign();
  }

  onCommitted(executed: ExecutedBlock): void {
    if (executed.proposals.length > 0) this.#bodies.consider(executed.proposals);
    this.#retention.onCommitted(executed);
    this.#observer.poke();
  }

  onWhole(): void {
    this.#observer.start().catch(this.#options.fatal);
  }

  onEvidence(equivocation: Equivocation): void {
    const { first } = equivocation;
    const { log, genesis } = this.#options;
    const validator = this.#host.app.validatorsAt(first.height)[first.validator]?.id;
    this.#metrics.evidence.inc();
    log.error({ validator, height: first.height, round: first.round }, 'a validator signed two conflicting messages');
    if (validator === undefined) return;
    void this.#own.submit(evidenceOf(genesis.hash, validator, equivocation));
  }

  /** What peers may ask for that is not about blocks. Throws API_NOT_FOUND, and what each part throws. */
  async serve(from: ValidatorId, method: string, request: Uint8Array): Promise<Uint8Array> {
    switch (method) {
      case 'body':
        return this.#bodies.serve(from, request);
      case 'cluster-key':
        return this.#clusterKeys.serve(from, request);
      case 'handover':
        return this.#handovers.serve(request);
      case 'validator-sets':
        return encodeSets(this.#backend.handovers(decodeSetsRequest(request), setsMax));
      case 'cosign':
        return this.#checkpoints.serve(request);
      default:
        throw new ChainError('API_NOT_FOUND', { what: `method ${method}` });
    }
  }
}

/**
 * Who this node is before the chain can be read: what is on disk may know of other keys than the genesis; where nothing is, the genesis says it. Throws
 * NODE_NOT_A_VALIDATOR, and what `loadIdentity` and `checkIdentity` throw.
 */
function knownBefore(
  config: NodeConfig,
  { genesis }: LoadedGenesis,
): { readonly identity: NodeIdentity; readonly self: Validator } {
  const first = genesis.validators.find(({ org }) => org === config.org);
  const isNew = !existsSync(join(config.dataDir, 'db'));
  if (first === undefined && isNew && !config.joining)
    throw new ChainError('NODE_NOT_A_VALIDATOR', { org: config.org });
  const identity = loadIdentity(config);
  if (first !== undefined && isNew && !config.joining) checkIdentity(identity, first);
  return { identity, self: first ?? strangerOf(config, identity) };
}

/** Throws NODE_NOT_A_VALIDATOR. */
function registeredIn({ app }: ConsensusHost, org: string): Validator {
  const found = app.info().validators.find((validator) => validator.org === org);
  if (found === undefined) throw new ChainError('NODE_NOT_A_VALIDATOR', { org });
  return found;
}
