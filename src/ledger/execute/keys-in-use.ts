import type { Joiner, Member } from '../../types/chain.ts';
import { keysOf } from '../descriptor.ts';
import { listOf, organisations } from './committee.ts';
import type { Execution } from './execution.ts';
import { joinerKey, KEY } from './keys.ts';
import { newestSet } from './validator-sets.ts';

/** Every registered key, of people, nodes and those who join: no two purposes share one. */
export function keysInUse(x: Execution, except?: Member): ReadonlySet<string> {
  const joiners = listOf(x.docs, KEY.joiners).map((org) => x.docs.get<Joiner>(joinerKey(org)) as Joiner);
  const orgs = [...organisations(x.docs), ...joiners.map(({ organisation }) => organisation)];
  const members = orgs.flatMap((org) => org.members).filter((member) => member !== except);
  const nodes = [...newestSet(x.docs).validators, ...joiners.map(({ validator }) => validator)];
  return new Set([...members.map(({ key }) => key as string), ...nodes.flatMap(keysOf)]);
}
