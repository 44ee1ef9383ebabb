import type { RecordedWrite } from '../cluster/never-stored.ts';
import { nativeBackend } from '../crypto/index.ts';
import { decodeLeaf, decodeTransaction } from '../ledger/index.ts';
import type { Store } from '../store/index.ts';
import type { ClusterId, LeafIndex } from '../types/brand.ts';

/** No API server tells a watch that begins now what it stored longer ago (etcd is compacted each five minutes). */
const rememberedMs = 600_000;
/** Then others may work too. */
const leavesAtOnce = 100;

/** Admitted changes of a cluster that no policy held back, among the leaves `from` to `to`; of what was decided too long ago, none. */
export async function* recordedWrites(
  store: Pick<Store, 'readLeaf' | 'state' | 'heightOfLeaf'>,
  cluster: ClusterId,
  from: number,
  to: number,
  nowMs: number,
): AsyncGenerator<RecordedWrite, void> {
  let blockEnd = from;
  let decidedMs = 0;
  for (let leaf = from; leaf < to; leaf += 1) {
    if (leaf % leavesAtOnce === 0) await new Promise(setImmediate);
    if (leaf >= blockEnd) {
      // The last leaf of a block says when.
      blockEnd = store.state(store.heightOfLeaf(leaf) ?? -1)?.logSize ?? 0;
      decidedMs = timeAt(store, blockEnd - 1);
      if (decidedMs < nowMs - rememberedMs) {
        leaf = Math.max(leaf, blockEnd - 1);
        continue;
      }
    }
    const decoded = decodedAt(store, leaf);
    if (decoded?.kind !== 'transaction') continue;
    const { decision, proposal } = decoded.leaf.result;
    if (decision !== 'ADMITTED' || proposal !== null) continue;
    const { payload } = decodeTransaction(decoded.tx, nativeBackend.sha256);
    if (payload.kind !== 'mutation' || payload.attestation.attributes.cluster !== cluster) continue;
    const { attributes, commitment } = payload.attestation;
    yield { leaf: leaf as LeafIndex, attributes, commitment: commitment.strict, decidedMs };
  }
}

function timeAt(store: Pick<Store, 'readLeaf'>, leaf: number): number {
  const decoded = decodedAt(store, leaf);
  return decoded?.kind === 'block' ? decoded.leaf.block.timeMs : 0;
}

function decodedAt(store: Pick<Store, 'readLeaf'>, leaf: number): ReturnType<typeof decodeLeaf> | undefined {
  const bytes = leaf < 0 ? undefined : store.readLeaf(leaf);
  return bytes === undefined ? undefined : decodeLeaf(bytes);
}
