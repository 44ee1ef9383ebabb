import { setTimeout as sleep } from 'node:timers/promises';
import type { Playground } from '../playground/playground.ts';
import { call, type KubeObject } from './objects.ts';
import { startSideServer } from './side-server.ts';

type Data = Readonly<Record<string, string>>;
interface AdmissionReview {
  readonly request: { readonly uid: string; readonly object: KubeObject & { readonly data?: Data } };
}

const IN_FORCE_TIMEOUT_MS = 30_000;
const POLL_INTERVAL_MS = 100;

/**
 * Two mutating webhooks for the ConfigMaps of one namespace. The first writes the key `first` with what it sees of the second's key, and is asked again
 * (reinvocationPolicy) because the second adds it: `first: seen`, `second: <mark>` is stored. Returns when they are in force; `mark` may be changed then.
 */
export async function installMutatingWebhooks(
  playground: Playground,
  namespace: string,
  mark: string,
): Promise<{ mark: string; remove: () => Promise<void> }> {
  const state = { mark };
  const server = await startSideServer(({ path, body }) => {
    const { uid, object } = (body as AdmissionReview).request;
    const data: Data = path.startsWith('/first')
      ? { ...object.data, first: object.data?.['second'] === undefined ? 'alone' : 'seen' }
      : { ...object.data, second: state.mark };
    const patch = [{ op: 'add', path: '/data', value: data }];
    const response = {
      uid,
      allowed: true,
      patchType: 'JSONPatch',
      patch: Buffer.from(JSON.stringify(patch)).toString('base64'),
    };
    return { body: { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response } };
  });
  const webhook = (name: string) => ({
    name: `${name}.example.org`,
    admissionReviewVersions: ['v1'],
    clientConfig: { url: `https://127.0.0.1:${server.port}/${name}`, caBundle: server.caBundle },
    rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['configmaps'] }],
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
    reinvocationPolicy: 'IfNeeded',
    sideEffects: 'None',
  });
  const configurations = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';
  const body = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: namespace },
    webhooks: [webhook('first'), webhook('second')],
  };
  const made = await call(playground, 'admin', configurations, { method: 'POST', body });
  if (made.status !== 201) throw new Error(`mutating webhooks: ${made.status} ${made.message}`);
  const tried = async (): Promise<Data> => {
    const { object } = await call(playground, 'admin', `/api/v1/namespaces/${namespace}/configmaps?dryRun=All`, {
      method: 'POST',
      body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'tried-' } },
    });
    return (object as { data?: Data }).data ?? {};
  };
  await until(async () => (await tried())['first'] === 'seen', 'the mutating webhooks do not come into force');
  return Object.assign(state, {
    remove: async () => {
      await call(playground, 'admin', `${configurations}/${namespace}`, { method: 'DELETE' });
      await until(async () => (await tried())['first'] === undefined, 'the mutating webhooks stay in force');
    },
  });
}

async function until(holds: () => Promise<boolean>, problem: string): Promise<void> {
  const deadline = performance.now() + IN_FORCE_TIMEOUT_MS;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(problem);
    await sleep(POLL_INTERVAL_MS);
  }
}
