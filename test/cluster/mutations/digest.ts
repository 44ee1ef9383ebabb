import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { attestRequest, deriveClusterKeys, type AttestContext } from '../../../src/change/index.ts';
import { parseJson, utf8Encode } from '../../../src/codec/index.ts';
import { nativeBackend } from '../../../src/crypto/index.ts';
import type { ClusterId } from '../../../src/types/brand.ts';
import type { Json } from '../../../src/types/json.ts';
import type { Playground } from '../../playground/playground.ts';
import type { KubeObject } from '../objects.ts';
import type { MutationLeaf } from './mutation-log.ts';
import { pathOfTarget, type Played } from './play.ts';

const CLUSTER = 'main' as ClusterId;
const { sha256, hmacSha256 } = nativeBackend;

/** Controllers write more than the status of these. */
const WRITTEN_ON = ['deployments', 'jobs', 'nodes', 'persistentvolumeclaims', 'persistentvolumes', 'pods'];

interface ManagedFields {
  readonly manager: string;
  readonly operation: string;
  readonly subresource?: string;
  readonly time?: string;
}

/** With K_cluster, as a node of the cluster holds it. */
export function attestContext({ state, layout }: Playground): AttestContext {
  for (const { org } of state.nodes) {
    const { dataDir } = layout.org(org);
    const name = readdirSync(dataDir, { recursive: true, encoding: 'utf8' }).find((file) =>
      file.endsWith(`${CLUSTER}.key`),
    );
    if (name === undefined) continue;
    const keys = deriveClusterKeys(readFileSync(join(dataDir, name)), sha256, hmacSha256);
    return { cluster: CLUSTER, keys, sha256, hmacSha256 };
  }
  throw new Error('no node holds the key of the cluster');
}

/**
 * The digests of what was stored, in words to compare: made of the object as it was read before and afterwards, not of any review. Undefined where these two
 * are not what stands on both sides of the record: somebody wrote before or after it.
 */
export function digestsOfStored(
  leaf: MutationLeaf,
  { before, after }: Played,
  context: AttestContext,
): string | undefined {
  const { operation, group, version, resource, subresource, namespace, name, resourceVersion, user, groups } =
    leaf.attributes;
  const isWhole = subresource === '' || subresource === 'status' || subresource === 'approval';
  if ((operation !== 'CREATE' && operation !== 'UPDATE') || !isWhole || WRITTEN_ON.includes(resource)) return undefined;
  const path = pathOfTarget(leaf.attributes);
  const old = operation === 'CREATE' ? null : before.get(path)?.object;
  const object = after.get(path)?.object;
  if (object === undefined || old === undefined) return undefined;
  if (object.metadata?.uid !== leaf.attributes.uid || (old?.metadata?.resourceVersion ?? '') !== resourceVersion)
    return undefined;
  if (writers(object).filter((writer) => old === null || !writers(old).includes(writer)).length !== 1) return undefined;
  const request = {
    uid: 'test',
    kind: { group, version, kind: object.kind },
    resource: { group, version, resource },
    ...(subresource !== '' && { subResource: subresource }),
    name,
    ...(namespace !== '' && { namespace }),
    operation,
    userInfo: { username: user, groups },
    object,
    oldObject: old,
    dryRun: false,
    options: null,
  };
  const { digest } = attestRequest(parseJson(utf8Encode(JSON.stringify(request))) as Json, context).attestation;
  return textOf(digest);
}

export function textOf({ diff, strict }: MutationLeaf['digest']): string {
  return `diff ${diff} strict ${strict}`;
}

/** One for each time that somebody wrote. */
function writers(object: KubeObject): string[] {
  const { managedFields = [] } = (object.metadata ?? {}) as { managedFields?: readonly ManagedFields[] };
  return managedFields.map((fields) => JSON.stringify(fields));
}
