import { textAt } from '../change/index.ts';
import type { JsonObject } from '../types/json.ts';
import type { KubeHttp } from './kube-http.ts';
import type { WatchedResource } from './resource-watch.ts';

/** Every resource, in each served version, that can be listed and watched; subresources are left out. Throws CLUSTER_REQUEST. */
export async function discoverResources(http: KubeHttp): Promise<WatchedResource[]> {
  const groups = (await http.get('/apis')) as JsonObject | undefined;
  const versions = [{ group: '', version: 'v1', path: '/api/v1' }];
  for (const group of (groups?.['groups'] ?? []) as JsonObject[]) {
    for (const version of (group['versions'] ?? []) as JsonObject[]) {
      versions.push({
        group: textAt(group, 'name'),
        version: textAt(version, 'version'),
        path: `/apis/${textAt(version, 'groupVersion')}`,
      });
    }
  }
  const found: WatchedResource[] = [];
  for (const { group, version, path } of versions) {
    // An aggregated API whose server is away must not stop the others from being watched.
    const list = (await http.get(path).catch(() => undefined)) as JsonObject | undefined;
    for (const resource of (list?.['resources'] ?? []) as JsonObject[]) {
      const name = textAt(resource, 'name');
      const verbs = (resource['verbs'] ?? []) as string[];
      if (name.includes('/') || !verbs.includes('list') || !verbs.includes('watch')) continue;
      found.push({
        group,
        version,
        resource: name,
        kind: textAt(resource, 'kind'),
        namespaced: resource['namespaced'] === true,
      });
    }
  }
  return found;
}
