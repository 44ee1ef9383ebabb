import { entry } from '../define.ts';

interface Endpoints {
  endpoints: string;
}

export const clientErrors = {
  /** `wasSent`: the request went out, so that it may have been carried out. */
  CLIENT_UNREACHABLE: entry<Endpoints & { reason: string; wasSent?: boolean }>(
    503,
    (p) => `no node could be reached (${p.endpoints}): ${p.reason}`,
    'Check the endpoints of this chain (`kubectl chain trust list`) and the network.',
  ),
  CLIENT_NO_VERIFIED_ANSWER: entry<Endpoints & { reason: string }>(
    502,
    (p) => `no node gave an answer that verifies (${p.endpoints}): ${p.reason}`,
    'Compare the pinned genesis hash with the other organisations, and add an endpoint that you trust more.',
  ),
  CLIENT_BEHIND: entry<{ height: number; seen: number }>(
    503,
    (p) => `every node that answered is at height ${p.height}, but height ${p.seen} was seen before`,
    'The nodes are catching up, or somebody rolled them back: try again, then ask the other organisations.',
  ),
  CLIENT_ROLLED_BACK: entry<{ height: number }>(
    502,
    (p) => `the node shows another block at height ${p.height} than the one seen before`,
    'The node lies or the chain forked: keep its answer and tell the other organisations.',
  ),
  CLIENT_HANDOVER: entry<{ set: number; reason: string }>(
    502,
    (p) => `the node does not prove validator set ${p.set}: ${p.reason}`,
    'The node lies or leaves something out: another one is asked. If all do, the organisations must be asked.',
  ),
  CLIENT_INCOMPLETE: entry<{ list: string; missing: number }>(
    502,
    (p) => `the node left record ${p.missing} out of ${p.list}`,
    'The node lies; another one is asked.',
  ),
  CLIENT_FOREIGN_RECORD: entry<{ list: string; index: number }>(
    502,
    (p) => `the node put record ${p.index} into ${p.list}, where it does not belong`,
    'The node lies; another one is asked.',
  ),
  CLIENT_SIGNATURE: entry<{ index: number; signer: string }>(
    502,
    (p) => `record ${p.index} does not bear the signature of ${p.signer}`,
    'Keep the answer and tell the other organisations: a quorum would never have recorded it.',
  ),
  CLIENT_ANSWER_FORM: entry<{ path: string; problem: string }>(
    502,
    (p) => `the answer to ${p.path} is malformed: ${p.problem}`,
    'The node is of another version, or lies; another one is asked.',
  ),
  CLIENT_GENESIS: entry<{ expected: string; found: string }>(
    502,
    (p) => `the node serves the genesis ${p.found}, pinned is ${p.expected}`,
    'The node is of another chain, or the pinned hash is wrong: compare it with the other organisations.',
  ),
  CLIENT_RESULT_MISMATCH: entry<{ tx: string; leaf: number }>(
    502,
    (p) => `the node says that transaction ${p.tx} stands at record ${p.leaf}, but something else is proven there`,
    'The node lies about what was recorded; ask another one with `kubectl chain show`.',
  ),
  CLIENT_OUTCOME_UNKNOWN: entry<{ tx: string }>(
    503,
    (p) => `no node told in time what became of transaction ${p.tx}: it may still be recorded`,
    'Look for it with `kubectl chain audit` before you try again.',
  ),
  CLIENT_REFUSED: entry<{ code: string; message: string; remedy: string }>(
    422,
    (p) => `${p.message} [${p.code}]`,
    "The committee's nodes refused this; the code in brackets says why.",
  ),
  CLIENT_NO_TRUST: entry<{ context: string }>(
    404,
    (p) => `no chain is pinned for kube context ${p.context}`,
    'Pin its genesis first: kubectl chain trust add NAME --genesis FILE --endpoint URL.',
  ),
  CLIENT_TRUST_UNKNOWN: entry<{ name: string }>(
    404,
    (p) => `no chain named ${p.name} is pinned`,
    'See `kubectl chain trust list`.',
  ),
} as const;
