import type { Policy } from '../../src/governance/policy.ts';
import { KEY, policyKey } from '../../src/ledger/execute/keys.ts';
import { documentOf } from './document.ts';
import type { Session } from './session.ts';

/** All policies in force, proven. */
export async function policiesInForce({ reader }: Session): Promise<readonly Policy[]> {
  const names = documentOf<string[]>((await reader.state([KEY.policies])).values, KEY.policies) ?? [];
  if (names.length === 0) return [];
  const { values } = await reader.state(names.map(policyKey));
  return names.flatMap((name) => documentOf<Policy>(values, policyKey(name)) ?? []);
}
