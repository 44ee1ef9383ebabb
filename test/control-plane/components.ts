import { join } from 'node:path';
import { API_SERVER, CLUSTER_CA, ETCD_CA, ETCD_CLIENT, ETCD_SERVER } from './credentials.ts';
import type { Layout } from './layout.ts';

/** Programs of a cluster in the order of their start; they are stopped in the opposite order. */
export const COMPONENT_NAMES = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kwok'] as const;

export type ComponentName = (typeof COMPONENT_NAMES)[number];

/** First address of the service range: the `kubernetes` Service has it. */
export const SERVICE_IP = '10.0.0.1';
const SERVICE_RANGE = '10.0.0.0/24';

/** One member, TLS with client certificates on both sides. It never dials its own peer port, so any free one will do. */
export function etcdArguments(layout: Layout, port: number): string[] {
  const server = layout.pair(ETCD_SERVER);
  const ca = layout.pair(ETCD_CA).certFile;
  const url = `https://127.0.0.1:${port}`;
  const peerUrl = 'https://127.0.0.1:1';
  return [
    '--name=default',
    `--data-dir=${layout.etcdDataDir}`,
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    '--listen-peer-urls=https://127.0.0.1:0',
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=default=${peerUrl}`,
    `--cert-file=${server.certFile}`,
    `--key-file=${server.keyFile}`,
    `--trusted-ca-file=${ca}`,
    '--client-cert-auth',
    `--peer-cert-file=${server.certFile}`,
    `--peer-key-file=${server.keyFile}`,
    `--peer-trusted-ca-file=${ca}`,
    '--peer-client-cert-auth',
    '--log-level=warn',
  ];
}

export interface ApiServerOptions {
  readonly port: number;
  readonly etcdEndpoint: string;
  readonly admissionConfiguration: string;
  readonly auditPolicy: string;
  /** Without the controller manager nobody makes ServiceAccounts, and the ServiceAccount plugin would refuse every Pod. */
  readonly hasControllerManager: boolean;
  readonly featureGates: Readonly<Record<string, boolean>>;
  readonly extraArgs: readonly string[];
}

export function apiServerArguments(layout: Layout, options: ApiServerOptions): string[] {
  const serving = layout.pair(API_SERVER);
  const etcdClient = layout.pair(ETCD_CLIENT);
  const { privateKeyFile, publicKeyFile } = layout.serviceAccount;
  const gates = Object.entries(options.featureGates).map(([gate, on]) => `${gate}=${on}`);
  return [
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${options.port}`,
    // Endpoints may not be loopback addresses.
    '--endpoint-reconciler-type=none',
    `--service-cluster-ip-range=${SERVICE_RANGE}`,
    `--cert-dir=${layout.pkiDir}`,
    `--tls-cert-file=${serving.certFile}`,
    `--tls-private-key-file=${serving.keyFile}`,
    `--client-ca-file=${layout.pair(CLUSTER_CA).certFile}`,
    `--etcd-servers=${options.etcdEndpoint}`,
    `--etcd-cafile=${layout.pair(ETCD_CA).certFile}`,
    `--etcd-certfile=${etcdClient.certFile}`,
    `--etcd-keyfile=${etcdClient.keyFile}`,
    '--authorization-mode=Node,RBAC',
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${publicKeyFile}`,
    `--service-account-signing-key-file=${privateKeyFile}`,
    `--audit-policy-file=${options.auditPolicy}`,
    `--audit-log-path=${layout.auditLog}`,
    // Megabytes before the file is rotated away from its readers: a long benchmark stays in one file.
    '--audit-log-maxsize=4096',
    `--admission-control-config-file=${options.admissionConfiguration}`,
    '--allow-privileged=true',
    '--profiling=false',
    ...(options.hasControllerManager ? [] : ['--disable-admission-plugins=ServiceAccount']),
    ...(gates.length > 0 ? [`--feature-gates=${gates.join(',')}`] : []),
    ...options.extraArgs,
  ];
}

/** Each controller acts as its own ServiceAccount, as clusters in production do. */
export function controllerManagerArguments(layout: Layout): string[] {
  const ca = layout.pair(CLUSTER_CA);
  return [
    `--kubeconfig=${layout.config('kube-controller-manager.kubeconfig')}`,
    '--leader-elect=false',
    '--secure-port=0',
    '--use-service-account-credentials=true',
    `--service-account-private-key-file=${layout.serviceAccount.privateKeyFile}`,
    `--root-ca-file=${ca.certFile}`,
    `--cluster-signing-cert-file=${ca.certFile}`,
    `--cluster-signing-key-file=${ca.keyFile}`,
    '--profiling=false',
  ];
}

export function schedulerArguments(layout: Layout): string[] {
  return [
    `--kubeconfig=${layout.config('kube-scheduler.kubeconfig')}`,
    '--leader-elect=false',
    '--secure-port=0',
    '--profiling=false',
  ];
}

/** Plays the kubelet of every node. */
export function kwokArguments(layout: Layout): string[] {
  return [
    `--kubeconfig=${layout.config('kwok.kubeconfig')}`,
    `--config=${join(import.meta.dirname, 'kwok', 'stages.yaml')}`,
    '--manage-all-nodes=true',
    // Without a heartbeat the node controller takes a node for lost after 50 s, and its pods for not ready.
    '--node-lease-duration-seconds=40',
    '--cidr=10.244.0.0/16',
    '--node-ip=127.0.0.1',
  ];
}
