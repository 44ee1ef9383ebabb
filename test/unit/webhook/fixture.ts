import { request as httpsRequest, Agent, type RequestOptions } from 'node:https';
import { connect as http2Connect } from 'node:http2';
import {
  createWebhook,
  type Refusal,
  type ReviewOutcome,
  type Webhook,
  type WebhookOptions,
} from '../../../webhook/index.ts';
import { nativeBackend } from '../../../src/crypto/index.ts';
import type { AdmissionLedger, AdmissionOutcome, Evaluation } from '../../../src/ports/admission-ledger.ts';
import type { RecordLedger, RecordOutcome } from '../../../src/ports/record-ledger.ts';
import type { RecordedChange } from '../../../src/types/transaction.ts';
import type { ChangeAttestation } from '../../../src/types/change.ts';
import type { ClusterId, Hash } from '../../../src/types/brand.ts';
import type { Loose } from '../change/reviews.ts';
import { createAuthority, issue, type Authority, type KeyPairPem } from '../../control-plane/pki.ts';

/** Certificates as in a cluster: made once a test file. */
export interface Certificates {
  readonly clients: Authority;
  readonly server: KeyPairPem;
  readonly apiServer: KeyPairPem;
  readonly somebody: KeyPairPem;
  readonly stranger: KeyPairPem;
}

export async function makeCertificates(): Promise<Certificates> {
  const [servers, clients, others] = await Promise.all(
    ['servers', 'clients', 'others'].map((name) => createAuthority(name)),
  );
  if (servers === undefined || clients === undefined || others === undefined) throw new Error('no authorities');
  const [server, apiServer, somebody, stranger] = await Promise.all([
    issue(servers, { commonName: 'webhook', hosts: ['127.0.0.1', 'localhost'] }),
    issue(clients, { commonName: 'apiserver-webhook-client' }),
    issue(clients, { commonName: 'somebody' }),
    issue(others, { commonName: 'apiserver-webhook-client' }),
  ]);
  if (!server || !apiServer || !somebody || !stranger) throw new Error('no certificates');
  return { clients, server, apiServer, somebody, stranger };
}

export const ADMITTED: AdmissionOutcome = {
  kind: 'admitted',
  height: 7,
  leaf: 41,
  proposal: null,
  tx: 'f'.repeat(64) as Hash,
};

/** A ledger that answers what it is told, and remembers what it was asked. */
export class ScriptedLedger implements AdmissionLedger {
  outcome: AdmissionOutcome | (() => Promise<AdmissionOutcome>) = ADMITTED;
  evaluation: Evaluation | (() => Evaluation) = { kind: 'unmatched' };
  key: Uint8Array | undefined = new Uint8Array(32).fill(7);
  readonly asked: { attestation: ChangeAttestation; body: Uint8Array; deadlineMs: number }[] = [];
  evaluated = 0;

  decide(attestation: ChangeAttestation, body: Uint8Array, deadlineMs: number): Promise<AdmissionOutcome> {
    this.asked.push({ attestation, body, deadlineMs });
    return typeof this.outcome === 'function' ? this.outcome() : Promise.resolve(this.outcome);
  }

  evaluate(): Evaluation {
    this.evaluated++;
    return typeof this.evaluation === 'function' ? this.evaluation() : this.evaluation;
  }

  clusterKey(): { keyId: Hash; key: Uint8Array } | undefined {
    return this.key && { keyId: '0'.repeat(64) as Hash, key: this.key };
  }
}

/** A record ledger that answers what it is told, and remembers what it was given. */
export class ScriptedRecords implements RecordLedger {
  outcome: RecordOutcome | (() => Promise<RecordOutcome>) = { kind: 'committed', height: 8, leaf: 43 };
  readonly given: { change: RecordedChange; keyId: Hash; deadlineMs: number }[] = [];
  misses = 0;

  record(change: RecordedChange, keyId: Hash, deadlineMs: number): Promise<RecordOutcome> {
    this.given.push({ change, keyId, deadlineMs });
    return typeof this.outcome === 'function' ? this.outcome() : Promise.resolve(this.outcome);
  }

  missed(): void {
    this.misses++;
  }
}

/** Everything that the webhook counted or logged. */
export class Recorder {
  readonly outcomes: ReviewOutcome[] = [];
  readonly refusals: Refusal[] = [];
  readonly log: string[] = [];
  load: readonly [number, number] = [0, 0];
  readonly metrics = {
    answered: (outcome: ReviewOutcome) => void this.outcomes.push(outcome),
    turnedAway: (reason: Refusal) => void this.refusals.push(reason),
    load: (reviews: number, bodyBytes: number) => void (this.load = [reviews, bodyBytes]),
  };
  readonly logger = {
    info: (fields: object, message: string) => void this.log.push(JSON.stringify([message, fields])),
    warn: (fields: object, message: string) => void this.log.push(JSON.stringify([message, fields])),
    error: (fields: object, message: string) => void this.log.push(JSON.stringify([message, fields])),
  };
}

export interface Running {
  readonly webhook: Webhook;
  readonly ledger: ScriptedLedger;
  readonly records: ScriptedRecords;
  readonly recorder: Recorder;
  readonly port: number;
}

export async function start(certificates: Certificates, options: Partial<WebhookOptions> = {}): Promise<Running> {
  const ledger = new ScriptedLedger();
  const records = new ScriptedRecords();
  const recorder = new Recorder();
  const webhook = createWebhook({
    ledger,
    records,
    cluster: 'prod-1' as ClusterId,
    hookName: 'east',
    sha256: nativeBackend.sha256,
    hmacSha256: nativeBackend.hmacSha256,
    tls: {
      key: certificates.server.privateKey,
      cert: certificates.server.certificate,
      clientCa: certificates.clients.certificate,
    },
    ready: () => ({ ready: true, reasons: [] }),
    logger: recorder.logger,
    metrics: recorder.metrics,
    ...options,
  });
  const { port } = await webhook.listen({ host: '127.0.0.1', port: 0 });
  return { webhook, ledger, records, recorder, port };
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly json: Loose;
}

export interface Sending {
  readonly path?: string;
  readonly method?: string;
  readonly client?: KeyPairPem | undefined;
  readonly headers?: Record<string, string>;
  readonly agent?: Agent;
  readonly tls?: RequestOptions;
}

/** One HTTP/1.1 request as the API server makes it. */
export function send(port: number, body: string | Uint8Array | undefined, sending: Sending = {}): Promise<Reply> {
  const { path = '/admit?timeout=10s', method = 'POST', client, headers, agent = false, tls } = sending;
  return new Promise((resolve, reject) => {
    const call = httpsRequest(
      {
        host: '127.0.0.1', port, path, method, agent, rejectUnauthorized: false,
        ...(client ? { key: client.privateKey, cert: client.certificate } : {}),
        headers: { ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }), ...headers },
        ...tls,
      }, // prettier-ignore
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve(replyOf(response.statusCode ?? 0, response.headers, Buffer.concat(chunks).toString())),
        );
        response.on('error', reject);
      },
    );
    call.on('error', reject);
    call.end(body);
  });
}

/** The same over h2, which the API server speaks to a url on localhost. */
export function sendH2(port: number, bodies: readonly string[], client: KeyPairPem): Promise<Reply[]> {
  const session = http2Connect(`https://127.0.0.1:${port}`, {
    key: client.privateKey,
    cert: client.certificate,
    rejectUnauthorized: false,
  });
  const one = (body: string): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const stream = session.request({
        ':method': 'POST',
        ':path': '/admit?timeout=10s',
        'content-type': 'application/json',
      });
      const chunks: Buffer[] = [];
      let headers: Record<string, unknown> = {};
      stream.on('response', (received) => (headers = received));
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => resolve(replyOf(Number(headers[':status']), headers, Buffer.concat(chunks).toString())));
      stream.on('error', reject);
      stream.end(body);
    });
  return Promise.all(bodies.map(one)).finally(() => session.close());
}

function replyOf(status: number, headers: Readonly<Record<string, unknown>>, text: string): Reply {
  return { status, headers, text, json: text.startsWith('{') ? JSON.parse(text) : undefined };
}
