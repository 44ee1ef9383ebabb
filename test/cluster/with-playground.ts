import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { startPlayground, type Playground, type PlaygroundOptions } from '../playground/playground.ts';
import { Committee } from './committee.ts';

const START_TIMEOUT_MS = 180_000;
const STOP_TIMEOUT_MS = 90_000;

export interface World {
  readonly playground: Playground;
  readonly committee: Committee;
}

/** One playground for all tests of a file; everything of it ends with the file. `prepare` runs once, before the first test. */
export function withPlayground(
  options: Omit<PlaygroundOptions, 'dir'> = {},
  prepare: (world: World) => Promise<void> = async () => {},
): World {
  let world: World | undefined;
  let dir: string | undefined;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'kubectl-chain-cluster-'));
    const playground = await startPlayground({ ...options, dir });
    world = { playground, committee: new Committee(playground) };
    await prepare(world);
  }, START_TIMEOUT_MS);

  afterAll(async () => {
    world?.committee.close();
    await world?.playground.stop();
    // KEEP_PLAYGROUND=1 leaves the logs for whoever looks for the reason of a failure.
    if (dir !== undefined && process.env['KEEP_PLAYGROUND'] === undefined)
      rmSync(dir, { recursive: true, force: true });
  }, STOP_TIMEOUT_MS);

  const started = (): World => {
    if (world === undefined) throw new Error('the playground did not start');
    return world;
  };
  return {
    get playground() {
      return started().playground;
    },
    get committee() {
      return started().committee;
    },
  };
}
