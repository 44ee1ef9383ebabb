import { renderDiff } from '../../../src/change/index.ts';
import { ChainError } from '../../../src/errors/chain-error.ts';
import type { ClusterRecord } from '../../../src/types/chain.ts';
import type { JsonObject } from '../../../src/types/json.ts';
import type { ProposedChange } from '../../../src/types/transaction.ts';
import { answer } from '../answer.ts';
import { canonicalise, reviewRequest, type Asked } from '../canonical.ts';
import { confirm } from '../confirm.ts';
import { act, freshNonce, identityOf, type Identity } from '../identity.ts';
import { KubeApi, pathOf, textAt, type UserInfo } from '../kube-api.ts';
import type { SigningOptions } from '../options.ts';
import { printable } from '../output/printable.ts';
import { changeTitle } from '../proposal.ts';
import { resourceType, typeAndName } from '../resource-types.ts';
import { clusterOf, withSession, type Session } from '../session.ts';
import { paintDiff, type Terminal } from '../terminal.ts';

export interface ProposeChangeOptions extends SigningOptions {
  readonly filename?: readonly string[];
  readonly kustomize?: string;
  readonly recursive?: boolean;
  readonly namespace?: string;
}

export interface ProposeDeleteOptions extends SigningOptions {
  readonly namespace?: string;
  readonly cascade?: string;
  readonly gracePeriod?: string;
}

const createOptions: JsonObject = { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' };
const updateOptions: JsonObject = { kind: 'UpdateOptions', apiVersion: 'meta.k8s.io/v1' };

/** One proposal for all the objects, in the form in which `kubectl apply` would leave them. */
export async function proposeChange(terminal: Terminal, options: ProposeChangeOptions): Promise<void> {
  const { filename = [], kustomize, recursive, namespace } = options;
  if ((filename.length === 0) === (kustomize === undefined))
    throw new ChainError('CLI_USAGE', { problem: 'give either -f or -k' });
  const args = [
    ...filename.map((file) => `--filename=${file}`),
    ...(kustomize === undefined ? [] : [`--kustomize=${kustomize}`]),
    ...(recursive === true ? ['--recursive'] : []),
    ...(namespace === undefined ? [] : [`--namespace=${namespace}`]),
  ];
  const stdin = filename.includes('-') ? await terminal.readStdin() : undefined;
  await withSession(terminal, options, async (session) => {
    const kube = new KubeApi(terminal, options);
    const user = await kube.whoAmI();
    const objects = await kube.dryRunApply(args, stdin);
    const asked: Asked[] = [];
    for (const object of objects) asked.push(await askedFor(kube, user, object));
    await propose(session, asked, options);
  });
}

async function askedFor(kube: KubeApi, user: UserInfo, object: JsonObject): Promise<Asked> {
  const resource = await kube.resourceOf(textAt(object, 'apiVersion'), textAt(object, 'kind'));
  const name = textAt(object, 'metadata', 'name');
  const namespace = resource.isNamespaced ? textAt(object, 'metadata', 'namespace') : '';
  const old = (await kube.get(pathOf(resource, namespace, name))) ?? null;
  const title = `${resource.resource}/${name}`;
  const base = textAt(old ?? undefined, 'metadata', 'resourceVersion');
  if (old !== null && textAt(object, 'metadata', 'resourceVersion') !== base) {
    throw new ChainError('CLI_OBJECT', { object: title, reason: 'it changed while it was looked at' });
  }
  const operation = old === null ? 'CREATE' : 'UPDATE';
  return {
    operation,
    resource,
    namespace,
    name,
    user,
    old,
    object,
    options: old === null ? createOptions : updateOptions,
  };
}

/** The deletion as `kubectl delete` asks for it. */
export async function proposeDelete(
  terminal: Terminal,
  words: readonly string[],
  options: ProposeDeleteOptions,
): Promise<void> {
  const { type, name } = typeAndName(words);
  if (name === null) throw new ChainError('CLI_USAGE', { problem: 'name the object: propose delete TYPE/NAME' });
  const known = resourceType(type);
  await withSession(terminal, options, async (session) => {
    const kube = new KubeApi(terminal, options);
    const [user, resource] = await Promise.all([kube.whoAmI(), kube.servedResource(known.group, known.resource)]);
    const namespace = resource.isNamespaced ? (options.namespace ?? session.context.namespace) : '';
    const old = await kube.get(pathOf(resource, namespace, name));
    if (old === undefined) throw new ChainError('CLI_NOT_FOUND', { what: `${type}/${name} in the cluster` });
    await propose(
      session,
      [
        {
          operation: 'DELETE',
          resource,
          namespace,
          name,
          user,
          old,
          object: null,
          options: deleteOptions(options, old),
        },
      ],
      options,
    );
  });
}

/** As kubectl sends them and the API server completes them: it gives a bound Pod its own grace period before it asks the hooks. */
function deleteOptions({ cascade = 'background', gracePeriod }: ProposeDeleteOptions, old: JsonObject): JsonObject {
  const policies: Readonly<Record<string, string>> = {
    background: 'Background',
    foreground: 'Foreground',
    orphan: 'Orphan',
  };
  const propagationPolicy = policies[cascade];
  if (propagationPolicy === undefined)
    throw new ChainError('CLI_USAGE', { problem: `--cascade=${cascade}: must be background, foreground or orphan` });
  if (gracePeriod !== undefined && !/^\d{1,9}$/.test(gracePeriod))
    throw new ChainError('CLI_USAGE', { problem: `--grace-period=${gracePeriod}: must be seconds` });
  const spec = (old['kind'] === 'Pod' && old['apiVersion'] === 'v1' ? old['spec'] : undefined) as
    JsonObject | undefined;
  const ofPod = textAt(spec, 'nodeName') === '' ? undefined : spec?.['terminationGracePeriodSeconds'];
  const gracePeriodSeconds = gracePeriod === undefined ? ofPod : Number(gracePeriod);
  return {
    kind: 'DeleteOptions',
    apiVersion: 'meta.k8s.io/v1',
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    propagationPolicy,
  };
}

async function propose(session: Session, asked: readonly Asked[], options: SigningOptions): Promise<void> {
  const { terminal } = session;
  const identity = await identityOf(session, options);
  const cluster = await clusterOf(session);
  const changes = await shownChanges(session, identity, cluster, asked);
  if (changes.length === 0) throw new ChainError('CLI_NOTHING', { what: 'the cluster already holds all of it' });
  const { org, member } = identity;
  const count = `${changes.length} change${changes.length === 1 ? '' : 's'} of ${cluster.name}`;
  if (options.dryRun === true)
    return answer(terminal, options, 'proposal', `for ${count} would be made as ${org}/${member.name} (dry run)`);
  await confirm(terminal, options, `propose ${count} as ${org}/${member.name}`);
  const { index, result } = await act(session, identity, {
    kind: 'proposal',
    nonce: freshNonce(),
    reason: options.reason ?? '',
    cluster: cluster.name,
    changes,
    config: [],
  });
  await answer(terminal, options, `proposal/${result.proposal ?? ''}`, 'proposed', {
    proposal: result.proposal,
    org,
    member: member.name,
    record: index,
  });
}

/** Canonical forms of what really changes something; each is shown from the very bytes that it commits to. */
async function shownChanges(
  session: Session,
  identity: Identity,
  { name: cluster }: ClusterRecord,
  asked: readonly Asked[],
): Promise<readonly ProposedChange[]> {
  const { terminal } = session;
  const changes: ProposedChange[] = [];
  for (const one of asked) {
    const title = `${one.resource.resource}/${one.name}`;
    const { change, body } = await canonicalise(session, identity, cluster, reviewRequest(one), title);
    if (one.operation === 'UPDATE' && body.changes.length === 0) {
      terminal.stderr(`${printable(title)} unchanged\n`);
      continue;
    }
    terminal.stderr(`\n${printable(changeTitle(change.attributes))}\n${paintDiff(terminal, renderDiff(body))}`);
    changes.push(change);
  }
  return changes;
}
