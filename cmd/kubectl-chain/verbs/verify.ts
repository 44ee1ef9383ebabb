import type { VerifiedRecord } from '../../../src/client/answer.ts';
import { jsonEqual } from '../../../src/change/json.ts';
import { nativeBackend } from '../../../src/crypto/index.ts';
import { ChainError, isChainError } from '../../../src/errors/chain-error.ts';
import { auditKey } from '../../../src/ledger/audit-index.ts';
import { KEY, objectKey, orgKey } from '../../../src/ledger/execute/keys.ts';
import { verifyTransaction } from '../../../src/ledger/index.ts';
import type { ClusterId, PublicKeyHex } from '../../../src/types/brand.ts';
import type { Organisation, Validator } from '../../../src/types/chain.ts';
import type { ChangeAttributes } from '../../../src/types/change.ts';
import type { Json, JsonObject } from '../../../src/types/json.ts';
import { fetchBody, whyMissing } from '../bodies.ts';
import { canonicalise, equalButHidden, locally, reviewRequest } from '../canonical.ts';
import { documentOf } from '../document.ts';
import { exitCode } from '../exit-code.ts';
import { exitCodeOf } from '../failure.ts';
import { identityIfAny, type Identity } from '../identity.ts';
import { KubeApi, pathOf } from '../kube-api.ts';
import type { KeyOptions, ListOptions } from '../options.ts';
import { printOne, type View } from '../output/print.ts';
import { folded } from '../record.ts';
import { resourceType, typeAndName } from '../resource-types.ts';
import { afterDeletion, madeByControlPlane, newestWord, type ObjectName } from '../newest-word.ts';
import { clusterNameOf, withSession, type Session } from '../session.ts';
import type { Terminal } from '../terminal.ts';
import { oneRecord } from './audit.ts';

export interface VerifyOptions extends ListOptions, KeyOptions {
  readonly record?: string;
}

type Outcome = 'VALID' | 'MATCH' | 'DRIFT' | 'STALE' | 'BODY_ERASED' | 'BODY_UNAVAILABLE' | 'NOT_LOGGED' | 'TAMPERED';

interface Verification {
  readonly subject: string;
  readonly outcome: Outcome;
  readonly record: number | null;
  readonly reason: string;
}

const codes: Readonly<Record<Outcome, number>> = {
  VALID: exitCode.ok, MATCH: exitCode.ok, TAMPERED: exitCode.refused, DRIFT: exitCode.refused, NOT_LOGGED: exitCode.refused,
  STALE: exitCode.couldNot, BODY_ERASED: exitCode.couldNot, BODY_UNAVAILABLE: exitCode.couldNot,
}; // prettier-ignore

const view: View<Verification> = {
  kind: 'Verification',
  name: ({ subject }) => subject,
  columns: [
    { header: 'SUBJECT', cell: ({ subject }) => subject },
    { header: 'OUTCOME', cell: ({ outcome }) => outcome },
    { header: 'RECORD', cell: ({ record }) => (record === null ? '' : String(record)) },
    { header: 'REASON', cell: ({ reason }) => reason },
  ],
};

/** What a controller of the control plane writes by itself, and no record is asked for. */
const controllerAnnotations = ['deployment.kubernetes.io/revision'];
const historyMax = 500;

/** Exit code 0 valid, 1 tampered with, 2 could not be told. */
export async function verify(terminal: Terminal, words: readonly string[], options: VerifyOptions): Promise<number> {
  if ((options.record === undefined) === (words.length === 0))
    throw new ChainError('CLI_USAGE', { problem: 'give either TYPE/NAME or --record INDEX' });
  if (options.record !== undefined && !/^\d{1,15}$/.test(options.record))
    throw new ChainError('CLI_USAGE', { problem: `--record ${options.record}: must be an index` });
  const subject = options.record === undefined ? words.join('/') : `record/${options.record}`;
  let found: Verification;
  try {
    found = await withSession(terminal, options, (session) =>
      options.record === undefined
        ? verifyObject(session, words, subject, options)
        : verifyOne(session, Number(options.record), subject),
    );
  } catch (error) {
    if (!isChainError(error)) throw error;
    if (exitCodeOf(error) !== exitCode.noVerifiedAnswer) {
      terminal.stderr(`error: ${error.message} [${error.code}]\n${error.remedy}\n`);
      return isChainError(error, 'CLI_NOT_FOUND') ? exitCode.refused : exitCode.couldNot;
    }
    found = { subject, outcome: 'TAMPERED', record: null, reason: error.message };
  }
  await printOne(terminal, options, view, found);
  return codes[found.outcome];
}

async function verifyOne(session: Session, index: number, subject: string): Promise<Verification> {
  const { isFresh, reason } = await session.reader.freshness();
  const record = await oneRecord(session, index);
  await checkSignature(session, record);
  const { tree } = record;
  const proven = `stands in the tree of ${tree.size} leaves that a quorum certified at height ${tree.height}`;
  // That it is there does not age; whether it is all there is does.
  return {
    subject,
    outcome: 'VALID',
    record: index,
    reason: isFresh ? proven : `${proven}; whether that tree is the newest is not proven: ${reason}`,
  };
}

/** A quorum checked it when it was recorded; with a key that is still registered it is checked again. Throws CLIENT_SIGNATURE. */
async function checkSignature(session: Session, { index, transaction }: VerifiedRecord): Promise<void> {
  const { payload } = transaction;
  const [signer, key] =
    'node' in payload
      ? [payload.node as string, await nodeKey(session, payload.node)]
      : [`${payload.org}/${payload.member}`, await memberKey(session, payload.org, payload.member)];
  if (key === undefined)
    return session.terminal.stderr(
      `note: ${signer} is no longer registered; its signature was checked when it was recorded\n`,
    );
  try {
    verifyTransaction(transaction, key, nativeBackend.verifyEd25519, nativeBackend.sha256);
  } catch (cause) {
    if (isChainError(cause, 'LEDGER_TX_KEY'))
      return session.terminal.stderr(
        `note: ${signer} has another key today; its signature was checked when it was recorded\n`,
      );
    throw new ChainError('CLIENT_SIGNATURE', { index, signer }, { cause });
  }
}

async function nodeKey({ reader }: Session, node: string): Promise<PublicKeyHex | undefined> {
  const { values } = await reader.state([KEY.validators]);
  const validators = documentOf<readonly Validator[]>(values, KEY.validators) ?? [];
  return validators.find(({ id }) => (id as string) === node)?.txKey;
}

async function memberKey({ reader }: Session, org: string, member: string): Promise<PublicKeyHex | undefined> {
  const { values } = await reader.state([orgKey(org)]);
  return documentOf<Organisation>(values, orgKey(org))?.members.find(({ name }) => name === member)?.key;
}

/** Compares what the cluster holds with the newest change of it that is recorded. */
async function verifyObject(
  session: Session,
  words: readonly string[],
  subject: string,
  options: VerifyOptions,
): Promise<Verification> {
  const { isFresh, reason } = await session.reader.freshness();
  if (!isFresh) return { subject, outcome: 'STALE', record: null, reason };
  const { records, object } = await historyOf(session, words, options);
  const word = newestWord(records, object);
  if (word === undefined)
    return { subject, outcome: 'NOT_LOGGED', record: null, reason: 'no admitted change of it is recorded' };
  const { record, attributes, attestation } = word;
  const result = (outcome: Outcome, why: string): Verification => ({
    subject,
    outcome,
    record: record.index,
    reason: why,
  });
  const kube = new KubeApi(session.terminal, options);
  const live = await kube.get(pathOf(attributes, attributes.namespace, attributes.name));
  if (attributes.operation === 'DELETE') return result(...afterDeletion(live, attributes));
  if (live === undefined) return result('DRIFT', 'it is gone, and no deletion is recorded');
  if (attestation === undefined) return result(...madeByControlPlane(live, attributes));
  const identity = await identityIfAny(session, options);
  if (identity === undefined)
    return result('BODY_UNAVAILABLE', 'only a member may read what was recorded; name a key with --key');
  if (attributes.subresource !== '')
    return result(
      'BODY_UNAVAILABLE',
      `the newest change went through ${attributes.subresource}, which does not hold the whole object`,
    );
  let recorded: JsonObject | null;
  try {
    recorded = (await fetchBody(session, identity, attestation)).whole.new;
  } catch (error) {
    if (!isChainError(error)) throw error;
    const [code, why] = await whyMissing(session, attestation, error);
    return result(code, why);
  }
  const resource = await kube.servedResource(attributes.group, attributes.resource);
  const user = { username: attributes.user, groups: attributes.groups };
  const isCreate = attributes.operation === 'CREATE';
  const request = reviewRequest({
    operation: attributes.operation,
    resource: { ...resource, version: attributes.version },
    namespace: attributes.namespace,
    name: attributes.name,
    user,
    old: isCreate ? null : live,
    object: live,
    options: {},
  });
  const { now, isExact } = await canonicalNow(session, identity, attributes.cluster, request, subject);
  const isEqual = isExact
    ? jsonEqual(withoutControllers(now), withoutControllers(recorded))
    : equalButHidden(withoutControllers(now), withoutControllers(recorded));
  const hidden = isExact ? '' : '; hidden values could not be compared';
  return isEqual
    ? result('MATCH', `the cluster holds what was recorded${hidden}`)
    : result('DRIFT', 'the cluster holds something else than what was recorded');
}

/** The object as it would be recorded now: by the own node, which has the key that hides values, else without it. */
async function canonicalNow(
  session: Session,
  identity: Identity,
  cluster: ClusterId,
  request: Json,
  title: string,
): Promise<{ readonly now: JsonObject | null; readonly isExact: boolean }> {
  try {
    return { now: (await canonicalise(session, identity, cluster, request, title)).body.whole.new, isExact: true };
  } catch (error) {
    if (!isChainError(error) || error.code === 'CLI_CANONICAL') throw error;
    return { now: locally(cluster, request).whole.new, isExact: false };
  }
}

async function historyOf(
  session: Session,
  words: readonly string[],
  options: VerifyOptions,
): Promise<{ readonly records: readonly VerifiedRecord[]; readonly object: ObjectName }> {
  const { type, name } = typeAndName(words);
  if (name === null) throw new ChainError('CLI_USAGE', { problem: 'name the object: verify TYPE/NAME' });
  const { group, resource, isNamespaced } = resourceType(type);
  const cluster = await clusterNameOf(session);
  const own = group === '' && resource === 'namespaces' ? name : '';
  const object = {
    cluster,
    group,
    resource,
    namespace: isNamespaced ? (options.namespace ?? session.context.namespace) : own,
    name,
  };
  const { records } = await session.reader.history(
    'object',
    auditKey.object(object),
    objectKey(nativeBackend.sha256, object as ChangeAttributes),
    historyMax,
  );
  return { records: folded(records), object };
}

function withoutControllers(object: JsonObject | null): JsonObject | null {
  const metadata = object?.['metadata'] as JsonObject | undefined;
  const annotations = metadata?.['annotations'] as JsonObject | undefined;
  if (object === null || metadata === undefined || annotations === undefined) return object;
  const kept = Object.fromEntries(Object.entries(annotations).filter(([key]) => !controllerAnnotations.includes(key)));
  const { annotations: _annotations, ...rest } = metadata;
  return { ...object, metadata: Object.keys(kept).length === 0 ? rest : { ...rest, annotations: kept } };
}
