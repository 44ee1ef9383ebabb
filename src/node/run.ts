import { pino } from 'pino';
import { ChainError, isChainError } from '../errors/chain-error.ts';
import { readNodeConfig } from './config.ts';
import { readGenesis } from './genesis-command.ts';
import { boundGarbage } from './heap.ts';
import { ChainNode } from './node.ts';

/** A stop that takes longer than this is not graceful any more: the log is durable anyway. */
const stopTimeoutMs = 20_000;

/**
 * Runs a node until SIGTERM or SIGINT, then drains and exits 0. Throws a coded error if it cannot start; a failure while
 * running that makes the promises impossible (the log or the store cannot be written) ends the process with exit 1.
 */
export async function runNode(configFile: string): Promise<void> {
  boundGarbage();
  const config = readNodeConfig(configFile);
  const log = pino({ level: config.log.level, base: { org: config.org } });
  const genesis = await readGenesis(config.genesisFile);
  const fatal = (error: unknown): void => {
    log.fatal({ err: error, ...(isChainError(error) ? { remedy: error.remedy } : {}) }, 'the node cannot go on');
    process.exit(1);
  };
  let stopping = false;
  /** Stops and starts, one after the other. */
  let turns: Promise<void> = Promise.resolve();
  const options = { config, genesis, log, fatal, onSnapshot: () => beginAnew() };
  let node = await ChainNode.open(options);
  process.on('uncaughtException', fatal);
  process.on('unhandledRejection', fatal);
  /** The state that was fetched is taken over as the node stops; everything in memory belongs to the one before. */
  const beginAnew = (): void => {
    turns = turns.then(async () => {
      if (stopping) return;
      await node.stop();
      if (stopping) return;
      node = await ChainNode.open(options);
      await node.start();
    });
    turns.catch(fatal);
  };
  const stop = (signal: string): void => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'stopping');
    setTimeout(() => process.exit(1), stopTimeoutMs).unref();
    turns
      .then(() => node.stop())
      .then(
        () => process.exit(0),
        (error: unknown) => fatal(error),
      );
  };
  process.on('SIGHUP', () => node.reload());
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop(signal));
  try {
    await node.start();
  } catch (error) {
    await node.stop().catch(() => undefined);
    throw error instanceof ChainError ? error : new Error('the node could not start', { cause: error });
  }
}
