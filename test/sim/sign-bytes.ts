import type { Proposal, Vote } from '../../src/types/consensus.ts';

/**
 * What a validator signs, written down a second time from the design and not from the sources: domain, version, algorithm, type, genesis
 * hash, height, round, nil flag, block id; a proposal adds its POL round + 1. The checker knows nothing else as a signature.
 */
export function expectedSignBytes(
  chain: string,
  message: Pick<Vote, 'height' | 'round' | 'blockId'> & {
    readonly type: Vote['type'] | 'proposal';
    readonly polRound?: number;
  },
): Buffer {
  const number = (value: number, bytes: number): string => value.toString(16).padStart(2 * bytes, '0');
  const type = { proposal: 1, prevote: 2, precommit: 3 }[message.type];
  const hex =
    Buffer.from('kubectl-chain/consensus\0').toString('hex') +
    number(1, 1) +
    number(1, 1) +
    number(type, 1) +
    chain +
    number(message.height, 8) +
    number(message.round, 4) +
    number(message.blockId === null ? 1 : 0, 1) +
    (message.blockId ?? '0'.repeat(64)) +
    (message.type === 'proposal' ? number((message.polRound ?? -1) + 1, 4) : '');
  return Buffer.from(hex, 'hex');
}

export function signBytesOf(chain: string, message: Proposal | Vote): Buffer {
  return expectedSignBytes(chain, message.kind === 'vote' ? message : { ...message, type: 'proposal' });
}
