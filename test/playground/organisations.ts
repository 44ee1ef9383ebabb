/** Who takes part. The names are short and sort in their order, which is the order of the validators. */
const NAMES = [
  ['alpha', 'alice'],
  ['beta', 'bob'],
  ['gamma', 'carol'],
  ['delta', 'dave'],
  ['epsilon', 'erin'],
  ['zeta', 'frank'],
  ['eta', 'grace'],
  ['theta', 'heidi'],
] as const;

export const ORGS_MAX = NAMES.length;
export const PROFILES = ['witnessed', 'single'] as const;
export type Profile = (typeof PROFILES)[number];

export interface Organisation {
  readonly name: string;
  /** One person: a member of the chain and, under the same name, a user of the cluster. */
  readonly person: string;
}

/** A hook and the organisations whose nodes answer it. */
export interface HookGroup {
  readonly name: string;
  readonly orgs: readonly string[];
}

/** A user of the cluster with every right in it whom no organisation answers for. */
export const UNBOUND_USER = 'mallory';

export function organisations(count: number): readonly Organisation[] {
  if (!Number.isInteger(count) || count < 1 || count > ORGS_MAX) {
    throw new Error(`--orgs must be a whole number from 1 to ${ORGS_MAX}`);
  }
  return NAMES.slice(0, count).map(([name, person]) => ({ name, person }));
}

/** Most validators that may lie or be dead: n = 3f + 1 at least. */
export function faultsTolerated(count: number): number {
  return Math.floor((count - 1) / 3);
}

/** Witnessed from four organisations on, as in production. */
export function profileDefault(count: number): Profile {
  return faultsTolerated(count) > 0 ? 'witnessed' : 'single';
}

/**
 * The hooks: one group of all for `single`; f + 1 disjoint groups of about the same size for `witnessed`, at least two.
 * @throws Error if there are too few organisations.
 */
export function hookGroups(orgs: readonly Organisation[], profile: Profile): readonly HookGroup[] {
  const names = orgs.map(({ name }) => name);
  if (profile === 'single') return [{ name: 'a', orgs: names }];
  if (names.length < 2) throw new Error('the witnessed profile needs two organisations or more');
  const groups = Math.max(2, faultsTolerated(names.length) + 1);
  return Array.from({ length: groups }, (_, i) => ({
    name: String.fromCharCode('a'.charCodeAt(0) + i),
    orgs: names.slice(Math.floor((i * names.length) / groups), Math.floor(((i + 1) * names.length) / groups)),
  }));
}
