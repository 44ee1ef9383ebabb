import { attestRequest, deriveClusterKeys } from '../../../src/change/index.ts';
import { nativeBackend } from '../../../src/crypto/index.ts';
import type { ValidatorId } from '../../../src/types/brand.ts';
import type { Json, JsonObject } from '../../../src/types/json.ts';
import type { ProposedChange } from '../../../src/types/transaction.ts';
import { FakeNode } from '../client/fake-node.ts';
import { CLUSTER, TestChain, type ChainOptions } from '../ledger/test-chain.ts';

const { sha256, hmacSha256 } = nativeBackend;
export const keys = deriveClusterKeys(new Uint8Array(32).fill(7), sha256, hmacSha256);

export interface Written {
  readonly change: ProposedChange;
  readonly body: Uint8Array;
}

/** A chain whose cluster has a key, with a node that holds bodies. */
export function newChain(options: ChainOptions = {}): { chain: TestChain; node: FakeNode } {
  const chain = new TestChain({ ...options });
  chain.run({ kind: 'cluster-key', node: 'alpha' as ValidatorId, cluster: CLUSTER, keyId: keys.keyId });
  return { chain, node: new FakeNode(chain) };
}

export function attested(request: Json): Written {
  const { attestation, body } = attestRequest(request, { cluster: CLUSTER, keys, sha256, hmacSha256 });
  const { admissionUid: _admissionUid, ...change } = attestation;
  return { change, body };
}

export function deployment(image: string, resourceVersion = '1', namespace = 'prod-web'): JsonObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace, uid: 'uid-1', resourceVersion },
    spec: { replicas: 2, template: { spec: { containers: [{ name: 'web', image }] } } },
  };
}

/** The review of an update of prod-web/web by `user`. */
export function updateRequest(from: string, to: string, user = 'ci', namespace = 'prod-web'): Json {
  const resource = { group: 'apps', version: 'v1', resource: 'deployments' };
  return {
    uid: 'review',
    kind: { group: 'apps', version: 'v1', kind: 'Deployment' },
    resource,
    name: 'web',
    namespace,
    operation: 'UPDATE',
    userInfo: { username: user, groups: ['system:authenticated'] },
    object: deployment(to, '1', namespace),
    oldObject: deployment(from, '1', namespace),
    dryRun: false,
    options: { kind: 'UpdateOptions', apiVersion: 'meta.k8s.io/v1' },
  };
}

/** A refused update, whose proposal's body is held by all: it can be voted on. */
export function refused(
  { chain, node }: { chain: TestChain; node: FakeNode },
  from: string,
  to: string,
  user = 'ann@alpha',
): Written {
  const written = attested(updateRequest(from, to, user));
  node.bodies.set(written.change.bodyHash, written.body);
  const { result } = chain.review(written.change);
  chain.held(result.proposal ?? 0);
  return written;
}
