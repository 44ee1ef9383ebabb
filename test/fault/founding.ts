import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { signMemberDescriptor } from '../../src/client/descriptor.ts';
import { encodePrivateKeyPem, generateSeed, signerFromSeed } from '../../src/crypto/index.ts';
import { keygen } from '../../src/node/keygen.ts';
import { makeGenesis, writeGenesis } from '../../src/node/genesis-command.ts';
import type { OrgId } from '../../src/types/brand.ts';
import { createAuthority, issue } from '../control-plane/pki.ts';
import { writePlan, type Plan } from '../playground/founding.ts';
import { playgroundLayout, type PlaygroundLayout } from '../playground/layout.ts';
import { hookGroups, organisations, type HookGroup, type Profile } from '../playground/organisations.ts';
import { CLUSTER_NAME } from '../playground/paths.ts';
import type { HookTls } from './hook-client.ts';

export interface NodePorts {
  readonly peer: number;
  /** Where peers dial: the node's own, or that of a LinkProxy in front of it. */
  readonly dialled?: number;
  readonly api: number;
  readonly webhook: number;
}

export interface Member {
  readonly org: string;
  /** Name of the hook that this organisation answers. */
  readonly hook: string;
  readonly ports: NodePorts;
}

export interface Founded {
  readonly layout: PlaygroundLayout;
  readonly genesisHash: string;
  readonly members: readonly Member[];
  readonly hooks: readonly HookGroup[];
  /** Client certificate of the API server, and the authority of each organisation's webhook. */
  readonly hookTls: (org: string) => HookTls;
  readonly apiCa: (org: string) => string;
}

export const PORTS_PER_NODE = 4;

export interface FoundingOptions {
  readonly profile?: Profile;
  /** Port under which the others dial each node, if something stands in front of it. */
  readonly dialledPorts?: readonly number[];
  /** A LinkProxy stands in front of each node (Committee.links). */
  readonly isLinked?: boolean;
  readonly plan?: Pick<Plan, 'created' | 'policies'>;
}

/** Keys, genesis and configuration of n nodes below `dir`, in this process: only the nodes themselves have to be real. */
export async function found(
  dir: string,
  n: number,
  ports: readonly number[],
  { profile = 'witnessed', dialledPorts, isLinked = false, plan = {} }: FoundingOptions = {},
): Promise<Founded> {
  const layout = playgroundLayout(dir);
  const orgs = organisations(n);
  const hooks = hookGroups(orgs, profile);
  const members = orgs.map(({ name }, i): Member => {
    const [peer = 0, api = 0, webhook = 0, link = 0] = ports.slice(i * PORTS_PER_NODE, (i + 1) * PORTS_PER_NODE);
    const hook = hooks.find((group) => group.orgs.includes(name))?.name ?? '';
    const dialled = dialledPorts?.[i] ?? (isLinked ? link : peer);
    return { org: name, hook, ports: { peer, dialled, api, webhook } };
  });
  await Promise.all(orgs.map(({ name, person }, i) => makeKeys(layout, name, person, (members[i] as Member).ports)));
  writePlan(layout, { chainName: 'fault', clusterUid: '', hooks, orgs, ...plan });
  const genesis = await makeGenesis(
    layout.planFile,
    orgs.map(({ name }) => layout.org(name).descriptor),
  );
  const authority = await createAuthority('API server');
  const client = await issue(authority, { commonName: 'apiserver-webhook-client' });
  writeFileSync(`${dir}/client-ca.pem`, authority.certificate);
  for (const member of members) {
    await writeGenesis(layout.org(member.org).genesis, genesis);
    writeConfig(layout, member, `${dir}/client-ca.pem`);
  }
  const read = (org: string, name: string): string => readFileSync(`${layout.org(org).nodeDir}/tls/${name}`, 'utf8');
  return {
    layout,
    genesisHash: genesis.hash,
    members,
    hooks,
    hookTls: (org) => ({ ca: read(org, 'webhook-ca.crt'), cert: client.certificate, key: client.privateKey }),
    apiCa: (org) => read(org, 'api-ca.crt'),
  };
}

export async function makeKeys(layout: PlaygroundLayout, org: string, person: string, ports: NodePorts): Promise<void> {
  const files = layout.org(org);
  mkdirSync(files.membersDir, { recursive: true, mode: 0o700 });
  const descriptorFile = files.memberDescriptor(person);
  const seed = generateSeed();
  const signer = signerFromSeed(seed);
  writeFileSync(files.memberKey(person), encodePrivateKeyPem(seed, null), { mode: 0o600 });
  const member = { name: person, key: signer.publicKey, roles: ['member'] as const };
  writeFileSync(descriptorFile, signMemberDescriptor({ org: org as OrgId, member }, signer));
  await keygen({
    org: org as OrgId,
    dir: files.nodeDir,
    peerAddress: `127.0.0.1:${ports.dialled ?? ports.peer}`,
    apiUrl: `https://127.0.0.1:${ports.api}`,
    hosts: ['127.0.0.1'],
    memberFiles: [descriptorFile],
    votesRequired: 1,
    passphrase: null,
  });
}

/** NodeConfig of an organisation's node; it observes no cluster. */
export function nodeConfig(layout: PlaygroundLayout, { org, ports }: Member, clientCa: string) {
  const { genesis, dataDir, nodeDir } = layout.org(org);
  const pair = (name: string) => ({ key: `${nodeDir}/tls/${name}.key`, certificate: `${nodeDir}/tls/${name}.crt` });
  const key = (name: string): string => `${nodeDir}/keys/${name}.pem`;
  return {
    apiVersion: 'kubectl-chain.dev/v1alpha1',
    kind: 'NodeConfig',
    org,
    genesisFile: genesis,
    dataDir,
    keys: { vote: key('vote'), tx: key('tx'), checkpoint: key('checkpoint') },
    peer: { listen: `127.0.0.1:${ports.peer}`, ...pair('peer') },
    api: { listen: `127.0.0.1:${ports.api}`, ...pair('api') },
    webhook: { listen: `127.0.0.1:${ports.webhook}`, ...pair('webhook'), clientCa },
    cluster: { name: CLUSTER_NAME },
  };
}

function writeConfig(layout: PlaygroundLayout, member: Member, clientCa: string): void {
  writeFileSync(layout.org(member.org).config, stringify(nodeConfig(layout, member, clientCa)));
}
