import type { Cluster } from '../control-plane/cluster.ts';

/** What the API server itself says of one webhook. */
export interface WebhookTimes {
  readonly calls: number;
  /** All of them together. */
  readonly seconds: number;
}

const prefix = 'apiserver_admission_webhook_';
const line = /^apiserver_admission_webhook_([a-z_]+)\{(.*)\} ([0-9.e+]+)$/;

/** By webhook: `apiserver_admission_webhook_admission_duration_seconds` over all operations, since the API server's start. */
export async function webhookTimes(cluster: Cluster): Promise<ReadonlyMap<string, WebhookTimes>> {
  const { status, text } = await cluster.request('/metrics');
  if (status !== 200) throw new Error(`/metrics: ${status}`);
  const found = new Map<string, WebhookTimes>();
  for (const each of text.split('\n')) {
    const [, metric, labels = '', value] = each.startsWith(prefix) ? (line.exec(each) ?? []) : [];
    const name = /(?:^|,)name="([^"]*)"/.exec(labels)?.[1];
    if (name === undefined) continue;
    const { calls, seconds } = found.get(name) ?? { calls: 0, seconds: 0 };
    if (metric === 'admission_duration_seconds_count') found.set(name, { calls: calls + Number(value), seconds });
    if (metric === 'admission_duration_seconds_sum') found.set(name, { calls, seconds: seconds + Number(value) });
  }
  return found;
}

/** What was added since `before`; webhooks that were not called meanwhile are left out. */
export function addedTimes(
  before: ReadonlyMap<string, WebhookTimes>,
  after: ReadonlyMap<string, WebhookTimes>,
): ReadonlyMap<string, WebhookTimes> {
  const added = new Map<string, WebhookTimes>();
  for (const [name, { calls, seconds }] of after) {
    const earlier = before.get(name) ?? { calls: 0, seconds: 0 };
    if (calls > earlier.calls) added.set(name, { calls: calls - earlier.calls, seconds: seconds - earlier.seconds });
  }
  return added;
}
