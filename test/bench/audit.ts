import { Agent, get } from 'node:https';
import { parseArgs } from 'node:util';
import { Committee, type FaultNode } from '../fault/committee.ts';
import { print, quantile } from './figure.ts';
import { RECORD_POLICIES, RecordMaker, SAMPLE } from './record-maker.ts';

export const PAGE = 50;
const RUNS = 15;
const PER_BLOCK = 50;
/** Block times of a million records must not lie in the future. */
const FOUNDED_AGO_MS = 12 * 3_600_000;

/**
 * Pages of 50 proven records from one node over its API, at growing sizes of the log. A query that scanned would take ten times as long at ten times the size;
 * the ratio is to the smallest one.
 */
export async function benchAudit(args: readonly string[]): Promise<void> {
  const first = new Map<string, number>();
  await atEachSize(args, async (size, node) => {
    const { logSize, timeMs } = await node.reader.status();
    const pages = new RecordPages(node);
    const middle = `before=${Math.floor(logSize / 2)}`;
    const from = timeMs - (size / PER_BLOCK / 2) * 1_000;
    const queries: readonly (readonly [name: string, query: string])[] = [
      ['newest first', ''],
      ['a page in the middle', `&${middle}`],
      ['by object', `&object=${encodeURIComponent(SAMPLE.object)}`],
      ['by namespace', `&namespace=${encodeURIComponent(SAMPLE.namespace)}`],
      ['by namespace, in the middle', `&namespace=${encodeURIComponent(SAMPLE.namespace)}&${middle}`],
      ['by actor', `&actor=${encodeURIComponent(SAMPLE.actor)}`],
      ['by decision', '&decision=REFUSED'],
      ['by decision, in the middle', `&decision=ADMITTED&${middle}`],
      ['by proposal', '&proposal=1'],
      ['by time', `&since=${from}&until=${from + 60_000}`],
      ['by actor and time', `&actor=${encodeURIComponent(SAMPLE.actor)}&until=${from}`],
    ];
    for (const [name, query] of queries) {
      const samples: number[] = [];
      let items = 0;
      for (let run = 0; run < RUNS; run += 1) {
        const page = await pages.ask(`?limit=${PAGE}${query}`);
        samples.push(page.ms);
        items = page.items;
      }
      const value = quantile(samples, 0.5);
      const smallest = first.get(name) ?? value;
      first.set(name, smallest);
      print({
        bench: 'audit',
        subject: `${size} records`,
        metric: `${name} (${items} records), p50`,
        value,
        unit: 'ms',
        ratioTo: { subject: 'the smallest log', ratio: value / smallest },
      });
    }
    pages.close();
  });
}

/** Calls `measure` with the first node of a committee, started on a log of each size; its other nodes do not run. `--records N`, several times. */
export async function atEachSize(
  args: readonly string[],
  measure: (records: number, node: FaultNode) => Promise<void>,
): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { records: { type: 'string', multiple: true, default: ['10000', '100000'] } },
  });
  const created = new Date(Date.now() - FOUNDED_AGO_MS);
  const committee = await Committee.found(4, { profile: 'single', plan: { created, policies: RECORD_POLICIES } });
  try {
    await committee.freePorts();
    const [node] = committee.nodes;
    if (node === undefined) return;
    let made = 0;
    for (const size of values.records.map(Number).sort((a, b) => a - b)) {
      const maker = await RecordMaker.open(committee);
      process.stderr.write(`making ${size - made} records\n`);
      await maker.make(size - made, PER_BLOCK);
      await maker.close();
      made = size;
      await node.start();
      await node.answering();
      await measure(size, node);
      await node.stop();
    }
  } finally {
    await committee.close();
  }
}

/** Asks a node for pages of proven records over one connection. */
export class RecordPages {
  readonly #agent = new Agent({ keepAlive: true });
  readonly #port: number;

  constructor(node: FaultNode) {
    this.#port = node.member.ports.api;
  }

  ask(query: string): Promise<{ readonly ms: number; readonly items: number }> {
    const startedMs = performance.now();
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port: this.#port, agent: this.#agent, rejectUnauthorized: false };
      get({ ...options, path: `/v1/records${query}` }, (incoming) => {
        let text = '';
        incoming.setEncoding('utf8').on('data', (part: string) => (text += part));
        incoming.once('error', reject);
        incoming.once('end', () => {
          if (incoming.statusCode !== 200) return reject(new Error(`${query}: ${incoming.statusCode} ${text}`));
          const { items } = JSON.parse(text) as { items: unknown[] };
          resolve({ ms: performance.now() - startedMs, items: items.length });
        });
      }).once('error', reject);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
