import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../playground/run-command.ts';
import { startPlayground } from '../playground/playground.ts';
import { print, quantile } from './figure.ts';

const runs = 15;
const recordsShown = 50;

/** Whole processes, in turns: start-up beside kubectl's, and an audit of 50 verified records beside `kubectl get` of 50 objects. */
export async function benchCli(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'kubectl-chain-bench-'));
  const playground = await startPlayground({ dir, onProgress: (line) => process.stderr.write(`${line}\n`) });
  try {
    const { cluster, layout, env } = playground;
    await playground.kubectl('admin', ['create', 'namespace', 'bench']);
    for (let i = 0; i < recordsShown; i += 1)
      await playground.kubectl('admin', ['create', 'configmap', `c${i}`, '-n', 'bench']);
    const context = ['--context', cluster.adminContext];
    const subjects: readonly (readonly [
      subject: string,
      metric: string,
      command: string,
      args: readonly string[],
      peer: string,
    ])[] = [
      ['kubectl version --client', 'start', cluster.kubectl, ['version', '--client'], ''],
      ['kubectl-chain --help', 'start', layout.plugin, ['--help'], 'kubectl version --client'],
      ['kubectl-chain version --client', 'start', layout.plugin, ['version', '--client'], 'kubectl version --client'],
      ['kubectl get', '50 objects', cluster.kubectl, [...context, 'get', 'configmaps', '-n', 'bench'], ''],
      [
        'kubectl chain audit',
        '50 records',
        cluster.kubectl,
        ['chain', 'audit', '-n', 'bench', '--limit', String(recordsShown), ...context],
        'kubectl get',
      ],
    ];
    const samples = new Map<string, number[]>();
    for (let run = 0; run < runs; run += 1) {
      for (const [subject, , command, args] of subjects) {
        const fromMs = performance.now();
        const { code, stderr } = await runCommand(command, args, { env });
        if (code !== 0) throw new Error(`${subject}: exit ${code}: ${stderr}`);
        samples.set(subject, [...(samples.get(subject) ?? []), performance.now() - fromMs]);
      }
    }
    const median = (subject: string): number => quantile(samples.get(subject) ?? [], 0.5);
    for (const [subject, metric, , , peer] of subjects) {
      const value = median(subject);
      print({
        bench: 'cli',
        subject,
        metric,
        value,
        unit: 'ms',
        ...(peer === '' ? {} : { ratioTo: { subject: peer, ratio: value / median(peer) } }),
      });
    }
  } finally {
    await playground.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}
