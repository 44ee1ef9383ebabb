import { entry } from '../define.ts';

/** Payloads hold names and field paths, never values of the object: they are shown, logged and recorded. */
export const changeErrors = {
  CHANGE_REVIEW_SHAPE: entry<{ path: string; expected: string }>(
    400,
    (p) =>
      `not an admission.k8s.io/v1 AdmissionReview: ${p.path === '' ? 'the whole' : p.path} should be ${p.expected}`,
    'Point the webhook configuration at the admission path, with admissionReviewVersions: ["v1"].',
  ),
  CHANGE_REVIEW_FIELD: entry<{ path: string }>(
    400,
    (p) => `the AdmissionReview has a field that this version does not know: ${p.path}`,
    'A field that is not understood could change what the request means. Use a release that knows this Kubernetes version.',
  ),
  CHANGE_REVIEW_MISMATCH: entry<{ field: string }>(
    400,
    (p) => `the AdmissionReview contradicts itself: ${p.field} of the request and of the object differ`,
    'No API server sends this; find out who called the webhook.',
  ),
  CHANGE_LIMIT: entry<{ what: string; max: number }>(
    413,
    (p) => `${p.what} is beyond what can be recorded of a change (${p.max})`,
    'Shorten it, or ask as a user with fewer or shorter groups.',
  ),
  CHANGE_CLUSTER_KEY: entry<{ bytes: number; wanted: number }>(
    500,
    (p) => `the cluster key has ${p.bytes} bytes instead of ${p.wanted}`,
    'Restore the key from another node of the cluster record.',
  ),
  CHANGE_BODY_FORMAT: entry<{ problem: string }>(
    400,
    (p) => `not a change body of a known version: ${p.problem}`,
    'Fetch the body from another node; if it is of a newer version, use a newer client.',
  ),
  CHANGE_BODY_MISMATCH: entry<{ part: string }>(
    422,
    (p) => `the body is not the one that was recorded: its ${p.part} differs`,
    'Do not vote on it. Fetch the body from another node; the one that served it is wrong or lies.',
  ),
  CHANGE_EXCLUSION_NAME: entry<{ name: string }>(
    400,
    (p) =>
      `${JSON.stringify(p.name)} cannot be excluded from the gate: it holds characters outside A-Z a-z 0-9 : . _ @ / + -`,
    'Name users and objects that need no quoting.',
  ),
  CHANGE_HOOK_ENDPOINT: entry<{ hook: string }>(
    400,
    (p) => `the hook ${JSON.stringify(p.hook)} needs either a url or a service`,
    'Give exactly one of the two.',
  ),
} as const;
