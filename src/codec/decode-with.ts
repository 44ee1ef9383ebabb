import type { ZodType } from 'zod';
import { ChainError } from '../errors/chain-error.ts';

/** The parts of a zod issue that are read here; a union's issue holds those of its branches. */
interface Issue {
  readonly code?: string;
  readonly message: string;
  readonly path: readonly PropertyKey[];
  readonly keys?: readonly string[];
  readonly errors?: readonly (readonly Issue[])[];
}

/** A path or a key comes from the input and may be as long as that. */
const PATH_CHARS_MAX = 200;

/**
 * The typed value of parsed JSON, or CODEC_SCHEMA naming where and why it is not one (the first problem). Schemas are
 * z.strictObject throughout, so that unknown fields are refused. Messages hold names and types, never values.
 */
export function decodeWith<T>(schema: ZodType<T>, json: unknown, what: string): T {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const { path, problem } = describe(result.error.issues[0] as Issue, []);
  throw new ChainError('CODEC_SCHEMA', { what, path, problem });
}

function describe(issue: Issue, above: readonly PropertyKey[]): { path: string; problem: string } {
  const path = [...above, ...issue.path];
  const branches = issue.errors ?? [];
  // The branch that got furthest, with the fewest problems, is most likely the one that was meant.
  const [[nearest] = []] = branches.toSorted((a, b) => depthOf(b) - depthOf(a) || a.length - b.length);
  if (nearest !== undefined) return describe(nearest, path);
  if (issue.code === 'unrecognized_keys' && issue.keys?.[0] !== undefined) {
    return { path: pointer([...path, issue.keys[0]]), problem: 'unknown field' };
  }
  const missing = issue.code === 'invalid_type' && issue.message.endsWith('received undefined');
  return { path: pointer(path), problem: missing ? 'a required field is missing' : issue.message };
}

function depthOf(branch: readonly Issue[]): number {
  return branch[0]?.path.length ?? 0;
}

/** RFC 6901 JSON pointer. */
function pointer(path: readonly PropertyKey[]): string {
  const text = path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
  return text.length > PATH_CHARS_MAX ? `${text.slice(0, PATH_CHARS_MAX)}...` : text;
}
