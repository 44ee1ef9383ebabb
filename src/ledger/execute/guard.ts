import { RECORD_HOOK } from '../../change/index.ts';
import type { ClusterId, Hash } from '../../types/brand.ts';
import type { ClusterRecord } from '../../types/chain.ts';
import type { ExpectedHook, Guard, SeenHook } from '../../types/finding.ts';
import type { ConfigChange, GuardSeenPayload } from '../../types/transaction.ts';
import { hookClientHash } from '../../change/index.ts';
import { ChainError } from '../../errors/chain-error.ts';
import { versionHash } from '../version-hash.ts';
import { clusterRecord } from './committee.ts';
import { done, type Execution, type Outcome } from './execution.ts';
import { higherFirst, observersNeeded } from './finding-facts.ts';
import { guardKey } from './keys.ts';
import { observingOrg } from './observation.ts';

/**
 * An observer's sighting of hooks that the chain expects nothing of yet, or for which a vote announced another address or authority. What min(f+1, observers) organisations saw alike becomes what is expected: addresses
 * and authorities are a matter of the installation, which nobody on the chain can derive. Everything else of an entry the observers derive
 * themselves, and sign no sighting of one that is narrower. From then on only a vote changes what is expected.
 * Throws LEDGER_CLUSTER_UNKNOWN, LEDGER_NOT_AN_OBSERVER, LEDGER_GUARD.
 */
export function executeGuardSeen(x: Execution, payload: GuardSeenPayload): Outcome {
  const { cluster, org } = observingOrg(x, payload.cluster, payload.node);
  const guard = guardOf(x, cluster.name);
  const hooks = payload.hooks.filter((seen) => expectable(cluster).includes(seen.name) && isNew(guard, seen));
  if (hooks.length === 0)
    throw new ChainError('LEDGER_GUARD', { cluster: cluster.name, reason: 'it is expected already' });
  const own = { org, hooks, throughVersion: payload.throughVersion };
  const before = guard.seen.find((other) => other.org === org);
  if (before !== undefined && sameHooks(before.hooks, hooks))
    throw new ChainError('LEDGER_GUARD', { cluster: cluster.name, reason: 'it is known' });
  const seen = [...guard.seen.filter((other) => other.org !== org && cluster.observers.includes(other.org)), own];
  x.docs.put(guardKey(cluster.name), adopted(x, cluster, { ...guard, seen }));
  return done();
}

/** Entries that may be expected: of each hook group, and of the record hook, which has no group of its own. */
function expectable({ hooks }: ClusterRecord): readonly string[] {
  return [...hooks.map(({ name }) => name), RECORD_HOOK];
}

function adopted(x: Execution, cluster: ClusterRecord, guard: Guard): Guard {
  const needed = observersNeeded(x.validators.length, cluster);
  let result = guard;
  for (const name of expectable(cluster)) {
    const agreed = agreedHook(guard, name, needed);
    if (agreed === undefined) continue;
    const announced = guard.hooks.find((hook) => hook.name === name)?.announced ?? [];
    // What was announced before it has been skipped: whoever puts that in place later goes back.
    result = withHook(result, {
      name,
      hash: agreed.hash,
      announced: announced.slice(announced.indexOf(agreed.client) + 1),
    });
  }
  if (result === guard) return guard;
  const versions = guard.seen.map(({ throughVersion }) => throughVersion).sort(higherFirst);
  const seen = guard.seen.filter(({ hooks }) => hooks.some((hook) => isNew(result, hook)));
  // A hook that is added later does not make accepted what came before it.
  const throughVersion = guard.hooks.length === 0 ? (versions[needed - 1] ?? '0') : guard.throughVersion;
  return { ...result, seen, throughVersion, sinceMs: guard.hooks.length === 0 ? x.timeMs : guard.sinceMs };
}

/** What `needed` organisations saw alike of a hook. */
function agreedHook(guard: Guard, name: string, needed: number): SeenHook | undefined {
  const sightings = guard.seen.flatMap(({ hooks }) => hooks.filter((hook) => hook.name === name && isNew(guard, hook)));
  return sightings.find((hook) => sightings.filter((other) => sameHook(hook, other)).length >= needed);
}

function isNew(guard: Guard, { name, hash, client }: SeenHook): boolean {
  const expected = guard.hooks.find((hook) => hook.name === name);
  return expected === undefined || (expected.hash !== hash && expected.announced.includes(client));
}

/**
 * The committee announces how a hook will be reached: a new address or authority that appears then is no bypass. What is expected stays in order until the
 * observers saw the new one. Throws GOVERNANCE_CONFIG_INVALID, GOVERNANCE_CONFIG_CONFLICT.
 */
export function announceHook(x: Execution, change: Extract<ConfigChange, { type: 'guard-put' }>): void {
  const { type, cluster, hook: name, announced, replaces } = change;
  const expected = x.docs.get<Guard>(guardKey(cluster))?.hooks.find((hook) => hook.name === name);
  if (expected === undefined || clusterRecord(x.docs, cluster) === undefined)
    throw new ChainError('GOVERNANCE_CONFIG_INVALID', {
      type,
      reason: `nothing is expected of hook ${name} of cluster ${cluster}`,
    });
  if (versionHash(x.chain.sha256, expected) !== replaces)
    throw new ChainError('GOVERNANCE_CONFIG_CONFLICT', { type, name });
  const guard = guardOf(x, cluster);
  // The API server keeps the order of its own fields; the hash is over the canonical form.
  const clients = announced.map(({ url, caBundle }) => hookClientHash({ url, caBundle }, x.chain.sha256));
  x.docs.put(guardKey(cluster), withHook(guard, { ...expected, announced: clients }));
}

/** After a vote that accepts what is there. An empty hash: nothing is expected of the hook until it is seen again. */
export function expectHook(x: Execution, cluster: ClusterId, name: string, hash: Hash | ''): void {
  const guard = guardOf(x, cluster);
  const without = { ...guard, hooks: guard.hooks.filter((hook) => hook.name !== name) };
  x.docs.put(guardKey(cluster), hash === '' ? without : withHook(without, { name, hash, announced: [] }));
}

/** After a vote that accepts the objects as they are, up to this version. */
export function acceptThrough(x: Execution, cluster: ClusterId, throughVersion: string): void {
  const guard = guardOf(x, cluster);
  if (higherFirst(throughVersion, guard.throughVersion) < 0)
    x.docs.put(guardKey(cluster), { ...guard, throughVersion });
}

function guardOf(x: Execution, cluster: ClusterId): Guard {
  return (
    x.docs.get<Guard>(guardKey(cluster)) ?? {
      v: 1,
      cluster,
      hooks: [],
      throughVersion: '0',
      sinceMs: x.timeMs,
      seen: [],
    }
  );
}

function withHook(guard: Guard, hook: ExpectedHook): Guard {
  const others = guard.hooks.filter(({ name }) => name !== hook.name);
  return { ...guard, hooks: [...others, hook].sort((a, b) => (a.name < b.name ? -1 : 1)) };
}

function sameHooks(a: readonly SeenHook[], b: readonly SeenHook[]): boolean {
  return a.length === b.length && a.every((hook) => b.some((other) => sameHook(hook, other)));
}

function sameHook(a: SeenHook, b: SeenHook): boolean {
  return a.name === b.name && a.hash === b.hash && a.client === b.client;
}
