import { textAt } from '../change/index.ts';
import type { JsonObject } from '../types/json.ts';
import type { KubeHttp } from './kube-http.ts';

/** Whether an autoscaler of the namespace sets the replicas of this object. */
export async function isScaled(http: KubeHttp, namespace: string, kind: string, name: string): Promise<boolean> {
  const path = `/apis/autoscaling/v2/namespaces/${encodeURIComponent(namespace)}/horizontalpodautoscalers`;
  const list = (await http.get(path)) as JsonObject | undefined;
  return ((list?.['items'] ?? []) as JsonObject[]).some(
    (item) =>
      textAt(item, 'spec', 'scaleTargetRef', 'kind') === kind &&
      textAt(item, 'spec', 'scaleTargetRef', 'name') === name,
  );
}
