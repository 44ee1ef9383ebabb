import { ChainError } from '../errors/chain-error.ts';
import type { OrgId } from '../types/brand.ts';
import type { BindingMode, Operation } from '../types/change.ts';
import { durationMs } from './duration.ts';
import {
  CONFIGURATION_POLICY,
  type AuthorExclusion,
  type PolicySpec,
  type ResourcePattern,
  type Selector,
} from './policy.ts';

const OPERATIONS: readonly Operation[] = ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'];
/** Bounds of one policy: matching costs selectors x patterns for every change of every block. */
const SELECTORS_MAX = 32;
const PATTERNS_MAX = 64;
const PATTERN_LENGTH_MAX = 256;
/** More stars, or `**` segments, make matching expensive and the pattern unreadable. */
const STARS_MAX = 8;
const LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

type Fields = { readonly [key: string]: unknown };

/**
 * The strict reading of a ChangePolicy's spec. Unknown fields, empty lists and values of another type are errors; defaults are
 * written out. Throws GOVERNANCE_POLICY_FIELD_UNKNOWN, _FIELD_MISSING, _VALUE, _DURATION or _GLOB, naming the path.
 */
export function parsePolicySpec(input: unknown): PolicySpec {
  const spec = fieldsOf(input, 'spec', ['clusters', 'match', 'exclude', 'require', 'binding', 'deadlines']);
  const require = fieldsOf(needed(spec, 'require', 'spec'), 'spec.require', [
    'approvals',
    'requiredOrgs',
    'veto',
    'excludeAuthor',
  ]);
  const deadlines = fieldsOf(spec['deadlines'] ?? {}, 'spec.deadlines', ['voting', 'execution']);
  return {
    clusters: globs(needed(spec, 'clusters', 'spec'), 'spec.clusters'),
    match: selectors(needed(spec, 'match', 'spec'), 'spec.match', 1),
    exclude: selectors(spec['exclude'] ?? [], 'spec.exclude', 0),
    require: {
      approvals: approvals(needed(require, 'approvals', 'spec.require')),
      requiredOrgs: orgs(require['requiredOrgs'] ?? [], 'spec.require.requiredOrgs'),
      veto: orgs(require['veto'] ?? [], 'spec.require.veto'),
      excludeAuthor: oneOf<AuthorExclusion>(require['excludeAuthor'] ?? 'org', 'spec.require.excludeAuthor', [
        'org',
        'person',
        'none',
      ]),
    },
    binding: oneOf<BindingMode>(spec['binding'] ?? 'diff', 'spec.binding', ['diff', 'strict']),
    deadlines: {
      voting: duration(deadlines['voting'] ?? '24h', 'spec.deadlines.voting'),
      execution: duration(deadlines['execution'] ?? '1h', 'spec.deadlines.execution'),
    },
  };
}

/** Throws GOVERNANCE_POLICY_NAME unless the name is an RFC 1123 label that is not reserved. */
export function checkPolicyName(name: string): void {
  if (!LABEL.test(name) || name === CONFIGURATION_POLICY) throw new ChainError('GOVERNANCE_POLICY_NAME', { name });
}

function selectors(value: unknown, path: string, least: number): readonly Selector[] {
  return list(value, path, least, SELECTORS_MAX).map((item, i) => selector(item, `${path}[${i}]`));
}

function selector(value: unknown, path: string): Selector {
  const known = ['operations', 'resources', 'namespaces', 'names', 'paths', 'users', 'groups'];
  const fields = fieldsOf(value, path, known);
  const given = (name: string): boolean => fields[name] !== undefined;
  return {
    ...(given('operations') && { operations: operations(fields['operations'], `${path}.operations`) }),
    ...(given('resources') && { resources: resources(fields['resources'], `${path}.resources`) }),
    ...(given('namespaces') && { namespaces: globs(fields['namespaces'], `${path}.namespaces`) }),
    ...(given('names') && { names: globs(fields['names'], `${path}.names`) }),
    ...(given('paths') && { paths: pathPatterns(fields['paths'], `${path}.paths`) }),
    ...(given('users') && { users: globs(fields['users'], `${path}.users`) }),
    ...(given('groups') && { groups: globs(fields['groups'], `${path}.groups`) }),
  };
}

function operations(value: unknown, path: string): readonly Operation[] {
  const all = list(value, path, 1, OPERATIONS.length).map((item, i) =>
    oneOf<Operation>(item, `${path}[${i}]`, OPERATIONS),
  );
  return distinct(all, path);
}

function resources(value: unknown, path: string): readonly ResourcePattern[] {
  return list(value, path, 1, PATTERNS_MAX).map((item, i) => {
    const at = `${path}[${i}]`;
    const fields = fieldsOf(item, at, ['group', 'resource']);
    const group = text(needed(fields, 'group', at), `${at}.group`);
    const resource = text(needed(fields, 'resource', at), `${at}.resource`);
    // Group and resource names are lower case in every API server; the core group is the empty text.
    if (group.length > PATTERN_LENGTH_MAX || !/^[a-z0-9.*-]*$/.test(group)) throw badGlob(`${at}.group`, group);
    if (resource.length > PATTERN_LENGTH_MAX || !/^[a-z0-9.*-]+(\/[a-z0-9.*-]+)?$/.test(resource))
      throw badGlob(`${at}.resource`, resource);
    return { group, resource };
  });
}

function globs(value: unknown, path: string): readonly string[] {
  const all = list(value, path, 1, PATTERNS_MAX).map((item, i) => {
    const at = `${path}[${i}]`;
    const glob = text(item, at);
    // `?`, `[`, `{` and `\` mean something in other glob languages; here they would silently match only themselves.
    if (glob === '' || glob.length > PATTERN_LENGTH_MAX || /[\s?[\]{}\\]|\*\*/.test(glob) || stars(glob) > STARS_MAX)
      throw badGlob(at, glob);
    return glob;
  });
  return distinct(all, path);
}

function pathPatterns(value: unknown, path: string): readonly string[] {
  const all = list(value, path, 1, PATTERNS_MAX).map((item, i) => {
    const at = `${path}[${i}]`;
    const pattern = text(item, at);
    const segments = pattern.split('/').slice(1);
    const wellFormed = pattern.startsWith('/') && segments.every((s) => s !== '' && (s === '**' || !s.includes('**')));
    if (!wellFormed || pattern.length > PATTERN_LENGTH_MAX || /~(?![01])/.test(pattern) || stars(pattern) > STARS_MAX)
      throw badGlob(at, pattern);
    return pattern;
  });
  return distinct(all, path);
}

function orgs(value: unknown, path: string): readonly OrgId[] {
  const all = list(value, path, 0, PATTERNS_MAX).map((item, i) => {
    const name = text(item, `${path}[${i}]`);
    if (!LABEL.test(name)) throw badValue(`${path}[${i}]`, 'the name of an organisation');
    return name as OrgId;
  });
  return distinct(all, path);
}

function approvals(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1)
    throw badValue('spec.require.approvals', 'a whole number from 1');
  return value;
}

function duration(value: unknown, path: string): string {
  const written = text(value, path);
  if (durationMs(written) === undefined) throw new ChainError('GOVERNANCE_POLICY_DURATION', { path, text: written });
  return written;
}

function fieldsOf(value: unknown, path: string, known: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw badValue(path, 'an object');
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) throw new ChainError('GOVERNANCE_POLICY_FIELD_UNKNOWN', { path: `${path}.${key}` });
  }
  return value as Fields;
}

function needed(fields: Fields, name: string, path: string): unknown {
  const value = fields[name];
  if (value === undefined) throw new ChainError('GOVERNANCE_POLICY_FIELD_MISSING', { path: `${path}.${name}` });
  return value;
}

function list(value: unknown, path: string, least: number, most: number): readonly unknown[] {
  if (!Array.isArray(value) || value.length < least || value.length > most)
    throw badValue(path, `a list of ${least} to ${most} entries`);
  return value as readonly unknown[];
}

function text(value: unknown, path: string): string {
  if (typeof value !== 'string') throw badValue(path, 'a text');
  return value;
}

function oneOf<T extends string>(value: unknown, path: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === value);
  if (found === undefined) throw badValue(path, `one of ${choices.join(', ')}`);
  return found;
}

function distinct<T>(items: readonly T[], path: string): readonly T[] {
  if (new Set(items).size !== items.length) throw badValue(path, 'a list of different entries');
  return items;
}

function stars(pattern: string): number {
  return pattern.split('*').length - 1;
}

function badValue(path: string, expected: string): ChainError<'GOVERNANCE_POLICY_VALUE'> {
  return new ChainError('GOVERNANCE_POLICY_VALUE', { path, expected });
}

function badGlob(path: string, pattern: string): ChainError<'GOVERNANCE_POLICY_GLOB'> {
  return new ChainError('GOVERNANCE_POLICY_GLOB', { path, text: pattern });
}
