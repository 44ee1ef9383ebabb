import { keyIdOf } from '../../../src/crypto/index.ts';
import { ChainError } from '../../../src/errors/chain-error.ts';
import { blockIdOf } from '../../../src/ledger/index.ts';
import { nativeBackend } from '../../../src/crypto/index.ts';
import type { PolicySpec } from '../../../src/governance/policy.ts';
import { KEY, policyKey, joinerKey } from '../../../src/ledger/execute/keys.ts';
import type { Validator, Joiner } from '../../../src/types/chain.ts';
import { documentOf } from '../document.ts';
import { organisations } from '../identity.ts';
import type { ListOptions } from '../options.ts';
import { ageOf } from '../output/age.ts';
import { printList, printOne, type View } from '../output/print.ts';
import { reading } from '../session.ts';
import type { Terminal } from '../terminal.ts';

interface PolicyJson {
  readonly name: string;
  readonly digest: string;
  readonly sinceHeight: number;
  readonly spec: PolicySpec;
}

const policyView: View<PolicyJson> = {
  kind: 'Policy',
  name: ({ name }) => `policy/${name}`,
  columns: [
    { header: 'NAME', cell: ({ name }) => name },
    { header: 'APPROVALS', cell: ({ spec }) => String(spec.require.approvals) },
    { header: 'REQUIRED', cell: ({ spec }) => spec.require.requiredOrgs.join(',') },
    { header: 'BINDING', cell: ({ spec }) => spec.binding },
    { header: 'CLUSTERS', cell: ({ spec }) => spec.clusters.join(',') },
    {
      header: 'NAMESPACES',
      cell: ({ spec }) => [...new Set(spec.match.flatMap(({ namespaces }) => namespaces ?? ['*']))].join(','),
    },
    {
      header: 'RESOURCES',
      cell: ({ spec }) =>
        [
          ...new Set(
            spec.match.flatMap(
              ({ resources }) =>
                resources?.map(({ group, resource }) => (group === '' ? resource : `${resource}.${group}`)) ?? ['*'],
            ),
          ),
        ].join(','),
    },
    { header: 'SINCE', cell: ({ sinceHeight }) => String(sinceHeight) },
    { header: 'VOTING', cell: ({ spec }) => spec.deadlines.voting, isWide: true },
    { header: 'EXECUTION', cell: ({ spec }) => spec.deadlines.execution, isWide: true },
    { header: 'DIGEST', cell: ({ digest }) => digest, isWide: true },
  ],
};

export async function policies(terminal: Terminal, name: string | undefined, options: ListOptions): Promise<void> {
  await reading(terminal, options, async ({ reader }) => {
    const names =
      name === undefined
        ? (documentOf<string[]>((await reader.state([KEY.policies])).values, KEY.policies) ?? [])
        : [bare(name, 'policy')];
    const state = names.length === 0 ? undefined : await reader.state(names.map(policyKey));
    const found = names.flatMap((each) =>
      state === undefined ? [] : (documentOf<PolicyJson>(state.values, policyKey(each)) ?? []),
    );
    if (name === undefined) return printList(terminal, options, policyView, found);
    const [only] = found;
    if (only === undefined) throw new ChainError('CLI_NOT_FOUND', { what: `policy/${bare(name, 'policy')}` });
    return printOne(terminal, options, policyView, only);
  });
}

interface MemberJson {
  readonly org: string;
  readonly name: string;
  readonly roles: readonly string[];
  readonly votesRequired: number;
  readonly key: string;
  readonly keyId: string;
}

const memberView: View<MemberJson> = {
  kind: 'Member',
  name: ({ org, name }) => `member/${org}/${name}`,
  columns: [
    { header: 'ORG', cell: ({ org }) => org },
    { header: 'NAME', cell: ({ name }) => name },
    { header: 'ROLES', cell: ({ roles }) => roles.join(',') },
    { header: 'VOTES-REQUIRED', cell: ({ votesRequired }) => String(votesRequired) },
    { header: 'KEY', cell: ({ keyId }) => keyId.slice(0, 16) },
    { header: 'PUBLIC-KEY', cell: ({ key }) => key, isWide: true },
  ],
};

export async function members(terminal: Terminal, options: ListOptions): Promise<void> {
  await reading(terminal, options, async (session) => {
    const found = (await organisations(session)).flatMap(({ name: org, votesRequired, members: people }) =>
      people.map(({ name, roles, key }) => ({ org, name, roles, votesRequired, key, keyId: keyIdOf(key) })),
    );
    await printList(terminal, options, memberView, found);
  });
}

const validatorView: View<Validator & { readonly state: string }> = {
  kind: 'Validator',
  name: ({ id }) => `validator/${id}`,
  columns: [
    { header: 'NAME', cell: ({ id }) => id },
    { header: 'ORG', cell: ({ org }) => org },
    { header: 'PEER', cell: ({ peerAddress }) => peerAddress },
    { header: 'API', cell: ({ apiUrl }) => apiUrl },
    { header: 'STATE', cell: ({ state }) => state },
    { header: 'VOTE-KEY', cell: ({ voteKey }) => keyIdOf(voteKey).slice(0, 16) },
    { header: 'CHECKPOINT-KEY', cell: ({ checkpointKey }) => keyIdOf(checkpointKey).slice(0, 16), isWide: true },
  ],
};

interface SetJson {
  readonly set: number;
  readonly fromHeight: number;
  readonly validators: readonly string[];
  readonly handover: 'genesis' | 'signed' | 'pending';
}

const setView: View<SetJson> = {
  kind: 'ValidatorSet',
  name: ({ set }) => `set/${set}`,
  columns: [
    { header: 'SET', cell: ({ set }) => String(set) },
    { header: 'FROM-HEIGHT', cell: ({ fromHeight }) => String(fromHeight) },
    { header: 'VALIDATORS', cell: ({ validators: ids }) => ids.join(',') },
    { header: 'HANDOVER', cell: ({ handover }) => handover },
  ],
};

export async function validators(
  terminal: Terminal,
  options: ListOptions & { readonly sets?: boolean },
): Promise<void> {
  await reading(terminal, options, async ({ reader }) => {
    if (options.sets === true) {
      const sets = (await reader.validatorSets()).map(({ n, fromHeight, validators: all, isHandedOver }): SetJson => ({
        set: n,
        fromHeight,
        validators: all.map(({ id }) => id),
        handover: n === 0 ? 'genesis' : isHandedOver ? 'signed' : 'pending',
      }));
      return printList(terminal, options, setView, sets);
    }
    const { values } = await reader.state([KEY.validators, KEY.joiners]);
    const found = documentOf<Validator[]>(values, KEY.validators) ?? [];
    const names = documentOf<string[]>(values, KEY.joiners) ?? [];
    const joiners = names.length === 0 ? values : (await reader.state(names.map(joinerKey))).values;
    const joining = names.flatMap((name) => documentOf<Joiner>(joiners, joinerKey(name))?.validator ?? []);
    const items = [
      ...found.map((validator) => ({ ...validator, state: 'validator' })),
      ...joining.map((validator) => ({ ...validator, state: 'joining' })),
    ];
    await printList(terminal, options, validatorView, items);
  });
}

interface BlockJson {
  readonly height: number;
  readonly time: string;
  readonly id: string;
  readonly proposer: string;
  readonly transactions: number;
  readonly logSize: number;
  readonly logRoot: string;
  readonly stateRoot: string;
  readonly round: number;
  readonly signatures: readonly string[];
}

const blockView: View<BlockJson> = {
  kind: 'Block',
  name: ({ height }) => `block/${height}`,
  columns: [
    { header: 'HEIGHT', cell: ({ height }) => String(height) },
    { header: 'AGE', cell: ({ time }, nowMs) => ageOf(time, nowMs) },
    { header: 'TRANSACTIONS', cell: ({ transactions }) => String(transactions) },
    { header: 'PROPOSER', cell: ({ proposer }) => proposer },
    { header: 'ROUND', cell: ({ round }) => String(round) },
    { header: 'SIGNED-BY', cell: ({ signatures }) => signatures.join(',') },
    { header: 'ID', cell: ({ id }) => id.slice(0, 16) },
    { header: 'LOG-SIZE', cell: ({ logSize }) => String(logSize), isWide: true },
  ],
};

export interface BlocksOptions extends ListOptions {
  readonly limit?: string;
}

const blocksDefault = 20;
const blocksMax = 500;

export async function blocks(terminal: Terminal, height: string | undefined, options: BlocksOptions): Promise<void> {
  const count = Number(options.limit ?? blocksDefault);
  if (!Number.isInteger(count) || count < 1 || count > blocksMax)
    throw new ChainError('CLI_USAGE', { problem: `--limit ${options.limit ?? ''}: must be from 1 to ${blocksMax}` });
  if (height !== undefined && !/^(block\/)?[1-9]\d{0,14}$/.test(height))
    throw new ChainError('CLI_USAGE', { problem: `"${height}" is no height` });
  await reading(terminal, options, async ({ reader }) => {
    const last = (await reader.head())?.header.height ?? 0;
    const heights =
      height === undefined
        ? Array.from({ length: Math.min(count, last) }, (_, i) => last - i)
        : [Number(bare(height, 'block'))];
    const [wanted = 0] = heights;
    if (wanted > last) throw new ChainError('CLI_NOT_FOUND', { what: `block/${wanted}` });
    const sets = await reader.validatorSets();
    const found = (await reader.blocks(heights)).map(({ header, certificate, state, txCount }) => ({
      height: header.height,
      time: new Date(header.timeMs).toISOString(),
      id: blockIdOf(header, nativeBackend.sha256),
      proposer: header.proposer,
      transactions: txCount,
      logSize: state.logSize,
      logRoot: state.logRoot,
      stateRoot: state.stateRoot,
      round: certificate.round,
      signatures: certificate.signatures.map(({ validator }) => {
        const set = sets.findLast(({ fromHeight }) => fromHeight <= header.height);
        return set?.validators[validator]?.id ?? String(validator);
      }),
    }));
    const [only] = found;
    if (height === undefined || only === undefined) return printList(terminal, options, blockView, found);
    return printOne(terminal, options, blockView, only);
  });
}

function bare(text: string, kind: string): string {
  return text.startsWith(`${kind}/`) ? text.slice(kind.length + 1) : text;
}
