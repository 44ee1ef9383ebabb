import { describe, expect, it } from 'vitest';
import { signBytes, type SignContent } from '../../../src/consensus/index.ts';
import type { Height } from '../../../src/types/brand.ts';
import { blockA, blockB, chain, height, round } from './messages.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const prevote: SignContent = { type: 'prevote', height, round: round(2), blockId: blockA };

describe('what a validator signs', () => {
  it('is fixed-width: domain, version, algorithm, type, chain, height, round, nil flag, block id', () => {
    expect(hex(signBytes(chain, prevote))).toBe(
      [
        Buffer.from('kubectl-chain/consensus\0').toString('hex'),
        '01', // format version
        '01', // Ed25519
        '02', // prevote
        chain,
        '0000000000000004', // height
        '00000002', // round
        '00', // not nil
        blockA,
      ].join(''),
    );
  });

  it('says nil with a flag and zeros, so that nil is never the vote for a block of zeros', () => {
    const nil = hex(signBytes(chain, { ...prevote, blockId: null }));
    const zeros = hex(signBytes(chain, { ...prevote, blockId: '0'.repeat(64) as typeof blockA }));
    expect(nil.slice(-66)).toBe(`01${'0'.repeat(64)}`);
    expect(nil).not.toBe(zeros);
  });

  it('adds the POL round plus one to a proposal', () => {
    const proposal: SignContent = { type: 'proposal', height, round: round(2), blockId: blockA, polRound: -1 };
    expect(hex(signBytes(chain, proposal)).slice(-8)).toBe('00000000');
    expect(hex(signBytes(chain, { ...proposal, polRound: 0 })).slice(-8)).toBe('00000001');
    expect(signBytes(chain, proposal)).toHaveLength(108);
    expect(signBytes(chain, prevote)).toHaveLength(104);
  });

  it('differs when one thing differs, so that no signature can be used in another place', () => {
    const all = [
      signBytes(chain, prevote),
      signBytes(blockB, prevote),
      signBytes(chain, { ...prevote, type: 'precommit' }),
      signBytes(chain, { ...prevote, height: 5 as Height }),
      signBytes(chain, { ...prevote, round: round(0) }),
      signBytes(chain, { ...prevote, blockId: blockB }),
      signBytes(chain, { ...prevote, blockId: null }),
    ].map(hex);
    expect(new Set(all).size).toBe(all.length);
  });

  it('writes heights above 2^32 in full', () => {
    const large = hex(signBytes(chain, { ...prevote, height: (2 ** 32 + 1) as Height }));
    expect(large.slice(2 * 59, 2 * 67)).toBe('0000000100000001');
  });
});
