import { readFileSync } from 'node:fs';
import type { Exclusion } from '../../../src/change/index.ts';
import type { Operation } from '../../../src/types/change.ts';

/** A write that the API server carried out, from its audit log. */
export interface AuditedWrite {
  readonly operation: Operation;
  /** `group/resource/subresource`, parts may be empty. */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  /** As the webhooks see it: the impersonated one. */
  readonly user: string;
  readonly groups: readonly string[];
  /** Record that our hook named in its annotations. */
  readonly leaf: number | undefined;
}

interface AuditEvent {
  readonly verb: string;
  readonly requestURI: string;
  readonly user: { readonly username: string; readonly groups?: readonly string[] };
  readonly impersonatedUser?: { readonly username: string; readonly groups?: readonly string[] };
  readonly objectRef?: {
    readonly apiGroup?: string;
    readonly resource?: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number };
  readonly requestReceivedTimestamp: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

const OPERATIONS: Readonly<Record<string, Operation>> = {
  create: 'CREATE',
  update: 'UPDATE',
  patch: 'UPDATE',
  delete: 'DELETE',
  deletecollection: 'DELETE',
};
const LEAF = /\.gate\.kubectl-chain\.dev\/leaf$/;

/**
 * Writes since the hooks were in force, which is the first one that they annotated. Left out: dry runs, and what no ordinary webhook is asked
 * about (admission configuration).
 */
export function auditedWrites(file: string): AuditedWrite[] {
  const events = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line) as AuditEvent);
  const since = events.findIndex(({ annotations }) => leafOf(annotations) !== undefined);
  return events.slice(Math.max(0, since)).flatMap(writeOf);
}

function writeOf({
  verb,
  requestURI,
  user,
  impersonatedUser,
  objectRef,
  responseStatus,
  annotations,
}: AuditEvent): AuditedWrite[] {
  const { apiGroup = '', resource = '', subresource = '', namespace = '', name = '' } = objectRef ?? {};
  const operation = OPERATIONS[verb];
  const code = responseStatus?.code ?? 500;
  if (operation === undefined || resource === '' || code >= 300) return [];
  if (/[?&]dryRun=All/.test(requestURI) || apiGroup === 'admissionregistration.k8s.io') return [];
  const { username, groups = [] } = impersonatedUser ?? user;
  return [
    {
      operation,
      resource: [apiGroup, resource, subresource].join('/'),
      namespace,
      name,
      user: username,
      groups,
      leaf: leafOf(annotations),
    },
  ];
}

function leafOf(annotations: AuditEvent['annotations']): number | undefined {
  const key = Object.keys(annotations ?? {}).find((candidate) => LEAF.test(candidate));
  return key === undefined ? undefined : Number(annotations?.[key]);
}

/** By actor, operation and resource: an audit event does not show the object that conditions are about. */
export function isNamedByExclusions(write: AuditedWrite, exclusions: readonly Exclusion[]): boolean {
  const [group = '', resource = '', subresource = ''] = write.resource.split('/');
  const whole = subresource === '' ? resource : `${resource}/${subresource}`;
  const fits = (pattern: string) =>
    pattern === whole ||
    (pattern === '*' && subresource === '') ||
    (pattern.startsWith('*/') && pattern.slice(2) === subresource);
  return exclusions.some(
    (exclusion) =>
      (exclusion.group === '*' || exclusion.group === group) &&
      exclusion.operations.includes(write.operation) &&
      exclusion.resources.some(fits) &&
      isActor(exclusion.actor, write),
  );
}

function isActor(actor: Exclusion['actor'], { user, groups }: AuditedWrite): boolean {
  if ('anyone' in actor) return true;
  if ('user' in actor) return actor.user === user;
  return user.startsWith(actor.userPrefix) && groups.includes(actor.group);
}
