import { stringify } from 'yaml';
import { writeFileAtomically } from './files.ts';
import type { Layout, PairFiles } from './layout.ts';

export interface StaticManifests {
  /** Folder of webhook configurations that the API server reads from files; their names end in `.static.k8s.io`. */
  readonly webhooksDir?: string;
  /** Folder of ValidatingAdmissionPolicies and bindings, likewise. */
  readonly policiesDir?: string;
}

/** Every request with its admission annotations, once it is answered; leases and events would drown the rest. */
export const DEFAULT_AUDIT_POLICY: object = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived', 'ResponseStarted'],
  rules: [
    {
      level: 'None',
      resources: [
        { group: 'coordination.k8s.io', resources: ['leases'] },
        { group: '', resources: ['events'] },
        { group: 'events.k8s.io', resources: ['events'] },
      ],
    },
    { level: 'Metadata' },
  ],
};

export function writeAuditPolicy(layout: Layout, policy: object): string {
  const file = layout.config('audit-policy.yaml');
  writeFileAtomically(file, stringify(policy));
  return file;
}

/**
 * Writes the file for `--admission-control-config-file`. The API server looks a webhook's `host:port` up among the *user names* of a
 * kubeconfig, so that each host of `webhookHosts` is shown the client certificate; a host without an entry sees none.
 */
export function writeAdmissionConfiguration(
  layout: Layout,
  options: { webhookHosts: readonly string[]; clientCertificate: PairFiles; staticManifests: StaticManifests },
): string {
  const webhookKubeconfig = layout.config('webhook-kubeconfig.yaml');
  const user = {
    'client-certificate': options.clientCertificate.certFile,
    'client-key': options.clientCertificate.keyFile,
  };
  writeFileAtomically(
    webhookKubeconfig,
    stringify(
      { apiVersion: 'v1', kind: 'Config', users: options.webhookHosts.map((name) => ({ name, user })) },
      { aliasDuplicateObjects: false },
    ),
  );
  const { webhooksDir, policiesDir } = options.staticManifests;
  const webhooks = {
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'WebhookAdmissionConfiguration',
    kubeConfigFile: webhookKubeconfig,
  };
  const plugins: object[] = [
    {
      name: 'ValidatingAdmissionWebhook',
      configuration: webhooksDir === undefined ? webhooks : { ...webhooks, staticManifestsDir: webhooksDir },
    },
    { name: 'MutatingAdmissionWebhook', configuration: webhooks },
  ];
  if (policiesDir !== undefined) {
    plugins.push({
      name: 'ValidatingAdmissionPolicy',
      configuration: {
        apiVersion: 'apiserver.config.k8s.io/v1',
        kind: 'ValidatingAdmissionPolicyConfiguration',
        staticManifestsDir: policiesDir,
      },
    });
  }
  const file = layout.config('admission.yaml');
  writeFileAtomically(
    file,
    stringify(
      { apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AdmissionConfiguration', plugins },
      { aliasDuplicateObjects: false },
    ),
  );
  return file;
}
