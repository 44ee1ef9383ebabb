import { ChainError } from '../errors/chain-error.ts';
import type { RecordFilter, RecordQuery } from '../ports/api-backend.ts';

export type Query = Readonly<Record<string, string | string[] | undefined>>;

const limitDefault = 50;
const limitMax = 500;
const indexesMax = 500;
const filters = ['object', 'namespace', 'actor', 'decision', 'operation', 'proposal', 'kind'] as const;
const recordParameters = new Set<string>([...filters, 'since', 'until', 'before', 'limit', 'blocks']);

function bad(name: string, problem: string): ChainError {
  return new ChainError('API_BAD_PARAMETER', { name, problem });
}

/** One value, or undefined. Throws API_BAD_PARAMETER if it is given twice. */
export function single(query: Query, name: string): string | undefined {
  const value = query[name];
  if (Array.isArray(value)) throw bad(name, 'given more than once');
  return value;
}

/** A whole number in range; `fallback` if it is not given. */
export function integer<T>(query: Query, name: string, min: number, max: number, fallback: T): number | T {
  const text = single(query, name);
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!/^\d{1,16}$/.test(text) || value < min || value > max)
    throw bad(name, `must be a whole number from ${min} to ${max}`);
  return value;
}

/** All values of a repeatable, comma-separated parameter. */
export function list(query: Query, name: string): string[] {
  const value = query[name];
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

export function indexList(query: Query, name = 'indexes'): number[] {
  const items = (single(query, name) ?? '').split(',').filter((item) => item !== '');
  if (items.length === 0 || items.length > indexesMax) throw bad(name, `must name 1 to ${indexesMax}`);
  return items.map((item) => {
    if (!/^\d{1,15}$/.test(item)) throw bad(name, `"${item.slice(0, 40)}" is no number`);
    return Number(item);
  });
}

/** Items of which the node must make a proof, by what the query asks for; wrong parameters are refused later. */
export function itemsAsked(route: string, query: Query): number {
  switch (route) {
    case '/v1/records':
    case '/v1/blocks':
      return Math.min(limitMax, Math.max(1, Number(query['limit']) || limitDefault));
    case '/v1/leaves':
      return Math.min(indexesMax, String(query['indexes'] ?? '').split(',').length);
    case '/v1/state':
      return list(query, 'key').length;
    // A signature, a check by the state machine, a decision that is waited for.
    case '/v1/transactions':
    case '/v1/bodies':
      return 10;
    // One object of up to three megabytes is read and digested.
    case '/v1/canonicalize':
      return 100;
    default:
      return 1;
  }
}

/** Exactly one filter at most; unknown parameters are errors, as a filter that was ignored would show too much. */
export function recordQuery(query: Query): RecordQuery {
  for (const name of Object.keys(query))
    if (!recordParameters.has(name)) throw bad(name.slice(0, 40), 'unknown parameter');
  const given = filters.flatMap((by) => {
    const key = single(query, by);
    return key === undefined ? [] : [{ by, key }];
  });
  if (given.length > 1)
    throw bad(given[1]?.by ?? '', `cannot be combined with ${given[0]?.by ?? ''}: filter further on your side`);
  const filter: RecordFilter = given[0] ?? { by: 'all' };
  return {
    filter,
    withBlocks: integer(query, 'blocks', 0, 1, 0) === 1,
    sinceMs: integer(query, 'since', 0, Number.MAX_SAFE_INTEGER, null),
    untilMs: integer(query, 'until', 0, Number.MAX_SAFE_INTEGER, null),
    before: integer(query, 'before', 0, Number.MAX_SAFE_INTEGER, null),
    limit: integer(query, 'limit', 1, limitMax, limitDefault),
  };
}
