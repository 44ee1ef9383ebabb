/** P6: 10^5 fuzzed reviews over real TLS are each refused with a code or answered honestly, all counted, and the webhook's memory does not grow with them. */
import { makeCertificates, start } from '../unit/webhook/fixture.ts';
import { fuzz } from '../unit/webhook/fuzzed-reviews.ts';

const ROUNDS = 10;
const COUNT = 10_000;

export async function soak(): Promise<Readonly<Record<string, number>>> {
  const certificates = await makeCertificates();
  const total = { sent: 0, admitted: 0, refused: 0, errors: 0 };
  for (let round = 0; round < ROUNDS; round += 1) {
    const running = await start(certificates);
    const figures = await fuzz(running, certificates, COUNT, 1 + round);
    await running.webhook.close();
    for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += figures[key];
  }
  return { ...total, rssMegabytes: Math.round(process.memoryUsage().rss / 1e6) };
}
