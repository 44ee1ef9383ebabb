import { expect, it } from 'vitest';
import { makeCertificates, send, start } from './fixture.ts';
import { fuzz } from './fuzzed-reviews.ts';
import { deploymentUpdate } from '../change/reviews.ts';

/** `npm run soak -- fuzz` sends a hundred thousand. */
const COUNT = 10_000;

it('ten thousand fuzzed reviews: a code or an honest answer for each, all counted, and the API server is served meanwhile', async () => {
  const certificates = await makeCertificates();
  const running = await start(certificates);
  const figures = await fuzz(running, certificates, COUNT, 20_261_124);
  expect(figures.sent).toBe(COUNT);
  // Else the mutations are so wild that they test nothing but the parser, or so tame that they test nothing.
  expect(figures.admitted).toBeGreaterThan(COUNT / 20);
  expect(figures.refused).toBeGreaterThan(COUNT / 50);
  expect(figures.errors).toBeGreaterThan(COUNT / 2);
  const honest = JSON.stringify(deploymentUpdate((object) => void (object['spec'].replicas = 9)));
  expect((await send(running.port, honest, { client: certificates.apiServer })).json.response.allowed).toBe(true);
  expect(running.recorder.log.join()).not.toContain('failed');
  await running.webhook.close();
}, 120_000);
