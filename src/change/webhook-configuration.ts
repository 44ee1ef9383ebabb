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

export interface WebhookConfigurationOptions {
  readonly name: string;
  /** One entry each: all must allow. */
  readonly hooks: readonly HookEndpoint[];
  readonly failurePolicy?: 'Fail' | 'Ignore';
  readonly timeoutSeconds?: number;
  readonly exclusions?: ExclusionSettings;
}

/** admissionregistration.k8s.io/v1: beyond it the API server refuses the configuration. */
export const MATCH_CONDITIONS_MAX = 64;
export const GATE_DOMAIN = 'gate.kubectl-chain.dev';
/** The webhook answers within 8 s of it. */
const TIMEOUT_SECONDS = 10;

/** The ValidatingWebhookConfiguration (plain data) with one Fail entry for each hook group, generated from the one list of exclusions. */
export function webhookConfiguration(options: WebhookConfigurationOptions): object {
  const { name, hooks, failurePolicy = 'Fail', timeoutSeconds = TIMEOUT_SECONDS, exclusions } = options;
  const conditions = matchConditions(exclusionsFor(exclusions));
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name, labels: { 'app.kubernetes.io/name': 'kubectl-chain' } },
    webhooks: hooks.map((hook) => ({
      name: `${hook.name}.${GATE_DOMAIN}`,
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
      failurePolicy,
      matchPolicy: 'Equivalent',
      sideEffects: 'NoneOnDryRun',
      timeoutSeconds,
      matchConditions: conditions,
    })),
  };
}

export interface MatchCondition {
  readonly name: string;
  readonly expression: string;
}

/** One CEL condition an actor; the hook is called if all are true. */
export function matchConditions(exclusions: readonly Exclusion[]): readonly MatchCondition[] {
  const byActor = new Map<string, Exclusion[]>();
  for (const exclusion of exclusions) {
    const name = conditionName(exclusion.actor);
    byActor.set(name, [...(byActor.get(name) ?? []), exclusion]);
  }
  if (byActor.size > MATCH_CONDITIONS_MAX) {
    throw new ChainError('CHANGE_LIMIT', {
      what: 'the number of actors that leave the gate',
      max: MATCH_CONDITIONS_MAX,
    });
  }
  return [...byActor].map(([name, entries]) => ({ name, expression: expressionOf(entries) }));
}

function expressionOf(entries: readonly Exclusion[]): string {
  const actor = entries[0] === undefined ? undefined : actorExpression(entries[0].actor);
  const triples = entries.map((entry) => `  ${tripleExpression(entry)}`).join(' ||\n');
  return actor === undefined ? `!(\n${triples}\n)` : `!(${actor} && (\n${triples}\n))`;
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

function clientConfig({ name, url, service, caBundle }: HookEndpoint): object {
  if ((url === undefined) === (service === undefined)) throw new ChainError('CHANGE_HOOK_ENDPOINT', { hook: name });
  return url === undefined ? { service, caBundle } : { url, caBundle };
}
