import { nativeBackend } from '../../../src/crypto/index.ts';
import {
  GUARD_NAME,
  hookClientHash,
  hookEntryHash,
  hookEntryName,
  hookEntryProblems,
  RECORD_HOOK,
  staticGuardEntryName,
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
import type { LayerJson } from '../layer.ts';
import type { ListOptions } from '../options.ts';
import { printList, type View } from '../output/print.ts';
import { printable } from '../output/printable.ts';
import { rbacLayers } from '../rbac-layers.ts';
import { templateLayer } from '../template-layer.ts';
import { clusterOf, withSession, type Session } from '../session.ts';
import type { Terminal } from '../terminal.ts';

/** They are sent each minute. */
const CANARY_SECONDS_MAX = 150;
const ADMISSION = '/apis/admissionregistration.k8s.io/v1';

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
    const validators = (await session.reader.validatorSets()).at(-1)?.validators ?? [];
    const running = await observersOf(session, record);
    const layers: readonly LayerJson[] = [
      ...(await webhookLayers(kube, record, guard)),
      witnesses(record, validators.length),
      ...observerLayers(record, validators.length, running),
      await templateLayer((path) => listOf(kube, path), running),
      ...(await rbacLayers((path) => listOf(kube, path))),
      await guardPolicy(kube),
      await staticGuard(kube, record),
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

interface RunningObserver {
  readonly org: string;
  /** What it says of itself. */
  readonly observer: string;
}

async function observersOf(session: Session, { name, observers }: ClusterRecord): Promise<readonly RunningObserver[]> {
  const answers = await session.reader.statuses();
  const said = answers.flatMap(({ status }) => {
    const cluster = status?.['cluster'] as JsonObject | null | undefined;
    return textAt(cluster, 'name') === name ? [{ org: textAt(status ?? undefined, 'org'), observer: textAt(cluster, 'observer') }] : [];
  }); // prettier-ignore
  return said.filter(
    ({ org, observer }) => observer !== 'off' && observer !== '' && (observers as readonly string[]).includes(org),
  );
}

function observerLayers(
  { observers }: ClusterRecord,
  validators: number,
  running: readonly RunningObserver[],
): readonly LayerJson[] {
  const needed = faultyMax(validators) + 1;
  const proving = running.filter(({ observer }) => {
    const seconds = /canaries: all hooks proven (\d+) s ago/.exec(observer)?.[1];
    return seconds !== undefined && Number(seconds) <= CANARY_SECONDS_MAX;
  });
  const reading = running.filter(({ observer }) => observer.includes('audit stream read'));
  return [
    {
      layer: 'observers',
      state: observers.length >= needed && running.length >= needed ? 'ok' : 'missing',
      required: true,
      found: `${running.length < needed ? 'P4 is reduced: ' : ''}${running.length} of ${observers.length} run, ${needed} are needed: ${running.map(({ org, observer }) => `${org}: ${observer}`).join(' | ') || 'none'}`,
      notCovered: 'resources that no policy governs are not compared; what was undone during an absence of more than some five minutes; what nodes say of themselves here is their own word',
    },
    {
      layer: 'canaries',
      state: proving.length >= Math.min(needed, observers.length) ? 'ok' : 'missing',
      required: true,
      found: `${proving.length} observers saw every hook refuse lately: ${running.map(({ org, observer }) => `${org}: ${/canar[^,;]*/.exec(observer)?.[0] ?? 'no canary'}`).join(' | ') || 'none'}`,
      notCovered: 'a hook that refuses canaries and nothing else; what the entry asks it about is compared apart',
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

/**
 * Nobody sees static webhooks, so each is asked for: a webhook configuration of the canary's name, in a dry run, which only its hook refuses.
 */
async function staticGuard(kube: KubeApi, { hooks }: ClusterRecord): Promise<LayerJson> {
  const layer = 'static guard';
  const notCovered =
    'whoever writes files on the hosts of the API servers; an API server that is started without it; other API servers than the one that answered';
  const answers = await Promise.all(hooks.map(({ name }) => askStatic(kube, name)));
  const proven = answers.filter((answer) => answer === 'refused').length;
  if (answers.includes('unknown') && proven === 0)
    return { layer, state: 'unknown', required: false, found: 'these credentials may not ask (create validatingwebhookconfigurations)', notCovered };
  return {
    layer,
    state: proven === hooks.length ? 'ok' : 'missing',
    required: false,
    found:
      proven === hooks.length
        ? 'webhook configurations and admission policies go through the gate'
        : `${proven} of ${hooks.length} hooks gate webhook configurations: kubectl chain install --static-guard FILE (Kubernetes 1.36, alpha)`,
    notCovered,
  };
} // prettier-ignore

async function askStatic(kube: KubeApi, hook: string): Promise<'refused' | 'passed' | 'unknown'> {
  const canary = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: `kubectl-chain-canary-${hook}` },
    webhooks: [],
  };
  try {
    await kube.run(['create', '--dry-run=server', '--output=name', '--filename=-'], JSON.stringify(canary));
    return 'passed';
  } catch (error) {
    if (!isChainError(error, 'CLI_KUBECTL')) throw error;
    return error.message.includes(`"${staticGuardEntryName(hook)}" denied the request`) ? 'refused' : 'unknown';
  }
}

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
