import 'reflect-metadata';
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';

export const MERGE_PATCH = 'application/merge-patch+json';
export const JSON_PATCH = 'application/json-patch+json';
export const STRATEGIC_PATCH = 'application/strategic-merge-patch+json';

export function configMap(
  name: string,
  data: Readonly<Record<string, string>> = {},
  labels?: Readonly<Record<string, string>>,
): object {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...(labels && { labels }) }, data };
}

export function secret(name: string, labels: Readonly<Record<string, string>> = {}): object {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, labels }, stringData: { key: `of ${name}` } };
}

const containers = [{ name: 'main', image: 'first', resources: { requests: { cpu: '10m' } } }];

export function podSpec(more: object = {}): object {
  return { containers, ...more };
}

export function pod(name: string, spec: object = {}, metadata: object = {}): object {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels: { app: name }, ...metadata }, spec: podSpec(spec) };
}

/** Deployments, StatefulSets, DaemonSets and ReplicaSets. */
export function workload(kind: string, name: string, spec: object = {}): object {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name },
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: podSpec() }, ...spec },
  };
}

/** A node that only the pods of one row are on: the scheduler stays away from it. */
export function node(name: string): object {
  const capacity = { cpu: '32', memory: '256Gi', pods: '500' };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/hostname': name } },
    spec: { taints: [{ key: 'row', value: 'only', effect: 'NoSchedule' }] },
    status: { capacity, allocatable: capacity },
  };
}

/** For a certificate of a client, with a key of its own. */
export async function signingRequest(name: string): Promise<object> {
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' };
  const request = await Pkcs10CertificateRequestGenerator.create({ name: `CN=${name}`, keys, signingAlgorithm });
  return {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name },
    spec: {
      request: Buffer.from(request.toString('pem')).toString('base64'),
      signerName: 'kubernetes.io/kube-apiserver-client',
      usages: ['client auth'],
    },
  };
}
