import { spawn } from 'node:child_process';
import type { Cluster } from './cluster.ts';

export interface KubectlOptions {
  /** Context of the kubeconfig, which is a user's name. Default: the administrator's. */
  readonly context?: string;
  readonly stdin?: string;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default: 60,000; it is killed then, and `code` is null. */
  readonly timeoutMs?: number;
}

export interface KubectlResult {
  /** Exit code; null if a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const TIMEOUT_MS_DEFAULT = 60_000;

/** Runs the real kubectl against the cluster. Any exit code is a result. @throws Error only if it cannot be started. */
export function runKubectl(
  cluster: Pick<Cluster, 'kubectl' | 'kubeconfig' | 'kubectlCacheDir' | 'adminContext'>,
  args: readonly string[],
  options: KubectlOptions = {},
): Promise<KubectlResult> {
  const globals = [
    `--kubeconfig=${cluster.kubeconfig}`,
    `--context=${options.context ?? cluster.adminContext}`,
    `--cache-dir=${cluster.kubectlCacheDir}`,
  ];
  const child = spawn(cluster.kubectl, [...globals, ...args], {
    env: { ...process.env, ...options.env },
    stdio: 'pipe',
    timeout: options.timeoutMs ?? TIMEOUT_MS_DEFAULT,
    killSignal: 'SIGKILL',
  });
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      output[stream] += text;
    });
  }
  // kubectl may end without reading its input.
  child.stdin.on('error', () => {});
  child.stdin.end(options.stdin ?? '');
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, ...output }));
  });
}
