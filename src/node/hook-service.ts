import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { createWebhook, type Webhook, type WebhookMetrics } from '../../webhook/index.ts';
import { nativeBackend } from '../crypto/index.ts';
import { ChainError } from '../errors/chain-error.ts';
import type { AdmissionLedger } from '../ports/admission-ledger.ts';
import type { SpoolStatus } from '../ports/api-backend.ts';
import { Spool } from '../store/index.ts';
import type { ClusterId, Hash } from '../types/brand.ts';
import type { Validator } from '../types/chain.ts';
import { createAdmissionLedger } from './admission.ts';
import type { Bodies } from './bodies.ts';
import { entitled, type ClusterKeys } from './cluster-keys.ts';
import { hostAndPort, type NodeConfig } from './config.ts';
import type { ConsensusHost } from './host.ts';
import type { NodeIdentity } from './identity.ts';
import { listening } from './listen.ts';
import type { NodeMetrics } from './metrics.ts';
import type { OwnTransactions } from './own-transactions.ts';
import type { Readiness, Ready } from './readiness.ts';
import { RecordService, SPOOL_BOUNDS_DEFAULT, type SpoolBounds } from './record-service.ts';
import { RefusalCount, summaryCheckMs } from './refusals.ts';
import { ReviewThread } from './review-thread.ts';
import { witnessed } from './witnesses.ts';

const { sha256, hmacSha256 } = nativeBackend;
/** Failovers probe each 500 ms and wait 400 ms for the answer. */
const unreadySeenMs = 1_200;

type WebhookTls = NodeIdentity['webhook'];

interface Deps {
  readonly config: NodeConfig;
  readonly chain: Hash;
  readonly self: Validator;
  readonly tls: WebhookTls;
  readonly host: ConsensusHost;
  readonly own: OwnTransactions;
  readonly bodies: Bodies;
  readonly clusterKeys: ClusterKeys;
  readonly readiness: Readiness;
  readonly metrics: NodeMetrics;
  readonly log: Logger;
}

/** This node answers its organisation's hook: the webhook, and what stands behind it. Does nothing on a node whose configuration names no webhook. */
export class HookService {
  readonly #d: Deps;
  readonly #refusals = new RefusalCount();
  #webhook: Webhook | undefined;
  #reviews: ReviewThread | undefined;
  #records: RecordService | undefined;
  #summary: NodeJS.Timeout | undefined;

  constructor(deps: Deps) {
    this.#d = deps;
  }

  /** Throws NODE_NO_HOOK, NODE_PORT_IN_USE. */
  async start(): Promise<void> {
    const { config, self, tls, clusterKeys } = this.#d;
    const { webhook, cluster } = config;
    if (webhook === undefined || cluster === undefined || tls === null) return;
    const name = cluster.name as ClusterId;
    const hookName = this.#hookOf(name);
    if (hookName === null) throw new ChainError('NODE_NO_HOOK', { org: self.org, cluster: name });
    const exclusions = webhook.nodeAgents === undefined ? {} : { nodeAgents: webhook.nodeAgents };
    this.#reviews = new ReviewThread({
      cluster: name,
      exclusions,
      clusterKey: () => clusterKeys.get(name)?.key,
      now: () => Date.now(),
    });
    this.#records = await this.#openRecords(name, webhook.spool);
    this.#webhook = createWebhook({
      ledger: this.#admissionLedger(name),
      reader: this.#reviews,
      records: this.#records,
      cluster: name,
      hookName,
      sha256,
      hmacSha256,
      tls: { key: tls.key, cert: tls.cert, ...(tls.clientCa === undefined ? {} : { clientCa: tls.clientCa }) },
      ...(tls.pathSecret === undefined ? {} : { pathSecret: tls.pathSecret }),
      exclusions,
      ready: () => this.ready(),
      logger: this.#d.log.child({ part: 'webhook' }),
      metrics: webhookMetrics(this.#d.metrics),
    });
    this.#summary = setInterval(() => void this.#writeSummary(name), summaryCheckMs);
    await listening('the webhook', webhook.listen, this.#webhook.listen(hostAndPort(webhook.listen)));
  }

  /** What was asked before is still answered. */
  async stop(): Promise<void> {
    clearInterval(this.#summary);
    // Whoever chooses among nodes must have seen that this one is not ready before it takes no more.
    if (this.#webhook !== undefined) await sleep(unreadySeenMs);
    await this.#webhook?.close();
    await this.#reviews?.close();
    await this.#records?.stop();
  }

  setTls(tls: NonNullable<WebhookTls>): void {
    this.#webhook?.setTls(tls);
  }

  /** Of this node, and where it answers a hook also of what that needs. */
  ready(): Ready {
    const { readiness, config, clusterKeys } = this.#d;
    const name = config.cluster?.name as ClusterId | undefined;
    if (this.#webhook === undefined || name === undefined || clusterKeys.get(name) !== undefined) return readiness.of();
    return readiness.of(`the key of cluster ${name} is not here yet`);
  }

  status(): { readonly hook: string | null; readonly spool: SpoolStatus | null } {
    const name = this.#d.config.cluster?.name as ClusterId | undefined;
    return {
      hook: this.#webhook === undefined || name === undefined ? null : this.#hookOf(name),
      spool: this.#records?.status() ?? null,
    };
  }

  /** The hook that this organisation answers for, by the chain's record of the cluster. */
  #hookOf(cluster: ClusterId): string | null {
    const { host, self } = this.#d;
    return host.app.cluster(cluster)?.hooks.find(({ orgs }) => orgs.includes(self.org))?.name ?? null;
  }

  #admissionLedger(cluster: ClusterId): AdmissionLedger {
    const { chain, self, host, own, bodies, clusterKeys, metrics, log } = this.#d;
    const { app, mempool, submitter } = host;
    return createAdmissionLedger({
      chain,
      node: self.id,
      cluster,
      signed: (payload, submit) => own.signed(payload, submit),
      reader: app,
      submitter,
      clusterKey: () => clusterKeys.get(cluster),
      putBody: (hash, bytes, orgs) => bodies.keep(hash, bytes, orgs),
      bodyOrgs: () => [...entitled(app.cluster(cluster))],
      obstacle: () => host.obstacle(),
      unobstructed: (limitMs) => host.unobstructed(limitMs),
      witnessed: (attestation, limitMs) => witnessed({ org: self.org, app, mempool }, cluster, attestation, limitMs),
      queuedMs: (user) => host.queuedMs(user),
      refusedAgain: (proposal) => {
        metrics.refusedAgain.inc();
        this.#refusals.add(proposal, Date.now());
      },
      settled: (limitMs) => host.settled(limitMs),
      now: () => Date.now(),
      warn: (message, details) => log.warn(details, message),
    });
  }

  async #openRecords(cluster: ClusterId, bounds: SpoolBounds = SPOOL_BOUNDS_DEFAULT): Promise<RecordService> {
    const { config, chain, self, host, own, metrics, log } = this.#d;
    const newId = (): string => randomBytes(16).toString('hex');
    const records = new RecordService({
      chain,
      node: self.id,
      cluster,
      sign: (payload) => own.sign(payload),
      spool: await Spool.open(join(config.dataDir, 'spool'), { newId }),
      bounds,
      reader: host.app,
      submitter: host.submitter,
      obstacle: () => host.obstacle(),
      now: () => Date.now(),
      metrics: {
        recorded: (outcome) => metrics.records.inc({ outcome }),
        spool: (pending, bytes) => {
          metrics.spoolRecords.set(pending);
          metrics.spoolBytes.set(bytes);
        },
      },
      warn: (message, details) => log.warn(details, message),
    });
    records.start();
    return records;
  }

  /** One record an hour says how often this node refused again what has an open proposal. */
  async #writeSummary(cluster: ClusterId): Promise<void> {
    const { own, host } = this.#d;
    const summary = this.#refusals.due(Date.now());
    if (summary === undefined || host.obstacle() !== null) return;
    const outcome = await own.submit({ kind: 'refusals', cluster, ...summary });
    if (outcome.kind === 'committed') this.#refusals.written(summary);
  }
}

function webhookMetrics(metrics: NodeMetrics): WebhookMetrics {
  return {
    answered: (outcome, durationMs) => {
      metrics.admissions.inc({ outcome });
      metrics.admissionSeconds.observe(durationMs / 1_000);
    },
    turnedAway: (reason) => metrics.webhookRefused.inc({ reason }),
    load: (reviews, bodyBytes) => {
      metrics.webhookReviews.set(reviews);
      metrics.webhookBodyBytes.set(bodyBytes);
    },
  };
}
