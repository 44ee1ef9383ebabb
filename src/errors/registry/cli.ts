import { entry } from '../define.ts';

export const cliErrors = {
  CLI_USAGE: entry<{ problem: string }>(
    400,
    (p) => p.problem,
    'See `kubectl chain --help` and `kubectl chain <command> --help`.',
  ),
  CLI_NOT_FOUND: entry<{ what: string }>(
    404,
    (p) => `${p.what} was not found`,
    'See the list: `kubectl chain audit`, `kubectl chain proposals`.',
  ),
  CLI_FILE: entry<{ file: string; reason: string }>(
    400,
    (p) => `${p.file}: ${p.reason}`,
    'Check the path, its permissions and its content.',
  ),
  CLI_CONFIG: entry<{ file: string; line: number; column: number; problem: string }>(
    400,
    (p) => `${p.file}:${p.line}:${p.column}: ${p.problem}`,
    'Correct the file at the line and column named; unknown fields are not ignored.',
  ),
  CLI_TEMPLATE: entry<{ template: string; problem: string }>(
    400,
    (p) => `output template ${p.template}: ${p.problem}`,
    "Templates are kubectl's: -o jsonpath='{.items[*].id}', -o custom-columns=ID:.id.",
  ),
  CLI_RESOURCE_TYPE: entry<{ type: string }>(
    400,
    (p) => `the resource type "${p.type}" is not known here`,
    'Use the plural with its API group, as in widgets.example.com/NAME.',
  ),
  CLI_CLUSTER: entry<{ problem: string; clusters: string }>(
    400,
    (p) => `${p.problem}; registered: ${p.clusters}`,
    'Name the registered cluster with --cluster-name.',
  ),
  CLI_CONFIRM: entry<{ what: string }>(
    400,
    (p) => `${p.what} needs a confirmation, and this is no terminal`,
    'Read what would be signed with --dry-run, then repeat with --yes.',
  ),
  CLI_DECLINED: entry<{ what: string }>(400, (p) => `${p.what}: declined, nothing was signed`, 'Answer y to go on.'),
  CLI_NO_KEY: entry<Record<never, never>>(
    400,
    () => 'no key was named to sign with',
    'Name one with --key, set defaultKey in config.yaml, or make one: kubectl chain keys generate NAME --org ORG.',
  ),
  CLI_KEY_UNKNOWN: entry<{ key: string }>(
    404,
    (p) => `there is no key ${p.key}`,
    'See `kubectl chain keys list`; a path, a name in the keys folder, or ssh-agent:COMMENT will do.',
  ),
  CLI_KEY_FOREIGN: entry<{ keyId: string }>(
    403,
    (p) => `the key ${p.keyId} belongs to no member of an organisation on this chain`,
    'Ask your organisation to propose you as a member with your descriptor.',
  ),
  CLI_KEY_PERMISSION: entry<{ file: string; mode: string }>(
    400,
    (p) => `${p.file} can be read by others (mode ${p.mode})`,
    'chmod 600 it; if somebody may have read it, replace the key.',
  ),
  CLI_AGENT: entry<{ reason: string }>(
    502,
    (p) => `ssh-agent: ${p.reason}`,
    'Start ssh-agent, add the Ed25519 key with ssh-add, and check SSH_AUTH_SOCK.',
  ),
  CLI_PASSPHRASE: entry<{ file: string }>(
    400,
    (p) => `the key ${p.file} is encrypted and no passphrase was given`,
    'Give --passphrase-file, set KUBECTL_CHAIN_PASSPHRASE_FILE, or run it in a terminal.',
  ),
  CLI_TERMS: entry<{ proposal: number }>(
    502,
    (p) => `the terms of proposal/${p.proposal} do not have the hash that the chain gives for them`,
    'Nothing was signed. Use a client of the same release as the nodes; if it is, report it.',
  ),
  CLI_APPLY: entry<{ what: string; reason: string }>(
    409,
    (p) => `${p.what} cannot be applied: ${p.reason}`,
    'Apply it with the tool that it was asked for with, or propose it again.',
  ),
  CLI_BODY: entry<{ proposal: number; object: string; reason: string }>(
    502,
    (p) => `proposal/${p.proposal} cannot be shown: the content of ${p.object} is not to be had: ${p.reason}`,
    'Nothing was signed: a ballot is only for what its voter has seen. Ask another node with --endpoint, or vote with --reject.',
  ),
  CLI_RECORDED_REFUSAL: entry<{ code: string; index: number; meaning: string }>(
    422,
    (p) => `recorded at ${p.index}, without effect: ${p.meaning} [${p.code}]`,
    'Look at the record with `kubectl chain show INDEX`.',
  ),
  CLI_WAIT_TIMEOUT: entry<{ what: string; state: string; seconds: number }>(
    504,
    (p) => `timed out after ${p.seconds} s waiting for ${p.what}: ${p.state}`,
    'Wait for longer with --timeout.',
  ),
  CLI_WAIT_ENDED: entry<{ what: string; state: string; wanted: string }>(
    409,
    (p) => `${p.what} is ${p.state} and can no longer become ${p.wanted}`,
    'See why with `kubectl chain show`.',
  ),
  CLI_KUBECTL_MISSING: entry<Record<never, never>>(
    400,
    () => 'kubectl was not found',
    'Put kubectl on the PATH, or name it in KUBECTL_CHAIN_KUBECTL.',
  ),
  CLI_KUBECTL: entry<{ command: string; reason: string }>(
    502,
    (p) => `kubectl ${p.command}: ${p.reason}`,
    'The API server or kubectl refused; correct what its message names.',
  ),
  CLI_OBJECT: entry<{ object: string; reason: string }>(
    400,
    (p) => `${p.object}: ${p.reason}`,
    'Correct the object and propose it again.',
  ),
  CLI_CANONICAL: entry<{ object: string; part: string }>(
    502,
    (p) => `the node's canonical form of ${p.object} is not of what was sent to it: ${p.part} differs`,
    "Nothing was signed. The own organisation's node is of another release, or lies.",
  ),
  CLI_NOTHING: entry<{ what: string }>(400, (p) => `nothing to do: ${p.what}`, 'Change something first.'),
  CLI_OWN_NODE: entry<{ org: string }>(
    503,
    (p) => `the genesis publishes no API of ${p.org}'s node, and only that one may see the object`,
    'Propose it by asking for it: apply the change as a user of your organisation; its refusal opens the proposal.',
  ),
  CLI_TRUST_EXISTS: entry<{ name: string }>(
    409,
    (p) => `a chain named ${p.name} is pinned already, with another genesis`,
    'Take another name, or remove it first: kubectl chain trust remove.',
  ),
} as const;
