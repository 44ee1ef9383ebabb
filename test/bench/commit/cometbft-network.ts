import { randomBytes } from 'node:crypto';
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureBinaries } from '../../control-plane/build.ts';
import { guard, release } from '../../control-plane/guardian.ts';
import { PortReservation } from '../../playground/ports.ts';
import { mustRun } from '../../playground/run-command.ts';
import { DelayProxies } from './delay-proxy.ts';
import { NODES, TRANSACTION_BYTES, type Network, type Transaction } from './network.ts';
import { Poster } from './post.ts';

export type Tuning = 'default' | 'tuned';

/** What makes it fast on a quiet network; nothing else differs from the file that `cometbft testnet` writes. */
const TUNED: readonly (readonly [key: string, value: string])[] = [
  ['timeout_commit', '"0s"'],
  ['skip_timeout_commit', 'true'],
  ['create_empty_blocks', 'false'],
  ['peer_gossip_sleep_duration', '"2ms"'],
  ['flush_throttle_timeout', '"1ms"'],
];
const READY_TIMEOUT_MS = 60_000;
/** Blocks after which all nodes are connected and the first height's long timeouts are over. */
const READY_HEIGHT = 3;

/** Four CometBFT nodes with the kvstore, which checks no signature and keeps no tree. Asked with broadcast_tx_commit. */
export class CometbftNetwork implements Network {
  readonly name: string;
  readonly #dir: string;
  readonly #processes: readonly ChildProcess[];
  readonly #posters: readonly Poster[];
  readonly #proxies: DelayProxies;
  readonly #running: number[];

  static async start(tuning: Tuning, delayMs: number): Promise<CometbftNetwork> {
    const { cometbft } = await ensureBinaries(['cometbft']);
    const dir = mkdtempSync(join(tmpdir(), 'kubectl-chain-bench-cometbft-'));
    await mustRun(cometbft, ['testnet', '--v', String(NODES), '--o', dir, '--populate-persistent-peers=false']);
    const reservation = new PortReservation();
    const ports = await reservation.take(2 * NODES);
    const [p2p, rpc] = [ports.slice(0, NODES), ports.slice(NODES)];
    const proxies = await DelayProxies.start(NODES, delayMs);
    proxies.connect(p2p);
    const ids = await Promise.all(
      p2p.map(async (_, i) => (await mustRun(cometbft, ['show-node-id', '--home', home(dir, i)])).stdout.trim()),
    );
    const dialled = delayMs === 0 ? p2p : proxies.ports;
    for (let i = 0; i < NODES; i += 1) {
      const peers = ids.flatMap((id, j) => (j === i ? [] : [`${id}@127.0.0.1:${dialled[j]}`]));
      configure(join(home(dir, i), 'config', 'config.toml'), [
        ['proxy_app', '"kvstore"'],
        ['log_level', '"error"'],
        ['persistent_peers', `"${peers.join(',')}"`],
        // Nothing but the peers above: an address that is learned would lead past the proxies.
        ['pex', 'false'],
        ['laddr', `"tcp://127.0.0.1:${rpc[i]}"`, 'rpc'],
        ['laddr', `"tcp://127.0.0.1:${p2p[i]}"`, 'p2p'],
        ...(tuning === 'tuned' ? TUNED : []),
      ]);
    }
    await reservation.releaseAll();
    const processes = p2p.map((_, i) => launch(cometbft, home(dir, i)));
    const network = new CometbftNetwork(tuning, dir, processes, rpc, proxies);
    await network.#ready();
    return network;
  }

  private constructor(
    tuning: Tuning,
    dir: string,
    processes: readonly ChildProcess[],
    rpc: readonly number[],
    proxies: DelayProxies,
  ) {
    this.name = `CometBFT ${tuning}`;
    this.#dir = dir;
    this.#processes = processes;
    this.#proxies = proxies;
    this.#posters = rpc.map((port) => new Poster(port, 'application/json'));
    this.#running = processes.map((_, i) => i);
  }

  pids = (): readonly number[] => this.#running.map((i) => this.#processes[i]?.pid ?? 0);

  /** key=value with a key of its own each, as the kvstore wants it. */
  prepare(count: number): readonly Transaction[] {
    return Array.from({ length: count }, (_, i) => {
      const key = randomBytes(16).toString('hex');
      const bytes = new TextEncoder().encode(`${key}=${'x'.repeat(TRANSACTION_BYTES - key.length - 1)}`);
      return { node: this.#running[i % this.#running.length] ?? 0, bytes };
    });
  }

  async submit({ node, bytes }: Transaction): ReturnType<Network['submit']> {
    const params = { tx: Buffer.from(bytes).toString('base64') };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'broadcast_tx_commit', params });
    const { status, text } = (await this.#posters[node]?.post('/', body)) ?? { status: 0, text: '' };
    if (status !== 200) return { refusal: `${status} ${text}` };
    const { result } = JSON.parse(text) as { result?: { height?: string; tx_result?: { code: number } } };
    return result?.tx_result?.code === 0 && Number(result.height) > 0 ? 'committed' : { refusal: text };
  }

  async killOne(): Promise<void> {
    const last = this.#running.pop();
    if (last !== undefined) await kill(this.#processes[last]);
  }

  async close(): Promise<void> {
    for (const poster of this.#posters) poster.close();
    await Promise.all(this.#processes.map(kill));
    this.#proxies.close();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  async #ready(): Promise<void> {
    const deadline = performance.now() + READY_TIMEOUT_MS;
    for (let committed = 0; committed < READY_HEIGHT;) {
      const [transaction] = this.prepare(1);
      if (transaction !== undefined && (await this.submit(transaction)) === 'committed') committed += 1;
      else await sleep(100);
      if (performance.now() > deadline)
        throw new Error(`${this.name} commits nothing:\n${readFileSync(join(home(this.#dir, 0), 'log'), 'utf8')}`);
    }
  }
}

function home(dir: string, node: number): string {
  return join(dir, `node${node}`);
}

function launch(cometbft: string, dir: string): ChildProcess {
  const log = openSync(join(dir, 'log'), 'a');
  try {
    const child = spawn(cometbft, ['start', '--home', dir], { stdio: ['ignore', log, log] });
    if (child.pid !== undefined) guard(child.pid);
    return child;
  } finally {
    closeSync(log);
  }
}

async function kill(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
  if (child.pid !== undefined) release(child.pid);
}

/** Sets each key, of the named section if several have it. @throws Error if there is no such line: a wrong name must not pass for tuning. */
function configure(file: string, settings: readonly (readonly [key: string, value: string, section?: string])[]): void {
  const lines = readFileSync(file, 'utf8').split('\n');
  for (const [key, value, section = ''] of settings) {
    const from = section === '' ? 0 : lines.indexOf(`[${section}]`);
    const at = lines.findIndex((line, i) => i >= from && line.startsWith(`${key} =`));
    if (from < 0 || at < 0) throw new Error(`${file} has no ${section === '' ? '' : `[${section}] `}${key}`);
    lines[at] = `${key} = ${value}`;
  }
  writeFileSync(file, lines.join('\n'));
}
