import type { Playground } from '../playground/playground.ts';

/** What every node of a playground shows on its metrics port. */
export async function nodeMetrics({ state }: Playground): Promise<readonly string[]> {
  return Promise.all(
    state.nodes.map(async ({ ports }) => {
      const answer = await fetch(`http://127.0.0.1:${ports.metrics}/metrics`, { signal: AbortSignal.timeout(30_000) });
      return answer.text();
    }),
  );
}

/** One metric, without its prefix, over all nodes and all of its series that have these labels. */
export function sumOf(texts: readonly string[], name: string, labels: Readonly<Record<string, string>> = {}): number {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  const lines = texts
    .flatMap((text) => text.split('\n'))
    .filter((line) => line.startsWith(`kubectl_chain_${name}{`) || line.startsWith(`kubectl_chain_${name} `))
    .filter((line) => wanted.every((label) => line.includes(label)));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}
