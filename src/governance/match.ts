import type { BindingMode, ChangeAttributes } from '../types/change.ts';
import { CLUSTER_SCOPED, contentsOf, type Contents } from './contents.ts';
import { effectsOf, namesOf } from './effects.ts';
import { pathsFit, type PathRule } from './changed-paths.ts';
import { matchesAnyGlob, matchesGlob } from './pattern.ts';
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

/** True if some `match` entry fits and no `exclude` entry does, of the change itself or of one that comes along with it. */
export function policyMatches(spec: PolicySpec, change: ChangeAttributes): boolean {
  if (!matchesAnyGlob(spec.clusters, change.cluster)) return false;
  return (
    effectsOf(change).some((effect) => {
      const names = namesOf(effect);
      return !isExcluded(spec, names) && names.some((name) => isMatched(spec, name));
    }) ||
    (!isExcluded(spec, namesOf(change)) && spec.match.some((selector) => selectsContents(selector, change)))
  );
}

function isMatched(spec: PolicySpec, change: ChangeAttributes): boolean {
  return spec.match.some((selector) => selects(selector, change, 'some path'));
}

function isExcluded(spec: PolicySpec, names: readonly ChangeAttributes[]): boolean {
  return names.some((change) => spec.exclude.some((selector) => selects(selector, change, 'all paths')));
}

/** The stricter mode wins; RBAC, admission and CRD objects are always strict. */
export function bindingOf(matched: readonly Policy[], change: ChangeAttributes): BindingMode {
  if (STRICT_GROUPS.includes(change.group)) return 'strict';
  return matched.some((policy) => policy.spec.binding === 'strict') ? 'strict' : 'diff';
}

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
    fitsSubresource(subresource, change.subresource)
  );
}

function partsOf(resource: string): readonly [string, string | undefined] {
  const slash = resource.indexOf('/');
  return slash < 0 ? [resource, undefined] : [resource.slice(0, slash), resource.slice(slash + 1)];
}

/** Whatever the entry would protect inside of what the change is about. */
function selectsContents(selector: Selector, change: ChangeAttributes): boolean {
  if (!actorFits(selector, change)) return false;
  const { operations, namespaces, resources } = selector;
  return contentsOf(change).some(
    (contents) =>
      (operations === undefined || contents.operations.some((operation) => operations.includes(operation))) &&
      (contents.namespace === undefined ||
        (!isClusterScoped(selector) && (namespaces === undefined || matchesAnyGlob(namespaces, contents.namespace)))) &&
      (resources?.some((pattern) => holdsResource(contents, pattern)) ?? true),
  );
}

function holdsResource({ group, resource }: Contents, pattern: ResourcePattern): boolean {
  if (group !== undefined && !matchesGlob(pattern.group, group)) return false;
  if (resource === undefined) return true;
  const [name, subresource] = partsOf(pattern.resource);
  return matchesGlob(name, resource.name) && resource.subresources.some((sub) => fitsSubresource(subresource, sub));
}

function fitsSubresource(pattern: string | undefined, subresource: string): boolean {
  if (subresource === '*') return true;
  return pattern === undefined ? subresource === '' : matchesGlob(pattern, subresource);
}

function isClusterScoped(selector: Selector): boolean {
  return selector.resources?.every((pattern) => CLUSTER_SCOPED.includes(partsOf(pattern.resource)[0])) ?? false;
}
