import { z } from 'zod';
import type { ChangeAttributes } from '../types/change.ts';
import type { MutationPayload } from '../types/transaction.ts';
import type { Json } from '../types/json.ts';
import { ChainError } from '../errors/chain-error.ts';
import { decodeWith } from '../codec/index.ts';
import { payloadSchemas } from './schema/payload.ts';
import { hash } from './schema/scalars.ts';

/**
 * A recorded mutation as an in-toto Statement v1 (github.com/in-toto/attestation), so that in-toto tools read it:
 *   {"_type":".../Statement/v1","predicate":<payload>,"predicateType":".../mutation/v1",
 *    "subject":[{"digest":{"sha256":<digest.diff>},"name":"<cluster>/<group>/<resource>[/<subresource>]/<namespace>/<name>"}]}
 * The subject repeats what the predicate says. A statement whose two halves differ is refused: no reader may be shown one
 * change and a policy another.
 */
export const MUTATION_PAYLOAD_TYPE = 'application/vnd.in-toto+json';
const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
const MUTATION_PREDICATE_TYPE = 'https://kubectl-chain.dev/mutation/v1';

export interface MutationStatement {
  readonly _type: typeof STATEMENT_TYPE;
  readonly subject: readonly [{ readonly name: string; readonly digest: { readonly sha256: string } }];
  readonly predicateType: typeof MUTATION_PREDICATE_TYPE;
  readonly predicate: MutationPayload;
}

const statementSchema = z.strictObject({
  _type: z.literal(STATEMENT_TYPE),
  subject: z.tuple([z.strictObject({ name: z.string(), digest: z.strictObject({ sha256: hash }) })]),
  predicateType: z.literal(MUTATION_PREDICATE_TYPE),
  predicate: payloadSchemas.mutation,
});

/** Empty parts stay empty: a cluster-scoped object of the core group is `c1//nodes//n1`. */
export function subjectNameOf(attributes: ChangeAttributes): string {
  const { cluster, group, resource, subresource, namespace, name } = attributes;
  const kind = subresource === '' ? resource : `${resource}/${subresource}`;
  return [cluster, group, kind, namespace, name].join('/');
}

export function statementOf(payload: MutationPayload): MutationStatement {
  return {
    _type: STATEMENT_TYPE,
    subject: [
      { name: subjectNameOf(payload.attestation.attributes), digest: { sha256: payload.attestation.digest.diff } },
    ],
    predicateType: MUTATION_PREDICATE_TYPE,
    predicate: payload,
  };
}

/** The predicate of a statement whose subject says the same. Throws CODEC_SCHEMA, LEDGER_TX_SUBJECT. */
export function decodeStatement(json: Json): MutationPayload {
  const statement = decodeWith(statementSchema, json, 'mutation statement');
  const [expected] = statementOf(statement.predicate).subject;
  const [found] = statement.subject;
  if (found.name !== expected.name || found.digest.sha256 !== expected.digest.sha256) {
    throw new ChainError('LEDGER_TX_SUBJECT', {
      expected: `${expected.name}@${expected.digest.sha256}`,
      found: `${found.name}@${found.digest.sha256}`,
    });
  }
  return statement.predicate;
}
