import { ChainError } from '../errors/chain-error.ts';
import { exclusionsFor, type Actor, type Exclusion, type ExclusionSettings } from './exclusions.ts';

export interface HookEndpoint {
  /** Name of the hook group in the cluster record. */
  readonly name: string;
  /** https URL with host and port; exactly one of `url` and `service`. */
  readonly url?: string;
  readonly service?: {
    readonly namespace: string;
    readonly name: string;
    readonly path: string;
    readonly port: number;
  };
  /** CA certificates of the webhook, PEM in standard base64. */
  readonly caBundle: string;
}

/** `standard`: without its hook no change of people, and the control plane goes on. `strict`: nothing goes on without its hook. */
export type HookProfile = 'standard' | 'strict';

export interface WebhookConfigurationOptions {
  readonly name: string;
  /** One gate entry each: all must allow. */
  readonly hooks: readonly HookEndpoint[];
  /** The record entry; its `name` is not looked at. */
  readonly record?: HookEndpoint;
  readonly profile?: HookProfile;
  /** Of the gate alone; only for those who try it out. */
  readonly failurePolicy?: 'Fail' | 'Ignore';
  readonly timeoutSeconds?: number;
  readonly exclusions?: ExclusionSettings;
}

/** admissionregistration.k8s.io/v1: beyond it the API server refuses the configuration. */
export const MATCH_CONDITIONS_MAX = 64;
export const GATE_DOMAIN = 'gate.kubectl-chain.dev';
/** The webhook answers within 8 s of it. */
const TIMEOUT_SECONDS = 10;
/** Name of the record hook among a cluster's hooks; no hook group may be called so. */
export const RECORD_HOOK = 'record';
/** Its entry: three labels at least, and none that a hook group could have. */
export const RECORD_ENTRY = 'record.kubectl-chain.dev';
/** The webhook answers within 1.5 s of it. */
const RECORD_TIMEOUT_SECONDS = 2;

/**
 * The ValidatingWebhookConfiguration (plain data), generated from the one list of exclusions: one entry for each hook group, and one record entry. Of the
 * record hook one group is asked: nothing is decided there, so nobody can lie a change through it, and each write of the control plane would wait for
 * the slower of two. What it leaves out observers of others see in the cluster.
 */
export function webhookConfiguration(options: WebhookConfigurationOptions): object {
  const { name, hooks, record, profile = 'standard', exclusions } = options;
  const list = exclusionsFor(exclusions);
  const gate = {
    failurePolicy: options.failurePolicy ?? 'Fail',
    timeoutSeconds: options.timeoutSeconds ?? TIMEOUT_SECONDS,
    matchConditions: matchConditions(list),
  };
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name, labels: { 'app.kubernetes.io/name': 'kubectl-chain' } },
    webhooks: [
      ...hooks.map((hook) => entryFor(`${hook.name}.${GATE_DOMAIN}`, hook, gate)),
      ...(record === undefined ? [] : [recordEntry(record, profile, list)]),
    ],
  };
}

function recordEntry(record: HookEndpoint, profile: HookProfile, list: readonly Exclusion[]): object {
  return entryFor(RECORD_ENTRY, record, {
    failurePolicy: profile === 'strict' ? 'Fail' : 'Ignore',
    timeoutSeconds: RECORD_TIMEOUT_SECONDS,
    matchConditions: recordConditions(list),
  });
}

interface EntryRule {
  readonly failurePolicy: string;
  readonly timeoutSeconds: number;
  readonly matchConditions: readonly MatchCondition[];
}

function entryFor(name: string, hook: HookEndpoint, rule: EntryRule): object {
  return {
    name,
    admissionReviewVersions: ['v1'],
    clientConfig: clientConfig(hook),
    rules: [
      {
        apiGroups: ['*'],
        apiVersions: ['*'],
        operations: ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'],
        resources: ['*/*'],
        scope: '*',
      },
    ],
    failurePolicy: rule.failurePolicy,
    matchPolicy: 'Equivalent',
    sideEffects: 'NoneOnDryRun',
    timeoutSeconds: rule.timeoutSeconds,
    matchConditions: rule.matchConditions,
  };
}

export interface MatchCondition {
  readonly name: string;
  readonly expression: string;
}

/** The gate's: one CEL condition an actor; the hook is called if all are true. */
export function matchConditions(exclusions: readonly Exclusion[]): readonly MatchCondition[] {
  const byActor = groupedByActor(exclusions);
  if (byActor.size > MATCH_CONDITIONS_MAX) {
    throw new ChainError('CHANGE_LIMIT', {
      what: 'the number of actors that leave the gate',
      max: MATCH_CONDITIONS_MAX,
    });
  }
  return [...byActor].map(([name, entries]) => ({ name, expression: `!${anyEntry(entries)}` }));
}

/** The record hook's: what somebody writes by an entry of class record, and nothing that nobody is asked about. */
export function recordConditions(exclusions: readonly Exclusion[]): readonly MatchCondition[] {
  const recorded = groupedByActor(exclusions.filter((exclusion) => exclusion.class === 'record'));
  const expression = [...recorded.values()].map((entries) => `${anyEntry(entries)}`).join(' ||\n');
  return [
    ...matchConditions(exclusions.filter((exclusion) => exclusion.class === 'none')),
    { name: 'written-by-the-control-plane', expression },
  ];
}

function groupedByActor(exclusions: readonly Exclusion[]): ReadonlyMap<string, readonly Exclusion[]> {
  const byActor = new Map<string, Exclusion[]>();
  for (const exclusion of exclusions) {
    const name = conditionName(exclusion.actor);
    byActor.set(name, [...(byActor.get(name) ?? []), exclusion]);
  }
  return byActor;
}

/** True if some entry covers the review; all are of one actor, who is looked at first. */
function anyEntry(entries: readonly Exclusion[]): string {
  const actor = entries[0] === undefined ? undefined : actorExpression(entries[0].actor);
  const triples = entries.map((entry) => `  ${tripleExpression(entry)}`).join(' ||\n');
  return actor === undefined ? `(\n${triples}\n)` : `(${actor} && (\n${triples}\n))`;
}

function conditionName(actor: Actor): string {
  if ('anyone' in actor) return 'exclude-for-anyone';
  const text = 'user' in actor ? actor.user : actor.group;
  return `exclude-${text.replace('system:serviceaccount:', '').replace(/[^A-Za-z0-9]+/g, '-')}`
    .slice(0, 63)
    .replace(/-+$/, '');
}

function actorExpression(actor: Actor): string | undefined {
  if ('anyone' in actor) return undefined;
  if ('user' in actor) return `request.userInfo.username == ${literal(actor.user)}`;
  return `request.userInfo.username.startsWith(${literal(actor.userPrefix)}) && has(request.userInfo.groups) && ${literal(actor.group)} in request.userInfo.groups`;
}

/** request.subResource, request.name and request.namespace are absent, not empty, where there is none. */
function tripleExpression(exclusion: Exclusion): string {
  const { names = [], namePrefixes = [], namespaces, unnamed, where } = exclusion;
  const parts = [oneOf('request.operation', exclusion.operations)];
  if (exclusion.group !== '*') parts.push(`request.resource.group == ${literal(exclusion.group)}`);
  parts.push(resourcesExpression(exclusion.resources));
  const named = [
    ...(names.length > 0 ? [oneOf('request.name', names)] : []),
    ...namePrefixes.map((prefix) => `request.name.startsWith(${literal(prefix)})`),
  ];
  if (named.length > 0) parts.push('has(request.name)', `(${named.join(' || ')})`);
  if (namespaces !== undefined) parts.push('has(request.namespace)', oneOf('request.namespace', namespaces));
  if (unnamed) {
    parts.push('(!has(request.name) || request.name == "")', 'has(request.namespace)', `request.namespace != ""`);
    parts.push(`request.resource.resource != 'namespaces'`);
  }
  if (where !== undefined) parts.push(where.cel);
  return `(${parts.join(' && ')})`;
}

function resourcesExpression(resources: readonly string[]): string {
  const alternatives = resources.map((pattern) => {
    const slash = pattern.indexOf('/');
    const resource = slash < 0 ? pattern : pattern.slice(0, slash);
    const parts = resource === '*' ? [] : [`request.resource.resource == ${literal(resource)}`];
    if (slash < 0) parts.push('!has(request.subResource)');
    else parts.push('has(request.subResource)', `request.subResource == ${literal(pattern.slice(slash + 1))}`);
    return `(${parts.join(' && ')})`;
  });
  return alternatives.length === 1 ? (alternatives[0] ?? '') : `(${alternatives.join(' || ')})`;
}

function oneOf(subject: string, values: readonly string[]): string {
  if (values.length === 1) return `${subject} == ${literal(values[0] ?? '')}`;
  return `${subject} in [${values.map(literal).join(', ')}]`;
}

/** Names from the list or from settings: whatever could end the text is refused, not escaped. */
function literal(text: string): string {
  if (!/^[A-Za-z0-9:._@/+-]*$/.test(text)) {
    throw new ChainError('CHANGE_EXCLUSION_NAME', { name: text });
  }
  return `'${text}'`;
}

export function clientConfig({ name, url, service, caBundle }: HookEndpoint): object {
  if ((url === undefined) === (service === undefined)) throw new ChainError('CHANGE_HOOK_ENDPOINT', { hook: name });
  return url === undefined ? { service, caBundle } : { url, caBundle };
}
