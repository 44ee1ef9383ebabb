import { entry } from '../define.ts';

export const apiErrors = {
  API_BAD_PARAMETER: entry<{ name: string; problem: string }>(
    400,
    (p) => `parameter ${p.name}: ${p.problem}`,
    'Correct this parameter and ask again.',
  ),
  API_NOT_FOUND: entry<{ what: string }>(
    404,
    (p) => `${p.what} is not here`,
    'Check the path; a node that is behind does not have the newest blocks yet.',
  ),
  API_TOO_LARGE: entry<{ bytesMax: number }>(
    413,
    (p) => `the request is longer than ${p.bytesMax} bytes`,
    'Send less at once.',
  ),
  API_OVERLOADED: entry<{ requests: number }>(
    429,
    (p) => `${p.requests} requests are being answered already`,
    'Try again in a second, or ask another node.',
  ),
  API_TOO_FAST: entry<{ costPerSecond: number }>(
    429,
    (p) => `this address asks for more than ${p.costPerSecond} units of work a second`,
    'Wait a second, ask for fewer items at once, or ask another node.',
  ),
  API_EMPTY_CHAIN: entry<Record<never, never>>(
    404,
    () => 'the chain has no block yet',
    'The first transaction makes the first block.',
  ),
  API_UNAUTHORIZED: entry<{ reason: string }>(
    403,
    (p) => `the signed request is refused: ${p.reason}`,
    'Sign with the key of a member that the chain registers, for this chain and now.',
  ),
  API_INTERNAL: entry<{ id: string }>(
    500,
    (p) => `the node failed to answer (request ${p.id})`,
    'Its log says more; ask another node meanwhile.',
  ),
} as const;
