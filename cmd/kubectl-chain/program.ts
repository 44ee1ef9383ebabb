import { Command, Option } from 'commander';
import type { Terminal } from './terminal.ts';

type Handler = () => Promise<number | void>;

const collect = (value: string, before: readonly string[] | undefined): readonly string[] => [...(before ?? []), value];

/**
 * The commands with their flags; each verb's code is loaded when it is run, so that help and completion stay cheap.
 * `run` gets the chosen verb and remembers its exit code.
 */
export function buildProgram(terminal: Terminal, run: (handler: Handler) => Promise<void>): Command {
  const program = new Command('kubectl chain')
    .description('Changes to a cluster as signed transactions of a committee: audit them, propose them, vote on them')
    .usage('COMMAND [flags]')
    .helpOption('-h, --help', 'help for a command')
    .helpCommand('help [command]', 'help for a command')
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .configureOutput({ writeOut: terminal.stdout, writeErr: terminal.stderr })
    .exitOverride();
  for (const option of globalOptions()) program.addOption(option);

  const command = (nameAndArguments: string, description: string, parent: Command = program): Command =>
    parent.command(nameAndArguments).description(description).exitOverride();
  /** Registers what a command does: `body` gets its arguments and all options. */
  const does = (target: Command, body: (words: string[], options: never) => Promise<number | void>): void => {
    target.action(async (...given: unknown[]) => {
      const words = given
        .slice(0, -2)
        .flat()
        .filter((word) => word !== undefined) as string[];
      await run(() => body(words, target.optsWithGlobals() as never));
    });
  };

  const status = command('status', 'whether the chain decides, and what its nodes say of themselves');
  output(status)
    .option('-w, --watch', 'go on until interrupted')
    .option('--wait-for <condition>', 'wait for: healthy')
    .option('--timeout <duration>', 'how long to wait, such as 90s or 5m (default 60s)');
  does(status, async (_words, options) => (await import('./verbs/status.ts')).status(terminal, options));

  const audit = command('audit [what...]', 'recorded changes: all, or TYPE, TYPE/NAME, or one record by INDEX');
  lists(output(audit))
    .option('--actor <user>', 'by this user, or ORG/MEMBER')
    .option('--operation <operation>', 'CREATE, UPDATE, DELETE, CONNECT, APPROVE, ...')
    .option('--decision <decision>', 'ADMITTED, REFUSED, ...')
    .option('--proposal <id>', 'that concern this proposal')
    .option('--persisted <answer>', 'what observers saw become of it: yes, no or unknown')
    .option('--findings', 'only what needs a look: what went around the log, double signing, approved and never stored')
    .option('--since <time>', 'from so long ago (30m, 24h), or from an RFC 3339 time')
    .option('--until <time>', 'up to so long ago (30m, 24h), or to an RFC 3339 time')
    .option('--limit <n>', 'at most so many lines (default 50)')
    .option('--raw', 'every record as it stands in the log')
    .option('-f, --follow', 'print new records until interrupted')
    .option('-w, --watch', 'the same as --follow');
  does(audit, async (words, options) => (await import('./verbs/audit.ts')).audit(terminal, words, options));

  const show = command('show <what>', 'a record (INDEX) or a proposal (proposal/ID) in full, with the diff');
  show.option('--full', 'every diff of a proposal, however many there are');
  does(keys(output(show)), async ([word = ''], options) =>
    (await import('./verbs/show.ts')).show(terminal, word, options),
  );

  const proposals = command('proposals [id]', 'what is, or was, to be voted on').alias('proposal');
  keys(output(proposals))
    .option('--state <states>', 'in one of these states: OPEN, APPROVED, EXECUTED, REJECTED, ...; commas between')
    .option('--mine', 'asked for, or claimed, by me')
    .option('--awaiting-me', 'that I may vote on and have not')
    .option('--limit <n>', 'at most so many lines (default 50)')
    .option('-w, --watch', 'print changes until interrupted');
  does(proposals, async (words, options) => (await import('./verbs/proposals.ts')).proposals(terminal, words, options));

  propose(program, command, does, terminal);

  const claim = command(
    'claim <proposal...>',
    'say that you are the author of changes that CI or an unbound user asked for',
  );
  signing(claim).option('--withdraw', 'take an earlier claim back');
  does(claim, async (words, options) => (await import('./verbs/claim.ts')).claim(terminal, words, options));

  const vote = command('vote <proposal...>', 'look at a proposal and vote on it');
  signing(vote)
    .option('--approve', 'vote for it')
    .option('--reject', 'vote against it')
    .option('--abstain', 'vote neither for nor against it')
    .option('--full', 'show every diff, however many there are')
    .option('--reason <text>', 'why, for the record');
  does(vote, async (words, options) => (await import('./verbs/vote.ts')).vote(terminal, words, options));

  const apply = command(
    'apply <proposal>',
    'ask the API server for exactly what was approved: what a repeated `rollout restart` would not be',
  );
  signing(apply);
  does(apply, async ([word = ''], options) => (await import('./verbs/apply.ts')).apply(terminal, word, options));

  const withdraw = command('withdraw <proposal>', 'take back what you proposed');
  does(signing(withdraw), async ([word = ''], options) =>
    (await import('./verbs/claim.ts')).withdraw(terminal, word, options),
  );

  const wait = command('wait <proposal>', 'wait until a proposal is in a state');
  output(wait)
    .requiredOption('--for <state>', 'approved, executed, rejected, ...')
    .option('--timeout <duration>', 'how long to wait, such as 90s or 5m (default 30s)');
  does(wait, async ([word = ''], options) => (await import('./verbs/wait.ts')).wait(terminal, word, options));

  const verify = command(
    'verify [what...]',
    'whether the cluster still holds what was approved (TYPE/NAME), or whether a record is proven (--record INDEX)',
  );
  lists(keys(output(verify))).option('--record <index>', 'a record instead of an object');
  does(verify, async (words, options) => (await import('./verbs/verify.ts')).verify(terminal, words, options));

  const policies = command('policies [name]', 'which changes need which votes').alias('policy');
  does(output(policies), async ([name], options) =>
    (await import('./verbs/lists.ts')).policies(terminal, name, options),
  );
  const members = command('members', 'organisations and their people');
  does(output(members), async (_words, options) => (await import('./verbs/lists.ts')).members(terminal, options));
  const validators = command('validators', "the organisations' nodes, of the next height, and those that join");
  validators.option('--sets', 'every set since the genesis, with its handover');
  does(output(validators), async (_words, options) => (await import('./verbs/lists.ts')).validators(terminal, options));
  const blocks = command('blocks [height]', 'certified blocks, newest first');
  output(blocks).option('--limit <n>', 'at most so many (default 20)');
  does(blocks, async ([height], options) => (await import('./verbs/lists.ts')).blocks(terminal, height, options));

  const install = command(
    'install',
    "put the gate's webhook configuration and the observers' RBAC into the cluster of the kube context",
  );
  output(install)
    .option('--hook <name=url>', 'address of a hook of the cluster record; repeat for each', collect)
    .option('--webhook-ca <file>', 'CA certificates of the webhooks, PEM')
    .option('--name <name>', 'name of the webhook configuration', 'kubectl-chain')
    .option(
      '--node-agent <user>',
      'user that acts for nodes beside the kubelets, left out of the gate like them; repeat for several',
      collect,
    )
    .option('--failure-policy <policy>', "the gate's: Fail or Ignore", 'Fail')
    .option(
      '--profile <profile>',
      'standard: the control plane goes on without its record hook; strict: it does not',
      'standard',
    )
    .option('--record-hook <url>', 'address of the record hook; else that of the first hook, with /record for /admit')
    .option('--guard', 'with the admission policy that refuses changes of the webhook configuration')
    .option(
      '--static-guard <file>',
      'write the static webhook configuration that gates the guard itself (Kubernetes 1.36, alpha)',
    )
    .option('--dry-run', 'print the manifests, change nothing')
    .option('-y, --yes', 'do not ask');
  does(install, async (_words, options) => (await import('./verbs/install.ts')).install(terminal, options));
  const uninstall = command('uninstall', "remove the gate's webhook configuration and the observers' RBAC");
  output(uninstall)
    .option('--name <name>', 'name of the webhook configuration', 'kubectl-chain')
    .option('-y, --yes', 'do not ask');
  does(uninstall, async (_words, options) => (await import('./verbs/install.ts')).uninstall(terminal, options));

  const check = command('check', 'what protects this cluster, layer by layer, and what each layer does not cover');
  does(output(check), async (_words, options) => (await import('./verbs/check.ts')).check(terminal, options));

  const keyCommands = command('keys', 'keys to sign with');
  const generate = command('generate <name>', 'make a key and the descriptor that names it', keyCommands);
  output(generate)
    .requiredOption('--org <org>', 'organisation of the member')
    .option('--out <file>', 'where the key goes (default: the keys folder)')
    .option('--role <role>', 'member, operator, auditor, emergency; repeat for several', collect)
    .option('--passphrase-file <file>', 'encrypt with the first line of this file');
  does(generate, async ([name = ''], options) =>
    (await import('./verbs/keys.ts')).generateKey(terminal, name, options),
  );
  const rotate = command('rotate', 'replace your own key: signed by the old and the new one, no vote', keyCommands);
  does(signing(rotate), async (_words, options) =>
    (await import('./verbs/rotate-key.ts')).rotateKey(terminal, options),
  );
  const listKeys = command('list', 'keys in the keys folder and in ssh-agent', keyCommands);
  does(output(listKeys), async (_words, options) => (await import('./verbs/keys.ts')).listKeys(terminal, options));

  const trust = command('trust', 'chains whose genesis is pinned');
  const add = command('add <name>', 'pin the genesis of a chain', trust);
  output(add)
    .requiredOption('--genesis <file>', 'genesis file, from the organisations')
    .option('--kube-context <context>', 'use it for this kube context; repeat for several', collect);
  does(add, async ([name = ''], options) => (await import('./verbs/trust.ts')).addTrust(terminal, name, options));
  const listTrust = command('list', 'pinned chains', trust);
  does(output(listTrust), async (_words, options) => (await import('./verbs/trust.ts')).listTrust(terminal, options));
  const remove = command('remove <name>', 'forget a chain', trust);
  does(output(remove), async ([name = ''], options) =>
    (await import('./verbs/trust.ts')).removeTrust(terminal, name, options),
  );

  const completion = command('completion <shell>', 'completion script for bash, zsh, fish or powershell');
  does(completion, async ([shell = '']) => (await import('./verbs/completion.ts')).completion(terminal, shell));
  const complete = program.command('__complete [words...]', { hidden: true }).allowUnknownOption().helpOption(false);
  does(complete, async () =>
    (await import('./verbs/completion.ts')).complete(terminal, program, terminal.completionWords ?? []),
  );

  const version = command('version', 'version of the client and of the nodes');
  version.option('--client', 'only the client').option('-o, --output <format>', 'json or yaml');
  does(version, async (_words, options) => (await import('./verbs/version.ts')).version(terminal, options));
  return program;
}

function propose(
  program: Command,
  command: (name: string, description: string, parent: Command) => Command,
  does: (target: Command, body: (words: string[], options: never) => Promise<void>) => void,
  terminal: Terminal,
): void {
  const parent = command(
    'propose',
    'ask the committee for a change of the cluster, or of the configuration of the chain',
    program,
  );
  const files = (target: Command): Command =>
    target.option('-f, --filename <file>', 'file, folder, or - for standard input; repeat for several', collect);
  const one = (name: string, description: string): Command =>
    signing(command(name, description, parent)).option('--reason <text>', 'why, for the voters');

  const change = one('change', 'objects as `kubectl apply` would leave them: one proposal for all of them');
  files(change)
    .option('-k, --kustomize <folder>', 'a kustomization')
    .option('-R, --recursive', 'folders below the folder too')
    .option('--full', 'show every diff, however many there are')
    .option('-n, --namespace <namespace>', 'namespace of objects that name none')
    .option('--server-side', 'as `kubectl apply --server-side`: what a GitOps tool will ask for')
    .option('--force-conflicts', 'with --server-side: take over fields that others manage')
    .option('--field-manager <name>', 'field manager of the tool that will apply it');
  does(change, async (_words, options) => (await import('./verbs/propose-change.ts')).proposeChange(terminal, options));
  const remove = one('delete <what...>', 'the deletion of TYPE/NAME');
  remove
    .option('-n, --namespace <namespace>', 'namespace of the object')
    .option('--cascade <strategy>', 'background, foreground or orphan', 'background')
    .option('--grace-period <seconds>', 'as in kubectl delete');
  does(remove, async (words, options) =>
    (await import('./verbs/propose-change.ts')).proposeDelete(terminal, words, options),
  );
  const policy = files(one('policy', 'a ChangePolicy to put in force (-f), or to remove (--delete NAME)'));
  policy.option('--delete <name>', 'remove this policy; repeat for several', collect);
  does(policy, async (_words, options) => (await import('./verbs/propose-config.ts')).proposePolicy(terminal, options));
  const cluster = files(one('cluster', 'a cluster record: hooks and observers'));
  does(cluster, async (_words, options) =>
    (await import('./verbs/propose-config.ts')).proposeCluster(terminal, options),
  );
  const binding = files(one('binding', 'which member, or organisation, answers for a Kubernetes user'));
  binding
    .option('--kube-user <name>', 'Kubernetes user')
    .option('--member <org/member>', 'who answers for it; ORG alone for a service account')
    .option('--delete', 'remove the binding of --kube-user');
  does(binding, async (_words, options) =>
    (await import('./verbs/propose-config.ts')).proposeBinding(terminal, options),
  );
  const member = files(one('member', 'a member, from the descriptor of `keys generate` (-f), or the removal of one'));
  member.option('--delete <org/name>', 'remove this member; repeat for several', collect);
  does(member, async (_words, options) => (await import('./verbs/propose-config.ts')).proposeMember(terminal, options));
  const validator = files(one('validator', "an organisation's node, from its descriptor.json (-f), or its removal"));
  validator.option('--remove <org>', 'remove this organisation', collect);
  does(validator, async (_words, options) =>
    (await import('./verbs/propose-validator.ts')).proposeValidator(terminal, options),
  );
  const ratify = one('ratify <finding...>', 'that what observers found is accepted as it is');
  does(ratify, async (words, options) =>
    (await import('./verbs/propose-config.ts')).proposeRatification(terminal, words, options),
  );
  const erasure = one('erasure <record...>', 'that all nodes delete what these changes contained; the proofs stay');
  does(erasure, async (words, options) =>
    (await import('./verbs/propose-erasure.ts')).proposeErasure(terminal, words, options),
  );
  const authority = one(
    'authority',
    'another authority or address of a hook, before it is installed, so that it is no finding',
  );
  authority
    .requiredOption(
      '--hook <name=url>',
      'hook and the address where the API server asks it; repeat for several',
      collect,
    )
    .requiredOption(
      '--webhook-ca <file>',
      'bundle of authorities as it will be installed; repeat for what follows it',
      collect,
    )
    .option('--record-hook <url>', 'address of the record hook, as for install');
  does(authority, async (_words, options) =>
    (await import('./verbs/propose-authority.ts')).proposeAuthority(terminal, options),
  );
  const params = files(
    one('params', 'parameters of the chain (ChainParams), or how the committee decides (ConfigPolicy)'),
  );
  does(params, async (_words, options) => (await import('./verbs/propose-config.ts')).proposeParams(terminal, options));
}

function output(command: Command): Command {
  return command
    .option('-o, --output <format>', 'table, wide, json, yaml, name, jsonpath=TEMPLATE, custom-columns=SPEC')
    .option('--no-headers', 'tables without their first line')
    .option('--sort-by <path>', 'JSONPath of the value to sort by');
}

function lists(command: Command): Command {
  return command
    .option('-n, --namespace <namespace>', 'namespace of the audited objects')
    .option('-A, --all-namespaces', 'objects of all namespaces');
}

function keys(command: Command): Command {
  return command
    .option('--key <key>', 'key file, name of a key, or ssh-agent[:COMMENT]')
    .option('--passphrase-file <file>', 'the first line of this file opens the key');
}

function signing(command: Command): Command {
  return keys(command)
    .option('-y, --yes', 'sign without asking')
    .option('--dry-run', 'show what would be signed, sign nothing')
    .option('-o, --output <format>', 'name, json, yaml, jsonpath=TEMPLATE');
}

function globalOptions(): readonly Option[] {
  return [
    new Option('--kubeconfig <file>', 'kubeconfig to use'),
    new Option('--context <name>', 'kube context to use'),
    new Option('--cluster <name>', 'cluster of the kubeconfig, for what asks the API server'),
    new Option('--user <name>', 'user of the kubeconfig, for what asks the API server'),
    new Option('--as <user>', 'user to impersonate at the API server'),
    new Option('--as-group <group>', 'group to impersonate at the API server').argParser(collect),
    new Option('--token <token>', 'bearer token for the API server'),
    new Option('-s, --server <url>', 'address of the API server'),
    new Option('--request-timeout <duration>', 'how long to wait for one answer (default 15s; 0 for ever)'),
    new Option('--chain <name>', 'pinned chain to read, whatever the kube context'),
    new Option('--chain-namespace <namespace>', 'namespace in which the nodes run'),
    new Option('--cluster-name <name>', 'registered cluster that is meant'),
    new Option('--endpoint <url>', 'node to ask instead of those that are pinned; repeat for several').argParser(
      collect,
    ),
    new Option('--ca-bundle <file>', "CA certificates of the nodes' API"),
    new Option('--max-age <duration>', 'how old a quorum\'s "this is the newest" may be (default 60s)'),
    new Option('-v, --v <level>', 'verbosity: from 4 on, errors come with where they arose'),
  ];
}
