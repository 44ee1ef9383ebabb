import type { SimResult } from './world.ts';

/**
 * What a hundred mixed runs do at least: a third of what they were seen to do. A simulator that stopped exercising something is noticed here,
 * by the test and by the command (for other numbers of runs in proportion, from twenty on).
 */
const coverageMin: Readonly<Record<string, number>> = {
  L11: 2500,
  L16: 30,
  L18: 500,
  L22: 1800,
  L28: 120,
  L34: 500,
  L36: 1600,
  L44: 400,
  L47: 150,
  L49: 1600,
  L55: 60,
  L57: 300,
  L61: 350,
  L65: 70,
  'round>3': 150,
  'pol-reproposal': 80,
  'late-polka': 50,
  resume: 220,
  sync: 100,
  synced: 120,
  'catch-up': 2000,
  repeat: 400,
  equivocation: 300,
  evidence: 300,
  'proposer-down': 300,
  'nil-precommits': 700,
  'buffered-delivered': 200,
  acknowledged: 700,
  'set-change': 30,
  'set-join': 12,
  'set-remove': 3,
  'set-replace': 10,
  'evidence-on-chain': 250,
};

const faultsMin: Readonly<Record<string, number>> = {
  weather: 120,
  delay: 5000,
  drop: 2000,
  duplicate: 2500,
  reorder: 7000,
  'lost-topic': 700,
  // In fair weather under a director nothing is cut.
  cut: 1000,
  partition: 60,
  'one-way-cut': 60,
  flapping: 8,
  'slow-link': 40,
  unconnected: 1200,
  crash: 65,
  'crash-all': 20,
  'crash-at-effect': 80,
  stop: 20,
  pause: 40,
  'clock-jump': 40,
  'clock-drift': 18,
  'slow-disk': 35,
  'failing-sync': 22,
  'full-disk': 20,
  'process-ended': 25,
  'unsynced-lost': 70,
  'byzantine-act': 700,
  'byzantine-invalid-block': 70,
  'byzantine-lie-blocks': 25,
  directed: 50,
  'directed-to-its-end': 12,
  starved: 10,
  'directed-crash': 20,
  'held-back': 2500,
};

/** Of committees of several sizes: of four with one faulty hardly any gets so far. */
const mixedMin: Readonly<Record<string, number>> = {
  relock: 10,
  unlock: 3,
  'byzantine-lie-handover': 20,
  'byzantine-leaver': 30,
};

const runsMin = 20;

export function total(results: readonly SimResult[], of: 'coverage' | 'faults'): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const result of results)
    for (const [key, count] of Object.entries(result[of])) sum[key] = (sum[key] ?? 0) + count;
  return sum;
}

/** What falls short, each as "kind: seen of needed"; empty for too few runs to say. */
export function shortOfCoverage(results: readonly SimResult[], isMixed = false): readonly string[] {
  if (results.length < runsMin) return [];
  const share = results.length / 100;
  const [coverage, faults] = [total(results, 'coverage'), total(results, 'faults')];
  const mixed = isMixed ? [[{ ...coverage, ...faults }, mixedMin] as const] : [];
  return [[coverage, coverageMin] as const, [faults, faultsMin] as const, ...mixed].flatMap(([seen, min]) =>
    Object.entries(min)
      .filter(([kind, needed]) => (seen[kind] ?? 0) < Math.floor(needed * share))
      .map(([kind, needed]) => `${kind}: ${seen[kind] ?? 0} of ${Math.floor(needed * share)}`),
  );
}
