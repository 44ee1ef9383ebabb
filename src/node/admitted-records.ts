import { verifyBody } from '../change/index.ts';
import type { AdmittedRecord, BodyAnswer } from '../cluster/judge.ts';
import type { ObjectName } from '../cluster/tracked-object.ts';
import { nativeBackend } from '../crypto/index.ts';
import { auditKey, previousLeaf } from '../ledger/audit-index.ts';
import { objectKey } from '../ledger/execute/keys.ts';
import { decodeLeaf, decodeTransaction } from '../ledger/index.ts';
import type { LedgerReader } from '../ports/ledger-reader.ts';
import type { Store } from '../store/index.ts';
import type { ClusterId, Hash, LeafIndex, OrgId, ValidatorId } from '../types/brand.ts';
import type { ChangeAttestation, ChangeAttributes } from '../types/change.ts';
import { stateDocument } from './state-document.ts';

const { sha256 } = nativeBackend;
/** Leaves of one object that are looked at: many people who write it at once make hundreds in the time that one version waits. */
const leavesMax = 20_000;
/** Then others may work too. */
const leavesAtOnce = 200;

export interface RecordSources {
  readonly cluster: ClusterId;
  readonly reader: LedgerReader;
  readonly store: Store;
  readonly connected: () => readonly ValidatorId[];
  readonly findBody: (hash: Hash, likely?: readonly ValidatorId[]) => Promise<Uint8Array | undefined>;
  readonly keepBody: (hash: Hash, bytes: Uint8Array, orgs: readonly OrgId[]) => Promise<void>;
  readonly bodyOrgs: () => readonly OrgId[];
}

/** What the log admitted of an object of the cluster, and what was admitted: its body. */
export class AdmittedRecords {
  readonly #d: RecordSources;
  /** In which block an attestation that was read stands. */
  readonly #heights = new WeakMap<ChangeAttestation, number>();

  constructor(sources: RecordSources) {
    this.#d = sources;
  }

  /** Newest first; null at the end if there are too many to be searched. */
  async *of(name: ObjectName): AsyncGenerator<AdmittedRecord | null, void> {
    const { cluster, reader } = this.#d;
    const key = objectKey(sha256, { cluster, ...name } as ChangeAttributes);
    let leaf = stateDocument<{ readonly leaf: number }>(reader, key)?.leaf ?? null;
    const wanted = auditKey.object({ cluster, ...name });
    for (let i = 1; leaf !== null; i += 1) {
      if (i > leavesMax) {
        yield null;
        return;
      }
      if (i % leavesAtOnce === 0) await new Promise(setImmediate);
      const read = this.#transactionAt(leaf);
      if (read === undefined) return;
      const { payload, height, result, prev } = read;
      if (payload.kind === 'mutation' && result.decision === 'ADMITTED') {
        const others = result.witnesses.flatMap((witness) => this.#transactionAt(witness)?.payload ?? []);
        const nodes = others.flatMap((other) => (other.kind === 'mutation' ? [other.node] : []));
        this.#heights.set(payload.attestation, height);
        yield { leaf: leaf as LeafIndex, attestation: payload.attestation, nodes: [payload.node, ...nodes] };
      }
      leaf = previousLeaf(payload, prev, 'object', wanted);
    }
  }

  /** What an observer has compared it keeps: whoever attested it may be gone when it is compared again. */
  async body({ attestation, nodes }: AdmittedRecord): Promise<BodyAnswer> {
    const { reader, store, findBody, keepBody, bodyOrgs, connected } = this.#d;
    const { bodyHash } = attestation;
    const here = store.getBody(bodyHash);
    if (here !== undefined) return here;
    const bytes = await findBody(bodyHash, nodes);
    if (bytes === undefined && (reader.isErased(bodyHash) || this.#isExpired(attestation))) return 'gone';
    if (bytes === undefined) return nodes.some((node) => connected().includes(node)) ? 'withheld' : 'unreachable';
    try {
      verifyBody(bytes, attestation, sha256);
    } catch {
      // Attested was something else than the body holds: there is none that could be compared.
      return 'withheld';
    }
    await keepBody(bodyHash, bytes, bodyOrgs());
    return bytes;
  }

  /** Recorded so long ago that nobody needs to keep its body any more. */
  #isExpired(attestation: ChangeAttestation): boolean {
    const { reader, store } = this.#d;
    const size = store.state(this.#heights.get(attestation) ?? 0)?.logSize ?? 0;
    const bytes = store.readLeaf(size - 1);
    const leaf = bytes === undefined ? undefined : decodeLeaf(bytes);
    return leaf?.kind === 'block' && leaf.leaf.block.timeMs + reader.params().bodyRetentionMs < Date.now();
  }

  #transactionAt(index: number) {
    const bytes = this.#d.store.readLeaf(index as LeafIndex);
    const decoded = bytes === undefined ? undefined : decodeLeaf(bytes);
    if (decoded?.kind !== 'transaction') return undefined;
    const { height, result, prev } = decoded.leaf;
    return { payload: decodeTransaction(decoded.tx, sha256).payload, height, result, prev };
  }
}
