/** `npm run playground -- COMMAND --dir D`: a real API server with a chain of several organisations in front of it, left running. */
import { parseArgs } from 'node:util';
import { attachPlayground, startPlayground, stopPlayground } from './playground.ts';
import { ORGS_MAX, PROFILES, type Profile } from './organisations.ts';
import { CONTROL_PLANES, isRunning, type ControlPlane } from './state.ts';

const USAGE = `usage: npm run playground -- COMMAND --dir D
  up      [--orgs 4] [--control-plane api|full] [--profile witnessed|single]   start, return when ready
  down                      stop everything that was started; the data stays, and \`up\` goes on with it
  status                    one JSON object; exit 1 unless everything runs
  kill    --node K          kill -9
  stop    --node K          SIGTERM, until it is gone
  start   --node K          start it again, until it is ready
  pause | resume --node K   SIGSTOP, SIGCONT
D is the playground's folder, K an index in the \`nodes\` of D/env.json.`;

class UsageError extends Error {}

const OPTIONS = {
  dir: { type: 'string' },
  node: { type: 'string' },
  orgs: { type: 'string' },
  profile: { type: 'string' },
  'control-plane': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

type Values = { [K in keyof typeof OPTIONS]?: string | boolean };

function oneOf<T extends string>(name: string, value: unknown, allowed: readonly T[]): T | undefined {
  if (value === undefined) return undefined;
  const found = allowed.find((word) => word === value);
  if (found === undefined) throw new UsageError(`--${name} must be one of ${allowed.join(', ')}`);
  return found;
}

function wholeNumber(name: string, value: unknown, max: number): number {
  if (typeof value !== 'string' || !/^\d{1,3}$/.test(value) || Number(value) > max) {
    throw new UsageError(`--${name} must be a whole number up to ${max}`);
  }
  return Number(value);
}

async function up(dir: string, values: Values): Promise<void> {
  const profile = oneOf<Profile>('profile', values.profile, PROFILES);
  const controlPlane = oneOf<ControlPlane>('control-plane', values['control-plane'], CONTROL_PLANES);
  const startedMs = performance.now();
  const onProgress = (line: string) => {
    process.stderr.write(`${((performance.now() - startedMs) / 1000).toFixed(1).padStart(6)} s  ${line}\n`);
  };
  const interrupted = new AbortController();
  const starting = startPlayground({
    dir,
    detached: true,
    onProgress,
    signal: interrupted.signal,
    ...(values.orgs === undefined ? {} : { orgs: wholeNumber('orgs', values.orgs, ORGS_MAX) }),
    ...(profile === undefined ? {} : { profile }),
    ...(controlPlane === undefined ? {} : { controlPlane }),
  });
  const abandon = async (signal: string, code: number): Promise<void> => {
    onProgress(`${signal}: stopping what was started`);
    interrupted.abort(new Error(signal));
    // Once to end what is waited for, and once more for what was being started meanwhile.
    await stopPlayground(dir);
    await starting.catch(() => undefined);
    await stopPlayground(dir);
    process.exit(code);
  };
  const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
  for (const [signal, code] of Object.entries(signals)) process.once(signal, () => void abandon(signal, code));
  const playground = await starting.catch((error: unknown) => {
    // The exit code is the signal's then.
    if (interrupted.signal.aborted) return new Promise<never>(() => {});
    throw error;
  });
  onProgress('ready');
  const { layout, cluster } = playground;
  process.stdout.write(
    [
      `export PATH=${layout.binDir}:$PATH`,
      `export KUBECONFIG=${cluster.kubeconfig}`,
      `export KUBECTL_CHAIN_HOME=${layout.chainHome}`,
      `export KUBECTL_CHAIN_PASSPHRASE_FILE=${layout.passphraseFile}`,
      `# everything else is in ${layout.envFile}`,
      '',
    ].join('\n'),
  );
}

async function status(dir: string): Promise<void> {
  const { state, cluster } = await attachPlayground(dir);
  const nodes = state.nodes.map((node) => ({ org: node.org, pid: node.process?.pid ?? -1, running: isRunning(node) }));
  const hooks = state.hooks.map((hook) => ({
    name: hook.name,
    pid: hook.process?.pid ?? -1,
    running: isRunning(hook),
  }));
  const controlPlane = cluster.processes.map(({ name, pid, running }) => ({ name, pid, running }));
  const running = [...nodes, ...hooks, ...controlPlane].every((program) => program.running);
  process.stdout.write(`${JSON.stringify({ ready: state.ready, running, nodes, hooks, controlPlane })}\n`);
  if (!running) process.exitCode = 1;
}

async function run(command: string, dir: string, values: Values): Promise<void> {
  if (command === 'up') return up(dir, values);
  if (command === 'down') return stopPlayground(dir);
  if (command === 'status') return status(dir);
  const isNodeCommand = ['kill', 'stop', 'start', 'pause', 'resume'].includes(command);
  if (!isNodeCommand) throw new UsageError(`unknown command "${command}"`);
  const playground = await attachPlayground(dir);
  const index = wholeNumber('node', values.node, playground.state.nodes.length - 1);
  if (command === 'kill') await playground.kill(index);
  if (command === 'stop') await playground.stopNode(index);
  if (command === 'start') await playground.startNode(index);
  if (command === 'pause') playground.pause(index);
  if (command === 'resume') playground.resume(index);
}

try {
  const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true });
  const [command] = positionals;
  if (values.help === true) process.stdout.write(`${USAGE}\n`);
  else {
    if (command === undefined || positionals.length > 1) throw new UsageError('one command is needed');
    if (values.dir === undefined) throw new UsageError('--dir is needed');
    await run(command, values.dir, values);
  }
} catch (error) {
  const isUsage = error instanceof UsageError || (error instanceof TypeError && 'code' in error);
  process.stderr.write(
    `error: ${error instanceof Error ? error.message : String(error)}\n${isUsage ? `${USAGE}\n` : ''}`,
  );
  process.exitCode = isUsage ? 2 : 1;
}
