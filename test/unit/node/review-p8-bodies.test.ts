import { describe, expect, it } from 'vitest';
import { Bodies } from '../../../src/node/bodies.ts';
import { nativeBackend } from '../../../src/crypto/index.ts';
import { toHex } from '../../../src/codec/index.ts';
import { detailsOf, encodeDetails } from '../../../src/ledger/details.ts';
import type { Hash, OrgId, ValidatorId } from '../../../src/types/brand.ts';
import type { Proposal, ProposalDetails } from '../../../src/types/proposal.ts';
import { attested, updateRequest } from '../cmd/world.ts';

const org = 'a' as OrgId;
const { body, change } = attested(updateRequest('v1', 'v2'));
const details = encodeDetails(detailsOf([{ ...change, binding: 'diff' }]) as ProposalDetails);
const detailsHash = toHex(nativeBackend.sha256(details)) as Hash;
const held = new Map<Hash, Uint8Array>([
  [detailsHash, details],
  [change.bodyHash, body],
]);

function proposal(id: number, details: Hash): Proposal {
  return {
    id,
    kind: 'change',
    state: 'OPEN',
    electors: [org],
    bodyHeldBy: [],
    origin: 'propose',
    details,
  } as unknown as Proposal;
}

describe('P8: proposals whose bodies nobody has', () => {
  it('do not hold up the one that comes after them', async () => {
    const proposals = new Map<number, Proposal>();
    for (let id = 1; id <= 100; id += 1) proposals.set(id, proposal(id, id.toString(16).padStart(64, '0') as Hash));
    proposals.set(101, proposal(101, detailsHash));
    let asked = 0;
    let askedBefore = -1;
    const published = new Promise<number>((resolve) => {
      const bodies = new Bodies({
        store: {
          bodyInfo: () => undefined,
          getBody: (hash) => held.get(hash),
          putBody: async () => undefined,
          deleteBody: async () => false,
          expiredBodies: () => [],
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
        live: () => [...proposals.values()],
        checkDetails: () => undefined,
        refusedAt: () => undefined,
        isErased: () => false,
        retentionMs: () => 1_000,
        nowMs: () => 0,
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
