import { openSync, fstatSync, closeSync, readSync, writeFileSync, readFileSync } from 'node:fs';
import { Agent, get } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { isAlive, startProcess, type ProcessIdentity } from '../control-plane/process.ts';
import type { PlaygroundLayout } from './layout.ts';
import { CHAIN_NODE, CLUSTER_NAME, NODE } from './paths.ts';
import type { NodeState, ProgramState } from './state.ts';

const POLL_INTERVAL_MS = 50;
const LOG_TAIL_BYTES = 3_000;

export function nodeArguments(layout: PlaygroundLayout, org: string): string[] {
  return [CHAIN_NODE, 'start', '--config', layout.org(org).config];
}

/** node.yaml: everything of this node is below its organisation's folder. */
export function writeNodeConfig(
  layout: PlaygroundLayout,
  node: NodeState,
  webhookClientCa: string,
  nodeAgents: readonly string[],
  auditLog: string,
  canary?: object,
): void {
  const { genesis, dataDir, nodeDir, observerKubeconfig, config } = layout.org(node.org);
  const pair = (name: string) => ({ key: `${nodeDir}/tls/${name}.key`, certificate: `${nodeDir}/tls/${name}.crt` });
  const { ports } = node;
  const text = stringify({
    apiVersion: 'kubectl-chain.dev/v1alpha1',
    kind: 'NodeConfig',
    org: node.org,
    genesisFile: genesis,
    dataDir,
    keys: {
      vote: `${nodeDir}/keys/vote.pem`,
      tx: `${nodeDir}/keys/tx.pem`,
      checkpoint: `${nodeDir}/keys/checkpoint.pem`,
    },
    peer: { listen: `127.0.0.1:${ports.peer}`, ...pair('peer') },
    api: { listen: `127.0.0.1:${ports.api}`, ...pair('api') },
    metrics: { listen: `127.0.0.1:${ports.metrics}` },
    webhook: { listen: `127.0.0.1:${ports.webhook}`, ...pair('webhook'), clientCa: webhookClientCa, nodeAgents },
    cluster: { name: CLUSTER_NAME, kubeconfig: observerKubeconfig, auditLog, ...(canary && { canary }) },
  });
  writeFileSync(config, text);
}

export function startProgram(program: ProgramState, detached: boolean): Promise<ProcessIdentity> {
  return startProcess({ command: NODE, args: program.args, logFile: program.logFile, detached });
}

/**
 * Asks until `isReady` says so; an error of it counts as "not yet".
 * @throws Error with the end of the log if the process ends first or after `timeoutMs`.
 */
export async function waitForProgram(
  what: string,
  program: ProgramState,
  isReady: () => Promise<boolean>,
  timeoutMs: number,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  let reason = '';
  for (;;) {
    if (program.process === undefined || !isAlive(program.process)) {
      throw new Error(`${what} ended:\n${tailOf(program.logFile)}`);
    }
    try {
      if (await isReady()) return;
      reason = 'it says that it is not';
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    }
    if (performance.now() > deadline) {
      throw new Error(`${what} is not ready after ${timeoutMs} ms (${reason}):\n${tailOf(program.logFile)}`);
    }
    await sleep(POLL_INTERVAL_MS);
  }
}

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

/** GET of a node's API. Any status is an answer. @throws the connection's error, or Error after the timeout. */
export function getApi(
  layout: PlaygroundLayout,
  node: NodeState,
  path: string,
  timeoutMs = 2_000,
): Promise<HttpAnswer> {
  return httpsGet(
    `https://127.0.0.1:${node.ports.api}${path}`,
    `${layout.org(node.org).nodeDir}/tls/api-ca.crt`,
    timeoutMs,
  );
}

/** One GET over a connection of its own. Any status is an answer. @throws the connection's error, or Error after the timeout. */
export async function httpsGet(url: string, caFile: string, timeoutMs = 2_000): Promise<HttpAnswer> {
  const agent = new Agent({ ca: readFileSync(caFile) });
  try {
    return await new Promise((resolve, reject) => {
      const request = get(url, { agent }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
        response.on('error', reject);
      });
      request.setTimeout(timeoutMs, () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)));
      request.on('error', reject);
    });
  } finally {
    agent.destroy();
  }
}

/** Counted reviews of a node's webhook, all outcomes together. */
export async function reviewsAnswered(node: NodeState): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${node.ports.metrics}/metrics`, { signal: AbortSignal.timeout(2_000) });
  const lines = (await answer.text())
    .split('\n')
    .filter((line) => line.startsWith('kubectl_chain_admission_reviews_total'));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

export function tailOf(file: string, bytesMax = LOG_TAIL_BYTES): string {
  const log = openSync(file, 'r');
  try {
    const { size } = fstatSync(log);
    const bytes = Buffer.alloc(Math.min(size, bytesMax));
    readSync(log, bytes, 0, bytes.length, Math.max(0, size - bytesMax));
    return bytes.toString('utf8');
  } finally {
    closeSync(log);
  }
}
