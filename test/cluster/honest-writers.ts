import type { Playground } from '../playground/playground.ts';
import { call, type ApiResult } from './objects.ts';

/** How many answers of each class of status there were. */
export type Written = Record<string, number>;

interface Options {
  readonly playground: Playground;
  readonly user: string;
  readonly namespace: string;
  readonly writers: number;
  readonly durationMs: number;
}

const merge = 'application/merge-patch+json';
const apply = 'application/apply-patch+yaml';
/** Few, so that writers meet each other and the controllers on the same objects. */
const namesMax = 5;

/** People who write at the same time, all of it through the gate: create, patch, scale, apply and delete, on objects that they share with each other and with controllers. */
export async function writeHonestly({ playground, user, namespace, writers, durationMs }: Options): Promise<Written> {
  const written: Written = {};
  const end = performance.now() + durationMs;
  const write = async (seed: number): Promise<void> => {
    const random = generator(seed);
    for (let i = 0; performance.now() < end; i += 1) {
      const steps = STEPS[Math.floor(random() * STEPS.length)] ?? STEPS[0];
      const { status } = await steps({
        name: `n${Math.floor(random() * namesMax)}`,
        value: `${seed}-${i}`,
        number: 1 + Math.floor(random() * 4),
        send: (path, method, body, contentType) =>
          call(playground, user, path.replace('NS', namespace), {
            method,
            ...(body === undefined ? {} : { body }),
            ...(contentType === undefined ? {} : { contentType }),
            timeoutMs: 60_000,
          }),
      });
      const key = `${Math.floor(status / 100)}xx`;
      written[key] = (written[key] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: writers }, (_, i) => write(i + 1)));
  return written;
}

interface Step {
  readonly name: string;
  readonly value: string;
  readonly number: number;
  readonly send: (path: string, method: string, body?: object, contentType?: string) => Promise<ApiResult>;
}

const deployments = '/apis/apps/v1/namespaces/NS/deployments';
const configMaps = '/api/v1/namespaces/NS/configmaps';
const secrets = '/api/v1/namespaces/NS/secrets';
const services = '/api/v1/namespaces/NS/services';
const jobs = '/apis/batch/v1/namespaces/NS/jobs';
const autoscalers = (version: string) => `/apis/autoscaling/${version}/namespaces/NS/horizontalpodautoscalers`;

const template = (app: string, image: string) => ({
  metadata: { labels: { app } },
  spec: { containers: [{ name: 'c', image }] },
});

const deployment = ({ name, value, number }: Step) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: { replicas: number, selector: { matchLabels: { app: name } }, template: template(name, `i:${value}`) },
});

const STEPS: readonly [(step: Step) => Promise<ApiResult>, ...((step: Step) => Promise<ApiResult>)[]] = [
  (step) => step.send(deployments, 'POST', deployment(step)),
  ({ send, name, value }) =>
    send(`${deployments}/${name}`, 'PATCH', { spec: { template: template(name, `i:${value}`) } }, 'application/strategic-merge-patch+json'),
  ({ send, name, number }) => send(`${deployments}/${name}/scale`, 'PATCH', { spec: { replicas: number } }, merge),
  ({ send, name, value }) => send(`${deployments}/${name}`, 'PATCH', { metadata: { annotations: { value } } }, merge),
  ({ send, name, value }) =>
    send(`${deployments}/${name}`, 'PATCH', [{ op: 'add', path: '/metadata/labels', value: { value } }], 'application/json-patch+json'),
  ({ send, name }) => send(`${deployments}/${name}`, 'DELETE', { propagationPolicy: 'Background' }),
  ({ send, name }) => send(`${deployments}/${name}`, 'DELETE', { propagationPolicy: 'Foreground' }),
  ({ send, name, value }) => send(configMaps, 'POST', { metadata: { name }, data: { value } }),
  ({ send, name, value }) => send(`${configMaps}/${name}`, 'PATCH', { data: { value } }, merge),
  ({ send, name, value }) =>
    send(`${configMaps}/${name}?fieldManager=m&force=true`, 'PATCH', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { value } }, apply),
  ({ send, name }) => send(`${configMaps}/${name}`, 'DELETE'),
  ({ send, value }) => send(configMaps, 'POST', { metadata: { generateName: 'g-' }, data: { value } }),
  ({ send, name, value }) => send(secrets, 'POST', { metadata: { name }, stringData: { value } }),
  ({ send, name, value }) => send(`${secrets}/${name}`, 'PATCH', { stringData: { value } }, merge),
  ({ send, name }) => send(`${secrets}/${name}`, 'DELETE'),
  ({ send, name, number }) => send(services, 'POST', { metadata: { name }, spec: { selector: { app: name }, ports: [{ port: 80 + number }], type: number > 2 ? 'NodePort' : 'ClusterIP' } }),
  ({ send, name, value }) => send(`${services}/${name}`, 'PATCH', { metadata: { labels: { value } } }, merge),
  ({ send, name }) => send(`${services}/${name}`, 'DELETE'),
  ({ send, name, value }) => send(jobs, 'POST', { metadata: { name }, spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: `i:${value}` }] } } } }),
  ({ send, name }) => send(`${jobs}/${name}`, 'DELETE', { propagationPolicy: 'Background' }),
  ({ send, name, number }) => send(autoscalers(number > 2 ? 'v1' : 'v2'), 'POST', { metadata: { name }, spec: { maxReplicas: number + 1, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name } } }),
  ({ send, name, number }) => send(`${autoscalers('v1')}/${name}`, 'PATCH', { spec: { maxReplicas: number + 1 } }, merge),
  ({ send, name }) => send(`${autoscalers('v2')}/${name}`, 'DELETE'),
]; // prettier-ignore

/** mulberry32: the same steps for the same seed. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
