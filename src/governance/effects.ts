import type { ChangeAttributes } from '../types/change.ts';
import { pathsFit } from './changed-paths.ts';

const METADATA_PATHS = ['/metadata/**'];
const OWNER_PATHS = ['/metadata/ownerReferences/**'];

/**
 * The change, and what it is besides what it says. A subresource such as `/status` that writes metadata along (the API server lets it, for most kinds)
 * changes the object itself. The garbage collector, which never asks, deletes an object whose owners do not exist: who changes the owners of an object may be
 * deleting it. An eviction deletes its pod, about which nobody is asked a second time, and a binding writes its labels and annotations to the pod.
 */
export function effectsOf(change: ChangeAttributes): readonly ChangeAttributes[] {
  const ofObject = { ...change, subresource: '' };
  const asDelete = { ...ofObject, operation: 'DELETE' as const };
  if (isEviction(change)) return [change, asDelete];
  if (isBinding(change)) return [change, { ...ofObject, resource: 'pods', operation: 'UPDATE' }];
  if (change.operation !== 'UPDATE') return [change];
  const writesMetadata = change.subresource !== '' && pathsFit(METADATA_PATHS, change, 'some path');
  const changesOwners = pathsFit(OWNER_PATHS, change, 'some path');
  return [change, ...(writesMetadata ? [ofObject] : []), ...(changesOwners ? [asDelete] : [])];
}

/**
 * The change under each name that the API gives to the same thing. A proxy's name may carry a scheme and a port (`http:web:80` is `web`), and a pod is bound
 * by its `binding` or by posting to `bindings`.
 */
export function namesOf(change: ChangeAttributes): readonly ChangeAttributes[] {
  const { group, resource, subresource, name } = change;
  if (subresource === 'proxy') {
    const bare = bareName(name);
    return bare === name ? [change] : [change, { ...change, name: bare }];
  }
  if (group !== '') return [change];
  if (resource === 'bindings') return [change, { ...change, resource: 'pods', subresource: 'binding' }];
  if (resource === 'pods' && subresource === 'binding')
    return [change, { ...change, resource: 'bindings', subresource: '' }];
  return [change];
}

/** k8s.io/apimachinery/pkg/util/net SplitSchemeNamePort: `name`, `name:port`, `scheme:name:port`. */
function bareName(name: string): string {
  const parts = name.split(':');
  return (parts.length > 2 ? parts[1] : parts[0]) ?? '';
}

function isBinding({ operation, group, resource, subresource }: ChangeAttributes): boolean {
  if (operation !== 'CREATE' || group !== '') return false;
  return (resource === 'pods' && subresource === 'binding') || (resource === 'bindings' && subresource === '');
}

function isEviction({ operation, group, resource, subresource }: ChangeAttributes): boolean {
  return operation === 'CREATE' && group === '' && resource === 'pods' && subresource === 'eviction';
}
