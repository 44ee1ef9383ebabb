import { readFileSync } from 'node:fs';
import { ChainReader } from '../../src/client/reader.ts';
import { memoryLastSeen } from '../../src/client/last-seen.ts';
import { httpsTransport } from '../../src/client/transport.ts';
import type { VerifiedRecord } from '../../src/client/answer.ts';
import type { Hash } from '../../src/types/brand.ts';
import type { MutationPayload } from '../../src/types/transaction.ts';
import type { Playground } from '../playground/playground.ts';

const PAGE = '500';

/** A reader that asks only one node and verifies what it says. */
export function readerOf({ state, layout }: Playground, node: number): ChainReader {
  const port = state.nodes[node]?.ports.api;
  return new ChainReader({
    genesisHash: state.genesisHash as Hash,
    endpoints: [`https://127.0.0.1:${port}`],
    transport: httpsTransport({ caBundle: readFileSync(layout.apiCaFile, 'utf8'), timeoutMs: 10_000 }),
    lastSeen: memoryLastSeen(),
    nowMs: () => Date.now(),
    maxAgeMs: 60_000,
  });
}

export interface LogEntry {
  readonly index: number;
  readonly height: number;
  readonly decision: string;
  readonly payload: MutationPayload;
}

/** Mutations of one namespace on one node's log, newest first, all verified. */
export async function mutationsOn(playground: Playground, node: number, namespace: string): Promise<LogEntry[]> {
  const reader = readerOf(playground, node);
  try {
    const entries: LogEntry[] = [];
    for (let before: number | null = null; ;) {
      const page = await reader.records({
        namespace: `main/${namespace}`,
        limit: PAGE,
        ...(before === null ? {} : { before: String(before) }),
      });
      entries.push(...page.records.flatMap(entryOf));
      if (page.next === null) return entries;
      before = page.next;
    }
  } finally {
    reader.close();
  }
}

/** Names of the objects whose creation is admitted on this node's log. */
export async function createdOn(playground: Playground, node: number, namespace: string): Promise<Set<string>> {
  const entries = await mutationsOn(playground, node, namespace);
  const admitted = entries.filter(
    ({ decision, payload }) => decision === 'ADMITTED' && payload.attestation.attributes.operation === 'CREATE',
  );
  return new Set(admitted.map(({ payload }) => payload.attestation.attributes.name));
}

function entryOf({ index, leaf, transaction: { payload } }: VerifiedRecord): LogEntry[] {
  return payload.kind === 'mutation' ? [{ index, height: leaf.height, decision: leaf.result.decision, payload }] : [];
}
