import { randomUUID } from 'node:crypto';
import {
  attestRequest,
  CLUSTER_KEY_BYTES,
  deriveClusterKeys,
  verifyBody,
  type VerifiedBody,
  type WholeChange,
} from '../../src/change/index.ts';
import { isRedacted } from '../../src/change/redact.ts';
import { canonicalText, decodeWith, fromBase64, parseJson } from '../../src/codec/index.ts';
import { nativeBackend } from '../../src/crypto/index.ts';
import { ChainError } from '../../src/errors/chain-error.ts';
import { proposedChangeSchema } from '../../src/ledger/schema/change.ts';
import type { ClusterId, Hash } from '../../src/types/brand.ts';
import type { Operation } from '../../src/types/change.ts';
import type { Json, JsonObject } from '../../src/types/json.ts';
import type { ProposedChange } from '../../src/types/transaction.ts';
import { requestFrom, type Identity } from './identity.ts';
import type { ServedResource, UserInfo } from './kube-api.ts';
import type { Session } from './session.ts';

const { sha256, hmacSha256 } = nativeBackend;

/** What would be asked of the API server. */
export interface Asked {
  readonly operation: Operation;
  readonly resource: ServedResource;
  readonly namespace: string;
  readonly name: string;
  readonly user: UserInfo;
  readonly old: JsonObject | null;
  readonly object: JsonObject | null;
  readonly options: JsonObject;
}

/** The `request` of the AdmissionReview that the API server would send (facts: section 0). */
export function reviewRequest({
  operation,
  resource: served,
  namespace,
  name,
  user,
  old,
  object,
  options,
}: Asked): Json {
  const { group, version, resource, kind, isNamespaced } = served;
  const inNamespace = isNamespaced ? namespace : group === '' && resource === 'namespaces' ? name : '';
  return {
    uid: randomUUID(),
    kind: { group, version, kind },
    resource: { group, version, resource },
    name,
    ...(inNamespace === '' ? {} : { namespace: inNamespace }),
    operation,
    userInfo: { username: user.username, groups: user.groups },
    object,
    oldObject: old,
    dryRun: false,
    options,
  };
}

/**
 * The canonical form of a change from the own organisation's node, which has the cluster's key. What comes back is opened and compared with what was
 * sent: nothing but values that the key hides may differ. Throws CLI_CANONICAL, CHANGE_BODY_*.
 */
export async function canonicalise(
  session: Session,
  identity: Identity,
  cluster: ClusterId,
  request: Json,
  title: string,
): Promise<{ readonly change: ProposedChange; readonly body: VerifiedBody }> {
  const content = { kind: 'canonicalize-request', cluster, request } as const;
  const sign = (audience: Hash): Promise<Uint8Array> => requestFrom(session, identity, content, audience);
  const own = locally(cluster, request);
  const endpoints = await ownEndpoints(session, identity.org);
  return session.reader.signed(
    '/v1/canonicalize',
    sign,
    (bytes) => {
      const { change: found, body: text } = parseJson(bytes) as { change?: Json; body?: Json };
      const change = decodeWith(proposedChangeSchema, found ?? null, 'canonical change');
      const body = verifyBody(fromBase64(typeof text === 'string' ? text : ''), change, sha256);
      const differs = (part: string): ChainError => new ChainError('CLI_CANONICAL', { object: title, part });
      if (canonicalText(change.attributes) !== canonicalText(own.attributes)) throw differs('its attributes');
      for (const side of ['old', 'new'] as const) {
        if (!equalButHidden(body.whole[side], own.whole[side])) throw differs(`its ${side} object`);
      }
      return { change, body };
    },
    endpoints,
  );
}

/** The same computation here, under a key that everybody knows: right but for what depends on the key. */
export function locally(
  cluster: ClusterId,
  request: Json,
): { readonly attributes: ProposedChange['attributes']; readonly whole: WholeChange } {
  const keys = deriveClusterKeys(new Uint8Array(CLUSTER_KEY_BYTES), sha256, hmacSha256);
  const { attestation, body } = attestRequest(request, { cluster, keys, sha256, hmacSha256 });
  const { whole } = verifyBody(body, attestation, sha256);
  return { attributes: attestation.attributes, whole };
}

/** Equal, where a value that is hidden on both sides counts as equal. */
export function equalButHidden(a: Json | undefined, b: Json | undefined): boolean {
  if (isRedacted(a) && isRedacted(b)) return true;
  const [left, right] = [childrenOf(a), childrenOf(b)];
  if (left === undefined || right === undefined)
    return left === right && canonicalText(a as Json) === canonicalText(b as Json);
  return (
    Array.isArray(a) === Array.isArray(b) &&
    left.size === right.size &&
    [...left].every(([key, value]) => right.has(key) && equalButHidden(value, right.get(key)))
  );
}

/** Undefined for a value without parts; a JsonNumberText is one. */
function childrenOf(value: Json | undefined): ReadonlyMap<string, Json> | undefined {
  if (value === null || typeof value !== 'object') return undefined;
  const isPlain =
    Array.isArray(value) || Object.getPrototypeOf(value) === null || Object.getPrototypeOf(value) === Object.prototype;
  return isPlain ? new Map(Object.entries(value)) : undefined;
}

/**
 * Only a node of the own organisation is shown an object in clear, which may be a Secret: by the pinned genesis alone. What a node says of itself proves
 * nothing, and another organisation's would be glad to be asked. Throws CLI_OWN_NODE.
 */
export async function ownEndpoints({ reader }: Session, org: string): Promise<readonly string[]> {
  const { genesis } = await reader.genesis();
  const published = genesis.validators.flatMap((validator) =>
    validator.org === org && validator.apiUrl !== '' ? [validator.apiUrl] : [],
  );
  if (published.length === 0) throw new ChainError('CLI_OWN_NODE', { org });
  return published;
}
