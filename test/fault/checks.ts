import { expect } from 'vitest';
import type { Change, Committee, FsckReport } from './committee.ts';
import type { LogRecord } from './node-reader.ts';

/**
 * What "nothing acknowledged is lost, and nobody disagrees" means, asked of every running node with a reader that verifies:
 * one block at each height, one log, and each allowed answer's decision at the very place that the answer named.
 * Returns the records of the log.
 */
export async function expectOneLogWith(
  committee: Committee,
  changes: readonly Change[],
): Promise<readonly LogRecord[]> {
  const { height } = await committee.agreed();
  const running = committee.nodes.filter(({ isRunning }) => isRunning);
  const outcomes = await Promise.all(running.map(async ({ reader }) => (await reader.blocks()).slice(0, height)));
  const logs = await Promise.all(running.map(({ reader }) => reader.records()));
  for (const [i, { org, reader }] of running.entries()) {
    expect(outcomes[i], `blocks of ${org}`).toEqual(outcomes[0]);
    expect(logs[i], `records of ${org}`).toEqual(logs[0]);
    expect(reader.liars, `answers of ${org} that do not verify`).toEqual([]);
  }
  const [log = []] = logs;
  const decisions = new Map(log.map((record) => [record.index, record]));
  for (const { name, answers } of changes) {
    for (const { isAllowed, leaf, org } of answers) {
      if (!isAllowed) continue;
      expect(leaf, `leaf of ${name} in the answer of ${org}`).not.toBeNull();
      expect(decisions.get(leaf ?? -1), `record ${leaf}, allowed by ${org}`).toMatchObject({
        name,
        decision: 'ADMITTED',
      });
    }
  }
  return log;
}

/** Stops all nodes; every one must end well, be sound, and have the same log and state as the others. */
export async function expectSoundFolders(committee: Committee): Promise<readonly FsckReport[]> {
  const exits = await Promise.all(committee.nodes.map((node) => node.stop()));
  expect(exits.map(({ code }) => code)).toEqual(committee.nodes.map(() => 0));
  return Promise.all(committee.nodes.map((node) => node.fsck())).then((reports) => {
    for (const [i, report] of reports.entries()) {
      expect(report.problems, `fsck of ${committee.nodes[i]?.org}`).toEqual([]);
      expect(report).toEqual(reports[0]);
    }
    return reports;
  });
}
