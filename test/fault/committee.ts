import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PortReservation } from '../playground/ports.ts';
import { found, PORTS_PER_NODE, type Founded, type FoundingOptions, type Member } from './founding.ts';
import { HookClient, type HookAnswer } from './hook-client.ts';
import { LinkProxy } from './link-proxy.ts';
import { NodeRun, runChainNode, type NodeExit, type Unusual } from './node-run.ts';
import { NodeReader } from './node-reader.ts';
import { patchedSources, type Patch } from './patched-sources.ts';
import { configMapReview } from './review.ts';

/** Generous: a node starts in two seconds on a quiet machine. */
const READY_TIMEOUT_MS = 90_000;
const POLL_INTERVAL_MS = 40;
/** Everything on disk is verified again: after hours of load that takes minutes on a busy machine. */
const FSCK_TIMEOUT_MS = 1_200_000;

export interface FsckReport {
  readonly ok: boolean;
  readonly height: number;
  readonly logSize: number;
  readonly logRoot: string;
  readonly stateRoot: string;
  readonly problems: readonly { readonly code: string; readonly where: string; readonly detail: string }[];
}

/** One organisation's node: what runs of it, and how to ask it. */
export class FaultNode {
  readonly member: Member;
  readonly reader: NodeReader;
  readonly #founded: Founded;
  #hook: HookClient;
  #run: NodeRun | undefined;
  #isPaused = false;

  constructor(founded: Founded, member: Member) {
    this.#founded = founded;
    this.member = member;
    this.reader = new NodeReader(founded, member);
    this.#hook = this.#newHook();
  }

  get org(): string {
    return this.member.org;
  }

  get files(): ReturnType<Founded['layout']['org']> {
    return this.#founded.layout.org(this.org);
  }

  get run(): NodeRun {
    if (this.#run === undefined) throw new Error(`${this.org} was never started`);
    return this.#run;
  }

  /** Of its process; undefined before the first start. */
  get pid(): number | undefined {
    return this.#run?.pid;
  }

  get isRunning(): boolean {
    return this.#run?.isRunning === true && !this.#isPaused;
  }

  /** Returns when the process runs; see `ready`. */
  async start(unusual: Unusual = {}): Promise<void> {
    if (this.#run?.isRunning === true) throw new Error(`${this.org} runs already`);
    this.#hook.close();
    this.#hook = this.#newHook();
    this.#run = await NodeRun.start(this.files.config, this.files.log, unusual);
    this.#isPaused = false;
  }

  /** Returns when the node says that it takes reviews and is connected to a quorum. @throws Error with the end of its log if it ends or stays unready. */
  async ready(timeoutMs = READY_TIMEOUT_MS): Promise<void> {
    const isReady = async (): Promise<boolean> => {
      const { ready, quorumReachable } = await this.reader.status();
      return ready && quorumReachable;
    };
    await this.#until(isReady, timeoutMs, 'is not ready');
  }

  /** Returns when the node answers reads, ready or not. */
  async answering(timeoutMs = READY_TIMEOUT_MS): Promise<void> {
    await this.#until(async () => (await this.reader.status()).org === this.org, timeoutMs, 'does not answer');
  }

  async #until(isSo: () => Promise<boolean>, timeoutMs: number, otherwise: string): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      if (!this.run.isRunning) throw new Error(`${this.org} ended:\n${this.run.logTail}`);
      if (await isSo().catch(() => false)) return;
      if (performance.now() > deadline) {
        const status = await this.reader.status().catch((error: unknown) => ({ error: String(error) }));
        throw new Error(
          `${this.org} ${otherwise} after ${timeoutMs} ms: ${JSON.stringify(status)}\n${this.run.logTail}`,
        );
      }
      await sleep(POLL_INTERVAL_MS);
    }
  }

  kill(): Promise<void> {
    return this.run.kill();
  }

  pause(): void {
    this.#isPaused = true;
    this.run.signal('SIGSTOP');
  }

  resume(): void {
    this.#isPaused = false;
    this.run.signal('SIGCONT');
  }

  /** SIGTERM; resolves when it is gone. */
  async stop(): Promise<NodeExit & { readonly ms: number }> {
    const startedMs = performance.now();
    this.run.signal('SIGTERM');
    const exit = await this.run.exited;
    return { ...exit, ms: Math.round(performance.now() - startedMs) };
  }

  ask(review: string, timeoutMs?: number): Promise<HookAnswer> {
    return this.#hook.ask(review, timeoutMs);
  }

  /** Asks its record hook. */
  record(review: string): Promise<HookAnswer> {
    return this.#hook.record(review);
  }

  /** Of a stopped node. */
  async fsck(): Promise<FsckReport> {
    const command = ['fsck', '--config', this.files.config, '-o', 'json'];
    const { stdout, stderr, code } = await runChainNode(command, undefined, FSCK_TIMEOUT_MS);
    if (stdout === '') throw new Error(`fsck of ${this.org}: exit ${code}\n${stderr}`);
    return JSON.parse(stdout) as FsckReport;
  }

  /** A command of chain-node about this node's configuration. */
  command(name: string, ...more: readonly string[]): ReturnType<typeof runChainNode> {
    return runChainNode([name, '--config', this.files.config, ...more]);
  }

  async close(): Promise<void> {
    this.#hook.close();
    this.reader.close();
    if (this.#run !== undefined) await this.#run.kill();
  }

  #newHook(): HookClient {
    return new HookClient(this.org, this.member.ports.webhook, this.#founded.hookTls(this.org));
  }
}

/** What both hooks of an API server said to one change; it goes through only if all allow. */
export interface Change {
  readonly name: string;
  readonly isAllowed: boolean;
  readonly answers: readonly HookAnswer[];
}

/** A chain of n organisations with real nodes in a folder of its own; close() stops and removes everything. */
export class Committee {
  readonly dir: string;
  readonly founded: Founded;
  readonly nodes: readonly FaultNode[];
  readonly #ports: PortReservation;
  #copies = 0;

  private constructor(dir: string, founded: Founded, ports: PortReservation) {
    this.dir = dir;
    this.founded = founded;
    this.#ports = ports;
    this.nodes = founded.members.map((member) => new FaultNode(founded, member));
  }

  /** Keys, genesis and configuration; no node runs yet. */
  static async found(n = 4, options: FoundingOptions = {}): Promise<Committee> {
    const dir = mkdtempSync(join(tmpdir(), 'kubectl-chain-fault-'));
    const ports = new PortReservation();
    try {
      return new Committee(dir, await found(dir, n, await ports.take(n * PORTS_PER_NODE), options), ports);
    } catch (error) {
      await ports.releaseAll();
      rmSync(dir, { recursive: true, force: true });
      throw error;
    }
  }

  node(org: string): FaultNode {
    const node = this.nodes.find((candidate) => candidate.org === org);
    if (node === undefined) throw new Error(`no organisation ${org}`);
    return node;
  }

  /** The nodes' ports were kept from others until now. */
  freePorts(): Promise<void> {
    return this.#ports.releaseAll();
  }

  /** The network between the nodes of a committee that was founded linked; to be started after `freePorts`. */
  links(): LinkProxy {
    return new LinkProxy(
      this.nodes.map((node) => ({
        org: node.org,
        proxyPort: node.member.ports.dialled ?? node.member.ports.peer,
        port: node.member.ports.peer,
        pid: () => node.pid,
      })),
    );
  }

  /** Starts all, and returns when all take reviews. `unusual`: by organisation. */
  async start(unusual: Readonly<Record<string, Unusual>> = {}): Promise<void> {
    await this.freePorts();
    await Promise.all(this.nodes.map((node) => node.start(unusual[node.org])));
    await Promise.all(this.nodes.map((node) => node.ready()));
    await this.#allSign();
  }

  /** One that began a moment after the others had decided a block observes for two more: a test that takes a node away needs the signatures of all others. */
  async #allSign(): Promise<void> {
    const areSigning = async (): Promise<boolean> => {
      const statuses = await Promise.all(this.nodes.map(({ reader }) => reader.status()));
      return statuses.every(({ notReady }) => notReady.length === 0);
    };
    const deadline = performance.now() + READY_TIMEOUT_MS;
    for (let i = 0; !(await areSigning().catch(() => false)); i += 1) {
      if (performance.now() > deadline) throw new Error(`not all sign after ${READY_TIMEOUT_MS} ms`);
      await this.change(`founding-${i}`);
    }
  }

  /** Has one node run other sources, or without `root` the real ones again; returns when it answers reads. */
  async rerun(org: string, root?: string): Promise<FaultNode> {
    const node = this.node(org);
    await node.stop();
    await node.start({ root });
    await node.answering();
    return node;
  }

  /** Root of a copy of the sources with something changed. */
  patched(...patches: readonly Patch[]): string {
    this.#copies += 1;
    return patchedSources(join(this.dir, `sources-${this.#copies}`), patches);
  }

  /** One change of the cluster: the same review to one node of each hook, `via` or the first that runs, both at once. */
  async change(name: string, via: readonly string[] = [], timeoutMs?: number, user?: string): Promise<Change> {
    const objectUid = randomUUID();
    const asked = this.founded.hooks.map(({ orgs }) => {
      const group = orgs.map((org) => this.node(org));
      return group.find(({ org }) => via.includes(org)) ?? group.find(({ isRunning }) => isRunning) ?? group[0];
    });
    const answers = await Promise.all(
      asked.flatMap((node) =>
        node === undefined ? [] : [node.ask(configMapReview(name, objectUid, user), timeoutMs)],
      ),
    );
    return { name, isAllowed: answers.every(({ isAllowed }) => isAllowed), answers };
  }

  /** @throws Error with what the hooks said unless it is allowed. */
  async mustChange(name: string, via: readonly string[] = []): Promise<Change> {
    const change = await this.change(name, via);
    if (!change.isAllowed) throw new Error(`${name} was refused: ${JSON.stringify(change.answers)}`);
    return change;
  }

  /**
   * Returns when all running nodes are at the same height with the same log and state. @throws Error if one height has two
   * logs or states, at once; or after `timeoutMs`, when one stays behind.
   */
  async agreed(
    timeoutMs = READY_TIMEOUT_MS,
  ): Promise<{ readonly height: number; readonly logRoot: string; readonly stateRoot: string }> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const running = this.nodes.filter(({ isRunning }) => isRunning);
      const heads = await Promise.all(running.map(({ reader }) => reader.head().catch(() => null)));
      const [first] = heads;
      if (first && heads.every((head) => head?.height === first.height)) {
        const roots = new Set(heads.map((head) => `${head?.logRoot} ${head?.stateRoot}`));
        if (roots.size > 1)
          throw new Error(`height ${first.height} has ${roots.size} outcomes: ${[...roots].join(', ')}`);
        return first;
      }
      if (performance.now() > deadline) {
        const shown = running.map(({ org }, i) => `${org} ${heads[i]?.height ?? 'no answer'}`);
        throw new Error(`not at one height after ${timeoutMs} ms: ${shown.join(', ')}`);
      }
      await sleep(POLL_INTERVAL_MS);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.close()));
    await this.#ports.releaseAll();
    rmSync(this.dir, { recursive: true, force: true });
  }
}
