import { parseJson } from '../../src/codec/index.ts';
import { ChainError } from '../../src/errors/chain-error.ts';
import type { Json, JsonObject } from '../../src/types/json.ts';
import type { GlobalOptions } from './options.ts';
import type { Terminal } from './terminal.ts';

/** A resource as the API server serves it. */
export interface ServedResource {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly kind: string;
  readonly isNamespaced: boolean;
}

/** Objects of one page of a list: the pages of 1 MiB objects stay below what kubectl and this program hold easily. */
const listedAtOnceMax = 100;

export interface UserInfo {
  readonly username: string;
  readonly groups: readonly string[];
}

/**
 * The API server as kubectl reaches it: kubectl itself is asked, so that credentials, plugins for them, apply's merge and kustomize are
 * exactly those of the `kubectl apply` that will follow.
 */
export class KubeApi {
  readonly #terminal: Terminal;
  readonly #flags: readonly string[];
  readonly #served = new Map<string, Promise<readonly ServedResource[]>>();

  constructor(terminal: Terminal, options: GlobalOptions) {
    this.#terminal = terminal;
    const flag = (name: string, value: string | undefined): readonly string[] =>
      value === undefined ? [] : [`--${name}=${value}`];
    this.#flags = [
      ...flag('kubeconfig', options.kubeconfig),
      ...flag('context', options.context),
      ...flag('cluster', options.cluster),
      ...flag('user', options.user),
      ...flag('as', options.as),
      ...(options.asGroup ?? []).flatMap((group) => flag('as-group', group)),
      ...flag('token', options.token),
      ...flag('server', options.server),
      ...flag('request-timeout', options.requestTimeout),
    ];
  }

  /** Standard output. Throws CLI_KUBECTL with kubectl's own words. */
  async run(args: readonly string[], stdin?: string): Promise<Uint8Array> {
    const { code, stdout, stderr } = await this.#terminal.kubectl([...this.#flags, ...args], stdin);
    if (code !== 0)
      throw new ChainError('CLI_KUBECTL', { command: args[0] ?? '', reason: stderr.trim() || `exit code ${code}` });
    return stdout;
  }

  /** An object by its path, undefined if there is none. Numbers arrive exactly. */
  async get(path: string): Promise<JsonObject | undefined> {
    const { code, stdout, stderr } = await this.#terminal.kubectl([...this.#flags, 'get', '--raw', path], undefined);
    if (code === 0) return parseJson(stdout) as JsonObject;
    if (/\(NotFound\)|could not find the requested resource/.test(stderr)) return undefined;
    throw new ChainError('CLI_KUBECTL', { command: `get --raw ${path}`, reason: stderr.trim() });
  }

  /** Objects of a resource in a namespace by name, complete as each would be if it were asked for alone. */
  async list(resource: ServedResource, namespace: string): Promise<ReadonlyMap<string, JsonObject>> {
    const { group, version, kind } = resource;
    const found = new Map<string, JsonObject>();
    let next = '';
    do {
      const path = `${pathOf(resource, namespace, '')}?limit=${listedAtOnceMax}${next === '' ? '' : `&continue=${encodeURIComponent(next)}`}`;
      const page = (await this.get(path)) ?? {};
      for (const item of (page['items'] ?? []) as JsonObject[])
        found.set(textAt(item, 'metadata', 'name'), {
          apiVersion: group === '' ? version : `${group}/${version}`,
          kind,
          ...item,
        });
      next = textAt(page, 'metadata', 'continue');
    } while (next !== '');
    return found;
  }

  /**
   * The objects as apply would leave them, by a server-side dry run: defaulted, and changed by whatever changes objects at admission. Their managed fields tell
   * what was asked for from what the server chose.
   */
  async dryRunApply(args: readonly string[], stdin?: string): Promise<readonly JsonObject[]> {
    const answer = parseJson(
      await this.run(['apply', '--dry-run=server', '--output=json', '--show-managed-fields', ...args], stdin),
    ) as JsonObject;
    return answer['kind'] === 'List' && answer['apiVersion'] === 'v1' ? (answer['items'] as JsonObject[]) : [answer];
  }

  /** Who the API server says that we are. */
  async whoAmI(): Promise<UserInfo> {
    const answer = parseJson(await this.run(['auth', 'whoami', '--output=json'])) as {
      status?: { userInfo?: { username?: string; groups?: string[] } };
    };
    const { username = '', groups = [] } = answer.status?.userInfo ?? {};
    return { username, groups };
  }

  /** The resource of a kind. Throws CLI_OBJECT if the API server does not serve it. */
  async resourceOf(apiVersion: string, kind: string): Promise<ServedResource> {
    const found = (await this.#resources(apiVersion)).find((resource) => resource.kind === kind);
    if (found === undefined)
      throw new ChainError('CLI_OBJECT', {
        object: `${apiVersion} ${kind}`,
        reason: 'the API server serves no such kind; install its CustomResourceDefinition first',
      });
    return found;
  }

  /** Where a plural is served, in the group's preferred version. Throws CLI_OBJECT. */
  async servedResource(group: string, resource: string): Promise<ServedResource> {
    const info = group === '' ? undefined : await this.get(`/apis/${group}`);
    const preferred = (info?.['preferredVersion'] as JsonObject | undefined)?.['groupVersion'];
    const found = (await this.#resources(typeof preferred === 'string' ? preferred : 'v1')).find(
      (served) => served.resource === resource && served.group === group,
    );
    if (found === undefined)
      throw new ChainError('CLI_OBJECT', {
        object: group === '' ? resource : `${resource}.${group}`,
        reason: 'the API server does not serve it',
      });
    return found;
  }

  #resources(apiVersion: string): Promise<readonly ServedResource[]> {
    let known = this.#served.get(apiVersion);
    if (known === undefined) {
      known = this.#discover(apiVersion);
      this.#served.set(apiVersion, known);
    }
    return known;
  }

  async #discover(apiVersion: string): Promise<readonly ServedResource[]> {
    const [group = '', version = ''] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
    const list = await this.get(group === '' ? `/api/${version}` : `/apis/${apiVersion}`);
    return ((list?.['resources'] ?? []) as JsonObject[]).flatMap((entry) => {
      const resource = textAt(entry, 'name');
      if (resource.includes('/')) return [];
      return [{ group, version, resource, kind: textAt(entry, 'kind'), isNamespaced: entry['namespaced'] === true }];
    });
  }
}

export function pathOf(
  { group, version, resource }: Pick<ServedResource, 'group' | 'version' | 'resource'>,
  namespace: string,
  name: string,
): string {
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  // A Namespace is reviewed as in itself, but served as an object of the cluster.
  const folder =
    namespace === '' || (group === '' && resource === 'namespaces')
      ? ''
      : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${root}${folder}/${resource}${name === '' ? '' : `/${encodeURIComponent(name)}`}`;
}

export function textAt(object: Json | undefined, ...keys: readonly string[]): string {
  let value: unknown = object;
  for (const key of keys)
    value = value !== null && typeof value === 'object' ? (value as Record<string, unknown>)[key] : undefined;
  return typeof value === 'string' ? value : '';
}
