import { join } from 'node:path';

/** Absolute paths of everything below a playground's folder. `dir` is absolute. */
export function playgroundLayout(dir: string) {
  const orgDir = (org: string) => join(dir, 'orgs', org);
  return {
    dir,
    /** For others: the documented interface. */
    envFile: join(dir, 'env.json'),
    /** For the playground itself: what it started and how. */
    stateFile: join(dir, 'playground.json'),
    lockFile: join(dir, 'playground.lock'),
    startLockFile: join(dir, 'start.lock'),
    clusterDir: join(dir, 'cluster'),
    /** The API server's staticManifestsDir. */
    staticDir: join(dir, 'static'),
    /** Opens every member's key: these keys protect nothing, and one person plays all parts. */
    passphraseFile: join(dir, 'passphrase'),
    planFile: join(dir, 'genesis-plan.yaml'),
    binDir: join(dir, 'bin'),
    plugin: join(dir, 'bin', 'kubectl-chain'),
    pluginDir: join(dir, 'plugin'),
    chainHome: join(dir, 'chain'),
    apiCaFile: join(dir, 'api-ca.pem'),
    hookConfig: (hook: string) => join(dir, 'hooks', `${hook}.json`),
    hookLog: (hook: string) => join(dir, 'hooks', `${hook}.log`),
    /** Authorities of all nodes' webhooks: the API server believes whichever answers. */
    webhookCaFile: join(dir, 'hooks', 'ca.pem'),
    hooksDir: join(dir, 'hooks'),
    orgsDir: join(dir, 'orgs'),
    /** Only its own organisation writes and reads here; others get `descriptor.json`. */
    org: (org: string) => {
      const folder = orgDir(org);
      return {
        dir: folder,
        membersDir: join(folder, 'members'),
        memberKey: (member: string) => join(folder, 'members', `${member}.pem`),
        memberDescriptor: (member: string) => join(folder, 'members', `${member}.descriptor.json`),
        nodeDir: join(folder, 'node'),
        descriptor: join(folder, 'node', 'descriptor.json'),
        genesis: join(folder, 'genesis.json'),
        config: join(folder, 'node.yaml'),
        dataDir: join(folder, 'data'),
        observerKubeconfig: join(folder, 'observer.kubeconfig'),
        log: join(folder, 'node.log'),
      };
    },
  };
}

export type PlaygroundLayout = ReturnType<typeof playgroundLayout>;
