import { isRewritten, REWRITER_LISTS, rewrittenBy, TEMPLATED } from '../../src/change/index.ts';
import type { JsonObject } from '../../src/types/json.ts';
import { textAt } from './kube-api.ts';
import type { LayerJson } from './layer.ts';

type List = (path: string) => Promise<readonly JsonObject[] | undefined>;

/**
 * Observers compare what controllers make with what its owner asks for. Where other webhooks or policies may change it on its way, a difference proves nothing and is
 * let be: this says where that is so in this cluster.
 */
export async function templateLayer(
  list: List,
  running: readonly { readonly org: string; readonly observer: string }[],
): Promise<LayerJson> {
  const layer = 'templates';
  const always = 'resources, ports and placement of what controllers make, which plugins of the API server, quotas and schedulers fill in';
  const lists = await Promise.all(REWRITER_LISTS.map(list));
  if (lists.includes(undefined))
    return { layer, state: 'unknown', required: false, found: 'mutating webhook configurations and policies cannot be read', notCovered: `${always}; what those change` };
  const rewriters = lists.flatMap((items) => items ?? []).map((item) => ({ name: textAt(item, 'metadata', 'name'), patterns: rewrittenBy(item) }));
  const trusting = running.filter(({ observer }) => observer.includes('templates not compared')).map(({ org }) => org);
  const resources = TEMPLATED.map((templated) => {
    const [group = '', resource = ''] = templated.split('/');
    const by = rewriters.filter(({ patterns }) => patterns.some((pattern) => isRewritten(pattern, group, resource)));
    return { resource: group === '' ? resource : `${resource}.${group}`, by: [...new Set(by.map(({ name }) => name))].sort() };
  });
  const open = resources.filter(({ by }) => by.length > 0);
  const whole = resources.filter(({ by }) => by.length === 0).map(({ resource }) => resource);
  const found = [
    ...(whole.length === 0 ? [] : [`${whole.join(', ')} are compared with what their owners ask for`]),
    ...open.map(({ resource, by }) => `${resource} may be changed by ${by.join(', ')}`),
    ...(trusting.length === 0 ? [] : [`not compared by ${trusting.join(', ')}, as their nodes are told (podsRewritten)`]),
  ];
  const unseen = open.map(({ resource }) => resource).join(', ');
  return {
    layer,
    state: open.length === 0 && trusting.length === 0 ? 'ok' : 'missing',
    required: false,
    found: found.join('; '),
    notCovered:
      open.length === 0
        ? `${always}; anything, for ten minutes after a webhook or policy that may change it was removed`
        : `${always}; under a controller's name, ${unseen} that run something else than an approved owner asks for: the audit stream alone tells of these`,
  };
} // prettier-ignore
