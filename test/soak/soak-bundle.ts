/** P1: one proposal for 500 objects on a real API server: one review, one vote, each applied once in any order. */
import { runClusterTest } from './run-test.ts';

const OBJECTS = 500;

export async function soak(): Promise<Readonly<Record<string, number>>> {
  runClusterTest('test/cluster/bundle.test.ts', { BUNDLE_OBJECTS: String(OBJECTS) });
  return { objects: OBJECTS };
}
