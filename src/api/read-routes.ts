import type { FastifyInstance } from 'fastify';
import { toBase64 } from '../codec/index.ts';
import { ChainError } from '../errors/chain-error.ts';
import { encodeHeadJson } from '../ledger/index.ts';
import type { Hash } from '../types/brand.ts';
import type { ApiBackend, CertifiedHeader, LeafProof } from '../ports/api-backend.ts';
import { pauses } from './pauses.ts';
import { indexList, integer, list, recordQuery, single, type Query } from './parameters.ts';

const stateKeysMax = 500;
const blocksMax = 500;
const handoversMax = 100;

/** Everything that can be read. Each answer that holds proofs carries the certified head that they are against. */
export async function readRoutes(app: FastifyInstance, { backend }: { backend: ApiBackend }): Promise<void> {
  app.get('/v1/genesis', async (_request, reply) =>
    reply.type('application/json').send(Buffer.from(backend.genesis())),
  );
  app.get('/v1/status', async () => backend.status());
  app.get('/v1/head', async () => encodeHeadJson(headOf(backend)));

  app.get<{ Params: { height: string } }>('/v1/blocks/:height', async (request) => {
    const height = integer({ height: request.params.height }, 'height', 1, Number.MAX_SAFE_INTEGER, 0);
    return blockJson(blockOf(backend, height));
  });

  app.get<{ Querystring: Query }>('/v1/blocks', async ({ query }) => {
    const last = backend.head()?.header.height ?? 0;
    const limit = integer(query, 'limit', 1, blocksMax, 50);
    const from = integer(query, 'from', 1, Number.MAX_SAFE_INTEGER, Math.max(1, last - limit + 1));
    const items = [];
    const pause = pauses();
    for (let height = from; height <= last && items.length < limit; height += 1) {
      items.push(blockJson(blockOf(backend, height)));
      await pause();
    }
    return { items };
  });

  app.get<{ Querystring: Query }>('/v1/checkpoint', async ({ query }, reply) => {
    const note = await backend.checkpoint(single(query, 'fresh') === '1');
    return reply.type('text/plain; charset=utf-8').send(note);
  });

  app.get<{ Querystring: Query }>('/v1/leaves', async ({ query }) => {
    const head = headOf(backend);
    const size = integer(query, 'size', 1, head.state.logSize, head.state.logSize);
    const pause = pauses();
    const leaves = [];
    for (const index of indexList(query)) {
      const leaf = backend.leaf(index, size);
      if (leaf === undefined) throw new ChainError('API_NOT_FOUND', { what: `leaf ${index}` });
      leaves.push(leafJson(leaf));
      await pause();
    }
    return { head: encodeHeadJson(head), size, leaves };
  });

  app.get<{ Querystring: Query }>('/v1/consistency', async ({ query }) => {
    const { logSize } = headOf(backend).state;
    const to = integer(query, 'to', 1, logSize, logSize);
    const from = integer(query, 'from', 0, to, 0);
    return { from, to, proof: backend.consistency(from, to) };
  });

  app.get<{ Querystring: Query }>('/v1/handovers', async ({ query }) => {
    const from = integer(query, 'from', 1, Number.MAX_SAFE_INTEGER, 1);
    const items = backend.handovers(from, handoversMax).map(({ n, head, leaf, before, after }) => ({
      n,
      head: encodeHeadJson(head),
      leaf: leafJson(leaf),
      before,
      after,
    }));
    return { items };
  });

  app.get<{ Querystring: Query }>('/v1/state', async ({ query }) => {
    const keys = list(query, 'key');
    if (keys.length === 0 || keys.length > stateKeysMax)
      throw new ChainError('API_BAD_PARAMETER', { name: 'key', problem: `give 1 to ${stateKeysMax} keys` });
    const entries = keys.map((key) => {
      const { value, proof } = backend.state(key);
      return { key, value: value === null ? null : toBase64(value), proof };
    });
    return { head: encodeHeadJson(headOf(backend)), entries };
  });

  app.get<{ Querystring: Query }>('/v1/details', async ({ query }, reply) => {
    const hash = single(query, 'hash') ?? '';
    if (!/^[0-9a-f]{64}$/.test(hash))
      throw new ChainError('API_BAD_PARAMETER', { name: 'hash', problem: 'must be 64 hexadecimal digits' });
    const bytes = await backend.details(hash as Hash);
    if (bytes === undefined) throw new ChainError('BODY_UNKNOWN', { hash });
    return reply.type('application/json').send(Buffer.from(bytes));
  });

  app.get<{ Querystring: Query }>('/v1/archive', async ({ query }) => {
    const items = backend.archived(indexList(query, 'proposals'));
    return {
      head: encodeHeadJson(headOf(backend)),
      items: items.map(({ archived, leaf }) => ({ archived: toBase64(archived), leaf: leafJson(leaf) })),
    };
  });

  app.get<{ Querystring: Query }>('/v1/records', async ({ query }) => {
    // Of the same moment as the page, which is proven against it.
    const head = headOf(backend);
    const page = await backend.records(recordQuery(query));
    const items = page.items.map((item) => ({ ...leafJson(item), observations: item.observations }));
    const observations = page.observations.map(leafJson);
    return { head: encodeHeadJson(head), items, observations, blocks: page.blocks.map(leafJson), next: page.next };
  });
}

function headOf(backend: ApiBackend): CertifiedHeader {
  const head = backend.head();
  if (head === undefined) throw new ChainError('API_EMPTY_CHAIN', {});
  return head;
}

function blockOf(backend: ApiBackend, height: number): CertifiedHeader & { readonly txCount: number } {
  const block = backend.block(height);
  if (block === undefined) throw new ChainError('API_NOT_FOUND', { what: `block ${height}` });
  return block;
}

function blockJson(block: CertifiedHeader & { readonly txCount: number }): object {
  return { ...encodeHeadJson(block), txCount: block.txCount };
}

function leafJson({ index, leaf, proof }: LeafProof): { index: number; leaf: string; proof: readonly string[] } {
  return { index, leaf: toBase64(leaf), proof };
}
