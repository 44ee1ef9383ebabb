import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startPlayground, type Playground } from '../playground/playground.ts';
import { scenarios, type Scenario, type Values } from './admission-scenarios.ts';
import { print, quantile } from './figure.ts';
import { IDLE_CONFIGURATION, startIdleWebhook, type IdleWebhook } from './idle-webhook.ts';
import { addedTimes, webhookTimes } from './webhook-metrics.ts';

const webhooksPath = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
const chainConfiguration = 'kubectl-chain';
/** After a change of the configuration, until every part of the API server has seen it. */
const settleMs = 1_500;

const subjects = ['none', 'idle-webhook', 'single', 'witnessed'] as const;
type Subject = (typeof subjects)[number];

/** What was measured of each scenario and subject, one entry a run; beside it what the API server counted. */
class Results {
  readonly #runs = new Map<string, Values[]>();

  add(scenario: string, subject: Subject, values: Values): void {
    const key = `${scenario}/${subject}`;
    this.#runs.set(key, [...(this.#runs.get(key) ?? []), values]);
  }

  print(): void {
    for (const [key, runs] of this.#runs) {
      const [scenario = '', subject = ''] = key.split('/');
      for (const [metric, { unit }] of Object.entries(runs[0] ?? {})) {
        const value = median(runs, metric);
        const peer = median(this.#runs.get(`${scenario}/idle-webhook`) ?? [], peerOf(metric));
        const ratioTo = Number.isNaN(peer) ? {} : { ratioTo: { subject: 'idle-webhook', ratio: value / peer } };
        print({ bench: 'admission', subject, metric: `${metric}, ${scenario}`, value, unit, ...ratioTo });
      }
    }
  }
}

function median(runs: readonly Values[], metric: string): number {
  const found = runs.flatMap((values) => values[metric]?.value ?? []);
  return found.length === 0 ? Number.NaN : quantile(found, 0.5);
}

/** The API server's time for one of our hooks is compared with its time for the one that does nothing. */
function peerOf(metric: string): string {
  return metric.replace(/^API server's mean for .*$/, "API server's mean for idle.bench.kubectl-chain.dev");
}

/**
 * What changes cost through a real API server: without a webhook, with a Fastify webhook that does nothing, and through the gate in both profiles. Subjects take
 * turns, so that what else happens on the machine hits all of them.
 */
export async function benchAdmission(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      scenario: { type: 'string', multiple: true, default: Object.keys(scenarios) },
      profile: { type: 'string', multiple: true, default: ['witnessed', 'single'] },
      rounds: { type: 'string' },
    },
  });
  const results = new Results();
  for (const profile of ['witnessed', 'single'] as const) {
    if (!values.profile.includes(profile)) continue;
    for (const controlPlane of ['api', 'full'] as const) {
      const wanted = Object.entries(scenarios).filter(
        ([name, scenario]) => values.scenario.includes(name) && scenario.controlPlane === controlPlane,
      );
      if (wanted.length === 0) continue;
      const dir = mkdtempSync(join(tmpdir(), 'kubectl-chain-bench-'));
      const onProgress = (line: string): void => void process.stderr.write(`${line}\n`);
      const playground = await startPlayground({ dir, profile, controlPlane, onProgress });
      const idle = await startIdleWebhook();
      try {
        for (const [name, scenario] of wanted)
          await inTurns(playground, idle, profile, name, scenario, values.rounds, results);
      } finally {
        await idle.close();
        await playground.stop();
        rmSync(dir, { recursive: true, force: true });
      }
    }
  }
  results.print();
}

async function inTurns(
  playground: Playground,
  idle: IdleWebhook,
  profile: 'witnessed' | 'single',
  name: string,
  scenario: Scenario,
  rounds: string | undefined,
  results: Results,
): Promise<void> {
  const { cluster } = playground;
  for (let round = 0; round < Number(rounds ?? scenario.rounds); round += 1) {
    for (const subject of ['none', 'idle-webhook', profile] as const) {
      await putInFront(playground, subject, idle);
      const before = await webhookTimes(cluster);
      const tag = `${subject}-${name.replaceAll(' ', '-')}-${profile}-${round}`;
      const values = { ...(await scenario.run(playground, tag)) };
      for (const [hook, { calls, seconds }] of addedTimes(before, await webhookTimes(cluster))) {
        values[`API server's mean for ${hook}`] = { value: (seconds * 1_000) / calls, unit: 'ms' };
        values[`calls of ${hook}`] = { value: calls, unit: '1' };
      }
      results.add(name, subject, values);
      const shown = Object.entries(values).map(([metric, { value, unit }]) => `${metric} ${value.toFixed(1)} ${unit}`);
      process.stderr.write(`${profile}, ${name}, round ${round + 1}: ${subject}: ${shown.join(', ')}\n`);
    }
  }
}

/** Exactly one of the configurations is there afterwards, or none. */
async function putInFront(playground: Playground, subject: Subject, idle: IdleWebhook): Promise<void> {
  const { cluster } = playground;
  for (const name of [chainConfiguration, IDLE_CONFIGURATION])
    await cluster.request(`${webhooksPath}/${name}`, { method: 'DELETE' });
  if (subject === 'witnessed' || subject === 'single') {
    await playground.installHooks();
    await playground.waitUntilHooked();
  }
  if (subject === 'idle-webhook') {
    const answer = await cluster.request(webhooksPath, { method: 'POST', body: JSON.stringify(idle.configuration) });
    if (answer.status !== 201) throw new Error(`the idle webhook was not installed: ${answer.text}`);
  }
  await sleep(settleMs);
}
