/** P6: ten minutes without a quorum; the control plane does its work, people are refused in time, and afterwards every acknowledged write is on the log, in order, once. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPlayground } from '../playground/playground.ts';
import { Committee } from '../cluster/committee.ts';
import {
  compareWithAuditLog,
  deploy,
  leaseRenewal,
  nodesAreReady,
  QUORUM,
  refusedPerson,
  taint,
  until,
  untilAnchored,
  untilReplaced,
} from '../cluster/outage.ts';

const OUTAGE_MS = 10 * 60_000;
const STAY_SECONDS = 5;

export async function soak(): Promise<Readonly<Record<string, number>>> {
  const dir = mkdtempSync(join(tmpdir(), 'kubectl-chain-soak-'));
  const playground = await startPlayground({ dir, controlPlane: 'full' });
  const committee = new Committee(playground);
  try {
    await deploy(playground, committee, STAY_SECONDS);
    await taint(playground);
    for (const node of QUORUM) playground.pause(node);
    const endMs = performance.now() + OUTAGE_MS;
    let replaced = 0;
    let slowestRefusalMs = 0;
    try {
      for (; performance.now() < endMs; replaced += 1) {
        const renewed = await leaseRenewal(playground);
        const { status, ms } = await refusedPerson(playground, `refused-${replaced}`);
        if (status < 400) throw new Error(`a person was admitted without a quorum: ${status}`);
        slowestRefusalMs = Math.max(slowestRefusalMs, ms);
        await untilReplaced(playground);
        if (!(await nodesAreReady(playground))) throw new Error('a node is not ready');
        await until('a lease is renewed', async () => (await leaseRenewal(playground)) > renewed);
      }
    } finally {
      for (const node of QUORUM) playground.resume(node);
    }
    const resumedMs = performance.now();
    await untilAnchored(playground);
    const anchorMs = Math.round(performance.now() - resumedMs);
    const { problems, ...figures } = await compareWithAuditLog(playground);
    if (problems.length > 0) throw new Error(problems.join('\n'));
    if (figures.lost > 0) throw new Error(`${figures.lost} writes are not recorded`);
    return { ...figures, replaced, slowestRefusalMs: Math.round(slowestRefusalMs), anchorMs };
  } finally {
    committee.close();
    await playground.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}
