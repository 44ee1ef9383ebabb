import { mkdirSync, readFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { writeFileAtomically } from './files.ts';
import type { Layout, PairFiles } from './layout.ts';
import { createAuthority, createSigningKeys, issue, loadAuthority, type KeyPairPem } from './pki.ts';
import type { UserState } from './state.ts';

/** Context, and user name, of the administrator: client certificate with the group system:masters. */
export const ADMIN = 'admin';

/** Names below the PKI folder. */
export const CLUSTER_CA = 'cluster-ca';
export const API_SERVER = 'kube-apiserver';
export const ETCD_CA = 'etcd-ca';
export const ETCD_SERVER = 'etcd-server';
export const ETCD_CLIENT = 'etcd-client';
export const WEBHOOK_CA = 'webhook-client-ca';
export const WEBHOOK_CLIENT = 'webhook-client';

/** Who the other programs are for the API server. */
const PROGRAMS = [
  { name: 'kube-controller-manager', user: 'system:kube-controller-manager', groups: [] },
  { name: 'kube-scheduler', user: 'system:kube-scheduler', groups: [] },
  { name: 'kwok', user: 'kwok', groups: ['system:masters'] },
] as const;

const LOOPBACK = ['127.0.0.1', 'localhost'];

/** CN of the certificate that the API server shows to webhooks. */
const WEBHOOK_CLIENT_COMMON_NAME = 'apiserver-webhook-client';

/** Makes three authorities (cluster, etcd, webhook clients), so that none vouches for another's callers, and the certificates of all programs. */
export async function createCredentials(layout: Layout, serviceIp: string): Promise<void> {
  mkdirSync(layout.pkiDir, { recursive: true, mode: 0o700 });
  const [cluster, etcd, webhook] = await Promise.all([
    createAuthority('cluster-ca'),
    createAuthority('etcd-ca'),
    createAuthority('webhook-client-ca'),
  ]);
  writePair(layout.pair(CLUSTER_CA), cluster);
  writePair(layout.pair(ETCD_CA), etcd);
  writePair(layout.pair(WEBHOOK_CA), webhook);

  const serviceHosts = ['kubernetes.default.svc', 'kubernetes.default.svc.cluster.local', serviceIp];
  const leaves = [
    { name: API_SERVER, authority: cluster, commonName: 'kube-apiserver', hosts: [...LOOPBACK, ...serviceHosts] },
    { name: ADMIN, authority: cluster, commonName: ADMIN, organizations: ['system:masters'] },
    ...PROGRAMS.map(({ name, user, groups }) => ({
      name,
      authority: cluster,
      commonName: user,
      organizations: groups,
    })),
    { name: ETCD_SERVER, authority: etcd, commonName: 'etcd', hosts: LOOPBACK },
    { name: ETCD_CLIENT, authority: etcd, commonName: 'etcd-client' },
    { name: WEBHOOK_CLIENT, authority: webhook, commonName: WEBHOOK_CLIENT_COMMON_NAME },
  ];
  await Promise.all(
    leaves.map(async ({ name, authority, ...options }) =>
      writePair(layout.pair(name), await issue(authority, options)),
    ),
  );
  const signing = createSigningKeys();
  writeFileAtomically(layout.serviceAccount.privateKeyFile, signing.privateKey);
  writeFileAtomically(layout.serviceAccount.publicKeyFile, signing.publicKey);
}

/** Makes the client certificate of a user (CN = name, O = groups). */
export async function createUserCredentials(layout: Layout, user: UserState): Promise<void> {
  const ca = layout.pair(CLUSTER_CA);
  const authority = await loadAuthority(ca.certFile, ca.keyFile);
  mkdirSync(`${layout.pkiDir}/users`, { recursive: true, mode: 0o700 });
  writePair(userPair(layout, user.name), await issue(authority, { commonName: user.name, organizations: user.groups }));
}

/** Certificate files of a user or of the administrator. */
export function userPair(layout: Layout, name: string): PairFiles {
  return name === ADMIN ? layout.pair(ADMIN) : layout.pair(`users/${encodeURIComponent(name)}`);
}

/** One context for each user, called like the user, the first one current. */
export function writeKubeconfig(layout: Layout, apiServerUrl: string, userNames: readonly string[]): void {
  const identities = userNames.map((name) => ({ name, pair: userPair(layout, name) }));
  writeFileAtomically(layout.kubeconfig, kubeconfig(layout, apiServerUrl, identities));
}

/** A kubeconfig for each program that is a client of the API server: `config/<name>.kubeconfig`. */
export function writeProgramKubeconfigs(layout: Layout, apiServerUrl: string): void {
  for (const { name } of PROGRAMS) {
    const identity = { name, pair: layout.pair(name) };
    writeFileAtomically(layout.config(`${name}.kubeconfig`), kubeconfig(layout, apiServerUrl, [identity]));
  }
}

/** Certificates and keys are inside, so that the file can be copied. */
function kubeconfig(
  layout: Layout,
  apiServerUrl: string,
  identities: readonly { name: string; pair: PairFiles }[],
): string {
  const ca = base64(layout.pair(CLUSTER_CA).certFile);
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server: apiServerUrl, 'certificate-authority-data': ca } }],
    users: identities.map(({ name, pair }) => ({
      name,
      user: { 'client-certificate-data': base64(pair.certFile), 'client-key-data': base64(pair.keyFile) },
    })),
    contexts: identities.map(({ name }) => ({ name, context: { cluster: 'test', user: name } })),
    'current-context': identities[0]?.name,
  });
}

function base64(file: string): string {
  return readFileSync(file).toString('base64');
}

function writePair(files: PairFiles, pair: KeyPairPem): void {
  writeFileAtomically(files.certFile, pair.certificate);
  writeFileAtomically(files.keyFile, pair.privateKey);
}
