import { nativeBackend } from '../../../src/crypto/index.ts';
import {
  EXCLUSIONS,
  GUARD_NAME,
  hookClientHash,
  hookEntryHash,
  hookEntryName,
  hookEntryProblems,
  RECORD_HOOK,
} from '../../../src/change/index.ts';
import { isChainError } from '../../../src/errors/chain-error.ts';
import { faultyMax } from '../../../src/governance/body-holders.ts';
import { guardKey } from '../../../src/ledger/execute/keys.ts';
import type { ClusterRecord } from '../../../src/types/chain.ts';
import type { Guard } from '../../../src/types/finding.ts';
import type { JsonObject } from '../../../src/types/json.ts';
import { documentOf } from '../document.ts';
import { exitCode } from '../exit-code.ts';
import { findingLine, describeFinding, openFindings } from '../findings.ts';
import { KubeApi, textAt } from '../kube-api.ts';
import type { ListOptions } from '../options.ts';
import { printList, type View } from '../output/print.ts';
import { printable } from '../output/printable.ts';
import { clusterOf, withSession, type Session } from '../session.ts';
import type { Terminal } from '../terminal.ts';

/** One layer of the protection. `required`: what should hold everywhere; the others make a bypass harder, or its finding surer. */
interface LayerJson {
  readonly layer: string;
  readonly state: 'ok' | 'missing' | 'unknown';
  readonly required: boolean;
  readonly found: string;
  /** What this layer leaves open, even where it is there. */
  readonly notCovered: string;
}

const ADMISSION = '/apis/admissionregistration.k8s.io/v1';
const RBAC = '/apis/rbac.authorization.k8s.io/v1';

const view: View<LayerJson> = {
  kind: 'Layer',
  name: ({ layer }) => `layer/${layer}`,
  columns: [
    { header: 'LAYER', cell: ({ layer }) => layer },
    {
      header: 'STATE',
      cell: ({ state, required }) => (state === 'missing' && !required ? 'missing (optional)' : state),
    },
    { header: 'FOUND', cell: ({ found }) => found },
    { header: 'NOT COVERED', cell: ({ notCovered }) => notCovered },
  ],
};

/** Explains what protects this cluster, layer by layer. Returns 1 if something that should hold does not. */
export async function check(terminal: Terminal, options: ListOptions): Promise<number> {
  return withSession(terminal, options, async (session) => {
    const record = await clusterOf(session);
    const { values } = await session.reader.state([guardKey(record.name)]);
    const guard = documentOf<Guard>(values, guardKey(record.name));
    const kube = new KubeApi(terminal, options);
    const { genesis } = await session.reader.genesis();
    const layers: readonly LayerJson[] = [
      ...(await webhookLayers(kube, record, guard)),
      witnesses(record, genesis.validators.length),
      ...(await observerLayers(session, record, genesis.validators.length)),
      await impersonation(kube),
      await guardPolicy(kube),
      await findings(session, record),
    ];
    await printList(terminal, options, view, layers);
    const broken = layers.filter(({ state, required }) => required && state !== 'ok');
    for (const { layer, found } of broken) terminal.stderr(`warning: ${printable(`${layer}: ${found}`)}\n`);
    return broken.length === 0 ? exitCode.ok : exitCode.refused;
  });
}

async function webhookLayers(
  kube: KubeApi,
  { hooks }: ClusterRecord,
  guard: Guard | undefined,
): Promise<readonly LayerJson[]> {
  const items = await listOf(kube, `${ADMISSION}/validatingwebhookconfigurations`);
  const entries = items?.flatMap((item) => (item['webhooks'] ?? []) as JsonObject[]) ?? [];
  const removable = 'whoever may write webhook configurations removes it; observers find that within seconds';
  const passing =
    "it lets pass what it cannot record (profile strict does not); the API server's audit stream tells of that";
  const layers = [...hooks.map(({ name }) => name), RECORD_HOOK].map((name): LayerJson => {
    const layer = name === RECORD_HOOK ? 'record hook' : `webhook ${name}`;
    const notCovered = name === RECORD_HOOK ? `${removable}; ${passing}` : removable;
    if (items === undefined) return { layer, state: 'unknown', required: true, found: 'webhook configurations cannot be read', notCovered };
    const own = entries.filter((entry) => textAt(entry, 'name') === hookEntryName(name));
    const known = guard?.hooks.find((hook) => hook.name === name);
    const expected = known?.hash;
    const entry = own.find((candidate) => hookEntryHash(candidate, nativeBackend.sha256) === expected) ?? own[0];
    if (entry === undefined) return { layer, state: 'missing', required: true, found: 'it is not installed', notCovered };
    const problems = hookEntryProblems(entry, name, undefined).filter((field) => field !== 'matchConditions' || expected === undefined);
    if (expected === undefined) return { layer, state: 'missing', required: true, found: 'installed, but the chain does not know yet what to expect of it', notCovered };
    if (known?.announced.includes(hookClientHash(entry['clientConfig'] ?? null, nativeBackend.sha256)) === true && problems.length === 0)
      return { layer, state: 'ok', required: true, found: 'installed, as the committee announced it', notCovered };
    if (hookEntryHash(entry, nativeBackend.sha256) !== expected)
      return { layer, state: 'missing', required: true, found: `not the expected entry: ${problems.join(', ') || 'clientConfig or matchConditions'}`, notCovered };
    return { layer, state: 'ok', required: true, found: 'installed, as the chain expects it', notCovered };
  }); // prettier-ignore
  const urls = entries
    .filter((entry) => hooks.some(({ name }) => textAt(entry, 'name') === hookEntryName(name)))
    .map((entry) => textAt(entry, 'clientConfig', 'url'));
  const isSecretPath =
    urls.length > 0 && urls.every((url) => url.split('/').filter((part) => part.length >= 32).length > 0);
  return [
    ...layers,
    {
      layer: 'caller',
      state: isSecretPath ? 'ok' : 'unknown',
      required: false,
      found: isSecretPath
        ? 'the hooks are called under a secret path'
        : 'no secret path: the nodes then take only the API server\'s client certificate; its own configuration is not shown to anybody',
      notCovered: isSecretPath ? 'whoever may read the webhook configuration knows the path' : 'whoever has the API server\'s client key asks as it does',
    },
  ]; // prettier-ignore
}

function witnesses({ hooks }: ClusterRecord, validators: number): LayerJson {
  const needed = faultyMax(validators) + 1;
  return {
    layer: 'witnesses',
    state: hooks.length >= needed ? 'ok' : 'missing',
    required: false,
    found: `${hooks.length} of ${needed} hooks, answered by ${hooks.map(({ name, orgs }) => `${name}: ${orgs.join(',')}`).join('; ')}`,
    notCovered:
      hooks.length >= needed
        ? `more than ${needed - 1} lying organisations`
        : 'one lying node admits what it likes; observers find it when it is stored',
  };
}

async function observerLayers(
  session: Session,
  { name, observers }: ClusterRecord,
  validators: number,
): Promise<readonly LayerJson[]> {
  const needed = faultyMax(validators) + 1;
  const answers = await session.reader.statuses();
  const said = answers.flatMap(({ status }) => {
    const cluster = status?.['cluster'] as JsonObject | null | undefined;
    return textAt(cluster, 'name') === name ? [{ org: textAt(status ?? undefined, 'org'), observer: textAt(cluster, 'observer') }] : [];
  }); // prettier-ignore
  const running = said.filter(
    ({ org, observer }) => observer !== 'off' && observer !== '' && (observers as readonly string[]).includes(org),
  );
  const reading = running.filter(({ observer }) => observer.includes('audit stream read'));
  return [
    {
      layer: 'observers',
      state: observers.length >= needed && running.length >= needed ? 'ok' : 'missing',
      required: true,
      found: `${running.length} of ${observers.length} run, ${needed} are needed: ${running.map(({ org, observer }) => `${org}: ${observer}`).join(' | ') || 'none'}`,
      notCovered: 'resources that no policy governs are not compared; what nodes say of themselves here is their own word',
    },
    {
      layer: 'audit stream',
      state: reading.length >= Math.min(needed, observers.length) ? 'ok' : 'missing',
      required: false,
      found: `${reading.length} observers read the API server's audit log`,
      notCovered:
        reading.length > 0
          ? 'whoever writes that file; requests that its policy leaves out'
          : 'failing open and impersonation of control-plane actors are not seen',
    },
  ]; // prettier-ignore
}

/** Who may take another name by RBAC. */
async function impersonation(kube: KubeApi): Promise<LayerJson> {
  const layer = 'impersonation';
  const notCovered = `system:masters passes every authorizer; a name alone leaves the gate only for ${EXCLUSIONS.length} listed writes`;
  const [roles, bindings] = await Promise.all([listOf(kube, `${RBAC}/clusterroles`), listOf(kube, `${RBAC}/clusterrolebindings`)]);
  if (roles === undefined || bindings === undefined)
    return { layer, state: 'unknown', required: false, found: 'RBAC cannot be read', notCovered };
  const able = new Set(roles.filter(mayImpersonate).map((role) => textAt(role, 'metadata', 'name')));
  const subjects = bindings
    .filter((binding) => textAt(binding, 'roleRef', 'kind') === 'ClusterRole' && able.has(textAt(binding, 'roleRef', 'name')))
    .flatMap((binding) => (binding['subjects'] ?? []) as JsonObject[])
    .map((subject) => `${textAt(subject, 'kind')} ${textAt(subject, 'namespace') === '' ? '' : `${textAt(subject, 'namespace')}/`}${textAt(subject, 'name')}`);
  const who = [...new Set(subjects)].filter((subject) => subject !== 'Group system:masters').sort();
  return {
    layer,
    state: who.length === 0 ? 'ok' : 'missing',
    required: false,
    found: who.length === 0 ? 'nobody but system:masters may impersonate' : `may impersonate: ${who.join(', ')}`,
    notCovered,
  };
} // prettier-ignore

function mayImpersonate(role: JsonObject): boolean {
  return ((role['rules'] ?? []) as JsonObject[]).some((rule) => {
    const has = (field: string, ...values: readonly string[]): boolean =>
      ((rule[field] ?? []) as readonly string[]).some((value) => value === '*' || values.includes(value));
    return has('verbs', 'impersonate') && has('resources', 'users', 'groups', 'serviceaccounts', 'userextras');
  });
}

async function guardPolicy(kube: KubeApi): Promise<LayerJson> {
  const [policy, binding] = await Promise.all(
    ['validatingadmissionpolicies', 'validatingadmissionpolicybindings'].map((resource) => kube.get(`${ADMISSION}/${resource}/${GUARD_NAME}`).catch(() => undefined)),
  );
  const isThere = policy !== undefined && binding !== undefined;
  return {
    layer: 'guard policy',
    state: isThere ? 'ok' : 'missing',
    required: false,
    found: isThere ? 'the webhook configuration is not deleted or changed while it is there' : 'not installed: kubectl chain install --guard',
    notCovered: 'whoever removes the policy\'s binding first; nothing in the API protects it, observers find that',
  };
} // prettier-ignore

async function findings({ reader }: Session, { name }: ClusterRecord): Promise<LayerJson> {
  const open = await openFindings(reader, [name]);
  return {
    layer: 'findings',
    state: open.length === 0 ? 'ok' : 'missing',
    required: true,
    found:
      open.length === 0 ? 'none is open' : open.map((finding) => findingLine(describeFinding(finding))).join(' | '),
    notCovered: 'what happened in a resource before it was governed',
  };
}

/** All objects of a list; undefined if they may not be read. */
async function listOf(kube: KubeApi, path: string): Promise<readonly JsonObject[] | undefined> {
  try {
    const list = await kube.get(path);
    return (list?.['items'] ?? []) as JsonObject[];
  } catch (error) {
    if (isChainError(error, 'CLI_KUBECTL')) return undefined;
    throw error;
  }
}
