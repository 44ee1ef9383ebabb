import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
import type { PlaygroundLayout } from './layout.ts';
import type { HookGroup, Organisation } from './organisations.ts';
import { CHAIN_NODE, CLUSTER_NAME, KUBECTL_CHAIN, NODE } from './paths.ts';
import { mustRun, type Runner } from './run-command.ts';
import type { NodeState } from './state.ts';

/** One person stands for a whole organisation. */
const MEMBER_ROLES = ['member', 'operator', 'auditor'];

/** Before there is a chain: each organisation makes its keys, all exchange descriptors, each makes the genesis for itself. */

/** The keys of an organisation's member and of its node, below its own folder. */
export async function makeKeys(
  layout: PlaygroundLayout,
  node: Omit<NodeState, 'args' | 'logFile'>,
  run: Runner = mustRun,
): Promise<void> {
  const files = layout.org(node.org);
  mkdirSync(files.membersDir, { recursive: true, mode: 0o700 });
  await run(NODE, [
    KUBECTL_CHAIN,
    ...['keys', 'generate', node.person],
    ...['--org', node.org],
    ...['--out', files.memberKey(node.person)],
    ...['--passphrase-file', layout.passphraseFile],
    ...MEMBER_ROLES.flatMap((role) => ['--role', role]),
  ]);
  await run(NODE, [
    CHAIN_NODE,
    'keygen',
    ...['--org', node.org],
    ...['--dir', files.nodeDir],
    ...['--peer-address', `127.0.0.1:${node.ports.peer}`],
    ...['--api-url', `https://127.0.0.1:${node.ports.api}`],
    ...['--host', 'localhost'],
    ...['--member', files.memberDescriptor(node.person)],
  ]);
}

export interface Plan {
  readonly chainName: string;
  readonly clusterUid: string;
  readonly hooks: readonly HookGroup[];
  readonly orgs: readonly Organisation[];
  /** Default: now. */
  readonly created?: Date;
  readonly policies?: readonly { readonly name: string; readonly spec: unknown }[];
}

export function writePassphrase(layout: PlaygroundLayout): void {
  writeFileSync(layout.passphraseFile, `${randomBytes(16).toString('hex')}\n`, { mode: 0o600 });
}

/** What the organisations agreed on in words. The configuration's policy is a majority without delay, so that nobody waits. */
export function writePlan(
  layout: PlaygroundLayout,
  { chainName, clusterUid, hooks, orgs, created = new Date(), policies = [] }: Plan,
): void {
  const plan = {
    apiVersion: 'kubectl-chain.dev/v1alpha1',
    kind: 'GenesisPlan',
    chainName,
    created: created.toISOString(),
    clusters: [
      {
        name: CLUSTER_NAME,
        uid: clusterUid,
        hooks: hooks.map(({ name, orgs: group }) => ({ name, orgs: group })),
        observers: orgs.map(({ name }) => name),
      },
    ],
    bindings: orgs.map(({ name, person }) => ({ cluster: CLUSTER_NAME, user: person, org: name, member: person })),
    policies,
    configPolicy: { rule: 'majority', delay: '0s', voting: '24h' },
  };
  writeFileSync(layout.planFile, stringify(plan));
}

/** Each organisation makes the genesis from the plan and the descriptors. @throws Error unless all have the same hash. */
export async function makeGenesis(
  layout: PlaygroundLayout,
  orgs: readonly Organisation[],
  run: Runner = mustRun,
): Promise<string> {
  const descriptors = orgs.map(({ name }) => layout.org(name).descriptor);
  const hashes = await Promise.all(
    orgs.map(async ({ name }) => {
      const out = layout.org(name).genesis;
      const args = [CHAIN_NODE, 'genesis', '--plan', layout.planFile, '--descriptor', ...descriptors, '--out', out];
      const { stdout } = await run(NODE, args);
      return (JSON.parse(stdout) as { genesisHash: string }).genesisHash;
    }),
  );
  const [hash] = hashes;
  if (hash === undefined || hashes.some((other) => other !== hash)) {
    throw new Error(`the organisations do not agree on the genesis: ${hashes.join(', ')}`);
  }
  return hash;
}
