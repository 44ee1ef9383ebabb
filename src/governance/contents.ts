import type { ChangeAttributes, Operation } from '../types/change.ts';
import { pathsFit } from './changed-paths.ts';

/** What a change does to objects that it does not name, and about which nobody is asked. */
export interface Contents {
  /** What it may do to each of them. */
  readonly operations: readonly Operation[];
  /** Only those of one namespace; undefined: wherever they are. */
  readonly namespace?: string;
  /** Only those of one group; undefined: of any. */
  readonly group?: string;
  /** Only those of one resource, and of these subresources (`*`: whichever); undefined: of any. */
  readonly resource?: { readonly name: string; readonly subresources: readonly string[] };
}

const SPEC_PATHS = ['/spec/**'];
/** A label takes an APIService away from the API server, which would otherwise put its own entry back. */
const APISERVICE_PATHS = ['/spec/**', '/metadata/labels/**'];

/**
 * A namespace takes what it holds along, a CRD its instances. The spec of a CRD rewrites them where they lie: it prunes fields, fills in defaults, converts, and stops
 * serving versions. An APIService decides who answers for a group. And behind the proxy of a node is its kubelet, which executes in every pod of the node.
 */
export function contentsOf(change: ChangeAttributes): readonly Contents[] {
  const { group, resource, subresource, operation, name } = change;
  if (group === '' && resource === 'namespaces') {
    const isRemoved = (operation === 'DELETE' && subresource === '') || subresource === 'finalize';
    return isRemoved ? [{ operations: ['DELETE'], namespace: name }] : [];
  }
  if (group === 'apiextensions.k8s.io' && resource === 'customresourcedefinitions' && subresource === '') {
    const operations = rewrites(change, SPEC_PATHS);
    const [plural, of] = cut(name);
    return operations.length === 0 ? [] : [{ operations, group: of, resource: { name: plural, subresources: ['*'] } }];
  }
  if (group === 'apiregistration.k8s.io' && resource === 'apiservices' && subresource === '') {
    const operations = rewrites(change, APISERVICE_PATHS);
    return operations.length === 0 ? [] : [{ operations, group: cut(name)[1] }];
  }
  if (group === '' && resource === 'nodes' && subresource === 'proxy')
    return [
      {
        operations: ['CONNECT'],
        group: '',
        resource: { name: 'pods', subresources: ['exec', 'attach', 'portforward'] },
      },
    ];
  return [];
}

function rewrites(change: ChangeAttributes, paths: readonly string[]): readonly Operation[] {
  if (change.operation === 'DELETE') return ['DELETE'];
  return change.operation === 'UPDATE' && pathsFit(paths, change, 'some path') ? ['UPDATE', 'DELETE'] : [];
}

/** `<plural>.<group>` of a CRD, `<version>.<group>` of an APIService. */
function cut(name: string): readonly [string, string] {
  const dot = name.indexOf('.');
  return dot < 0 ? [name, ''] : [name.slice(0, dot), name.slice(dot + 1)];
}

/** Built-in resources that no namespace holds; whether another one does cannot be told from its name. */
export const CLUSTER_SCOPED: readonly string[] = [
  'apiservices',
  'certificatesigningrequests',
  'clusterrolebindings',
  'clusterroles',
  'csidrivers',
  'csinodes',
  'customresourcedefinitions',
  'ingressclasses',
  'mutatingwebhookconfigurations',
  'namespaces',
  'nodes',
  'persistentvolumes',
  'priorityclasses',
  'runtimeclasses',
  'storageclasses',
  'validatingadmissionpolicies',
  'validatingadmissionpolicybindings',
  'validatingwebhookconfigurations',
  'volumeattachments',
];
