import type { AppState } from '../types/chain.ts';
import type { ChainParams, ClusterRecord, Joiner, Organisation, Validator } from '../types/chain.ts';
import type { ChangeAttributes, PerBinding } from '../types/change.ts';
import type { Hash, OrgId } from '../types/brand.ts';
import type { Proposal } from '../types/proposal.ts';
import type { SpoolHead, SpoolTotals } from '../types/spool.ts';
import type { Payload, TxResult } from '../types/transaction.ts';
import type { Evaluation } from '../ports/admission-ledger.ts';
import type { LedgerReader } from '../ports/ledger-reader.ts';
import type { StateReader, TreeSource } from '../ports/state.ts';
import type { StateProof } from './state-proof.ts';
import type { StateTree } from './state-tree.ts';
import type { TxCache } from './tx-cache.ts';
import { matchedPolicies } from '../governance/match.ts';
import { checkDetails } from './details.ts';
import { decodeLeaf } from './leaf.ts';
import { clusterRecord, listOf, organisation, readPolicies } from './execute/committee.ts';
import type { DocumentReader } from './execute/documents.ts';
import { dueList } from './execute/due.ts';
import type { Chain } from './execute/execution.ts';
import {
  clusterKeyIdKey,
  joinerKey,
  KEY,
  naturalKeyKey,
  observerKey,
  spoolKey,
  spoolsKey,
  tombstoneKey,
} from './execute/keys.ts';
import type { NaturalKeyDocument } from './execute/natural-key.ts';
import { digestsOfProposal, liveProposalIds, readProposal, useOf } from './execute/proposals.ts';
import { waitingWitnesses } from './execute/pairing.ts';
import { newestSet, setNumber, validatorsAt } from './execute/validator-sets.ts';
import { standingOf, type Standing } from './execute/standing.ts';

/** What reads need of the application; `docs` and `timeMs` are those of the last committed block. */
export interface Committed {
  readonly docs: DocumentReader;
  readonly base: StateReader;
  readonly tree: StateTree;
  readonly timeMs: number;
  readonly state: AppState;
}

/** Reads over whatever is committed when they are called. */
export function createReader(
  chain: Chain,
  cache: TxCache,
  source: TreeSource,
  committed: () => Committed,
): LedgerReader {
  const docs = (): DocumentReader => committed().docs;
  const live = (): readonly Proposal[] => liveProposalIds(docs()).map((id) => readProposal(docs(), id) as Proposal);
  const standing = (attributes: ChangeAttributes, digest: PerBinding): Standing => {
    const matched = matchedPolicies(readPolicies(docs()), attributes);
    return standingOf(docs(), matched, attributes, digest, committed().timeMs);
  };
  return {
    genesisHash: chain.hash,
    evaluate: (attributes, digest) => evaluation(docs(), attributes, standing(attributes, digest)),
    refusedOpenProposal: (attributes, digest) => {
      const found = standing(attributes, digest);
      // An approval that is in use or outdated may be so no longer in the next block, which runs what is due first.
      const isOpen = found.kind === 'pending' && found.proposal.state === 'OPEN';
      return isOpen ? { code: found.code, proposal: found.proposal, binding: found.binding } : null;
    },
    pairHash: (attestation) => chain.facts.pairHash(attestation),
    waitingOrgs: (pair, nowMs) => waitingWitnesses(docs(), pair, nowMs).map(({ org }) => org),
    proposal: (id) => readProposal(docs(), id),
    digestsOf: (id) => digestsOfProposal(docs(), id),
    use: (id, index) => useOf(docs(), id, index),
    checkDetails: (proposal, details) =>
      checkDetails(proposal, digestsOfProposal(docs(), proposal.id), details, readPolicies(docs()), chain.sha256),
    isErased: (body) => docs().get(tombstoneKey(body)) !== undefined,
    leaseOf: (attributes, digest) => {
      const found = standing(attributes, digest);
      return found.kind === 'pending' ? (found.use?.leaseMs ?? null) : null;
    },
    liveProposals: live,
    stateGet: (key) => committed().base.get(key),
    prove: (key): StateProof => committed().tree.prove(key),
    bucketHashes: () => committed().tree.bucketHashes(),
    nextDue: () => dueList(docs())[0] ?? null,
    kindOf: (bytes) => cache.decode(bytes).payload.kind,
    recordedTx: (bytes) => recorded(chain, cache, source, docs(), bytes),
    validators: () => docs().get<readonly Validator[]>(KEY.validators) ?? [],
    validatorsAt: (height) => validatorsAt(docs(), height),
    validatorSet: () => newestSet(docs()),
    validatorSetNumber: (n) => setNumber(docs(), n),
    joiners: () => listOf(docs(), KEY.joiners).map((org) => docs().get<Joiner>(joinerKey(org)) as Joiner),
    params: () => docs().get<ChainParams>(KEY.params) as ChainParams,
    organisation: (name: OrgId): Organisation | undefined => organisation(docs(), name),
    cluster: (name): ClusterRecord | undefined => clusterRecord(docs(), name),
    clusterKeyId: (cluster) => docs().get<{ readonly keyId: Hash }>(clusterKeyIdKey(cluster))?.keyId,
    observationSequence: (cluster, node) =>
      docs().get<{ readonly sequence: number }>(observerKey(cluster, node))?.sequence ?? -1,
    spoolHead: (node, spool) => docs().get<SpoolHead>(spoolKey(node, spool)),
    spoolTotals: (node) => docs().get<SpoolTotals>(spoolsKey(node)),
  };
}

function evaluation(docs: DocumentReader, attributes: ChangeAttributes, standing: Standing): Evaluation {
  if (standing.kind === 'unmatched') return { kind: 'unmatched' };
  if (standing.kind === 'usable') return { kind: 'approved', proposal: standing.proposal.id };
  const matched = matchedPolicies(readPolicies(docs), attributes);
  return {
    kind: 'needs-votes',
    policies: matched.map((policy) => policy.name),
    approvals: Math.max(...matched.map((policy) => policy.spec.require.approvals)),
    proposal: standing.kind === 'pending' ? standing.proposal : null,
  };
}

function recorded(
  chain: Chain,
  cache: TxCache,
  source: TreeSource,
  docs: DocumentReader,
  bytes: Uint8Array,
): { readonly leaf: number; readonly result: TxResult } | undefined {
  const tx = cache.decode(bytes);
  const known = knownTx(chain, docs, tx.payload);
  if (known?.tx !== tx.hash) return undefined;
  const leaf = source.readLeaf(known.leaf);
  const decoded = leaf === undefined ? undefined : decodeLeaf(leaf);
  return decoded?.kind === 'transaction' ? { leaf: known.leaf, result: decoded.leaf.result } : undefined;
}

function knownTx(
  chain: Chain,
  docs: DocumentReader,
  payload: Payload,
): { readonly tx: Hash; readonly leaf: number } | undefined {
  if (payload.kind === 'spooled-record') return docs.get<SpoolHead>(spoolKey(payload.node, payload.spool));
  return docs.get<NaturalKeyDocument>(naturalKeyKey(chain.facts.naturalKey(payload)));
}
