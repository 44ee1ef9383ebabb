import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import type { Cluster } from '../control-plane/cluster.ts';

/** Behind the API server's back: etcd's own JSON gateway (etcd.io/docs/v3.6/dev-guide/api_grpc_gateway). */
async function post({ etcd }: Cluster, path: string, body: object): Promise<void> {
  const agent = new Agent({
    ca: readFileSync(etcd.caFile),
    cert: readFileSync(etcd.certFile),
    key: readFileSync(etcd.keyFile),
  });
  try {
    await new Promise<void>((resolve, reject) => {
      const sent = request(`${etcd.endpoint}${path}`, { method: 'POST', agent }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.on('end', () =>
          response.statusCode === 200 ? resolve() : reject(new Error(`etcd: ${response.statusCode ?? 0} ${text}`)),
        );
      });
      sent.on('error', reject);
      sent.end(JSON.stringify(body));
    });
  } finally {
    agent.destroy();
  }
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const keyOf = (namespace: string, name: string): string => `/registry/configmaps/${namespace}/${name}`;

interface StoredConfigMap {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly uid: string };
}

/** The API server reads what is stored as JSON as well as what it stored itself. */
export function putConfigMapIntoEtcd(cluster: Cluster, object: StoredConfigMap): Promise<void> {
  const { namespace, name } = object.metadata;
  const value = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', ...object });
  return post(cluster, '/v3/kv/put', { key: base64(keyOf(namespace, name)), value: base64(value) });
}

export function deleteConfigMapFromEtcd(cluster: Cluster, namespace: string, name: string): Promise<void> {
  return post(cluster, '/v3/kv/deleterange', { key: base64(keyOf(namespace, name)) });
}
