import { createHash } from 'node:crypto';
import type { CommittedBlock } from '../../../src/store/index.ts';
import type { Sha256 } from '../../../src/ports/crypto.ts';
import type { Hash } from '../../../src/types/brand.ts';

export const sha256: Sha256 = (...parts) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
};

export function hashOf(text: string): Hash {
  return createHash('sha256').update(text).digest('hex') as Hash;
}

/** An envelope as it stands in a block and in a leaf. */
export function envelopeOf(height: number): string {
  const payload = Buffer.from(`payload of the transaction of block ${height}`.repeat(4)).toString('base64');
  return `{"payload":"${payload}","payloadType":"application/test","signatures":[{"keyid":"k","sig":"c2ln"}]}`;
}

export function certificateOf(height: number): Uint8Array {
  return Buffer.from(`certificate of ${height} `.repeat(10));
}

/** Block `height` with one transaction and its block leaf: leaves 2h-2 and 2h-1. */
export function blockOf(height: number): CommittedBlock {
  const leaf = 2 * (height - 1);
  const tx = envelopeOf(height);
  const leafBytes = Buffer.from(`{"height":${height},"index":${leaf},"prev":null,"result":"ok","tx":${tx},"v":1}`);
  const previous = height > 1 ? Buffer.from(certificateOf(height - 1)) : Buffer.alloc(0);
  return {
    height,
    blockId: hashOf(`block ${height}`),
    blockBytes: Buffer.concat([Buffer.from(`header of ${height} `.repeat(8)), previous, Buffer.from(tx)]),
    certificateBytes: certificateOf(height),
    state: { logSize: 2 * height, logRoot: hashOf(`log ${height}`), stateRoot: hashOf(`state ${height}`) },
    writes: {
      archive: [],
      buckets: [[height % 7, Buffer.from(`bucket at ${height}`)]],
      nodes: [[0, leaf, sha256(leafBytes)]],
      leaves: [
        [leaf, leafBytes],
        [leaf + 1, Buffer.from(`{"block":${height},"v":1}`)],
      ],
      indexes: [
        ['object', `shop/apps/${height % 3}`, leaf],
        ['time', minuteOf(height), leaf],
      ],
    },
  };
}

/** Time keys rise; ten blocks a minute. */
export function minuteOf(height: number): string {
  return String(Math.floor(height / 10)).padStart(6, '0');
}
