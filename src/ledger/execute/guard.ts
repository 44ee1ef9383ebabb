import type { ClusterId, Hash } from '../../types/brand.ts';
import type { ClusterRecord } from '../../types/chain.ts';
import type { Guard } from '../../types/finding.ts';
import type { GuardSeenPayload } from '../../types/transaction.ts';
import { ChainError } from '../../errors/chain-error.ts';
import { done, type Execution, type Outcome } from './execution.ts';
import { higherFirst, observersNeeded } from './finding-facts.ts';
import { guardKey } from './keys.ts';
import { observingOrg } from './observation.ts';

/**
 * An observer's sighting of hooks that the chain expects nothing of yet. What min(f+1, observers) organisations saw alike becomes what is expected: addresses
 * and authorities are a matter of the installation, which nobody on the chain can derive. Everything else of an entry the observers derive
 * themselves, and sign no sighting of one that is narrower. From then on only a vote changes what is expected.
 * Throws LEDGER_CLUSTER_UNKNOWN, LEDGER_NOT_AN_OBSERVER, LEDGER_GUARD.
 */
export function executeGuardSeen(x: Execution, payload: GuardSeenPayload): Outcome {
  const { cluster, org } = observingOrg(x, payload.cluster, payload.node);
  const guard = guardOf(x, cluster.name);
  const isNew = (name: string): boolean =>
    cluster.hooks.some((hook) => hook.name === name) && !guard.hooks.some((hook) => hook.name === name);
  const hooks = payload.hooks.filter(({ name }) => isNew(name));
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

function adopted(x: Execution, cluster: ClusterRecord, guard: Guard): Guard {
  const needed = observersNeeded(x.validators.length, cluster);
  let result = guard;
  for (const { name } of cluster.hooks) {
    if (result.hooks.some((hook) => hook.name === name)) continue;
    const hash = agreedHash(guard.seen, name, needed);
    if (hash !== undefined) result = withHook(result, name, hash);
  }
  if (result === guard) return guard;
  const versions = guard.seen.map(({ throughVersion }) => throughVersion).sort(higherFirst);
  const seen = guard.seen.filter(({ hooks }) =>
    hooks.some(({ name }) => !result.hooks.some((hook) => hook.name === name)),
  );
  // A hook that is added later does not make accepted what came before it.
  const throughVersion = guard.hooks.length === 0 ? (versions[needed - 1] ?? '0') : guard.throughVersion;
  return { ...result, seen, throughVersion, sinceMs: guard.hooks.length === 0 ? x.timeMs : guard.sinceMs };
}

function agreedHash(seen: Guard['seen'], name: string, needed: number): Hash | undefined {
  const hashes = seen.flatMap(({ hooks }) => hooks.flatMap((hook) => (hook.name === name ? [hook.hash] : [])));
  return hashes.find((hash) => hashes.filter((other) => other === hash).length >= needed);
}

/** After a vote that accepts what is there. An empty hash: nothing is expected of the hook until it is seen again. */
export function expectHook(x: Execution, cluster: ClusterId, name: string, hash: Hash | ''): void {
  const guard = guardOf(x, cluster);
  const without = { ...guard, hooks: guard.hooks.filter((hook) => hook.name !== name) };
  x.docs.put(guardKey(cluster), hash === '' ? without : withHook(without, name, hash));
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

function withHook(guard: Guard, name: string, hash: Hash): Guard {
  return { ...guard, hooks: [...guard.hooks, { name, hash }].sort((a, b) => (a.name < b.name ? -1 : 1)) };
}

function sameHooks(a: Guard['hooks'], b: Guard['hooks']): boolean {
  return (
    a.length === b.length && a.every((hook) => b.some((other) => other.name === hook.name && other.hash === hook.hash))
  );
}
