import { readFileSync } from 'node:fs';
import { LineCounter, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { openMemberDescriptor } from '../../../src/client/descriptor.ts';
import { decodeWith } from '../../../src/codec/index.ts';
import { nativeBackend } from '../../../src/crypto/index.ts';
import { ChainError } from '../../../src/errors/chain-error.ts';
import { durationMs } from '../../../src/governance/duration.ts';
import { parsePolicySpec } from '../../../src/governance/policy-parse.ts';
import { configProposal } from '../../../src/ledger/config-proposal.ts';
import { bindingKey, clusterKey, KEY, orgKey, policyKey } from '../../../src/ledger/execute/keys.ts';
import { factsHash, factsOf, observersNeeded } from '../../../src/ledger/execute/finding-facts.ts';
import { policyDigest, versionHash } from '../../../src/ledger/version-hash.ts';
import type { ClusterId, Hash, OrgId } from '../../../src/types/brand.ts';
import type {
  Binding,
  ChainParams,
  ClusterRecord,
  ConfigPolicy,
  Member,
  Organisation,
} from '../../../src/types/chain.ts';
import type { ConfigChange } from '../../../src/types/transaction.ts';
import { answer } from '../answer.ts';
import { confirm } from '../confirm.ts';
import { documentOf } from '../document.ts';
import { act, freshNonce, identityOf } from '../identity.ts';
import type { SigningOptions } from '../options.ts';
import { apiVersion } from '../output/print.ts';
import { printable } from '../output/printable.ts';
import { configLines } from '../config-lines.ts';
import { describeFinding, findingById, findingNumber, findingText } from '../findings.ts';
import { configTitle } from '../config-title.ts';
import { clusterNameOf, clusterOf, withSession, type Session } from '../session.ts';
import { paintDiff, type Terminal } from '../terminal.ts';

const { sha256 } = nativeBackend;

interface FileOptions extends SigningOptions {
  readonly filename?: readonly string[];
}

const metadata = z.strictObject({ name: z.string().min(1) });
const head = { apiVersion: z.literal(apiVersion), metadata: metadata.optional() };
const duration = z.string().transform((text, context) => {
  const ms = text === '0s' ? 0 : durationMs(text);
  if (ms === undefined) context.addIssue({ code: 'custom', message: 'must be a duration such as 30m or 24h' });
  return ms ?? 0;
});

/** Puts policies in force, or removes them. */
export function proposePolicy(
  terminal: Terminal,
  options: FileOptions & { readonly delete?: readonly string[] },
): Promise<void> {
  const schema = z.strictObject({ ...head, kind: z.literal('ChangePolicy'), metadata, spec: z.unknown() });
  return proposeConfig(terminal, options, async (session) => {
    const puts = (await documents(terminal, options)).map((document) => decodeWith(schema, document, 'ChangePolicy'));
    const removed = options.delete ?? [];
    const { values } = await stateOf(session, [...puts.map((put) => put.metadata.name), ...removed].map(policyKey));
    const digestOf = (name: string): Hash | null =>
      documentOf<{ digest: Hash }>(values, policyKey(name))?.digest ?? null;
    const changes = puts.flatMap(({ metadata: { name }, spec: raw }): ConfigChange[] => {
      const spec = parsePolicySpec(raw);
      const replaces = digestOf(name);
      return replaces === policyDigest(sha256, name, spec) ? [] : [{ type: 'policy-put', name, spec, replaces }];
    });
    return [
      ...changes,
      ...removed.map((name): ConfigChange => ({
        type: 'policy-delete',
        name,
        replaces: present(digestOf(name), `policy/${name}`),
      })),
    ];
  });
}

export function proposeCluster(terminal: Terminal, options: FileOptions): Promise<void> {
  const spec = z.strictObject({
    uid: z.string().default(''),
    hooks: z.array(z.strictObject({ name: z.string(), orgs: z.array(z.string()) })),
    observers: z.array(z.string()),
  });
  const schema = z.strictObject({ ...head, kind: z.literal('Cluster'), metadata, spec });
  return proposeConfig(terminal, options, async (session) => {
    const puts = (await documents(terminal, options)).map((document) => decodeWith(schema, document, 'Cluster'));
    const { values } = await stateOf(
      session,
      puts.map((put) => clusterKey(put.metadata.name)),
    );
    return puts.flatMap(({ metadata: { name }, spec: content }): ConfigChange[] => {
      const cluster = { name, ...content } as unknown as ClusterRecord;
      return swap(documentOf<ClusterRecord>(values, clusterKey(name)), cluster, (replaces) => ({
        type: 'cluster-put',
        cluster,
        replaces,
      }));
    });
  });
}

interface BindingOptions extends FileOptions {
  readonly kubeUser?: string;
  readonly member?: string;
  readonly delete?: boolean;
}

export function proposeBinding(terminal: Terminal, options: BindingOptions): Promise<void> {
  const spec = z.strictObject({
    cluster: z.string(),
    user: z.string().min(1),
    org: z.string(),
    member: z.string().nullable().default(null),
  });
  const schema = z.strictObject({ ...head, kind: z.literal('Binding'), spec });
  return proposeConfig(terminal, options, async (session) => {
    const { kubeUser, member: who } = options;
    if (kubeUser === undefined) {
      const wanted = (await documents(terminal, options)).map(
        (document) => decodeWith(schema, document, 'Binding').spec as Binding,
      );
      const { values } = await stateOf(
        session,
        wanted.map((binding) => bindingKey(sha256, binding.cluster, binding.user)),
      );
      return wanted.flatMap((binding) => bindingPut(values, binding));
    }
    const cluster = await clusterNameOf(session);
    const key = bindingKey(sha256, cluster, kubeUser);
    const { values } = await session.reader.state([key]);
    if (options.delete === true) {
      const before = documentOf<Binding>(values, key);
      return [
        {
          type: 'binding-delete',
          cluster,
          user: kubeUser,
          replaces: present(before === undefined ? null : versionHash(sha256, before), `binding of ${kubeUser}`),
        },
      ];
    }
    if (who === undefined)
      throw new ChainError('CLI_USAGE', { problem: 'give --member ORG/NAME, or --member ORG for a service account' });
    const [org = '', person] = who.split('/');
    return bindingPut(values, { cluster, user: kubeUser, org: org as OrgId, member: person ?? null });
  });
}

function bindingPut(values: ReadonlyMap<string, Uint8Array | undefined>, binding: Binding): ConfigChange[] {
  const before = documentOf<Binding>(values, bindingKey(sha256, binding.cluster as ClusterId, binding.user));
  return swap(before, binding, (replaces) => ({ type: 'binding-put', binding, replaces }));
}

export function proposeMember(
  terminal: Terminal,
  options: FileOptions & { readonly delete?: readonly string[] },
): Promise<void> {
  return proposeConfig(terminal, options, async (session) => {
    const added = (options.filename ?? []).map((file) =>
      openMemberDescriptor(file, Buffer.from(readText(file).trimEnd())),
    );
    const removed = (options.delete ?? []).map((text) => {
      const [org = '', name = ''] = text.split('/');
      return { org: org as OrgId, name };
    });
    if (added.length + removed.length === 0)
      throw new ChainError('CLI_USAGE', { problem: 'give -f DESCRIPTOR or --delete ORG/NAME' });
    const { values } = await stateOf(
      session,
      [...added, ...removed].map(({ org }) => orgKey(org)),
    );
    const memberOf = (org: string, name: string): Member | undefined =>
      documentOf<Organisation>(values, orgKey(org))?.members.find((member) => member.name === name);
    const puts = added.flatMap(({ org, member }) =>
      swap(memberOf(org, member.name), member, (replaces): ConfigChange => ({
        type: 'member-put',
        org,
        member,
        replaces,
      })),
    );
    const deletions = removed.map(({ org, name }): ConfigChange => {
      const before = memberOf(org, name);
      return {
        type: 'member-delete',
        org,
        name,
        replaces: present(before === undefined ? null : versionHash(sha256, before), `member/${org}/${name}`),
      };
    });
    return [...puts, ...deletions];
  });
}

export function proposeParams(terminal: Terminal, options: FileOptions): Promise<void> {
  const schema = z.discriminatedUnion('kind', [
    z.strictObject({ ...head, kind: z.literal('ChainParams'), spec: z.record(z.string(), z.number().int()) }),
    z.strictObject({
      ...head,
      kind: z.literal('ConfigPolicy'),
      spec: z.strictObject({ rule: z.enum(['majority', 'two-thirds', 'all']), delay: duration, voting: duration }),
    }),
  ]);
  return proposeConfig(terminal, options, async (session) => {
    const { values } = await session.reader.state([KEY.params, KEY.configPolicy]);
    return (await documents(terminal, options)).flatMap((document): ConfigChange[] => {
      const found = decodeWith(schema, document, 'parameters');
      if (found.kind === 'ConfigPolicy') {
        const { rule, delay: delayMs, voting: votingMs } = found.spec;
        const configPolicy: ConfigPolicy = { rule, delayMs, votingMs };
        return swap(documentOf<ConfigPolicy>(values, KEY.configPolicy), configPolicy, (replaces) => ({
          type: 'config-policy-put',
          configPolicy,
          replaces: present(replaces, 'the configuration policy'),
        }));
      }
      const before = documentOf<ChainParams>(values, KEY.params);
      const unknown = Object.keys(found.spec).find((name) => before !== undefined && !Object.hasOwn(before, name));
      if (unknown !== undefined) throw new ChainError('CLI_USAGE', { problem: `there is no parameter ${unknown}` });
      const params = { ...before, ...found.spec } as ChainParams;
      return swap(before, params, (replaces) => ({
        type: 'params-put',
        params,
        replaces: present(replaces, 'the parameters'),
      }));
    });
  });
}

/** Accepts findings as they are: the vote is about what min(f+1, observers) organisations agree on now, and fails if that grows. */
export function proposeRatification(
  terminal: Terminal,
  words: readonly string[],
  options: SigningOptions,
): Promise<void> {
  return proposeConfig(terminal, options, async (session) => {
    const cluster = await clusterOf(session);
    const validators = (await session.reader.validatorSets()).at(-1)?.validators ?? [];
    const needed = observersNeeded(validators.length, cluster);
    const changes: ConfigChange[] = [];
    for (const id of words.map(findingNumber)) {
      const finding = await findingById(session.reader, cluster.name, id);
      terminal.stderr(`\n${findingText(describeFinding(finding))}`);
      const replaces = factsHash(sha256, factsOf(finding, cluster.observers, needed));
      changes.push({ type: 'finding-ratify', cluster: cluster.name, finding: id, replaces });
    }
    return changes;
  });
}

/** Shows what would be put to the vote, asks, signs. All changes of one proposal are executed together or not at all. */
export async function proposeConfig(
  terminal: Terminal,
  options: FileOptions,
  build: (session: Session) => Promise<readonly ConfigChange[]>,
): Promise<void> {
  await withSession(terminal, options, async (session) => {
    const identity = await identityOf(session, options);
    const config = await build(session);
    if (config.length === 0) throw new ChainError('CLI_NOTHING', { what: 'all of it is in force already' });
    for (const change of config) {
      terminal.stderr(`\n${printable(configTitle(change))}\n${paintDiff(terminal, configLines(change))}`);
    }
    const { org, member } = identity;
    const what = `${config.length} configuration change${config.length === 1 ? '' : 's'}`;
    if (options.dryRun === true)
      return answer(terminal, options, 'proposal', `for ${what} would be made as ${org}/${member.name} (dry run)`);
    await confirm(terminal, options, `propose ${what} as ${org}/${member.name}`);
    const { index, result } = await act(session, identity, configProposal(config, freshNonce(), options.reason));
    await answer(terminal, options, `proposal/${result.proposal ?? ''}`, 'proposed', {
      proposal: result.proposal,
      org,
      member: member.name,
      record: index,
    });
  });
}

async function stateOf(
  { reader }: Session,
  keys: readonly string[],
): Promise<{ readonly values: ReadonlyMap<string, Uint8Array | undefined> }> {
  return keys.length === 0 ? { values: new Map() } : reader.state([...new Set(keys)]);
}

/** The change with the version that it replaces; nothing if that is what is in force. */
function swap<T extends Parameters<typeof versionHash>[1]>(
  before: T | undefined,
  after: T,
  change: (replaces: Hash | null) => ConfigChange,
): ConfigChange[] {
  const replaces = before === undefined ? null : versionHash(sha256, before);
  return replaces === versionHash(sha256, after) ? [] : [change(replaces)];
}

export function present(replaces: Hash | null, what: string): Hash {
  if (replaces === null) throw new ChainError('CLI_NOT_FOUND', { what });
  return replaces;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ChainError('CLI_FILE', { file, reason: (cause as Error).message }, { cause });
  }
}

/** All YAML documents of all files. Throws CLI_CONFIG with line and column. */
async function documents(terminal: Terminal, { filename = [] }: FileOptions): Promise<readonly unknown[]> {
  const found: unknown[] = [];
  for (const file of filename) {
    const counter = new LineCounter();
    const parsed = parseAllDocuments(file === '-' ? await terminal.readStdin() : readText(file), {
      lineCounter: counter,
      uniqueKeys: true,
    });
    for (const document of Array.isArray(parsed) ? parsed : []) {
      const [error] = document.errors;
      if (error !== undefined) {
        const { line, col } = counter.linePos(error.pos[0]);
        throw new ChainError('CLI_CONFIG', {
          file,
          line,
          column: col,
          problem: error.message.split('\n')[0] ?? 'not YAML',
        });
      }
      const value = document.toJS() as unknown;
      if (value !== null) found.push(value);
    }
  }
  return found;
}
