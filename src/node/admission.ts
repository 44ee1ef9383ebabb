import type { ChainError } from '../errors/chain-error.ts';
import type { AdmissionLedger, AdmissionOutcome } from '../ports/admission-ledger.ts';
import type { Application } from '../ports/application.ts';
import type { LedgerReader } from '../ports/ledger-reader.ts';
import type { ClusterId, Hash, OrgId, ValidatorId } from '../types/brand.ts';
import type { ChangeAttestation } from '../types/change.ts';
import type { MutationPayload } from '../types/transaction.ts';
import { lateMs } from './mempool.ts';
import { RefusalBudget } from './refusals.ts';
import { Replays } from './replays.ts';
import type { SubmitOutcome, Submitter } from './submitter.ts';

/** How long after its receipt a mutation may still take effect: what the API server has given up must not be admitted later. */
export const mutationLifeMs = 8_000;
/** A height takes some ten milliseconds; a chain that stands still must not hold up a refusal. */
const settleMs = 500;

type Reader = Pick<LedgerReader, 'evaluate' | 'refusedOpenProposal' | 'proposal' | 'leaseOf'> &
  Pick<Application, 'info'>;

interface Deps {
  readonly chain: Hash;
  readonly node: ValidatorId;
  readonly cluster: ClusterId;
  /** Signs, submits and waits; the key may change between two calls, never during one. */
  readonly signed: (
    payload: MutationPayload,
    submit: (tx: Uint8Array) => Promise<SubmitOutcome>,
  ) => Promise<SubmitOutcome>;
  readonly reader: Reader;
  readonly submitter: Submitter;
  readonly clusterKey: () => { keyId: Hash; key: Uint8Array } | undefined;
  readonly putBody: (hash: Hash, bytes: Uint8Array, orgs: readonly OrgId[]) => Promise<void>;
  readonly bodyOrgs: () => readonly OrgId[];
  /** Resolves when the height in progress is decided here, or after this long. */
  readonly settled: (limitMs: number) => Promise<void>;
  /** Null if this node may submit; else why it surely cannot get a decision now. */
  readonly obstacle: () => ChainError | null;
  /** Resolves when there is none, or after this long. */
  readonly unobstructed: (limitMs: number) => Promise<void>;
  /** Resolves true as soon as the node of another hook has submitted its attestation of this change, and false after this long. */
  readonly witnessed: (attestation: ChangeAttestation, limitMs: number) => Promise<boolean>;
  /** How long a change of this user would wait for its decision, behind those of the same user; null if few of them wait. Milliseconds. */
  readonly queuedMs: (user: string) => number | null;
  /** It was refused again for this open proposal, without a transaction. */
  readonly refusedAgain: (proposal: number) => void;
  readonly now: () => number;
  readonly warn: (message: string, details: object) => void;
}

/** Of the time that is left a reviewer waits this share, and no longer than this, for an obstacle to pass. */
const obstacleShare = 0.25;
const obstacleMaxMs = 2_000;
/** Each hook's node has budgets of its own: what another one has taken on comes here within this time, and would wait in vain for the attestation of this one. */
const partnerWaitMs = 500;
/** In an overload, in which everything comes later. */
const queuePartnerWaitMs = 1_500;

/** The webhook's way to the log: what one node saw becomes a signed transaction, and the decision of the quorum comes back. */
export function createAdmissionLedger(deps: Deps): AdmissionLedger {
  const replays = new Replays();
  const budgets = { own: new RefusalBudget(), joined: new RefusalBudget() };
  return {
    evaluate: (attributes, digest) => deps.reader.evaluate(attributes, digest),
    clusterKey: deps.clusterKey,
    async decide(attestation, body, deadlineMs) {
      try {
        return await replays.decide(attestation, deps.now(), () =>
          decide(deps, budgets, attestation, body, deadlineMs),
        );
      } catch (error) {
        deps.warn('a change could not be submitted', { reason: (error as Error).message });
        return { kind: 'unavailable', code: 'NODE_NOT_READY' };
      }
    },
  };
}

async function decide(
  deps: Deps,
  budgets: { readonly own: RefusalBudget; readonly joined: RefusalBudget },
  attestation: ChangeAttestation,
  body: Uint8Array,
  deadlineMs: number,
): Promise<AdmissionOutcome> {
  // A node that was stopped for a while, or has lost its peers this moment, has them again in a second: refused at once, the change would have failed,
  // and the node of the other hook would wait for this one's attestation until its deadline.
  if (deps.obstacle() !== null)
    await deps.unobstructed(Math.min(obstacleMaxMs, (deadlineMs - deps.now()) * obstacleShare));
  const obstacle = deps.obstacle();
  if (obstacle !== null) return { kind: 'unavailable', code: obstacle.code };
  // A controller that retries a refused write for ever must not fill the log: what is committed already answers it.
  const refused = (): ReturnType<Reader['refusedOpenProposal']> =>
    deps.reader.refusedOpenProposal(attestation.attributes, attestation.digest);
  let open = refused();
  if (open !== null) {
    // The vote that approves it may be in the block that is just being decided; whoever voted has heard of it already.
    await deps.settled(settleMs);
    open = refused();
  }
  if (open !== null) {
    deps.refusedAgain(open.proposal.id);
    return { kind: 'refused', ...open, leaseMs: null, height: null, leaf: null };
  }
  const { attributes, digest } = attestation;
  const isRefused = deps.reader.evaluate(attributes, digest).kind === 'needs-votes';
  if (isRefused && !budgets.own.take(attributes.user, deps.now())) {
    const isJoined =
      (await deps.witnessed(attestation, partnerWaitMs)) && budgets.joined.take(attributes.user, deps.now());
    if (!isJoined) return { kind: 'overloaded', code: 'ADMISSION_REFUSED_OFTEN' };
  }
  // What would not be decided in time is said now, while it is sure that nobody has it. A user of whom little waits is never told so.
  const leftMs = Math.min(deadlineMs - deps.now(), mutationLifeMs - lateMs);
  if ((deps.queuedMs(attributes.user) ?? 0) > leftMs && !(await deps.witnessed(attestation, queuePartnerWaitMs)))
    return { kind: 'overloaded', code: 'ADMISSION_QUEUE_LONG' };
  await deps.putBody(attestation.bodyHash, body, deps.bodyOrgs());
  const payload: MutationPayload = {
    v: 1,
    alg: 'ed25519',
    kind: 'mutation',
    chain: deps.chain,
    // A clock that is behind the chain would make a transaction that has expired before it is sent.
    notAfterMs: Math.max(deps.now(), deps.reader.info().timeMs) + mutationLifeMs,
    node: deps.node,
    attestation,
  };
  const outcome = await deps.signed(payload, (tx) => deps.submitter.submit(tx, deadlineMs, 'decision'));
  return toAdmission(deps, attestation, outcome);
}

function toAdmission(
  { reader }: Deps,
  { attributes, digest }: ChangeAttestation,
  outcome: SubmitOutcome,
): AdmissionOutcome {
  switch (outcome.kind) {
    case 'unknown':
      return { kind: 'unknown', tx: outcome.tx, code: 'OUTCOME_UNKNOWN' };
    case 'overloaded':
      return { kind: 'overloaded', code: outcome.code };
    case 'rejected':
      return { kind: 'unavailable', code: outcome.code };
    case 'committed': {
      const { result, height, leaf, tx } = outcome;
      // In the log without effect: the block's time was later than the request's life.
      if (result.decision === 'EXPIRED') return { kind: 'unavailable', code: 'OUTCOME_TOO_LATE' };
      if (result.decision === 'ADMITTED') return { kind: 'admitted', height, leaf, proposal: result.proposal, tx };
      const proposal = result.proposal === null ? null : (reader.proposal(result.proposal) ?? null);
      return {
        kind: 'refused',
        code: result.code as Extract<AdmissionOutcome, { kind: 'refused' }>['code'],
        proposal,
        binding: result.binding,
        leaseMs: reader.leaseOf(attributes, digest),
        height,
        leaf,
      };
    }
  }
}
