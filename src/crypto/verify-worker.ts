/** The thread behind verify-thread.ts: the rule of the native backend, one signature after the other. It holds no secret and talks to nobody else. */
import { parentPort } from 'node:worker_threads';
import type { PublicKeyHex } from '../types/brand.ts';
import { nativeBackend } from './native.ts';

export interface VerifyBatch {
  readonly keys: readonly PublicKeyHex[];
  /** Bytes of each signature, and of each message, which follows it. */
  readonly signatures: readonly number[];
  readonly messages: readonly number[];
  readonly bytes: Uint8Array<ArrayBuffer>;
}

parentPort?.on('message', ({ keys, signatures, messages, bytes }: VerifyBatch) => {
  let at = 0;
  const next = (count = 0): Uint8Array => bytes.subarray(at, (at += count));
  const areSound = keys.map((key, i) => {
    const signature = next(signatures[i]);
    return nativeBackend.verifyEd25519(key, next(messages[i]), signature);
  });
  parentPort?.postMessage(areSound);
});
