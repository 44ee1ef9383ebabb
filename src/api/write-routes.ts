import type { FastifyInstance } from 'fastify';
import { toBase64 } from '../codec/index.ts';
import { ChainError } from '../errors/chain-error.ts';
import { registry } from '../errors/registry.ts';
import type { ApiBackend } from '../ports/api-backend.ts';

/** Transactions, and what only a member who signs the request may have. The body of each is one DSSE envelope line. */
export async function writeRoutes(app: FastifyInstance, { backend }: { backend: ApiBackend }): Promise<void> {
  app.post('/v1/transactions', async (request, reply) => {
    const answer = await backend.submit(envelopeOf(request.body));
    switch (answer.kind) {
      case 'committed':
        return { hash: answer.hash, height: answer.height, leaf: answer.leaf, result: answer.result };
      case 'unknown':
        return reply.code(202).send({ hash: answer.hash });
      case 'rejected': {
        const refusal = registry[answer.code];
        return reply
          .code(refusal.httpStatus)
          .send({ code: answer.code, message: answer.message, remedy: refusal.remedy });
      }
    }
  });

  app.post('/v1/bodies', async (request, reply) => {
    const bytes = await backend.body(envelopeOf(request.body));
    return reply.type('application/json').send(Buffer.from(bytes));
  });

  app.post('/v1/details', async (request) => ({ hash: await backend.putDetails(envelopeOf(request.body)) }));

  app.post('/v1/canonicalize', async (request) => {
    const { change, body } = await backend.canonicalize(envelopeOf(request.body));
    return { change, body: toBase64(body) };
  });
}

/** One envelope line; a newline at its end is forgiven, as text tools add one. */
function envelopeOf(body: unknown): Uint8Array {
  if (!(body instanceof Uint8Array) || body.length === 0)
    throw new ChainError('API_BAD_PARAMETER', { name: 'body', problem: 'must be one DSSE envelope' });
  return body.at(-1) === 0x0a ? body.subarray(0, -1) : body;
}
