import { setTimeout as sleep } from 'node:timers/promises';
import type { Application } from '../ports/application.ts';
import type { LedgerReader } from '../ports/ledger-reader.ts';
import type { ClusterId, OrgId } from '../types/brand.ts';
import type { ChangeAttestation } from '../types/change.ts';
import type { Mempool } from './mempool.ts';

const checkMs = 50;

interface Deps {
  readonly org: OrgId;
  readonly app: Pick<Application, 'info'> & Pick<LedgerReader, 'cluster' | 'pairHash' | 'waitingOrgs'>;
  readonly mempool: Pick<Mempool, 'witnessesOf'>;
}

/** Whether an organisation that answers for another hook attests the same change, for the next block or in the log; looked for until it does, or for so long. */
export async function witnessed(
  { org, app, mempool }: Deps,
  cluster: ClusterId,
  attestation: ChangeAttestation,
  limitMs: number,
): Promise<boolean> {
  const pair = app.pairHash(attestation);
  const untilMs = performance.now() + limitMs;
  for (;;) {
    const others = (app.cluster(cluster)?.hooks ?? []).filter(({ orgs }) => !orgs.includes(org));
    const found: readonly string[] = [...mempool.witnessesOf(pair), ...app.waitingOrgs(pair, app.info().timeMs)];
    if (others.some(({ orgs }) => orgs.some((other) => found.includes(other)))) return true;
    if (performance.now() >= untilMs) return false;
    await sleep(checkMs);
  }
}
