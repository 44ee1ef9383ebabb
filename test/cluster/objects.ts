import type { Playground } from '../playground/playground.ts';

/** Objects through the raw API, for what kubectl cannot say or would be slow at. */

export interface ApiResult {
  readonly status: number;
  /** What the API server or a webhook said; '' for success. */
  readonly message: string;
  /** The machine-readable causes of a refusal. */
  readonly causes: readonly { readonly reason?: string; readonly message?: string; readonly field?: string }[];
  readonly object: KubeObject;
}

export interface KubeObject {
  readonly kind?: string;
  readonly metadata?: { readonly name?: string; readonly uid?: string; readonly resourceVersion?: string };
  readonly [key: string]: unknown;
}

interface Status {
  readonly message?: string;
  readonly details?: { readonly causes?: ApiResult['causes'] };
}

interface Call {
  readonly method?: string;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly timeoutMs?: number;
}

/** One request as a user of the cluster. Any status is a result. @throws the connection's error. */
export async function call({ cluster }: Playground, user: string, path: string, init: Call = {}): Promise<ApiResult> {
  const answer = await cluster.request(path, init, user);
  const body = answer.text === '' ? {} : answer.json<KubeObject & Status>();
  const isStatus = answer.status >= 400;
  return {
    status: answer.status,
    message: isStatus ? (body.message ?? answer.text) : '',
    causes: isStatus ? (body.details?.causes ?? []) : [],
    object: body,
  };
}

const configMaps = (namespace: string) => `/api/v1/namespaces/${namespace}/configmaps`;

export interface ConfigMapContent {
  readonly data?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

function configMap(name: string, { data = { key: 'value' }, labels, annotations }: ConfigMapContent): object {
  const metadata = { name, ...(labels && { labels }), ...(annotations && { annotations }) };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data };
}

export function createConfigMap(
  playground: Playground,
  user: string,
  namespace: string,
  name: string,
  content: ConfigMapContent & { readonly query?: string; readonly timeoutMs?: number } = {},
): Promise<ApiResult> {
  const { query = '', timeoutMs = 30_000 } = content;
  const body = configMap(name, content);
  return call(playground, user, `${configMaps(namespace)}${query}`, { method: 'POST', body, timeoutMs });
}

export function patchConfigMap(
  playground: Playground,
  user: string,
  namespace: string,
  name: string,
  data: Readonly<Record<string, string | null>>,
): Promise<ApiResult> {
  const contentType = 'application/merge-patch+json';
  return call(playground, user, `${configMaps(namespace)}/${name}`, { method: 'PATCH', contentType, body: { data } });
}

export function deleteConfigMap(
  playground: Playground,
  user: string,
  namespace: string,
  name: string,
): Promise<ApiResult> {
  return call(playground, user, `${configMaps(namespace)}/${name}`, { method: 'DELETE' });
}

export function getConfigMap(playground: Playground, namespace: string, name: string): Promise<ApiResult> {
  return call(playground, 'admin', `${configMaps(namespace)}/${name}`);
}

/** @throws Error unless it is created. */
export async function createNamespace(playground: Playground, name: string, user = 'alice'): Promise<void> {
  const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
  const { status, message } = await call(playground, user, '/api/v1/namespaces', { method: 'POST', body });
  if (status !== 201) throw new Error(`namespace ${name}: ${status} ${message}`);
}

/** The proposal that a refusal names in its machine-readable causes. @throws Error if it names none. */
export function proposalOf({ causes, message }: ApiResult): number {
  const id = causes.find(({ reason }) => reason === 'Proposal')?.message;
  if (id === undefined) throw new Error(`no proposal is named in: ${message}`);
  return Number(id);
}
