/** The thread behind review-thread.ts: reads one large review at a time. It talks to nobody else and holds no key but for the time of one review. */
import { parentPort, workerData } from 'node:worker_threads';
import { deriveClusterKeys, exclusionsFor, type ExclusionSettings } from '../change/index.ts';
import { nativeBackend } from '../crypto/index.ts';
import { isChainError } from '../errors/chain-error.ts';
import type { ErrorCode } from '../errors/registry.ts';
import type { ClusterId } from '../types/brand.ts';
import { readReview, type Hook, type ReadReview } from '../../webhook/reading.ts';

export interface ReviewWorkerData {
  readonly cluster: ClusterId;
  readonly exclusions: ExclusionSettings;
}

export interface ReviewJob {
  readonly bytes: Uint8Array;
  readonly hook: Hook;
  readonly key: Uint8Array | undefined;
}

/** An error of ours by code and payload, which is how it crosses; of any other only that there was one. */
export type ReviewReply =
  | { readonly ok: true; readonly review: ReadReview }
  | { readonly ok: false; readonly uid: string; readonly code: ErrorCode; readonly payload: unknown };

const { sha256, hmacSha256 } = nativeBackend;
const { cluster, exclusions: settings } = workerData as ReviewWorkerData;
const exclusions = exclusionsFor(settings);

parentPort?.on('message', ({ bytes, key, hook }: ReviewJob) => {
  const keys = key === undefined ? undefined : deriveClusterKeys(key, sha256, hmacSha256);
  const attest = keys === undefined ? undefined : { cluster, keys, sha256, hmacSha256 };
  const outcome = readReview(bytes, { hook, exclusions, attest });
  if (outcome.ok) {
    const body = outcome.review.change?.body;
    // Not copied where it is a whole buffer.
    const isWhole = body?.buffer instanceof ArrayBuffer && body.byteLength === body.buffer.byteLength;
    parentPort?.postMessage(outcome satisfies ReviewReply, isWhole ? [body.buffer as ArrayBuffer] : []);
    return;
  }
  const { uid, error } = outcome;
  const told = isChainError(error) ? error : { code: 'WEBHOOK_INTERNAL' as const, payload: {} };
  parentPort?.postMessage({ ok: false, uid, code: told.code, payload: told.payload } satisfies ReviewReply);
});

parentPort?.postMessage('ready');
