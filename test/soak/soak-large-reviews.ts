/**
 * P6: a node that is given reviews of 28 MB without end goes on voting and answering, and its memory is bounded. Longer than it takes on a busy machine it waits for nothing, but
 * each change has the 8 s that every change has: so this is no test for a machine that has a dozen other things to do.
 */
import { anonymousBytes } from '../bench/process-usage.ts';
import { quantile } from '../bench/figure.ts';
import { Committee } from '../fault/committee.ts';
import type { HookAnswer } from '../fault/hook-client.ts';
import { configMapReview } from '../fault/review.ts';
import { tally } from './tally.ts';

/** Some seconds of reading, on a fast core: as large as the webhook takes, in small values, which no API server would store. */
const KEYS = 700_000;
/** At alpha at once: as many as its bound on all bodies together holds. One is read at a time. */
const LARGE = 4;
const CHANGES = Number(process.env['SOAK_LARGE_CHANGES'] ?? 200);
/** What the README of the webhook says. */
const ANONYMOUS_BYTES_MAX = 850e6;
/** However long this process takes to send it: the hook itself answers 8 s after it began to hear of it. */
const ANSWER_TIMEOUT_MS = 120_000;

interface Parts {
  readonly request: { dryRun: boolean; object: { data: object } };
}

/** A dry run is answered as soon as it is read: its answer shows when the thread goes on to the next one. */
function largeReview(): string {
  const review = JSON.parse(configMapReview('large', 'large')) as Parts;
  const keys = Array.from({ length: KEYS }, (_, i) => [`key-number-${i}`, `value-number-${i}`]);
  review.request.object.data = Object.fromEntries(keys) as object;
  review.request.dryRun = true;
  return JSON.stringify(review);
}

export async function soak(): Promise<Readonly<Record<string, number | string>>> {
  const committee = await Committee.found();
  try {
    await committee.start();
    await committee.mustChange('before', ['alpha', 'gamma']);
    // From now on nothing is decided without alpha's votes.
    await committee.node('delta').kill();
    const alpha = committee.node('alpha');
    const review = largeReview();
    const answers: HookAnswer[] = [];
    let stopped = false;
    const large = Array.from({ length: LARGE }, async (_, client) => {
      for (let i = 0; !stopped; i += 1)
        answers.push(await alpha.ask(review.replace('"uid":"', `"uid":"${client}-${i}-`), ANSWER_TIMEOUT_MS));
    });
    let bytes = 0;
    let within = 0;
    const allowedMs: number[] = [];
    try {
      for (let i = 0; i < CHANGES; i += 1) {
        const before = answers.length;
        // Once through the busy node's own hook, once through its partner's.
        const change = await committee.change(`beside-${i}`, [i % 2 === 0 ? 'alpha' : 'beta', 'gamma']);
        if (change.isAllowed) allowedMs.push(Math.max(...change.answers.map(({ ms }) => ms)));
        if (change.isAllowed && answers.length === before) within += 1;
        bytes = Math.max(bytes, anonymousBytes(alpha.run.pid));
      }
    } finally {
      stopped = true;
      await Promise.all(large);
    }
    const codes = answers.map(({ isAllowed, code }) => (isAllowed ? 'allowed' : code));
    const figures = {
      largeBytes: review.length,
      large: tally(codes),
      changes: `${allowedMs.length} of ${CHANGES} allowed`,
      allowedWithinOneReading: within,
      p50Ms: Math.round(quantile(allowedMs, 0.5)),
      p99Ms: Math.round(quantile(allowedMs, 0.99)),
      nodeMegabytes: Math.round(bytes / 1e6),
    };
    // Each has its answer, and a clear one: what takes too long on a busy machine is refused.
    const strange = codes.filter((code) => code !== 'allowed' && !code.startsWith('WEBHOOK_'));
    if (strange.length > 0) throw new Error(`answers: ${JSON.stringify(figures)}`);
    if (bytes > ANONYMOUS_BYTES_MAX) throw new Error(`memory: ${JSON.stringify(figures)}`);
    // Read in the event loop, hardly any would begin and end while one and the same review is being read.
    if (within < CHANGES / 4) throw new Error(`votes: ${JSON.stringify(figures)}`);
    await committee.mustChange('after', ['alpha', 'gamma']);
    return figures;
  } finally {
    await committee.close();
  }
}
