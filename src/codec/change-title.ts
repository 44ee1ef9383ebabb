/** One line for a change: "UPDATE deployments.apps/scale prod/web". */
export function changeTitle({
  operation,
  group,
  resource,
  subresource,
  namespace,
  name,
}: {
  readonly operation: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
}): string {
  const kind = `${resource}${group === '' ? '' : `.${group}`}${subresource === '' ? '' : `/${subresource}`}`;
  return `${operation} ${kind} ${namespace === '' ? '' : `${namespace}/`}${name}`.trimEnd();
}
