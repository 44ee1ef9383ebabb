import { createHash } from 'node:crypto';
import type { Hash } from '../../src/types/brand.ts';
import type { Certificate } from '../../src/types/chain.ts';
import { simChain } from './keys.ts';

/** As much of a block as consensus cares for. `sound` false stands for whatever execution would refuse. */
export interface SimBlock {
  readonly id: Hash;
  readonly height: number;
  readonly previous: Hash;
  readonly proposer: number;
  readonly timeMs: number;
  readonly txs: readonly number[];
  readonly sound: boolean;
}

export interface DecidedBlock {
  readonly block: SimBlock;
  readonly certificate: Certificate;
}

export function simBlock(content: Omit<SimBlock, 'id'>): SimBlock {
  return { id: createHash('sha256').update(JSON.stringify(content)).digest('hex') as Hash, ...content };
}

export function lastIdOf(chain: readonly DecidedBlock[]): Hash {
  return chain.at(-1)?.block.id ?? simChain;
}
