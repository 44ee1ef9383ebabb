import { createHash, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import type { Sha256, Signer, VerifyEd25519 } from '../../../src/ports/crypto.ts';
import type { BlockHeader, ChainParams, Genesis, Validator } from '../../../src/types/chain.ts';
import type {
  ClusterId,
  Hash,
  Height,
  KeyId,
  LeafIndex,
  OrgId,
  PublicKeyHex,
  ValidatorId,
} from '../../../src/types/brand.ts';
import type { ChangeAttributes } from '../../../src/types/change.ts';
import type { MutationPayload, Payload } from '../../../src/types/transaction.ts';

/** Crypto straight from Node, so that these tests depend on the ledger alone. */
export const sha256: Sha256 = (...parts) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
};

const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** A signer whose seed is SHA-256 of the name. */
export function signerOf(name: string): Signer {
  const seed = createHash('sha256').update(`seed of ${name}`).digest();
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  return {
    publicKey: spki.subarray(SPKI_PREFIX.length).toString('hex') as PublicKeyHex,
    sign: (message) => new Uint8Array(sign(null, message, privateKey)),
  };
}

export const verifyEd25519: VerifyEd25519 = (publicKey, message, signature) => {
  const der = Buffer.concat([SPKI_PREFIX, Buffer.from(publicKey, 'hex')]);
  return verify(null, message, createPublicKey({ key: der, format: 'der', type: 'spki' }), signature);
};

/** A hash that is only a name in a test. */
export const hashOf = (text: string): Hash => createHash('sha256').update(text).digest('hex') as Hash;

export const chain = hashOf('some chain');

export function validatorOf(org: string): Validator {
  return {
    id: org as ValidatorId,
    org: org as OrgId,
    voteKey: signerOf(`${org} vote`).publicKey,
    txKey: signerOf(`${org} tx`).publicKey,
    tlsKey: signerOf(`${org} tls`).publicKey,
    checkpointKey: signerOf(`${org} checkpoint`).publicKey,
    peerAddress: `${org}.example:26600`,
    apiUrl: `https://${org}.example:26700`,
  };
}

export const orgNames = ['alpha', 'beta', 'gamma', 'delta'] as const;

export const chainParams: ChainParams = {
  timeoutProposeMs: 500,
  timeoutProposeDeltaMs: 250,
  timeoutVoteMs: 250,
  timeoutVoteDeltaMs: 100,
  timeoutMaxMs: 30_000,
  blockBytesMax: 1_048_576,
  blockTxsMax: 1_000,
  precisionMs: 500,
  messageDelayMs: 1_000,
  bodyRetentionMs: 400 * 86_400_000,
  proposalRetentionMs: 30 * 86_400_000,
};

export function genesisOf(names: readonly string[] = orgNames): Genesis {
  const [first = 'alpha', ...others] = names;
  return {
    v: 1,
    chainName: 'demo',
    createdMs: 1_760_000_000_000,
    appVersion: 1,
    validators: names.map(validatorOf),
    orgs: names.map((name) => ({
      name: name as OrgId,
      members: [{ name: `ann-${name}`, key: signerOf(`ann of ${name}`).publicKey, roles: ['member', 'operator'] }],
      votesRequired: 1,
    })),
    clusters: [
      {
        name: 'prod' as ClusterId,
        uid: '',
        hooks: [
          { name: 'h1', orgs: [first as OrgId] },
          ...(others[0] === undefined ? [] : [{ name: 'h2', orgs: [others[0] as OrgId] }]),
        ],
        observers: names.map((name) => name as OrgId),
      },
    ],
    bindings: [{ cluster: 'prod' as ClusterId, user: 'ann@example', org: first as OrgId, member: `ann-${first}` }],
    policies: [{ name: 'production', spec: { clusters: ['*'] } }],
    configPolicy: { rule: 'majority', delayMs: 0, votingMs: 86_400_000 },
    params: chainParams,
  };
}

export const attributes: ChangeAttributes = {
  cluster: 'prod' as ClusterId,
  operation: 'UPDATE',
  group: 'apps',
  version: 'v1',
  resource: 'deployments',
  subresource: 'scale',
  namespace: 'prod-web',
  name: 'web',
  uid: '6b2b9b1c-5d0c-4c58-8b5f-6f1b7a1c9a10',
  resourceVersion: '4711',
  user: 'ann@example',
  groups: ['system:authenticated'],
  generatedName: false,
  options: '',
  paths: ['/spec/replicas'],
  pathsTruncated: false,
};

const base = { v: 1, alg: 'ed25519', chain, notAfterMs: 1_760_000_008_000 } as const;
const perBinding = (name: string) => ({ diff: hashOf(`${name} diff`), strict: hashOf(`${name} strict`) });
const proposed = {
  attributes,
  commitment: perBinding('commitment'),
  digest: perBinding('digest'),
  bodyHash: hashOf('body'),
  keyId: hashOf('cluster key'),
};
const person = { org: 'alpha' as OrgId, member: 'ann-alpha' };
const node = 'alpha' as ValidatorId;

export const mutation: MutationPayload = {
  ...base,
  kind: 'mutation',
  node,
  attestation: { ...proposed, admissionUid: 'd5f5b2a4-0000-4000-8000-000000000001' },
};

/** One valid payload of every kind. */
export const payloads: readonly Payload[] = [
  mutation,
  {
    ...base,
    kind: 'observation',
    node,
    cluster: 'prod' as ClusterId,
    sequence: 0,
    results: [{ decision: 7 as LeafIndex, persisted: true, uid: 'u', resourceVersion: '12' }],
  },
  {
    ...base,
    kind: 'proposal',
    ...person,
    nonce: 'n-1',
    reason: 'why – «not»',
    cluster: 'prod' as ClusterId,
    details: hashOf('details'),
    title: 'UPDATE deployments.apps shop/web',
    digests: [proposed.digest.diff],
    policies: [hashOf('policy')],
    config: [],
  },
  {
    ...base,
    kind: 'proposal',
    ...person,
    nonce: 'n-2',
    reason: '',
    cluster: '',
    details: '',
    title: '',
    digests: [],
    policies: [],
    config: [
      { type: 'policy-put', name: 'p', spec: { approvals: 2 }, replaces: null },
      { type: 'policy-delete', name: 'p', replaces: hashOf('p') },
      { type: 'params-put', params: genesisOf().params, replaces: hashOf('params') },
      { type: 'tombstone', body: hashOf('body'), replaces: null },
      { type: 'finding-ratify', cluster: 'prod' as ClusterId, finding: 7, replaces: hashOf('facts') },
      {
        type: 'member-put',
        org: person.org,
        member: { name: 'bob', key: signerOf('bob').publicKey, roles: ['auditor'] },
        replaces: null,
      },
    ],
  },
  { ...base, kind: 'claim', ...person, proposal: 3, sequence: 1, claim: true },
  {
    ...base,
    kind: 'ballot',
    ...person,
    proposal: 3,
    sequence: 1,
    choice: 'approve',
    reason: 'ok',
    termsHash: hashOf('terms'),
  },
  { ...base, kind: 'withdrawal', ...person, proposal: 3 },
  { ...base, kind: 'body-held', node, proposal: 3, details: hashOf('details') },
  { ...base, kind: 'cluster-key', node, cluster: 'prod' as ClusterId, keyId: hashOf('cluster key') },
  { ...base, kind: 'tick', node, dueMs: 5, id: 'proposal/3', height: 9 },
  {
    ...base,
    kind: 'evidence',
    node,
    validator: 'beta' as ValidatorId,
    first: { bytes: 'AAAA', signature: Buffer.alloc(64, 1).toString('base64') },
    second: { bytes: 'AAAB', signature: Buffer.alloc(64, 2).toString('base64') },
  },
  {
    ...base,
    kind: 'finding',
    node,
    cluster: 'prod' as ClusterId,
    finding: 'unattributed',
    subject: 'objects',
    episode: 1,
    sequence: 1,
    holds: true,
    value: '',
    detail: 'objects without a record',
    objects: [
      {
        group: '',
        resource: 'configmaps',
        namespace: 'shop',
        name: 'x',
        uid: 'u',
        resourceVersion: '12',
        reason: 'no-record',
      },
    ],
    objectCount: 1,
    throughVersion: '12',
    coverage: { sinceMs: 5, compared: 9 },
  },
  {
    ...base,
    kind: 'guard-seen',
    node,
    cluster: 'prod' as ClusterId,
    sequence: 0,
    hooks: [{ name: 'east', hash: hashOf('entry'), client: hashOf('client') }],
    throughVersion: '12',
  },
  {
    ...base,
    kind: 'refusals',
    node,
    cluster: 'prod' as ClusterId,
    sinceMs: 5,
    untilMs: 9,
    proposals: [{ proposal: 3, count: 40 }],
    others: 0,
  },
  {
    ...base,
    kind: 'key-rotation',
    node,
    purpose: 'tx',
    from: hashOf('old key') as string as PublicKeyHex,
    to: hashOf('new key') as string as PublicKeyHex,
    proofs: { from: Buffer.alloc(64, 3).toString('base64'), to: Buffer.alloc(64, 3).toString('base64') },
  },
  {
    ...base,
    kind: 'member-key',
    org: 'alpha' as OrgId,
    member: 'ann',
    to: hashOf('new key') as string as PublicKeyHex,
    proof: Buffer.alloc(64, 3).toString('base64'),
  },
  { ...base, kind: 'validator-join', node, height: 7, appHash: hashOf('state') },
  { ...base, kind: 'handover', node, set: 1, before: 'a note\n', after: 'another note\n' },
  {
    v: 1,
    alg: 'ed25519',
    chain,
    kind: 'spooled-record',
    node,
    cluster: 'prod' as ClusterId,
    keyId: hashOf('cluster key'),
    spool: '00112233445566778899aabbccddeeff',
    first: 7,
    previous: hashOf('spool'),
    entries: [
      {
        attributes,
        commitment: perBinding('commitment'),
        owners: [{ group: 'apps', kind: 'ReplicaSet', name: 'web-1', uid: 'u', controller: true }],
        receivedMs: 1_760_000_000_000,
      },
      { gap: 'open', atMs: 1_760_000_000_001, count: 0 },
      { gap: 'closed', atMs: 1_760_000_000_002, count: null },
    ],
  },
];

export const header: BlockHeader = {
  v: 1,
  appVersion: 1,
  chain,
  height: 1 as Height,
  previous: chain,
  txRoot: hashOf('tx root'),
  appHash: hashOf('app'),
  validatorsHash: hashOf('validators'),
  nextValidatorsHash: hashOf('validators'),
  paramsHash: hashOf('params'),
  proposer: 'alpha' as ValidatorId,
  timeMs: 1_760_000_000_001,
  lastCertificateHash: '0'.repeat(64) as Hash,
};

export const keyIdOf = (signer: Signer): KeyId =>
  createHash('sha256').update(Buffer.from(signer.publicKey, 'hex')).digest('hex') as KeyId;
