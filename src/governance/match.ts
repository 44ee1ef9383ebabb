import type { BindingMode, ChangeAttributes } from '../types/change.ts';
import { matchesAnyGlob, matchesGlob, pathFits, pathMeets } from './pattern.ts';
import type { Policy, PolicySpec, ResourcePattern, Selector } from './policy.ts';

/** Groups whose objects decide who may do what: a change of them is approved on exactly one base (governance.md). */
const STRICT_GROUPS: readonly string[] = [
  'rbac.authorization.k8s.io',
  'admissionregistration.k8s.io',
  'apiextensions.k8s.io',
];

/** The policies that the attested attributes meet, in the given order. */
export function matchedPolicies(policies: readonly Policy[], change: ChangeAttributes): readonly Policy[] {
  return policies.filter((policy) => policyMatches(policy.spec, change));
}

/** True if some `match` entry fits and no `exclude` entry does. */
export function policyMatches(spec: PolicySpec, change: ChangeAttributes): boolean {
  if (!matchesAnyGlob(spec.clusters, change.cluster)) return false;
  const excluded = spec.exclude.some((selector) => selects(selector, change, 'all paths'));
  if (excluded) return false;
  const readings = [change, ...alsoReadAs(change)];
  return spec.match.some(
    (selector) =>
      readings.some((reading) => selects(selector, reading, 'some path')) || selectsContents(selector, change),
  );
}

/** The stricter mode wins; RBAC, admission and CRD objects are always strict. */
export function bindingOf(matched: readonly Policy[], change: ChangeAttributes): BindingMode {
  if (STRICT_GROUPS.includes(change.group)) return 'strict';
  return matched.some((policy) => policy.spec.binding === 'strict') ? 'strict' : 'diff';
}

const METADATA_PATHS = ['/metadata/**'];
const OWNER_PATHS = ['/metadata/ownerReferences/**'];

/**
 * What an UPDATE is besides what it says. A subresource such as `/status` that writes metadata along (the API server lets it, for most kinds) changes the
 * object itself. And the garbage collector, which never asks, deletes an object whose owners do not exist: who changes the owners of an object may be
 * deleting it.
 */
function alsoReadAs(change: ChangeAttributes): readonly ChangeAttributes[] {
  if (change.operation !== 'UPDATE') return [];
  const ofObject = { ...change, subresource: '' };
  const writesMetadata = change.subresource !== '' && pathsFit(METADATA_PATHS, change, 'some path');
  const changesOwners = pathsFit(OWNER_PATHS, change, 'some path');
  return [
    ...(writesMetadata ? [ofObject] : []),
    ...(changesOwners ? [{ ...ofObject, operation: 'DELETE' as const }] : []),
  ];
}

/**
 * `some path`: one changed path that meets a pattern is enough to be governed. `all paths`: a change is let out of a policy by its paths
 * only if every changed path is, otherwise one harmless field would carry the others out.
 */
type PathRule = 'some path' | 'all paths';

function selects(selector: Selector, change: ChangeAttributes, pathRule: PathRule): boolean {
  return (
    (selector.operations?.includes(change.operation) ?? true) &&
    (selector.resources?.some((pattern) => resourceFits(pattern, change)) ?? true) &&
    (selector.namespaces === undefined || matchesAnyGlob(selector.namespaces, change.namespace)) &&
    (selector.names === undefined || matchesAnyGlob(selector.names, change.name)) &&
    actorFits(selector, change) &&
    (selector.paths === undefined || pathsFit(selector.paths, change, pathRule))
  );
}

function actorFits(selector: Selector, change: ChangeAttributes): boolean {
  const { users, groups } = selector;
  return (
    (users === undefined || matchesAnyGlob(users, change.user)) &&
    (groups === undefined || change.groups.some((group) => matchesAnyGlob(groups, group)))
  );
}

/** As in a webhook rule: `pods` is not `pods/exec`; `pods/*` is pods with all subresources, `*` every resource without them. */
function resourceFits(pattern: ResourcePattern, change: ChangeAttributes): boolean {
  const [resource, subresource] = partsOf(pattern.resource);
  return (
    matchesGlob(pattern.group, change.group) &&
    matchesGlob(resource, change.resource) &&
    (subresource === undefined ? change.subresource === '' : matchesGlob(subresource, change.subresource))
  );
}

function partsOf(resource: string): readonly [string, string | undefined] {
  const slash = resource.indexOf('/');
  return slash < 0 ? [resource, undefined] : [resource.slice(0, slash), resource.slice(slash + 1)];
}

function pathsFit(patterns: readonly string[], change: ChangeAttributes, rule: PathRule): boolean {
  // Everything appears, vanishes or is used: it counts as if every path had changed.
  if (change.operation !== 'UPDATE') return rule === 'some path';
  if (rule === 'all paths') {
    // A truncated parent also stands for paths that no pattern of the exclusion names.
    return (
      !change.pathsTruncated &&
      change.paths.length > 0 &&
      change.paths.every((path) => patterns.some((pattern) => pathFits(pattern, path)))
    );
  }
  // Attested paths are single fields; only where they were truncated does a parent stand for everything below it.
  if (!change.pathsTruncated) return change.paths.some((path) => patterns.some((pattern) => pathFits(pattern, path)));
  return change.paths.length === 0 || change.paths.some((path) => patterns.some((pattern) => pathMeets(pattern, path)));
}

/**
 * A namespace and a CRD take their contents along without one DELETE review (admission.md): their own DELETE, and for a namespace also
 * the update of `finalize`, counts as the DELETE of whatever the entry would protect inside.
 */
function selectsContents(selector: Selector, change: ChangeAttributes): boolean {
  if (selector.operations !== undefined && !selector.operations.includes('DELETE')) return false;
  if (!actorFits(selector, change)) return false;
  if (isNamespaceRemoval(change))
    return (
      !isClusterScoped(selector) &&
      (selector.namespaces === undefined || matchesAnyGlob(selector.namespaces, change.name))
    );
  if (isCrdRemoval(change))
    return selector.resources === undefined || selector.resources.some((r) => definesResource(change.name, r));
  return false;
}

function isNamespaceRemoval(change: ChangeAttributes): boolean {
  if (change.group !== '' || change.resource !== 'namespaces') return false;
  return (change.operation === 'DELETE' && change.subresource === '') || change.subresource === 'finalize';
}

function isCrdRemoval(change: ChangeAttributes): boolean {
  return (
    change.operation === 'DELETE' &&
    change.group === 'apiextensions.k8s.io' &&
    change.resource === 'customresourcedefinitions' &&
    change.subresource === ''
  );
}

/** A CRD is named `<plural>.<group>`. */
function definesResource(crdName: string, pattern: ResourcePattern): boolean {
  const dot = crdName.indexOf('.');
  if (dot < 0) return false;
  return (
    matchesGlob(pattern.group, crdName.slice(dot + 1)) &&
    matchesGlob(partsOf(pattern.resource)[0], crdName.slice(0, dot))
  );
}

/** Built-in resources that no namespace holds; whether another one does cannot be told from its name. */
const CLUSTER_SCOPED: readonly string[] = [
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

function isClusterScoped(selector: Selector): boolean {
  return selector.resources?.every((pattern) => CLUSTER_SCOPED.includes(partsOf(pattern.resource)[0])) ?? false;
}
