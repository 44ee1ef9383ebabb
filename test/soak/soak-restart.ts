/** P6, P8: nodes restart one after the other, again and again, while writers go on: no admission fails. */
import { runClusterTest } from './run-test.ts';

const ROUNDS = 5;

export async function soak(): Promise<Readonly<Record<string, number>>> {
  for (let i = 0; i < ROUNDS; i += 1) runClusterTest('test/cluster/rotation.test.ts', { RESTART_NODES: '1' });
  return { rounds: ROUNDS };
}
