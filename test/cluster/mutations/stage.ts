import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Playground } from '../../playground/playground.ts';
import type { CommandOptions } from '../../playground/run-command.ts';
import { cached } from './cache.ts';
import { call, type ApiResult, type KubeObject } from '../objects.ts';

export interface Attempt {
  readonly ok: boolean;
  /** Everything that was said: both streams of kubectl, or the API server's message. */
  readonly said: string;
}

export interface RawRequest {
  readonly user?: string;
  readonly body?: unknown;
  readonly contentType?: string;
  /** Impersonated by the user. */
  readonly as?: Identity;
}

export interface Identity {
  readonly user: string;
  readonly groups: readonly string[];
}

const WAIT_MS = 90_000;
const POLL_INTERVAL_MS = 150;
const KUBECTL_TIMEOUT_MS = 60_000;

/** Where one row is played: a namespace of its own, and those who act there. */
export class Stage {
  readonly ns: string;
  readonly playground: Playground;
  /** True where a policy matches: what a change waits for will not come. */
  readonly isGoverned: boolean;
  readonly #touched: readonly string[];

  /** `touched`: paths of what the row changes, which the API server's cache must hold as they are when alice asks. */
  constructor(playground: Playground, ns: string, isGoverned: boolean, touched: readonly string[] = []) {
    this.playground = playground;
    this.#touched = touched;
    this.ns = ns;
    this.isGoverned = isGoverned;
  }

  /** kubectl as alice in the row's namespace. */
  async kubectl(args: readonly string[], options: CommandOptions = {}): Promise<Attempt> {
    const [verb = '', ...rest] = args;
    await cached(this.playground, this.#touched);
    const { code, stdout, stderr } = await this.playground.kubectl('alice', [verb, `--namespace=${this.ns}`, ...rest], {
      timeoutMs: KUBECTL_TIMEOUT_MS,
      ...options,
    });
    // `cordon` says that it was refused, and exits with 0.
    return { ok: code === 0 && !isRefusal(stderr), said: `${stdout}${stderr}` };
  }

  /** kubectl with manifests on its standard input. */
  given(args: readonly string[], ...objects: readonly object[]): Promise<Attempt> {
    return this.kubectl(args, { stdin: listOf(objects) });
  }

  /** One request as alice. */
  async raw(method: string, path: string, request: RawRequest = {}): Promise<Attempt> {
    const { user = 'alice', as, ...init } = request;
    await cached(this.playground, this.#touched);
    const { status, message } = await call(this.playground, user, path.replaceAll('$', this.ns), {
      method,
      ...init,
      ...(as && { headers: impersonating(as) }),
    });
    return { ok: status < 400, said: message };
  }

  /** Manifests made by the administrator. @throws Error unless all are. */
  async make(...objects: readonly object[]): Promise<void> {
    await this.admin(['apply', '--server-side', '-f', '-'], listOf(objects));
  }

  /** The same in another namespace. */
  async makeIn(namespace: string, ...objects: readonly object[]): Promise<void> {
    await this.admin(['apply', `--namespace=${namespace}`, '--server-side', '-f', '-'], listOf(objects));
  }

  /** @throws Error unless it exits with 0. */
  async admin(args: readonly string[], stdin = ''): Promise<string> {
    const [verb = '', ...rest] = args;
    const { code, stdout, stderr } = await this.playground.kubectl('admin', [verb, `--namespace=${this.ns}`, ...rest], {
      stdin,
    });
    if (code !== 0) throw new Error(`admin: kubectl ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  /** The object at a path of the API; undefined if there is none. */
  async get(path: string): Promise<KubeObject | undefined> {
    const answer: ApiResult = await call(this.playground, 'admin', path.replaceAll('$', this.ns));
    // A resource that was defined a moment ago answers 429 first.
    if (answer.status === 404 || answer.status === 429) return undefined;
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.message}`);
    return answer.object;
  }

  /** Polls until the object at a path is as wanted. @throws Error with the object as it was last. */
  async until(path: string, holds: (object: KubeObject | undefined) => boolean): Promise<void> {
    const deadline = performance.now() + WAIT_MS;
    for (;;) {
      const object = await this.get(path);
      if (holds(object)) return;
      if (performance.now() > deadline) throw new Error(`${path} stays ${JSON.stringify(object)?.slice(0, 1_500)}`);
      await sleep(POLL_INTERVAL_MS);
    }
  }

  /** What a change leads to, where it was let through. */
  async effect(path: string, holds: (object: KubeObject | undefined) => boolean): Promise<void> {
    if (!this.isGoverned) await this.until(path, holds);
  }

  /** kubectl with this token in the place of alice's certificate. */
  withToken(token: string, args: readonly string[]): Promise<Attempt> {
    const { apiServerUrl: server, caFile } = this.playground.cluster;
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster: { server, 'certificate-authority': caFile } }],
      users: [{ name: 'bearer', user: { token } }],
      contexts: [{ name: 'alice', context: { cluster: 'c', user: 'bearer' } }],
    };
    const dir = this.folder({ kubeconfig: JSON.stringify(config) });
    return this.kubectl(args, { env: { KUBECONFIG: `${dir}/kubeconfig` } });
  }

  /** A folder with these files. */
  folder(files: Readonly<Record<string, string>>): string {
    const dir = join(this.playground.dir, 'rows', this.ns);
    mkdirSync(dir, { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text, { mode: 0o755 });
    return dir;
  }
}

function impersonating({ user, groups }: Identity): Readonly<Record<string, string | string[]>> {
  return { 'impersonate-user': user, 'impersonate-group': [...groups] };
}

function listOf(objects: readonly object[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
}

/** True if a hook of ours said no. */
function isRefusal(said: string): boolean {
  return /gate\.kubectl-chain\.dev" denied the request/.test(said);
}

export const isGone = (object: KubeObject | undefined): boolean => object === undefined;
/** A Deployment that its controllers have carried out: they write nothing more to it. */
export function isAvailable(replicas: number): (object: KubeObject | undefined) => boolean {
  return (object) => {
    const { metadata, status } = (object ?? {}) as DeploymentSeen;
    return (
      status?.availableReplicas === replicas &&
      status.updatedReplicas === replicas &&
      status.replicas === replicas &&
      (status.terminatingReplicas ?? 0) === 0 &&
      status.observedGeneration === metadata?.generation
    );
  };
}

interface DeploymentSeen {
  readonly metadata?: { readonly generation?: number };
  readonly status?: Readonly<
    Record<
      'observedGeneration' | 'availableReplicas' | 'updatedReplicas' | 'replicas' | 'terminatingReplicas',
      number | undefined
    >
  >;
}

/** True if a condition of this type is in the status. */
export function hasCondition(type: string, is?: string): (object: KubeObject | undefined) => boolean {
  return (object) => {
    const { status } = (object ?? {}) as { status?: { conditions?: { type: string; status: string }[] } };
    return status?.conditions?.some((one) => one.type === type && (is === undefined || one.status === is)) ?? false;
  };
}

export const isThere = (object: KubeObject | undefined): boolean => object !== undefined;

/** True if the value at the end of the path is this one. */
export function has(value: unknown, ...path: readonly string[]): (object: KubeObject | undefined) => boolean {
  return (object) => {
    let at: unknown = object;
    for (const key of path) at = (at as Record<string, unknown> | undefined)?.[key];
    return JSON.stringify(at) === JSON.stringify(value);
  };
}
