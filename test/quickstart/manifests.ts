import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FILES = {
  'settings.yaml': `apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: dev}
data: {colour: blue}
`,
  'policy.yaml': `apiVersion: kubectl-chain.dev/v1alpha1
kind: ChangePolicy
metadata: {name: production}
spec:
  clusters: ["*"]
  match:
    - operations: [CREATE, UPDATE, DELETE]
      resources: [{group: apps, resource: deployments}, {group: apps, resource: deployments/scale}]
      namespaces: ["prod-*"]
  require: {approvals: 2, requiredOrgs: [], veto: [], excludeAuthor: org}
  binding: diff
  deadlines: {voting: 24h, execution: 1h}
`,
  'web.yaml': deployment('nginx:1.27'),
  'web-other-image.yaml': deployment('nginx:1.28'),
} as const;

function deployment(image: string): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: prod-shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "${image}"}]}
`;
}

/** What the story applies, as files that a reader may look at and change afterwards. */
export function writeManifests(dir: string): void {
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(dir, name), text);
}
