import type { ReviewOutcome } from './metrics.ts';

/** One entry of status.details.causes, for programs: field says what `message` is the value of. */
export interface Cause {
  readonly reason: string;
  readonly message: string;
  readonly field: string;
}

/** What the API server is told, before it is an AdmissionReview. */
export interface Answer {
  readonly outcome: ReviewOutcome;
  /** Absent: allowed. */
  readonly refusal?: {
    readonly code: number;
    readonly reason: string;
    readonly message: string;
    readonly causes: readonly Cause[];
    /** With it clients retry by themselves, in silence. */
    readonly retryAfterSeconds?: number;
  };
  readonly warnings?: readonly string[];
  readonly auditAnnotations?: Readonly<Record<string, string>>;
}

/** An answer, and the uid of the review that it is for. */
export interface Answered {
  readonly uid: string;
  readonly answer: Answer;
}

/** What one path of the webhook does with the bytes that are posted to it. */
export interface ReviewHook {
  /** Answers by `answerByMs` (epoch); throws a coded error where there is no AdmissionReview to answer with. The bytes are given away. */
  answer(bytes: Uint8Array<ArrayBuffer>, answerByMs: number): Promise<Answered>;
}

/** Beyond 4,096 characters in all the API server cuts each warning to 256. */
const WARNINGS_CHARS_MAX = 4_000;
/** Values of audit annotations and messages are names, numbers and hashes. */
const MESSAGE_CHARS_MAX = 8_000;

/** The response; `uid` is that of the request. */
export function admissionReview(uid: string, answer: Answer): object {
  const { refusal, auditAnnotations } = answer;
  const warnings = fitWarnings(answer.warnings ?? []);
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: {
      uid,
      allowed: refusal === undefined,
      ...(refusal === undefined ? {} : { status: statusOf(refusal) }),
      ...(warnings.length === 0 ? {} : { warnings }),
      ...(auditAnnotations === undefined ? {} : { auditAnnotations }),
    },
  };
}

function statusOf(refusal: NonNullable<Answer['refusal']>): object {
  const { code, reason, message, causes, retryAfterSeconds } = refusal;
  return {
    status: 'Failure',
    code,
    reason,
    message: message.slice(0, MESSAGE_CHARS_MAX),
    details: { causes, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) },
  };
}

/** A warning with a newline or tab is dropped in silence, and duplicates are merged. */
function fitWarnings(warnings: readonly string[]): readonly string[] {
  const fitting: string[] = [];
  let left = WARNINGS_CHARS_MAX;
  for (const warning of warnings) {
    // oxlint-disable-next-line no-control-regex
    const text = warning.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').slice(0, left);
    if (text !== '') fitting.push(text);
    left -= text.length;
  }
  return fitting;
}
