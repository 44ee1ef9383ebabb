import { CHAIN_NODE, NODE } from '../playground/paths.ts';
import type { Playground } from '../playground/playground.ts';
import { runCommand } from '../playground/run-command.ts';

export interface FsckReport {
  readonly ok: boolean;
  readonly height: number;
  readonly logSize: number;
  readonly logRoot: string | null;
  readonly stateRoot: string | null;
  readonly problems: readonly { readonly code: string; readonly where: string; readonly detail: string }[];
}

/** `chain-node fsck` of a stopped node's data folder, or of a copy of it. @throws Error unless it answers with a report. */
export async function fsck(playground: Playground, node: number, dataDir?: string): Promise<FsckReport> {
  const org = playground.state.nodes[node]?.org ?? '';
  const files = playground.layout.org(org);
  const place = ['--data-dir', dataDir ?? files.dataDir, '--genesis', files.genesis];
  const { code, stdout, stderr } = await runCommand(NODE, [CHAIN_NODE, 'fsck', ...place, '-o', 'json']);
  if (code !== 0 && code !== 1) throw new Error(`fsck: exit ${code}: ${stderr}`);
  const report = JSON.parse(stdout) as FsckReport;
  if (report.ok !== (code === 0)) throw new Error(`fsck says ok: ${report.ok} and exits with ${code}`);
  return report;
}

/** Stops all nodes in order, checks each folder, and starts them again. All reports are at one height, or this throws. */
export async function fsckAll(playground: Playground): Promise<FsckReport[]> {
  const indexes = playground.state.nodes.map((_, i) => i);
  await Promise.all(indexes.map((i) => playground.stopNode(i)));
  const reports: FsckReport[] = [];
  for (const i of indexes) reports.push(await fsck(playground, i));
  for (const i of indexes) await playground.startNode(i, { isReady: false });
  await Promise.all(indexes.map((i) => playground.waitUntilReady(i)));
  return reports;
}
