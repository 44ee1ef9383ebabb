import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Playground } from '../playground/playground.ts';
import { startAlteringProxy } from './altering-proxy.ts';
import { copyWithChangedByte } from './damage.ts';
import type { ListJson, RecordJson } from './founding-story.ts';
import { StoryError, type Stage } from './stage.ts';
import { admitted } from './voting-story.ts';

const [ALPHA, GAMMA, DELTA] = [0, 2, 3] as const;
const REFUSED_WITHIN_MS = 10_000;
const GO_ON_WITHIN_MS = 10_000;

/** Step 7. Alpha's node answers hook a, gamma's hook b, as long as they are there. */
export async function killStep(stage: Stage, playground: Playground): Promise<void> {
  const before = await admitted(stage, 'dev');
  await playground.kill(ALPHA);
  stage.show("kill -9 <alpha's node>", '');
  const killedMs = performance.now();
  await applyUntilAdmitted(stage, 'one-is-dead');
  stage.figures['admittedAfterKillMs'] = Math.round(performance.now() - killedMs);
  await stage.run('kubectl chain status', { code: [0, 1], stdout: [/degraded/] });

  await playground.kill(GAMMA);
  stage.show("kill -9 <gamma's node>", '');
  stage.say('Two of four are dead, one in each group. Nobody may claim now that anything was recorded:');
  const refused = await stage.run('kubectl create configmap two-are-dead -n dev --from-literal=a=1 --context alice', {
    code: 1,
    stderr: [/not recorded|outcome unknown|failed calling webhook/],
  });
  stage.figures['refusedWithoutQuorumMs'] = refused.ms;
  stage.expect(`it was refused within ${REFUSED_WITHIN_MS / 1000} s`, refused.ms < REFUSED_WITHIN_MS);
  stage.say('Reads go on, of the cluster and of the chain:');
  await stage.run('kubectl get configmaps -n dev', { stdout: [/settings/] });
  await stage.run('kubectl chain audit -n dev', { stdout: [/settings/] });

  const startedMs = performance.now();
  for (const node of [ALPHA, GAMMA]) await playground.startNode(node, { isReady: false });
  stage.show('chain-node start --config orgs/alpha/node.yaml &  chain-node start --config orgs/gamma/node.yaml &', '');
  await stage.run('kubectl chain status --wait-for=healthy --timeout=60s', { stdout: [/healthy/] });
  stage.figures['healthyAfterRestartMs'] = Math.round(performance.now() - startedMs);
  await applyUntilAdmitted(stage, 'both-are-back');
  const after = await admitted(stage, 'dev');
  stage.expect(
    'nothing acknowledged is lost',
    [...before].every((entry) => after.has(entry)) && after.has('CREATE one-is-dead'),
  );
  await stage.run('kubectl get configmap two-are-dead -n dev', { code: 1, stderr: [/NotFound/] });
}

/** A change that meets the moment before the failover has seen a node die is refused, never lost: then it is asked again. */
async function applyUntilAdmitted(stage: Stage, name: string): Promise<void> {
  const deadline = performance.now() + GO_ON_WITHIN_MS;
  for (;;) {
    const line = `kubectl create configmap ${name} -n dev --from-literal=a=1 --context alice`;
    const { code } = await stage.run(line, { code: [0, 1] });
    if (code === 0) return;
    if (performance.now() > deadline) throw new StoryError(`${name} was not admitted within ${GO_ON_WITHIN_MS} ms`);
    await sleep(200);
  }
}

/** Step 8. */
export async function evidenceStep(stage: Stage, playground: Playground): Promise<void> {
  const audit = 'kubectl chain audit deployment/web -n prod-shop';
  await stage.run(audit, { stdout: [/alice.*CREATE.*web.*ADMITTED/, /DELETE/, /REFUSED/] });
  const history = await stage.ask<ListJson<RecordJson>>(`${audit} -o json`);
  stage.expect('the client proved that no record of it is left out', history.provenComplete === true);
  const record = history.items.find(({ operation, decision }) => operation === 'CREATE' && decision === 'ADMITTED');
  if (record === undefined || record.proposal === null)
    throw new StoryError('the approved change is not in the history');
  stage.expect('observers saw it stored', record.persisted === true);
  await stage.run(`kubectl chain show ${record.index}`, {
    stdout: [/alice/, /Witnesses:/, /Height:/, /certified at height/],
  });
  await stage.run(`kubectl chain show proposal/${record.proposal} --key dave`, {
    stdout: [/bob: approve/, /carol: approve/],
  });

  await damagedStore(stage, playground, record.index);
  await lyingNode(stage, playground, audit);
}

async function damagedStore(stage: Stage, playground: Playground, record: number): Promise<void> {
  const { layout, state } = playground;
  const files = layout.org(state.nodes[DELTA]?.org ?? '');
  const copy = join(layout.dir, 'damaged');
  stage.say(`A byte of record ${record} is changed in a copy of delta's store:`);
  await playground.stopNode(DELTA);
  rmSync(copy, { recursive: true, force: true });
  await copyWithChangedByte(files.dataDir, copy, record);
  await stage.run('chain-node fsck --config orgs/delta/node.yaml', { stdout: [/^sound: height \d+/m] });
  await stage.run('chain-node fsck --data-dir damaged --genesis orgs/delta/genesis.json', {
    code: 1,
    stdout: [/\d+ problems?/],
  });
  rmSync(copy, { recursive: true, force: true });
  await playground.startNode(DELTA);
}

async function lyingNode(stage: Stage, playground: Playground, audit: string): Promise<void> {
  const { layout, state } = playground;
  const [honest, liar] = [state.nodes[ALPHA], state.nodes[DELTA]];
  if (honest === undefined || liar === undefined) throw new StoryError('there are fewer than four nodes');
  const tls = `${layout.org(liar.org).nodeDir}/tls`;
  const proxy = await startAlteringProxy({
    target: `https://127.0.0.1:${liar.ports.api}`,
    certificateFile: `${tls}/api.crt`,
    keyFile: `${tls}/api.key`,
    caFile: `${tls}/api-ca.crt`,
    from: '"user":"alice"',
    to: '"user":"mallory"',
  });
  try {
    stage.say("Delta's node now says that it was mallory. The client names it, and asks another:");
    const endpoints = `--endpoint ${proxy.url} --endpoint https://127.0.0.1:${honest.ports.api}`;
    const asked = await stage.run(`${audit} ${endpoints}`, {
      stdout: [/alice.*CREATE.*ADMITTED/],
      stderr: [new RegExp(proxy.url)],
    });
    stage.expect(
      'the changed record was served, and is not what is shown',
      proxy.altered() > 0 && !asked.stdout.includes('mallory'),
    );
    stage.say('With nobody else to ask there is no answer, rather than a wrong one:');
    await stage.run(`${audit} --endpoint ${proxy.url}`, { code: 4 });
  } finally {
    await proxy.stop();
  }
}
