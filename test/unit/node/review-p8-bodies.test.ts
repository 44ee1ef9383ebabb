import { describe, expect, it } from 'vitest';
import { Bodies } from '../../../src/node/bodies.ts';
import { nativeBackend } from '../../../src/crypto/index.ts';
import { toHex, utf8Encode } from '../../../src/codec/index.ts';
import type { Hash, OrgId, ValidatorId } from '../../../src/types/brand.ts';
import type { Proposal } from '../../../src/types/proposal.ts';

const org = 'a' as OrgId;
const held = utf8Encode('body');
const heldHash = toHex(nativeBackend.sha256(held)) as Hash;

function proposal(id: number, bodyHash: Hash): Proposal {
  return {
    id,
    kind: 'change',
    state: 'OPEN',
    electors: [org],
    bodyHeldBy: [],
    changes: [{ bodyHash }],
  } as unknown as Proposal;
}

describe('P8: proposals whose bodies nobody has', () => {
  it('do not hold up the one that comes after them', async () => {
    const proposals = new Map<number, Proposal>();
    for (let id = 1; id <= 100; id += 1) proposals.set(id, proposal(id, id.toString(16).padStart(64, '0') as Hash));
    proposals.set(101, proposal(101, heldHash));
    let asked = 0;
    let askedBefore = -1;
    const published = new Promise<number>((resolve) => {
      const bodies = new Bodies({
        store: {
          bodyInfo: (hash) => (hash === heldHash ? { orgs: [], expiresMs: null } : undefined),
          getBody: () => undefined,
          putBody: async () => undefined,
        },
        network: {
          connected: () => ['liar' as ValidatorId],
          // Never has it, and takes its time to say so.
          request: async () => {
            asked += 1;
            if (asked === 3) {
              askedBefore = asked;
              bodies.consider([101]);
            }
            await new Promise((next) => setTimeout(next, 1));
            throw new Error('BODY_UNKNOWN');
          },
        } as never,
        sha256: nativeBackend.sha256,
        org,
        proposal: (id) => proposals.get(id),
        mayRead: () => true,
        publish: async (id) => {
          bodies.stop();
          resolve(id);
        },
        warn: () => undefined,
      });
      bodies.consider([...proposals.keys()].filter((id) => id <= 100));
    });
    expect(await published).toBe(101);
    expect(asked - askedBefore).toBeLessThan(3);
  });
});
