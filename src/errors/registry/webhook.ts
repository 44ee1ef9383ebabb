import { entry } from '../define.ts';

export const webhookErrors = {
  WEBHOOK_OPTIONS: entry<{ problem: string }>(
    500,
    (p) => `the admission webhook cannot start: ${p.problem}`,
    'Correct the webhook section of the node configuration.',
  ),
  WEBHOOK_CALLER: entry<{ reason: string }>(
    403,
    (p) => `not an API server that may ask for admission: ${p.reason}`,
    'Give the API server the client certificate with AdmissionConfiguration, or use the secret path.',
  ),
  WEBHOOK_NOT_FOUND: entry<Record<never, never>>(
    404,
    () => 'nothing is served here',
    'Use the admission path of the webhook configuration, /livez or /readyz.',
  ),
  WEBHOOK_CONTENT_TYPE: entry<Record<never, never>>(
    415,
    () => 'an AdmissionReview is sent as application/json',
    'Send content-type: application/json.',
  ),
  WEBHOOK_CONTENT_ENCODING: entry<Record<never, never>>(
    415,
    () => 'an AdmissionReview is sent as it is, not compressed',
    'Send no content-encoding; no API server does.',
  ),
  WEBHOOK_BODY_BROKEN: entry<Record<never, never>>(
    400,
    () => 'the body ended before it was complete',
    'Send as many bytes as content-length announces.',
  ),
  WEBHOOK_HTTP: entry<Record<never, never>>(
    400,
    () => 'this is no HTTP request that can be read, or it came too slowly',
    'Send the request as the API server does: HTTP/1.1 or h2 over TLS 1.3.',
  ),
  WEBHOOK_BODY_TOO_LARGE: entry<{ bytesMax: number }>(
    413,
    (p) => `the AdmissionReview is larger than ${p.bytesMax} bytes`,
    'No object that Kubernetes stores is as large; find out who called the webhook.',
  ),
  WEBHOOK_BODY_SLOW: entry<{ timeoutMs: number }>(
    408,
    (p) => `the AdmissionReview did not arrive within ${p.timeoutMs} ms`,
    'Check the network between API server and node.',
  ),
  WEBHOOK_BODIES_FULL: entry<{ bytesMax: number }>(
    429,
    (p) => `the reviews in progress already hold ${p.bytesMax} bytes`,
    'Wait a second and repeat; the API server does so by itself.',
  ),
  WEBHOOK_BUSY: entry<{ max: number }>(
    429,
    (p) => `${p.max} reviews are in progress`,
    'Wait a second and repeat; clients do so by themselves.',
  ),
  WEBHOOK_USER_BUSY: entry<{ max: number }>(
    429,
    (p) => `${p.max} changes of this user are in progress`,
    'Wait a second and repeat; clients do so by themselves.',
  ),
  WEBHOOK_REVIEW_COSTLY: entry<{ timeoutMs: number }>(
    503,
    (p) => `the review could not be read within ${p.timeoutMs} ms, so nothing was recorded`,
    'Make the object smaller: it has a hundred thousand values or more. If others were in front of it, repeat.',
  ),
  WEBHOOK_NO_CLUSTER_KEY: entry<Record<never, never>>(
    503,
    () => 'this node does not have the cluster key yet, so it cannot decide',
    'Wait until the node has got the key from another node of the cluster record; see kubectl chain status.',
  ),
  WEBHOOK_DEADLINE: entry<{ timeoutMs: number }>(
    503,
    (p) => `no decision within ${p.timeoutMs} ms`,
    'Look at kubectl chain audit before you repeat: the change may have been recorded.',
  ),
  WEBHOOK_NOT_RECORDED: entry<{ reason: string }>(
    503,
    (p) => `a write of the control plane could not be recorded: ${p.reason}`,
    'The API server lets it pass, or refuses it in the profile strict. It is counted: see the gaps in kubectl chain status, and the disk of the node.',
  ),
  WEBHOOK_CANARY: entry<{ hook: string }>(
    403,
    (p) => `canary answered by the hook ${p.hook}: the gate is in place`,
    'Nothing to do: this dry run is always refused, and only by this hook.',
  ),
  WEBHOOK_INTERNAL: entry<Record<never, never>>(
    500,
    () => 'the admission webhook failed, so the change is refused',
    'Look into the log of the node that answers this hook.',
  ),
} as const;
