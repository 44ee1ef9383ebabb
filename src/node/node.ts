import { randomBytes } from 'node:crypto';
import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { createWebhook, type Webhook } from '../../webhook/index.ts';
import { createApi, type ChainApi } from '../api/server.ts';
import { deriveClusterKeys, type AttestContext } from '../change/index.ts';
import { toHex } from '../codec/index.ts';
import type { Equivocation } from '../consensus/index.ts';
import { nativeBackend } from '../crypto/index.ts';
import { ChainError } from '../errors/chain-error.ts';
import { KEY } from '../ledger/execute/keys.ts';
import { originOf, rootOf, signTransaction, type LoadedGenesis } from '../ledger/index.ts';
import { lackedHeights, Spool, type HistoryGap } from '../store/index.ts';
import type { NodeStatus } from '../ports/api-backend.ts';
import type { ExecutedBlock } from '../ports/application.ts';
import type { LedgerReader } from '../ports/ledger-reader.ts';
import type { ClusterId, Hash, ValidatorId } from '../types/brand.ts';
import type { ClusterRecord, Validator } from '../types/chain.ts';
import type { ChangeAttestation } from '../types/change.ts';
import type { Proposal } from '../types/proposal.ts';
import type { ObservedResult, Payload } from '../types/transaction.ts';
import { createAdmissionLedger } from './admission.ts';
import { RecordService, SPOOL_BOUNDS_DEFAULT } from './record-service.ts';
import { NodeApiBackend } from './api-backend.ts';
import { Bodies } from './bodies.ts';
import { Handovers } from './handovers.ts';
import { Joining, strangerOf } from './joining.ts';
import { KeyRotations, SigningGate } from './key-rotation.ts';
import { Checkpoints } from './checkpoints.ts';
import { ClusterKeys, entitled } from './cluster-keys.ts';
import { hostAndPort, type NodeConfig } from './config.ts';
import { evidenceOf } from './evidence.ts';
import { ConsensusHost } from './host.ts';
import { attestationAt } from './attestation-at.ts';
import { checkIdentity, loadIdentity, type NodeIdentity } from './identity.ts';
import { listening } from './listen.ts';
import { createMetrics, type NodeMetrics } from './metrics.ts';
import { serveMetrics } from './metrics-server.ts';
import type { RunningObserver } from './observing.ts';
import { RefusalCount, summaryCheckMs } from './refusals.ts';
import { ReviewThread } from './review-thread.ts';
import type { SubmitOutcome } from './submitter.ts';
import { hostStatus } from './status.ts';
import { Ticker } from './ticker.ts';
import { TlsReload } from './tls-reload.ts';
import { decodeSetsRequest, encodeSets } from './validator-sets.ts';

const { sha256, hmacSha256 } = nativeBackend;
/** A node's own transactions may wait out a lost quorum of a few minutes. */
const ownTxLifeMs = 5 * 60_000;
const ownTxWaitMs = 10_000;
const keyRetryMs = 500;
/** Sets of validators in one answer to a peer. */
const setsMax = 100;
/** Failovers probe each 500 ms and wait 400 ms for the answer. */
const unreadySeenMs = 1_200;
const witnessCheckMs = 50;
const expiryIntervalMs = 60_000;
const expiredAtOnceMax = 100;

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

/** Omit over a union, member by member. */
type Unsigned<P> = P extends Payload ? Omit<P, 'v' | 'alg' | 'chain' | 'notAfterMs' | 'node'> : never;

/** One organisation's node: what it runs, connected. */
export class ChainNode {
  readonly #config: NodeConfig;
  readonly #genesis: LoadedGenesis;
  readonly #log: Logger;
  readonly #fatal: (error: unknown) => void;
  readonly #beforeWebhook: () => Promise<void>;
  readonly #self: Validator;
  readonly #identity: NodeIdentity;
  readonly #metrics: NodeMetrics;
  readonly #host: ConsensusHost;
  readonly #bodies: Bodies;
  readonly #clusterKeys: ClusterKeys;
  readonly #checkpoints: Checkpoints;
  readonly #ticker: Ticker;
  readonly #tls: TlsReload;
  readonly #handovers: Handovers;
  readonly #rotations: KeyRotations;
  readonly #joining: Joining;
  readonly #gate = new SigningGate();
  #webhook: Webhook | undefined;
  #reviewThread: ReviewThread | undefined;
  #api: ChainApi | undefined;
  #records: RecordService | undefined;
  #stopMetrics: (() => Promise<void>) | undefined;
  #observer: RunningObserver | undefined;
  #isObserving = false;
  #keyTimer: NodeJS.Timeout | undefined;
  #expiry: NodeJS.Timeout | undefined;
  /** Newest first. */
  #apiCertificates: readonly Hash[];
  #summary: NodeJS.Timeout | undefined;
  readonly #refusals = new RefusalCount();
  /** Until every door is open: who asks for readiness in between would be sent to one that is closed. */
  #starting = true;
  #draining = false;
  /** Rises with each sighting, also over restarts. */
  #guardSequence = 0;
  #observing: Promise<unknown> = Promise.resolve();

  /** Checks keys and data, brings the ledger up to what is on disk. Nothing listens yet. Throws coded errors. */
  static async open(options: NodeOptions): Promise<ChainNode> {
    const { config, genesis } = options;
    const first = genesis.genesis.validators.find(({ org }) => org === config.org);
    // What is on disk may know of other keys than the genesis; where nothing is, the genesis says who this is.
    const isNew = !existsSync(join(config.dataDir, 'db'));
    if (first === undefined && isNew && !config.joining)
      throw new ChainError('NODE_NOT_A_VALIDATOR', { org: config.org });
    const identity = loadIdentity(config);
    if (first !== undefined && isNew && !config.joining) checkIdentity(identity, first);
    const self = first ?? strangerOf(config, identity);
    await mkdir(config.dataDir, { recursive: true, mode: 0o700 }).catch(() => undefined);
    const opened: { node?: ChainNode } = {};
    const metrics = createMetrics();
    const host = await ConsensusHost.open({
      config,
      genesis,
      self,
      identity,
      metrics,
      log: options.log,
      onApplied: () => opened.node?.onApplied(),
      onCommitted: (executed) => opened.node?.onCommitted(executed),
      onEvidence: (equivocation) => opened.node?.onEvidence(equivocation),
      onKeyElsewhere: (height) => host.stopSigning(height),
      serve: async (from, method, request) => {
        const { node } = opened;
        if (node === undefined) throw new ChainError('NODE_NOT_READY', { reason: 'it is starting' });
        return node.serve(from, method, request);
      },
      fatal: options.fatal,
      ...(options.onSnapshot === undefined ? {} : { onSnapshot: options.onSnapshot }),
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
    { config, genesis, log, fatal, beforeWebhook }: NodeOptions,
    self: Validator,
    identity: NodeIdentity,
    metrics: NodeMetrics,
    host: ConsensusHost,
  ) {
    this.#config = config;
    this.#genesis = genesis;
    this.#log = log;
    this.#fatal = fatal;
    this.#beforeWebhook = beforeWebhook ?? (async () => undefined);
    this.#self = self;
    this.#identity = identity;
    this.#metrics = metrics;
    this.#host = host;
    const { app, mesh, store } = host;
    const info = (message: string, details: object): void => log.info(details, message);
    const warn = (message: string, details: object): void => log.warn(details, message);
    this.#clusterKeys = new ClusterKeys({
      dir: join(config.dataDir, 'cluster-keys'),
      self: self.id,
      org: self.org,
      sha256,
      network: mesh,
      cluster: (name) => app.cluster(name),
      registered: (name) => app.clusterKeyId(name),
      clusters: () => this.#clusters(),
      publish: async (cluster, keyId) => void (await this.#submit({ kind: 'cluster-key', cluster, keyId })),
      info,
    });
    this.#bodies = new Bodies({
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
      nowMs: () => Date.now(),
      publish: async (proposal, details) => void (await this.#submit({ kind: 'body-held', proposal, details })),
      warn,
    });
    this.#checkpoints = new Checkpoints({
      origin: originOf(genesis.genesis.chainName, genesis.hash),
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
      forgotten: () => this.#host.forgotten,
      nowMs: () => Date.now(),
    });
    this.#handovers = new Handovers({
      self: self.id,
      origin: originOf(genesis.genesis.chainName, genesis.hash),
      backend: nativeBackend,
      network: mesh,
      reader: app,
      checkpoints: this.#checkpoints,
      local: store.local,
      stateAt: (height) => (height === app.info().height ? app.info().state : store.state(height)),
      publish: (handover) => this.#submit({ kind: 'handover', ...handover }),
      warn,
    });
    this.#rotations = new KeyRotations({
      chain: genesis.hash,
      self: self.id,
      keys: { tx: identity.tx, checkpoint: identity.checkpoint },
      registered: () => this.#registered(),
      gate: this.#gate,
      publish: (rotation) => this.#submit({ kind: 'key-rotation', ...rotation }),
      info,
      warn,
    });
    this.#joining = new Joining({
      self: self.id,
      app,
      isBehind: () => host.catchingUpTo !== null,
      publish: (join) => this.#submit({ kind: 'validator-join', ...join }),
    });
    this.#ticker = new Ticker(
      app,
      ({ dueMs, id }) => void this.#submit({ kind: 'tick', dueMs, id, height: app.info().height }),
      () => Date.now(),
    );
    this.#apiCertificates = [certificateHash(identity.api.cert)];
    this.#tls = new TlsReload({
      config,
      current: { api: identity.api, webhook: identity.webhook },
      apply: (files) => {
        this.#api?.setTls(files.api);
        // Connections that exist go on with the old one.
        this.#apiCertificates = [certificateHash(files.api.cert), ...this.#apiCertificates].slice(0, 2);
        if (files.webhook !== null) this.#webhook?.setTls(files.webhook);
      },
      info,
      warn,
    });
  }

  /** Opens every door that the configuration names. Throws NODE_PORT_IN_USE. */
  async start(): Promise<void> {
    const { api, metrics, peer } = this.#config;
    await listening('the mesh', peer.listen, this.#host.start());
    this.#api = await createApi({
      backend: this.#backend(),
      tls: this.#identity.api,
      readiness: () => this.#readiness(),
      onRequest: (route, status) => this.#metrics.apiRequests.inc({ route, status }),
      onTurned: (reason) => this.#metrics.apiTurned.inc({ reason }),
      onError: (error, id) => this.#log.error({ err: error, id }, 'API request failed'),
    });
    await listening('the API', api.listen, this.#api.listen(hostAndPort(api.listen)));
    if (metrics !== undefined) this.#stopMetrics = await serveMetrics(this.#metrics.registry, metrics.listen);
    await this.#beforeWebhook();
    await this.#startWebhook();
    this.#starting = false;
    await this.#startObserver();
    this.#ticker.start();
    this.#tls.start();
    this.#handovers.start();
    this.#rotations.start();
    this.#joining.start();
    this.#summary = setInterval(() => void this.#writeSummary(), summaryCheckMs);
    this.#expiry = setInterval(() => void this.#dropExpiredBodies(), expiryIntervalMs);
    this.#bodies.consider(this.#host.app.liveProposals().map(({ id }) => id));
    void this.#eraseBodies(erasedLatest(this.#host.app));
    void this.#ensureKeys();
    this.#log.info(
      { org: this.#self.org, height: this.#host.app.info().height, observing: this.#host.observeReason },
      'node started',
    );
  }

  /** Unready first, then drains: what was asked before is still answered. */
  async stop(): Promise<void> {
    this.#draining = true;
    clearTimeout(this.#keyTimer);
    clearInterval(this.#expiry);
    clearInterval(this.#summary);
    this.#ticker.stop();
    this.#tls.stop();
    this.#handovers.stop();
    this.#rotations.stop();
    this.#joining.stop();
    this.#observer?.stop();
    // Whoever chooses among nodes must have seen that this one is not ready before it takes no more.
    if (this.#webhook !== undefined) await sleep(unreadySeenMs);
    await this.#webhook?.close();
    await this.#reviewThread?.close();
    await this.#records?.stop();
    await this.#api?.close();
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
    if (executed.proposals.some((id) => isErasure(this.#host.app.proposal(id))))
      void this.#eraseBodies(erasedLatest(this.#host.app));
    this.#observer?.poke();
  }

  onWhole(): void {
    if (!this.#draining) this.#startObserver().catch(this.#fatal);
  }

  onEvidence(equivocation: Equivocation): void {
    const { first } = equivocation;
    const validator = this.#host.app.validatorsAt(first.height)[first.validator]?.id;
    this.#metrics.evidence.inc();
    this.#log.error(
      { validator, height: first.height, round: first.round },
      'a validator signed two conflicting messages',
    );
    if (validator === undefined) return;
    void this.#submit(evidenceOf(this.#genesis.hash, validator, equivocation));
  }

  async serve(from: ValidatorId, method: string, request: Uint8Array): Promise<Uint8Array> {
    switch (method) {
      case 'body':
        return this.#bodies.serve(from, request);
      case 'cluster-key':
        return this.#clusterKeys.serve(from, request);
      case 'handover':
        return this.#handovers.serve(request);
      case 'validator-sets':
        return encodeSets(this.#backend().handovers(decodeSetsRequest(request), setsMax));
      case 'cosign':
        return this.#checkpoints.serve(request);
      default:
        throw new ChainError('API_NOT_FOUND', { what: `method ${method}` });
    }
  }

  async #startWebhook(): Promise<void> {
    const { webhook, cluster } = this.#config;
    const { webhook: tls } = this.#identity;
    const hook = this.#hook();
    if (webhook === undefined || cluster === undefined || tls === null) return;
    if (hook === null) throw new ChainError('NODE_NO_HOOK', { org: this.#self.org, cluster: cluster.name });
    const name = cluster.name as ClusterId;
    const ledger = createAdmissionLedger({
      chain: this.#genesis.hash,
      node: this.#self.id,
      cluster: name,
      signed: (payload, submit) => this.#gate.pass(() => submit(this.#sign(payload))),
      reader: this.#host.app,
      submitter: this.#host.submitter,
      clusterKey: () => this.#clusterKeys.get(name),
      putBody: (hash, bytes, orgs) => this.#bodies.keep(hash, bytes, orgs),
      bodyOrgs: () => [...entitled(this.#host.app.cluster(name) ?? emptyRecord)],
      obstacle: () => this.#host.obstacle(),
      unobstructed: (limitMs) => this.#host.unobstructed(limitMs),
      witnessed: (attestation, limitMs) => this.#witnessed(name, attestation, limitMs),
      refusedAgain: (proposal) => {
        this.#metrics.refusedAgain.inc();
        this.#refusals.add(proposal, Date.now());
      },
      settled: (limitMs) => this.#host.settled(limitMs),
      now: () => Date.now(),
      warn: (message, details) => this.#log.warn(details, message),
    });
    const exclusions = webhook.nodeAgents === undefined ? {} : { nodeAgents: webhook.nodeAgents };
    this.#reviewThread = new ReviewThread({
      cluster: name,
      exclusions,
      clusterKey: () => this.#clusterKeys.get(name)?.key,
      now: () => Date.now(),
    });
    const records = await this.#openRecords(name, webhook.spool);
    this.#records = records;
    this.#webhook = createWebhook({
      ledger,
      reader: this.#reviewThread,
      records,
      cluster: name,
      hookName: hook,
      sha256,
      hmacSha256,
      tls: { key: tls.key, cert: tls.cert, ...(tls.clientCa === undefined ? {} : { clientCa: tls.clientCa }) },
      ...(tls.pathSecret === undefined ? {} : { pathSecret: tls.pathSecret }),
      exclusions,
      ready: () => this.#webhookReadiness(),
      logger: this.#log.child({ part: 'webhook' }),
      metrics: {
        answered: (outcome, durationMs) => {
          this.#metrics.admissions.inc({ outcome });
          this.#metrics.admissionSeconds.observe(durationMs / 1_000);
        },
        turnedAway: (reason) => this.#metrics.webhookRefused.inc({ reason }),
        load: (reviews, bodyBytes) => {
          this.#metrics.webhookReviews.set(reviews);
          this.#metrics.webhookBodyBytes.set(bodyBytes);
        },
      },
    });
    await listening('the webhook', webhook.listen, this.#webhook.listen(hostAndPort(webhook.listen)));
  }

  async #openRecords(cluster: ClusterId, bounds = SPOOL_BOUNDS_DEFAULT): Promise<RecordService> {
    const newId = (): string => randomBytes(16).toString('hex');
    const spool = await Spool.open(join(this.#config.dataDir, 'spool'), { newId });
    const records = new RecordService({
      chain: this.#genesis.hash,
      node: this.#self.id,
      cluster,
      sign: (payload) => this.#sign(payload),
      spool,
      bounds,
      reader: this.#host.app,
      submitter: this.#host.submitter,
      obstacle: () => this.#host.obstacle(),
      now: () => Date.now(),
      metrics: {
        recorded: (outcome) => this.#metrics.records.inc({ outcome }),
        spool: (pending, bytes) => {
          this.#metrics.spoolRecords.set(pending);
          this.#metrics.spoolBytes.set(bytes);
        },
      },
      warn: (message, details) => this.#log.warn(details, message),
    });
    records.start();
    return records;
  }

  /** The Kubernetes client takes half a second to load: only nodes that observe do. */
  async #startObserver(): Promise<void> {
    if (this.#config.cluster?.kubeconfig === undefined || this.#isObserving) return;
    // An object whose record is not here yet would be taken for one without a record.
    if (this.#host.store.gap !== null) return;
    this.#isObserving = true;
    const { startObserver } = await import('./observing.ts');
    this.#observer = startObserver({
      config: this.#config,
      org: this.#self.org,
      reader: this.#host.app,
      store: this.#host.store,
      findBody: (hash, likely) => this.#bodies.find(hash, likely),
      attestContext: () => this.#attestContext(),
      connected: () => this.#host.mesh.connected(),
      caughtUp: async (cluster) => (await this.#observe(cluster, [])).kind === 'committed',
      publish: async (cluster, results) => {
        await this.#observe(cluster, results);
        for (const { persisted } of results)
          this.#metrics.observations.inc({ result: persisted ? 'persisted' : 'not-persisted' });
      },
      keepBody: (hash, bytes, orgs) => this.#bodies.keep(hash, bytes, orgs),
      bodyOrgs: () => [...entitled(this.#host.app.cluster(this.#config.cluster?.name ?? '') ?? emptyRecord)],
      publishFinding: async (cluster, report) => {
        const outcome = await this.#submit({ kind: 'finding', cluster, ...report });
        const isOnLog = outcome.kind === 'committed' && outcome.result.decision === 'DONE';
        if (isOnLog) this.#metrics.findingsReported.inc({ kind: report.finding });
        return isOnLog;
      },
      publishGuard: async (cluster, hooks, throughVersion) => {
        this.#guardSequence = Math.max(this.#guardSequence + 1, Date.now());
        await this.#submit({ kind: 'guard-seen', cluster, sequence: this.#guardSequence, hooks, throughVersion });
      },
      recordPassed: () => this.#metrics.recordPassed.inc(),
      eventWritten: () => this.#metrics.findingEvents.inc(),
      measured: (open, compared) => {
        this.#metrics.objectsCompared.set(compared);
        this.#metrics.findingsOpen.reset();
        for (const { kind, state } of open) this.#metrics.findingsOpen.inc({ kind, state });
      },
      delayed: (object, delay) => {
        for (const [step, ms] of Object.entries(delay))
          this.#metrics.findingSeconds.observe({ step: step.slice(0, -2) }, ms / 1_000);
        this.#log.info({ object, ...delay }, 'found and reported');
      },
      warn: (message, details) => this.#log.warn(details, message),
    });
  }

  /** One after the other, in the order of their sequence. One without results only shows where the log is now: what was decided before it is executed here. */
  #observe(cluster: ClusterId, results: readonly ObservedResult[]): Promise<SubmitOutcome> {
    const said = this.#observing.then(() => {
      const sequence = this.#host.app.observationSequence(cluster, this.#self.id) + 1;
      return this.#submit({ kind: 'observation', cluster, sequence, results });
    });
    this.#observing = said.catch(() => undefined);
    return said;
  }

  #backend(): NodeApiBackend {
    return new NodeApiBackend({
      genesis: this.#genesis,
      org: this.#self.org,
      store: this.#host.store,
      reader: this.#host.app,
      lastCertificate: () => this.#host.certificate,
      submitter: this.#host.submitter,
      bodies: this.#bodies,
      clusterKeys: this.#clusterKeys,
      checkpoints: this.#checkpoints,
      status: () => this.#status(),
      obstacle: () => this.#host.obstacle(),
      apiCertificates: () => this.#apiCertificates,
      now: () => Date.now(),
    });
  }

  /** Signs and submits a transaction of this node; its outcome matters only to whoever looks at the state afterwards. */
  async #submit(content: Unsigned<Payload>): Promise<SubmitOutcome> {
    // While the key changes only the change itself is signed; what waits is signed with the next one.
    if (content.kind !== 'key-rotation') await this.#gate.opened;
    const nowMs = Date.now();
    const payload = {
      v: 1,
      alg: 'ed25519',
      chain: this.#genesis.hash,
      notAfterMs: Math.max(nowMs, this.#host.app.info().timeMs) + ownTxLifeMs,
      node: this.#self.id,
      ...content,
    } as Payload;
    const outcome = await this.#host.submitter.submit(this.#sign(payload), nowMs + ownTxWaitMs, 'inclusion');
    if (outcome.kind === 'rejected')
      this.#log.debug({ kind: content.kind, code: outcome.code, reason: outcome.message }, 'own transaction not taken');
    return outcome;
  }

  /** With the key that the chain registers for the next height. Throws NODE_NOT_READY if this node does not hold it. */
  #sign(payload: Payload): Uint8Array {
    const signer = this.#identity.tx.of(this.#registered()?.txKey);
    if (signer === undefined)
      throw new ChainError('NODE_NOT_READY', { reason: 'the chain registers another transaction key for it' });
    return signTransaction(payload, signer, sha256);
  }

  #registered(): Validator | undefined {
    const { app } = this.#host;
    const known = app.info().validators.find(({ id }) => id === this.#self.id);
    return known ?? app.joiners().find(({ validator }) => validator.id === this.#self.id)?.validator;
  }

  /** One record an hour says how often this node refused again what has an open proposal. */
  async #writeSummary(): Promise<void> {
    const cluster = this.#config.cluster?.name as ClusterId | undefined;
    const summary = this.#refusals.due(Date.now());
    if (cluster === undefined || summary === undefined || this.#host.obstacle() !== null) return;
    const outcome = await this.#submit({ kind: 'refusals', cluster, ...summary });
    if (outcome.kind === 'committed') this.#refusals.written(summary);
  }

  async #dropExpiredBodies(): Promise<void> {
    await this.#bodies
      .dropExpired(expiredAtOnceMax)
      .catch((error: unknown) => this.#log.warn({ err: error }, 'expired bodies could not be deleted'));
  }

  async #eraseBodies(hashes: readonly Hash[]): Promise<void> {
    await this.#bodies
      .erase(hashes)
      .catch((error: unknown) => this.#log.error({ err: error }, 'erased bodies could not be deleted'));
  }

  /** Until every key is here: the first node makes it, the others fetch it. */
  async #ensureKeys(): Promise<void> {
    await this.#clusterKeys
      .ensure()
      .catch((error: unknown) => this.#log.warn({ err: error }, 'cluster keys could not be completed'));
    this.#keyTimer = setTimeout(() => void this.#ensureKeys(), keyRetryMs);
  }

  #attestContext(): AttestContext | undefined {
    const name = this.#config.cluster?.name as ClusterId | undefined;
    const held = name === undefined ? undefined : this.#clusterKeys.get(name);
    if (name === undefined || held === undefined) return undefined;
    return { cluster: name, keys: deriveClusterKeys(held.key, sha256, hmacSha256), sha256, hmacSha256 };
  }

  #clusters(): readonly ClusterId[] {
    const listed = this.#host.app.stateGet('list/clusters');
    return listed === undefined ? [] : (JSON.parse(new TextDecoder().decode(listed)) as ClusterId[]);
  }

  /** The hook that this organisation answers for, by the chain's record of the cluster. */
  #hook(): string | null {
    const name = this.#config.cluster?.name;
    const record = name === undefined ? undefined : this.#host.app.cluster(name);
    return record?.hooks.find(({ orgs }) => orgs.includes(this.#self.org))?.name ?? null;
  }

  /** Whether an organisation that answers for another hook attests the same change, for the next block or in the log; looked for until it does, or for so long. */
  async #witnessed(cluster: ClusterId, attestation: ChangeAttestation, limitMs: number): Promise<boolean> {
    const { app, mempool } = this.#host;
    const pair = app.pairHash(attestation);
    const untilMs = performance.now() + limitMs;
    for (;;) {
      const others = (app.cluster(cluster)?.hooks ?? []).filter(({ orgs }) => !orgs.includes(this.#self.org));
      const found: readonly string[] = [...mempool.witnessesOf(pair), ...app.waitingOrgs(pair, app.info().timeMs)];
      if (others.some(({ orgs }) => orgs.some((org) => found.includes(org)))) return true;
      if (performance.now() >= untilMs) return false;
      await sleep(witnessCheckMs);
    }
  }

  #webhookReadiness(): { ready: boolean; reasons: readonly string[] } {
    const reasons = [...this.#readiness().reasons];
    const name = this.#config.cluster?.name as ClusterId | undefined;
    if (name !== undefined && this.#clusterKeys.get(name) === undefined)
      reasons.push(`the key of cluster ${name} is not here yet`);
    return { ready: reasons.length === 0, reasons };
  }

  /** A lost quorum is no reason: restarting this process would not bring it back. It is shown in the status. */
  #readiness(): { ready: boolean; reasons: readonly string[] } {
    const reasons: string[] = [];
    if (this.#starting) reasons.push('it is starting');
    if (this.#draining) reasons.push('it is stopping');
    if (this.#host.halted !== null) reasons.push(this.#host.halted);
    const { catchingUpTo: target, snapshot } = this.#host;
    if (snapshot !== null)
      reasons.push(
        `it is fetching the state of height ${snapshot.height}: ${snapshot.buckets} of ${snapshot.of} buckets`,
      );
    else if (target !== null) reasons.push(`it is catching up to height ${target}`);
    return { ready: reasons.length === 0, reasons };
  }

  #status(): NodeStatus {
    const { ready, reasons } = this.#webhook === undefined ? this.#readiness() : this.#webhookReadiness();
    const cluster = this.#config.cluster;
    return {
      ...hostStatus(this.#host, this.#self, this.#genesis),
      ready,
      notReady: [...reasons, this.#host.observeReason, this.#host.clockReason, lackOf(this.#host.store.gap)].filter(
        (reason) => reason !== '',
      ),
      cluster:
        cluster === undefined
          ? null
          : {
              name: cluster.name,
              hook: this.#webhook === undefined ? null : this.#hook(),
              hasKey: this.#clusterKeys.get(cluster.name as ClusterId) !== undefined,
              observer: this.#observer?.describe() ?? 'off',
              spool: this.#records?.status() ?? null,
            },
    };
  }
}

/** What a node that began with a snapshot does not answer yet; empty if it has all. */
function lackOf(gap: HistoryGap | null): string {
  if (gap === null) return '';
  const { from, to } = lackedHeights(gap);
  return `the heights ${from} to ${to} of its history are not here yet`;
}

/** Throws NODE_NOT_A_VALIDATOR. */
function registeredIn({ app }: ConsensusHost, org: string): Validator {
  const found = app.info().validators.find((validator) => validator.org === org);
  if (found === undefined) throw new ChainError('NODE_NOT_A_VALIDATOR', { org });
  return found;
}

const emptyRecord: ClusterRecord = { name: '' as ClusterId, uid: '', hooks: [], observers: [] };

function isErasure(proposal: Proposal | undefined): boolean {
  return proposal?.state === 'EXECUTED' && proposal.config.some((change) => change.type === 'tombstone');
}

function erasedLatest(app: LedgerReader): readonly Hash[] {
  const listed = app.stateGet(KEY.erased);
  return listed === undefined ? [] : (JSON.parse(new TextDecoder().decode(listed)) as Hash[]);
}

/** Of the first certificate of a chain in PEM, which is the server's own. */
function certificateHash(pem: string): Hash {
  return new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase() as Hash;
}
