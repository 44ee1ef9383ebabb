import { installArguments } from '../playground/hooks.ts';
import { CHAIN_NODE, KUBECTL_CHAIN, NODE } from '../playground/paths.ts';
import { startPlayground, type Playground } from '../playground/playground.ts';
import { mustRun, type Runner } from '../playground/run-command.ts';
import { writeManifests } from './manifests.ts';
import type { Stage } from './stage.ts';

export interface RecordJson {
  readonly index: number;
  readonly actor: string;
  readonly decision: string;
  readonly namespace: string;
  readonly name: string;
  readonly operation: string;
  readonly proposal: number | null;
  readonly witnesses: readonly { readonly org: string }[];
  readonly persisted: boolean | null;
}

export interface ListJson<T> {
  readonly provenComplete?: boolean;
  readonly items: readonly T[];
}

/** Step 1. The playground runs the commands; they are shown here as each organisation would type them. */
export async function foundingStep(stage: Stage, dir: string, say: (line: string) => void): Promise<Playground> {
  const shown: { line: string; output: string }[] = [];
  const programs: Readonly<Record<string, string>> = { [CHAIN_NODE]: 'chain-node', [KUBECTL_CHAIN]: 'kubectl chain' };
  const run: Runner = async (command, args) => {
    const result = await mustRun(command, args);
    const [program = '', ...rest] = args;
    const words = [programs[program] ?? program, ...rest].map((word) => word.replaceAll(`${dir}/`, ''));
    shown.push({ line: words.join(' '), output: result.shown.replaceAll(`${dir}/`, '') });
    return result;
  };
  const playground = await startPlayground({
    dir,
    orgs: 4,
    profile: 'witnessed',
    withoutHooks: true,
    run,
    onProgress: say,
  });
  writeManifests(dir);
  stage.use({
    env: playground.env,
    cwd: dir,
    commands: { kubectl: [playground.cluster.kubectl], 'chain-node': [NODE, CHAIN_NODE] },
  });

  const orgs = playground.state.nodes.map(({ org }) => org);
  stage.say('Each organisation makes the keys of its member and of its node, in its own folder:');
  for (const { line, output } of shown.filter((one) => one.line.includes('--org alpha'))) stage.show(line, output);
  stage.say(
    `... and so do ${orgs.slice(1).join(', ')}. They exchange descriptors, signed by the keys that they name, and each makes the genesis:`,
  );
  const geneses = shown
    .filter(({ line }) => line.startsWith('chain-node genesis'))
    .toSorted((a, b) => (a.line < b.line ? -1 : 1));
  for (const { line, output } of geneses) stage.show(line, output);
  stage.expect(
    'all four made the same genesis',
    geneses.length === 4 && new Set(geneses.map(({ output }) => output)).size === 1,
  );

  stage.say('Four nodes run, each with only its own keys. The client trusts the genesis by its hash, and no node:');
  await stage.run('kubectl chain trust list -o name', { stdout: [/playground/] });
  await stage.run('kubectl chain status --wait-for=healthy --timeout=60s', {
    stdout: [/healthy/, ...orgs.map((org) => new RegExp(org))],
  });
  const status = await stage.ask<{ health: string; nodes: readonly { ready: boolean }[] }>(
    'kubectl chain status -o json',
  );
  stage.expect(
    'four nodes are ready',
    status.health === 'healthy' && status.nodes.filter(({ ready }) => ready).length === 4,
  );
  return playground;
}

/** Step 2. */
export async function recordingStep(stage: Stage, playground: Playground): Promise<void> {
  const { state, layout } = playground;
  stage.say('Two hooks, answered by two groups of organisations: both must allow each change.');
  const install = installArguments(layout, state).map((word) => word.replaceAll(`${layout.dir}/`, ''));
  await stage.run(`kubectl ${install.join(' ')}`, { stdout: [/validatingwebhookconfiguration.*kubectl-chain/] });
  await playground.waitUntilHooked();
  stage.expect('a dry run goes through both hooks', true);

  await stage.run('kubectl create namespace dev', { stdout: [/namespace\/dev created/] });
  const applied = await stage.run('kubectl apply -f settings.yaml --context alice', { stdout: [/settings created/] });
  stage.figures['applyWithoutPolicyMs'] = applied.ms;
  stage.say('kubectl has returned: the change is on the log, committed by a quorum.');
  await stage.run('kubectl chain audit -n dev', { stdout: [/alice.*CREATE.*settings.*ADMITTED/] });
  const { items } = await stage.ask<ListJson<RecordJson>>('kubectl chain audit -n dev -o json');
  const record = items.find(({ name }) => name === 'settings');
  const groups = new Set(record?.witnesses.map(({ org }) => state.hooks.find(({ orgs }) => orgs.includes(org))?.name));
  stage.expect('an organisation of each group witnessed it', record?.witnesses.length === 2 && groups.size === 2);
}
