import { renderDiff } from '../../../src/change/index.ts';
import { changeTitle } from '../../../src/codec/change-title.ts';
import { parseJson } from '../../../src/codec/index.ts';
import { nativeBackend } from '../../../src/crypto/index.ts';
import { ChainError } from '../../../src/errors/chain-error.ts';
import { bindingOf, matchedPolicies } from '../../../src/governance/match.ts';
import {
  detailsOf,
  digestsOf,
  encodeDetails,
  hashOfDetails,
  policiesOf,
  titleOf,
} from '../../../src/ledger/details.ts';
import { CHANGES_MAX } from '../../../src/ledger/limits.ts';
import type { Hash } from '../../../src/types/brand.ts';
import type { BindingMode } from '../../../src/types/change.ts';
import type { ProposalDetails } from '../../../src/types/proposal.ts';
import type { ClusterRecord } from '../../../src/types/chain.ts';
import type { JsonObject } from '../../../src/types/json.ts';
import type { ProposedChange } from '../../../src/types/transaction.ts';
import { answer } from '../answer.ts';
import { inOrder } from '../bodies.ts';
import { canonicalise, ownEndpoints, reviewRequest, type Asked } from '../canonical.ts';
import { confirm } from '../confirm.ts';
import { act, freshNonce, identityOf, requestFrom, type Identity } from '../identity.ts';
import { KubeApi, pathOf, textAt, type ServedResource, type UserInfo } from '../kube-api.ts';
import type { SigningOptions } from '../options.ts';
import { printable } from '../output/printable.ts';
import { policiesInForce } from '../policies-in-force.ts';
import { shownDiffs } from '../review.ts';
import { resourceType, typeAndName } from '../resource-types.ts';
import { clusterOf, withSession, type Session } from '../session.ts';
import { standingProposal } from '../standing-proposal.ts';
import { paintDiff, type Terminal } from '../terminal.ts';

export interface ProposeChangeOptions extends SigningOptions {
  readonly filename?: readonly string[];
  readonly kustomize?: string;
  readonly recursive?: boolean;
  readonly full?: boolean;
  readonly namespace?: string;
  /** As in `kubectl apply`: what a tool will ask for that applies under a field manager of its own. */
  readonly serverSide?: boolean;
  readonly forceConflicts?: boolean;
  readonly fieldManager?: string;
}

export interface ProposeDeleteOptions extends SigningOptions {
  readonly namespace?: string;
  readonly cascade?: string;
  readonly gracePeriod?: string;
}

const { sha256 } = nativeBackend;
/** Objects that the own node is asked about at once, and the API server. */
const canonicalisedAtOnceMax = 8;
const createOptions: JsonObject = { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' };
const updateOptions: JsonObject = { kind: 'UpdateOptions', apiVersion: 'meta.k8s.io/v1' };

/** One proposal for all the objects, in the form in which `kubectl apply` would leave them. */
export async function proposeChange(terminal: Terminal, options: ProposeChangeOptions): Promise<void> {
  const { filename = [], kustomize, recursive, namespace, serverSide, forceConflicts, fieldManager } = options;
  if ((filename.length === 0) === (kustomize === undefined))
    throw new ChainError('CLI_USAGE', { problem: 'give either -f or -k' });
  const args = [
    ...filename.map((file) => `--filename=${file}`),
    ...(kustomize === undefined ? [] : [`--kustomize=${kustomize}`]),
    ...(recursive === true ? ['--recursive'] : []),
    ...(namespace === undefined ? [] : [`--namespace=${namespace}`]),
    ...(serverSide === true ? ['--server-side'] : []),
    ...(forceConflicts === true ? ['--force-conflicts'] : []),
    ...(fieldManager === undefined ? [] : [`--field-manager=${fieldManager}`]),
  ];
  const stdin = filename.includes('-') ? await terminal.readStdin() : undefined;
  await withSession(terminal, options, async (session) => {
    const kube = new KubeApi(terminal, options);
    const user = await kube.whoAmI();
    const objects = await kube.dryRunApply(args, stdin);
    const asked = await askedForAll(kube, user, objects);
    await propose(session, asked, options);
  });
}

/** From so many objects of one resource and namespace on, they are listed instead of asked for one by one: each question starts a kubectl. */
const LISTED_FROM = 5;

async function askedForAll(kube: KubeApi, user: UserInfo, objects: readonly JsonObject[]): Promise<readonly Asked[]> {
  const wanted = [];
  for (const object of objects) {
    const resource = await kube.resourceOf(textAt(object, 'apiVersion'), textAt(object, 'kind'));
    const namespace = resource.isNamespaced ? textAt(object, 'metadata', 'namespace') : '';
    wanted.push({ object, resource, namespace, folder: pathOf(resource, namespace, '') });
  }
  const folders = new Map<string, Promise<ReadonlyMap<string, JsonObject>>>();
  const asked: Asked[] = [];
  for (const { object, resource, namespace, folder } of wanted) {
    const name = textAt(object, 'metadata', 'name');
    const isListed = wanted.filter((other) => other.folder === folder).length >= LISTED_FROM;
    if (isListed && !folders.has(folder)) folders.set(folder, kube.list(resource, namespace));
    const old = isListed ? (await folders.get(folder))?.get(name) : await kube.get(pathOf(resource, namespace, name));
    asked.push(askedFor(user, object, resource, namespace, old ?? null));
  }
  return asked;
}

function askedFor(
  user: UserInfo,
  object: JsonObject,
  resource: ServedResource,
  namespace: string,
  old: JsonObject | null,
): Asked {
  const name = textAt(object, 'metadata', 'name');
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

async function propose(
  session: Session,
  asked: readonly Asked[],
  options: SigningOptions & { readonly full?: boolean },
): Promise<void> {
  const { terminal } = session;
  const identity = await identityOf(session, options);
  const cluster = await clusterOf(session);
  const changes = await shownChanges(session, identity, cluster, asked, options.full === true);
  // A pipeline proposes whatever it has: that there is nothing to vote on is its everyday success.
  if (changes.length === 0) return terminal.stderr('nothing of it needs a vote: what changes may be applied\n');
  if (changes.length > CHANGES_MAX)
    throw new ChainError('CLI_USAGE', {
      problem: `${changes.length} changes: one proposal holds at most ${CHANGES_MAX}; propose parts of it`,
    });
  const details = detailsOf(changes) as ProposalDetails;
  const { org, member } = identity;
  const standing = await standingProposal(session, cluster.name, digestsOf(details, sha256));
  if (standing !== undefined)
    return answer(terminal, options, `proposal/${standing}`, 'unchanged', {
      proposal: standing,
      changes: changes.length,
      org,
      member: member.name,
    });
  const count = `${changes.length} change${changes.length === 1 ? '' : 's'} of ${cluster.name}`;
  if (options.dryRun === true)
    return answer(terminal, options, 'proposal', `for ${count} would be made as ${org}/${member.name} (dry run)`);
  await confirm(terminal, options, `propose ${count} as ${org}/${member.name}`);
  await giveDetails(session, identity, details);
  const { index, result } = await act(session, identity, {
    kind: 'proposal',
    nonce: freshNonce(),
    reason: options.reason ?? '',
    cluster: cluster.name,
    details: hashOfDetails(encodeDetails(details), sha256),
    title: titleOf(details),
    digests: digestsOf(details, sha256),
    policies: policiesOf(details, await policiesInForce(session), sha256),
    config: [],
  });
  await answer(terminal, options, `proposal/${result.proposal ?? ''}`, 'proposed', {
    proposal: result.proposal,
    changes: changes.length,
    org,
    member: member.name,
    record: index,
  });
}

type BoundChange = ProposedChange & { readonly binding: BindingMode };

/** Canonical forms of what really changes something and needs a vote; each is shown from the very bytes that it commits to. */
async function shownChanges(
  session: Session,
  identity: Identity,
  { name: cluster }: ClusterRecord,
  asked: readonly Asked[],
  isFull: boolean,
): Promise<readonly BoundChange[]> {
  const { terminal } = session;
  const policies = await policiesInForce(session);
  const formed = await inOrder(asked, canonicalisedAtOnceMax, (one) =>
    canonicalise(session, identity, cluster, reviewRequest(one), `${one.resource.resource}/${one.name}`),
  );
  const found = formed.flatMap(({ change, body }) => {
    const { attributes } = change;
    const title = printable(`${attributes.resource}/${attributes.name}`);
    if (attributes.operation === 'UPDATE' && body.changes.length === 0) {
      terminal.stderr(`${title} unchanged\n`);
      return [];
    }
    const matched = matchedPolicies(policies, attributes);
    if (matched.length === 0) {
      terminal.stderr(`${title} needs no vote\n`);
      return [];
    }
    return [{ change: { ...change, binding: bindingOf(matched, attributes) }, diff: renderDiff(body) }];
  });
  const { diffs, note } = shownDiffs(
    found.map(({ diff }) => diff),
    isFull,
  );
  found.forEach(({ change }, i) =>
    terminal.stderr(`\n${printable(changeTitle(change.attributes))}\n${paintDiff(terminal, diffs[i] ?? [])}`),
  );
  terminal.stderr(note);
  return found.map(({ change }) => change);
}

/** The node of the own organisation keeps the body first; the others fetch it from there, before voting starts. */
async function giveDetails(session: Session, identity: Identity, details: ProposalDetails): Promise<void> {
  const content = { kind: 'details-request', details } as const;
  const sign = (audience: Hash): Promise<Uint8Array> => requestFrom(session, identity, content, audience);
  const wanted = hashOfDetails(encodeDetails(details), sha256);
  await session.reader.signed(
    '/v1/details',
    sign,
    (bytes) => {
      const { hash } = parseJson(bytes) as { hash?: string };
      if (hash !== wanted) throw new ChainError('CLI_CANONICAL', { object: titleOf(details), part: 'the body' });
    },
    await ownEndpoints(session, identity.org),
  );
}
