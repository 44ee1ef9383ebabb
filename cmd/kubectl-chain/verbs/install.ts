import { renameSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { stringify } from 'yaml';
import {
  GUARD_NAME,
  guardManifests,
  staticGuardManifest,
  webhookConfiguration,
  type HookProfile,
} from '../../../src/change/index.ts';
import { ChainError } from '../../../src/errors/chain-error.ts';
import type { ClusterRecord } from '../../../src/types/chain.ts';
import { confirm } from '../confirm.ts';
import { KubeApi } from '../kube-api.ts';
import type { GlobalOptions } from '../options.ts';
import { caBundleOf, clusterOf, withSession } from '../session.ts';
import type { Terminal } from '../terminal.ts';

export interface InstallOptions extends GlobalOptions {
  readonly hook?: readonly string[];
  readonly webhookCa?: string;
  readonly nodeAgent?: readonly string[];
  readonly name: string;
  readonly failurePolicy: string;
  readonly recordHook?: string;
  readonly profile: string;
  /** With the admission policy that keeps the configuration from being changed by accident. */
  readonly guard?: boolean;
  /** File for the API server's staticManifestsDir; it is renamed into place, because the API server reads it as soon as it changes. */
  readonly staticGuard?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly output?: string;
}

const CANARY_NAMESPACE = 'kube-system';
const CANARY_PREFIX = 'kubectl-chain-canary-';
const observerRole = 'kubectl-chain-observer';
const guardRetryMs = 1_000;
const guardAttempts = 15;
/** Every observer's identity is in this group. */
const observersGroup = 'kubectl-chain-observers';
const labels = { 'app.kubernetes.io/name': 'kubectl-chain' };

/** Puts the gate in front of the API server: one Fail entry for each hook of the cluster record, the record hook for the control plane, and what observers may read. */
export async function install(terminal: Terminal, options: InstallOptions): Promise<void> {
  await withSession(terminal, options, async (session) => {
    const record = await clusterOf(session);
    const urls = hookUrls(record, options.hook ?? []);
    // The gate comes last: what is put in before it need not pass it. Its guard is never asked about itself.
    const manifests = [
      ...observerAccess(record),
      webhooks(record, urls, options),
      ...(options.guard === true ? guardManifests() : []),
    ];
    const text = manifests.map((manifest) => stringify(manifest)).join('---\n');
    if (options.dryRun === true)
      terminal.stdout(
        options.output === 'json'
          ? `${JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests }, null, 2)}\n`
          : text,
      );
    else {
      await confirm(
        terminal,
        options,
        `install ${record.hooks.length} hooks for ${record.name} in kube context ${session.context.name}`,
      );
      terminal.stdout(
        Buffer.from(
          await new KubeApi(terminal, options).run(
            ['apply', '--server-side', '--force-conflicts', '--field-manager=kubectl-chain', '--filename=-'],
            text,
          ),
        ).toString('utf8'),
      );
    }
    if (options.staticGuard !== undefined)
      writeStaticGuard(options.staticGuard, staticGuardManifest(endpoints(record, urls, options)));
    terminal.stderr(admissionConfiguration([...urls.values()], options.staticGuard));
  });
}

export async function uninstall(terminal: Terminal, options: InstallOptions): Promise<void> {
  const kube = new KubeApi(terminal, options);
  await confirm(terminal, options, 'remove the gate from the cluster: changes are then neither recorded nor voted on');
  const guard = [`validatingadmissionpolicybinding/${GUARD_NAME}`, `validatingadmissionpolicy/${GUARD_NAME}`];
  terminal.stdout(Buffer.from(await kube.run(['delete', '--ignore-not-found', ...guard])).toString('utf8'));
  const targets = [
    `validatingwebhookconfiguration/${options.name}`,
    `clusterrolebinding/${observerRole}`,
    `clusterrole/${observerRole}`,
  ];
  terminal.stdout(await removed(terminal, kube, ['delete', '--ignore-not-found', ...targets]));
  const inNamespace = [`role/${observerRole}`, `rolebinding/${observerRole}`, `--namespace=${CANARY_NAMESPACE}`];
  terminal.stdout(Buffer.from(await kube.run(['delete', '--ignore-not-found', ...inNamespace])).toString('utf8'));
}

/** The API server goes on with a policy that was just deleted for a moment. */
async function removed(terminal: Terminal, kube: KubeApi, args: readonly string[]): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return Buffer.from(await kube.run(args)).toString('utf8');
    } catch (error) {
      if (attempt === guardAttempts || !(error as Error).message.includes(GUARD_NAME)) throw error;
      await terminal.sleep(guardRetryMs);
    }
  }
}

/** Address of each hook of the record. Throws CLI_USAGE if one is missing or too many. */
export function hookUrls(
  { hooks, name: cluster }: ClusterRecord,
  given: readonly string[],
): ReadonlyMap<string, string> {
  const urls = new Map(
    given.map((text) => {
      const at = text.indexOf('=');
      const url = text.slice(at + 1);
      if (at < 1 || !URL.canParse(url) || new URL(url).protocol !== 'https:')
        throw new ChainError('CLI_USAGE', { problem: `--hook ${text}: must be NAME=https://HOST:PORT/PATH` });
      return [text.slice(0, at), url] as const;
    }),
  );
  const names = hooks.map(({ name }) => name).join(', ');
  const missing = hooks.find(({ name }) => !urls.has(name));
  if (missing !== undefined)
    throw new ChainError('CLI_USAGE', {
      problem: `--hook ${missing.name}=URL is missing: cluster ${cluster} has the hooks ${names}`,
    });
  if (urls.size !== hooks.length)
    throw new ChainError('CLI_USAGE', { problem: `cluster ${cluster} has the hooks ${names}, and no other` });
  return urls;
}

function webhooks(record: ClusterRecord, urls: ReadonlyMap<string, string>, options: InstallOptions): object {
  const { failurePolicy, name, profile } = options;
  if (!isProfile(profile))
    throw new ChainError('CLI_USAGE', { problem: `--profile ${profile}: must be standard or strict` });
  const hooks = endpoints(record, urls, options);
  return webhookConfiguration({
    name,
    failurePolicy: failurePolicyOf(failurePolicy),
    ...(options.nodeAgent === undefined ? {} : { exclusions: { nodeAgents: options.nodeAgent } }),
    profile,
    hooks,
    record: {
      name: 'record',
      url: recordUrl(urls, options.recordHook),
      caBundle: hooks[0]?.caBundle ?? '',
    },
  });
}

function isProfile(text: string): text is HookProfile {
  return text === 'standard' || text === 'strict';
}

/** The nodes of the first hook answer it too, under a path of its own. */
export function recordUrl(urls: ReadonlyMap<string, string>, given: string | undefined): string {
  if (given !== undefined) {
    if (URL.canParse(given) && new URL(given).protocol === 'https:') return given;
    throw new ChainError('CLI_USAGE', { problem: `--record-hook ${given}: must be https://HOST:PORT/PATH` });
  }
  const [first = ''] = urls.values();
  const url = new URL(first);
  const path = url.pathname.replace(/^\/admit(?=\/|$)/, '/record');
  if (path === url.pathname)
    throw new ChainError('CLI_USAGE', {
      problem: `give --record-hook URL: it does not follow from ${url.pathname}, which is not below /admit`,
    });
  return Object.assign(url, { pathname: path }).href;
}

function failurePolicyOf(failurePolicy: string): 'Fail' | 'Ignore' {
  if (failurePolicy !== 'Fail' && failurePolicy !== 'Ignore')
    throw new ChainError('CLI_USAGE', { problem: `--failure-policy ${failurePolicy}: must be Fail or Ignore` });
  return failurePolicy;
}

function endpoints(
  { hooks }: ClusterRecord,
  urls: ReadonlyMap<string, string>,
  { webhookCa }: InstallOptions,
): readonly { readonly name: string; readonly url: string; readonly caBundle: string }[] {
  if (webhookCa === undefined)
    throw new ChainError('CLI_USAGE', { problem: 'give --webhook-ca FILE: the API server must know whom it asks' });
  const caBundle = Buffer.from(caBundleOf(webhookCa)).toString('base64');
  return hooks.map((hook) => ({ name: hook.name, url: urls.get(hook.name) ?? '', caBundle }));
}

/** Throws CLI_FILE. */
function writeStaticGuard(file: string, manifest: object): void {
  // Hidden, and with another end: only .yaml, .yml and .json are read.
  const aside = join(dirname(file), `.${basename(file)}.new`);
  try {
    writeFileSync(aside, stringify(manifest), { mode: 0o644 });
    renameSync(aside, file);
  } catch (cause) {
    throw new ChainError('CLI_FILE', { file, reason: (cause as Error).message }, { cause });
  }
}

/**
 * Lists and watches whatever a policy may come to govern. No `get`: with it `*` would open subresources too (`pods/exec`, `pods/log`, `nodes/proxy`). Secrets are
 * among what is read: their contents are compared by HMAC, and a node that answers a hook sees them in every review anyway. Writes Events about findings, nothing else.
 */
function observerAccess({ hooks }: ClusterRecord): readonly object[] {
  const metadata = { name: observerRole, labels };
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  return [
    {
      apiVersion,
      kind: 'ClusterRole',
      metadata,
      rules: [
        { apiGroups: ['*'], resources: ['*'], verbs: ['list', 'watch'] },
        { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create'] },
      ],
    },
    {
      apiVersion,
      kind: 'ClusterRoleBinding',
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: observerRole },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: observersGroup }],
    },
    // The canaries, each by its exact name: they are applied in a dry run, and never stored.
    {
      apiVersion,
      kind: 'Role',
      metadata: { ...metadata, namespace: CANARY_NAMESPACE },
      rules: [
        {
          apiGroups: [''],
          resources: ['configmaps'],
          resourceNames: hooks.map(({ name }) => `${CANARY_PREFIX}${name}`),
          verbs: ['create', 'patch'],
        },
      ],
    },
    {
      apiVersion,
      kind: 'RoleBinding',
      metadata: { ...metadata, namespace: CANARY_NAMESPACE },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: observerRole },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: observersGroup }],
    },
  ];
}

/** What only the API server's own configuration can do: present a client certificate to the hooks. */
function admissionConfiguration(urls: readonly string[], staticGuard: string | undefined): string {
  const folder = staticGuard === undefined ? undefined : dirname(resolve(staticGuard));
  const admission = {
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'AdmissionConfiguration',
    plugins: [
      {
        name: 'ValidatingAdmissionWebhook',
        configuration: {
          apiVersion: 'apiserver.config.k8s.io/v1',
          kind: 'WebhookAdmissionConfiguration',
          kubeConfigFile: '/etc/kubernetes/kubectl-chain/webhook.kubeconfig',
          ...(folder === undefined ? {} : { staticManifestsDir: folder }),
        },
      },
    ],
  };
  const user = {
    'client-certificate': '/etc/kubernetes/kubectl-chain/webhook-client.crt',
    'client-key': '/etc/kubernetes/kubectl-chain/webhook-client.key',
  };
  const hosts = [...new Set(urls.map((url) => `${new URL(url).hostname}:${new URL(url).port || '443'}`))];
  const kubeconfig = { apiVersion: 'v1', kind: 'Config', users: hosts.map((name) => ({ name, user })) };
  return [
    ...(folder === undefined
      ? []
      : [
          `note: the static guard needs --feature-gates=ManifestBasedAdmissionControlConfig=true and ${folder} on every API server; rename files into it, never write them there`,
        ]),
    `note: identities of the observers belong to the group ${observersGroup}`,
    'note: for mutual TLS start kube-apiserver with --admission-control-config-file and this file:',
    stringify(admission),
    'note: and this one at /etc/kubernetes/kubectl-chain/webhook.kubeconfig:',
    stringify(kubeconfig, { aliasDuplicateObjects: false }),
  ].join('\n');
}
