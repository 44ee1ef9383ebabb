import { ByteReader, ByteWriter } from '../../../src/codec/index.ts';
import { decodeBlock, decodeCertificate, encodeBlock, encodeCertificate } from '../../../src/ledger/index.ts';
import { isChainError } from '../../../src/errors/chain-error.ts';
import type { Hash } from '../../../src/types/brand.ts';
import type { Block, Certificate } from '../../../src/types/chain.ts';
import type { Prng } from '../prng.ts';
import type { MadeBlock } from './blocks.ts';

interface Blocks {
  block(height: number): Uint8Array | undefined;
  certificate(height: number): Uint8Array | undefined;
}

const bytesMax = 16 * 1024 * 1024;

/** An answer to who catches up that looks right and is not; null where there is nothing to make one of. */
export function lyingRange(
  store: Blocks,
  request: Uint8Array,
  prng: Prng,
  made: MadeBlock | undefined,
  proof: (id: Hash, height: number) => Certificate,
): Uint8Array | null {
  const from = new ByteReader(request.subarray(0, 8)).u64();
  const [blockBytes, certificateBytes] = [store.block(from), store.certificate(from)];
  if (blockBytes === undefined || certificateBytes === undefined) return null;
  const block = decodeBlock(blockBytes);
  const certificate = decodeCertificate(certificateBytes);
  try {
    if (made !== undefined && made.block.header.height === from && prng.chance(0.5))
      return rangeOf(made.block, proof(made.id, from));
    return spoiled(block, certificate, prng);
  } catch (error) {
    // Some lies have no encoding.
    if (!isChainError(error)) throw error;
    return null;
  }
}

function spoiled(block: Block, certificate: Certificate, prng: Prng): Uint8Array {
  switch (prng.below(4)) {
    case 0:
      // Another body under a header that a quorum signed.
      return rangeOf({ ...block, txs: block.txs.slice(1) }, certificate);
    case 1:
      // Too few signers.
      return rangeOf(block, { ...certificate, signatures: certificate.signatures.slice(1) });
    case 2: {
      // One signer, again and again.
      const [first] = certificate.signatures;
      return rangeOf(block, { ...certificate, signatures: certificate.signatures.flatMap(() => first ?? []) });
    }
    default:
      // The signatures of a quorum, for a block that it never saw.
      return rangeOf({ ...block, header: { ...block.header, timeMs: block.header.timeMs + 1 } }, certificate);
  }
}

function rangeOf(block: Block, certificate: Certificate): Uint8Array {
  return new ByteWriter()
    .u16(1)
    .lengthPrefixed(encodeBlock(block), bytesMax)
    .lengthPrefixed(encodeCertificate(certificate), 65_535)
    .finish();
}
