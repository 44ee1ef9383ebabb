/** `npm run quickstart [-- --exit]`: the story of the README, played with the real commands, each step checked. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureBinaries } from '../control-plane/build.ts';
import { stopPlayground, type Playground } from '../playground/playground.ts';
import { evidenceStep, killStep } from './failure-story.ts';
import { foundingStep, recordingStep } from './founding-story.ts';
import { Stage } from './stage.ts';
import { exactStep, policyStep, refusalStep, voteStep } from './voting-story.ts';

const { values } = parseArgs({ options: { exit: { type: 'boolean', default: false } } });
const startedMs = performance.now();
const dir = mkdtempSync(join(tmpdir(), 'kubectl-chain-quickstart-'));

function progress(line: string): void {
  process.stderr.write(`${((performance.now() - startedMs) / 1000).toFixed(1).padStart(6)} s  ${line}\n`);
}

let stopping: Promise<void> | undefined;
/** Ends everything; keeps the folder if somebody will want to read its logs. */
function stop(keepFolder: boolean): Promise<void> {
  stopping ??= stopPlayground(dir).then(() => {
    if (!keepFolder) rmSync(dir, { recursive: true, force: true });
  });
  return stopping;
}

async function play(stage: Stage): Promise<void> {
  let playground: Playground | undefined;
  const started = (): Playground => {
    if (playground === undefined) throw new Error('the nodes did not start');
    return playground;
  };
  let proposal = 0;
  await stage.step('Four organisations found a chain', async () => {
    playground = await foundingStep(stage, dir, progress);
  });
  await stage.step('Every change is recorded before it is admitted', () => recordingStep(stage, started()));
  await stage.step('Policies come by vote', () => policyStep(stage));
  await stage.step('A change that a policy matches is refused', async () => {
    proposal = await refusalStep(stage);
  });
  await stage.step('The committee looks at it and votes', () => voteStep(stage, proposal));
  await stage.step('Exactly that change is admitted, once', () => exactStep(stage, proposal));
  await stage.step('Nodes die and come back', () => killStep(stage, started()));
  await stage.step('Who did what, proven; damage and lies found', () => evidenceStep(stage, started()));
}

const tryNext = (): string => `
== What to try next (it all stays up until Ctrl-C)
cd ${dir}
export PATH=${dir}/bin:$PATH
export KUBECONFIG=${dir}/cluster/kubeconfig
export KUBECTL_CHAIN_HOME=${dir}/chain
export KUBECTL_CHAIN_PASSPHRASE_FILE=${dir}/passphrase

kubectl chain audit -A                                  # everything that happened
kubectl scale deployment/web -n prod-shop --replicas=3  # refused: who would have to vote?
kubectl chain propose change -f web.yaml --key alice    # ask first, instead of being refused
kubectl chain vote ID --approve --key bob               # members: alice, bob, carol, dave
kubectl apply -f settings.yaml --context mallory        # somebody whom no organisation answers for
`;

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  process.once(signal, () => {
    progress('stopping');
    void stop(false).finally(() => process.exit(stayed ? 0 : code));
  });
}

let stayed = false;
const stage = new Stage((text) => process.stdout.write(text));
let ok = false;
try {
  progress('building what is missing: etcd, kube-apiserver and kubectl take some minutes once');
  await ensureBinaries(['etcd', 'kube-apiserver', 'kubectl'], { onProgress: progress });
  stage.figures['readyToStartMs'] = Math.round(performance.now() - startedMs);
  await play(stage);
  ok = true;
} catch (error) {
  process.stderr.write(
    `\nIt did not go as told: ${error instanceof Error ? error.message : String(error)}\nLogs are in ${dir}\n`,
  );
}
stage.figures['totalMs'] = Math.round(performance.now() - startedMs);
const stay = ok && !values.exit;
if (stay) process.stdout.write(tryNext());
else await stop(!ok);
process.stdout.write(`\n${JSON.stringify({ ok, steps: stage.steps, figures: stage.figures })}\n`);
if (stay) {
  stayed = true;
  progress('running; Ctrl-C stops everything');
  setInterval(() => {}, 60_000);
} else process.exit(ok ? 0 : 1);
