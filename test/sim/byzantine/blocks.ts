import { blockIdOf, certificateHashOf, transactionHash, txRootOf } from '../../../src/ledger/index.ts';
import type { ConsensusHost } from '../../../src/node/host.ts';
import type { Hash, Height, ValidatorId } from '../../../src/types/brand.ts';
import type { Block } from '../../../src/types/chain.ts';
import type { Prng } from '../prng.ts';
import type { World } from '../world.ts';

export interface MadeBlock {
  readonly id: Hash;
  readonly block: Block;
}

const oneHourMs = 3_600_000;

/** Blocks as a faulty proposer makes them: sound ones in two versions, and such as no correct one may prevote. */
export function makeBlock(
  world: World,
  host: ConsensusHost,
  self: ValidatorId,
  nowMs: number,
  prng: Prng,
): MadeBlock | null {
  const { sha256 } = world.keys.backend;
  const info = host.app.info();
  const lastCertificate = host.certificate;
  if (info.height > 0 && lastCertificate?.height !== info.height) return null;
  const txs = world.workload.recent.slice(-3).filter(() => prng.chance(0.5));
  const { block } = host.app.prepareProposal({
    height: (info.height + 1) as Height,
    proposer: self,
    timeMs: Math.max(nowMs + prng.between(-50, 50), info.timeMs + 1),
    previous: info.blockId,
    lastCertificate,
    lastCertificateHash: certificateHashOf(lastCertificate, sha256),
    txs,
  });
  if (prng.chance(0.6)) return { id: blockIdOf(block.header, sha256), block };
  const spoiled = spoil(world, block, prng);
  const id = blockIdOf(spoiled.header, sha256);
  if (id !== blockIdOf(block.header, sha256)) world.checker.invalid.add(id);
  return { id, block: spoiled };
}

/** One thing is wrong, and everything that a hash covers fits. */
function spoil(world: World, block: Block, prng: Prng): Block {
  const { sha256 } = world.keys.backend;
  const { header, lastCertificate } = block;
  const other = world.prng.pick(world.genesis.genesis.validators).id;
  world.count('byzantine-invalid-block');
  switch (prng.below(9)) {
    case 0:
      return { ...block, header: { ...header, appHash: header.txRoot } };
    case 1:
      return { ...block, header: { ...header, timeMs: header.timeMs + oneHourMs } };
    case 2:
      return { ...block, header: { ...header, timeMs: header.timeMs - oneHourMs } };
    case 3:
      return { ...block, header: { ...header, proposer: other } };
    case 4:
      return { ...block, header: { ...header, previous: header.txRoot } };
    case 5:
      return { ...block, header: { ...header, nextValidatorsHash: header.paramsHash } };
    case 6: {
      // Of transactions that are in the chain already, or twice the same.
      const txs = [...block.txs, ...world.workload.recent.slice(0, 1), ...block.txs.slice(0, 1)];
      const txRoot = txRootOf(
        txs.map((tx) => transactionHash(tx, sha256)),
        sha256,
      );
      return { ...block, txs, header: { ...header, txRoot } };
    }
    case 7: {
      const txs = [...block.txs, new Uint8Array([123, 125])];
      const txRoot = txRootOf(
        txs.map((tx) => transactionHash(tx, sha256)),
        sha256,
      );
      return { ...block, txs, header: { ...header, txRoot } };
    }
    default: {
      if (lastCertificate === null) return { ...block, header: { ...header, appHash: header.txRoot } };
      const thin = { ...lastCertificate, signatures: lastCertificate.signatures.slice(1, 2) };
      return {
        ...block,
        lastCertificate: thin,
        header: { ...header, lastCertificateHash: certificateHashOf(thin, sha256) },
      };
    }
  }
}
