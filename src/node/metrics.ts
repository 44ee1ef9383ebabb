import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Seconds. Admission answers from a few milliseconds to the 8 s limit. */
const admissionBuckets = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8];

/** The node's metrics, each in a registry of its own, so that two nodes may live in one process. */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[] = []): Counter<L> =>
    new Counter({ name: `kubectl_chain_${name}`, help, labelNames, registers });
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []): Gauge<L> =>
    new Gauge({ name: `kubectl_chain_${name}`, help, labelNames, registers });
  return {
    registry,
    height: gauge('height', 'Height of the last committed block'),
    logSize: gauge('log_leaves', 'Leaves in the log'),
    rounds: new Histogram({
      name: 'kubectl_chain_decision_round',
      help: 'Round in which a block was decided',
      buckets: [0, 1, 2, 3, 5, 8],
      registers,
    }),
    transactions: counter('transactions_total', 'Transactions in committed blocks'),
    mempool: gauge('mempool_transactions', 'Transactions waiting for a block'),
    buffers: gauge('buffer_entries', 'Entries of each buffer in memory', ['buffer'] as const),
    stateMissing: gauge('snapshot_buckets_missing', 'Buckets of a state that is being fetched which are not here yet'),
    historyMissing: gauge(
      'history_blocks_missing',
      'Blocks below the state that this node began with which are not here yet',
    ),
    peersConnected: gauge('peers_connected', 'Validators connected to this one'),
    consensusRefused: counter('consensus_messages_refused_total', 'Malformed or forged consensus messages'),
    gossip: counter('transactions_received_total', 'Transactions pushed by peers', ['outcome'] as const),
    evidence: counter('evidence_total', 'Equivocations seen'),
    halted: gauge('halted', '1 if this node has stopped signing'),
    admissions: counter('admission_reviews_total', 'Admission reviews answered', ['outcome'] as const),
    admissionSeconds: new Histogram({
      name: 'kubectl_chain_admission_seconds',
      help: 'Time to answer an admission review',
      buckets: admissionBuckets,
      registers,
    }),
    records: counter('records_total', 'Writes of the control plane that the record hook was asked about', [
      'outcome',
    ] as const),
    spoolRecords: gauge('spool_records', 'Entries of the spool that are not in the log yet'),
    spoolBytes: gauge('spool_bytes', 'Bytes of these entries'),
    webhookRefused: counter('webhook_refused_total', 'Requests to the webhook that were not answered as reviews', [
      'reason',
    ] as const),
    refusedAgain: counter(
      'admission_refused_again_total',
      'Refusals of what has an open proposal, answered without a transaction; summed up on the log each hour',
    ),
    webhookReviews: gauge('webhook_reviews_in_progress', 'Admission reviews in progress'),
    webhookBodyBytes: gauge('webhook_body_bytes', 'Bytes that the bodies of reviews in progress hold'),
    apiRequests: counter('api_requests_total', 'Requests to the API', ['route', 'status'] as const),
    apiTurned: counter('api_turned_away_total', 'Requests to the API and connections turned away for load', [
      'reason',
    ] as const),
    observations: counter('observations_total', 'Results that this node signed as observer', ['result'] as const),
    observationsMissed: counter(
      'observations_missed_total',
      'Recorded writes of which this node could not say whether they were stored, because their resource was not followed',
    ),
    findingsOpen: gauge('findings_open', 'Findings of the cluster that are neither repaired nor ratified', [
      'kind',
      'state',
    ] as const),
    findingsReported: counter('finding_reports_total', 'Reports of findings that this node signed', ['kind'] as const),
    recordPassed: counter(
      'record_hook_passed_total',
      'Writes of the control plane that the API server let pass although the record hook did not answer',
    ),
    findingSeconds: new Histogram({
      name: 'kubectl_chain_finding_seconds',
      help: 'From the watch event of an object that is not as any record says to the leaf that says so: judging it, waiting for the log, reporting it, committing the report',
      labelNames: ['step'] as const,
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5, 10, 30],
      registers,
    }),
    findingEvents: counter('finding_events_total', 'Kubernetes Events that this observer wrote about findings'),
    objectsCompared: gauge('observer_objects_compared', 'Versions of objects that this observer compared with the log'),
    network: counter('network_events_total', 'Connections and frames refused, dropped or lost', ['event'] as const),
  };
}

export type NodeMetrics = ReturnType<typeof createMetrics>;
