import type { Playground } from '../playground/playground.ts';
import type { CommandResult } from '../playground/run-command.ts';

const HOME = 'gitops';
const NAME = 'deployer';
const TOKEN_LIFE = '2h';

export interface Synced {
  /** Server-side dry run of everything in the source. */
  readonly dryRun: CommandResult;
  readonly applied: CommandResult;
  /** What the source has no more, by its key. */
  readonly pruned: ReadonlyMap<string, CommandResult>;
}

/**
 * A tool that keeps a cluster as its source says, as Argo CD and Flux do, with one ServiceAccount for everybody: again and again it asks by a dry run what
 * would change, applies everything server-side under a field manager of its own, and removes what it applied once and the source has no more.
 */
export class Deployer {
  static readonly user = `system:serviceaccount:${HOME}:${NAME}`;
  /** `TYPE/NAMESPACE/NAME`, with the manifest. */
  readonly source = new Map<string, object>();
  readonly #inventory = new Set<string>();
  readonly #playground: Playground;
  readonly #token: string;

  private constructor(playground: Playground, token: string) {
    this.#playground = playground;
    this.#token = token;
  }

  /** Its ServiceAccount may do anything that RBAC can allow. @throws Error if it cannot be made. */
  static async install(playground: Playground): Promise<Deployer> {
    const admin = async (...args: readonly string[]): Promise<string> => {
      const { code, stdout, stderr } = await playground.kubectl('admin', args);
      if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
      return stdout.trim();
    };
    await admin('create', 'namespace', HOME);
    await admin('create', 'serviceaccount', NAME, `--namespace=${HOME}`);
    await admin(
      'create',
      'clusterrolebinding',
      NAME,
      '--clusterrole=cluster-admin',
      `--serviceaccount=${HOME}:${NAME}`,
    );
    return new Deployer(
      playground,
      await admin('create', 'token', NAME, `--namespace=${HOME}`, `--duration=${TOKEN_LIFE}`),
    );
  }

  /** The same ServiceAccount with another source: one application of many. */
  another(): Deployer {
    return new Deployer(this.#playground, this.#token);
  }

  /** kubectl as the ServiceAccount. */
  kubectl(args: readonly string[], stdin?: string): Promise<CommandResult> {
    const { apiServerUrl, caFile } = this.#playground.cluster;
    const login = [
      '--kubeconfig=/dev/null',
      '--context=',
      `--server=${apiServerUrl}`,
      `--certificate-authority=${caFile}`,
    ];
    // A user's own certificate would win over the token.
    return this.#playground.kubectl('', [...args, ...login, `--token=${this.#token}`], {
      timeoutMs: 120_000,
      ...(stdin === undefined ? {} : { stdin }),
    });
  }

  /** The source as one stream, for whoever proposes it. */
  get rendered(): string {
    return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [...this.source.values()] });
  }

  /** How it applies: also what `kubectl chain propose change` must be told. */
  static readonly applyFlags: readonly string[] = ['--server-side', '--force-conflicts', `--field-manager=${NAME}`];

  async sync(): Promise<Synced> {
    const apply = (...more: readonly string[]): Promise<CommandResult> =>
      this.kubectl(['apply', ...Deployer.applyFlags, ...more, '--filename=-'], this.rendered);
    const dryRun = await apply('--dry-run=server');
    const applied = await apply();
    const pruned = new Map<string, CommandResult>();
    for (const key of [...this.#inventory].filter((known) => !this.source.has(known))) {
      const [type = '', namespace = '', name = ''] = key.split('/');
      const words = ['delete', type, name, `--namespace=${namespace}`, '--cascade=background', '--ignore-not-found'];
      const removed = await this.kubectl([...words, '--wait=false']);
      pruned.set(key, removed);
      if (removed.code === 0) this.#inventory.delete(key);
    }
    if (applied.code === 0) for (const key of this.source.keys()) this.#inventory.add(key);
    return { dryRun, applied, pruned };
  }
}
