import { Agent } from 'node:https';
import { attestReview } from '../../../src/change/index.ts';
import { registry } from '../../../src/errors/registry.ts';
import { toHex } from '../../../src/codec/index.ts';
import { mutate, Random, soup } from '../codec/mutation.ts';
import {
  bytesOf,
  configMapUpdate,
  context,
  deploymentCreate,
  deploymentDelete,
  deploymentUpdate,
  eviction,
  exec,
  jobCreate,
  podCreate,
  scaleUpdate,
  secretUpdate,
  serviceCreate,
  sha256,
} from '../change/reviews.ts';
import { send, type Certificates, type Reply, type Running } from './fixture.ts';

const VALID = [
  deploymentUpdate((object) => void (object['spec'].replicas = 4)),
  deploymentCreate(),
  deploymentDelete(),
  scaleUpdate(5),
  eviction({ gracePeriodSeconds: 3 }),
  exec(['sh', '-c', 'id']),
  configMapUpdate({ a: '1' }, { a: '2' }),
  secretUpdate({ password: 'b2xk' }, { password: 'bmV3' }),
  podCreate('x7k2p'),
  jobCreate('0f1e2d3c-0000-4000-8000-000000000001'),
  serviceCreate('10.0.0.1', 30_000),
].map((review) => bytesOf(review));
const TELLING = bytesOf('{}[]",:0-9eE.\\u\u0000\t\n tfn');
const WORDS = [
  '{', '}', '[', ']', ':', ',', '"', '"request":', '"uid":"u"', '"kind":', '"apiVersion":"admission.k8s.io/v1"', '"AdmissionReview"', '"object":', 'null',
  'true', '1e999', '-0', '"__proto__":', '"operation":"CREATE"', '"userInfo":{"username":"a"}', '"resource":{"group":"","version":"v1","resource":"pods"}',
]; // prettier-ignore

/** Half of them are mutations of what an API server sends; the same in every run. */
export function* fuzzedReviews(count: number, seed: number): Generator<Uint8Array> {
  const random = new Random(seed);
  for (let i = 0; i < count; i += 1)
    yield i % 2 === 0
      ? mutate(random, random.pick(VALID), TELLING)
      : i % 4 === 1
        ? random.bytes(300)
        : soup(random, WORDS, 40);
}

export interface FuzzFigures {
  readonly sent: number;
  readonly admitted: number;
  readonly refused: number;
  readonly errors: number;
}

/**
 * Sends them all to a running webhook whose ledger admits whatever it is asked. Throws where an answer is neither a coded refusal nor follows from a review that the ledger
 * was asked about, and where one was not counted.
 */
export async function fuzz(
  { port, ledger, recorder }: Running,
  { apiServer: client }: Certificates,
  count: number,
  seed: number,
): Promise<FuzzFigures> {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const figures = { sent: 0, admitted: 0, refused: 0, errors: 0 };
  const reviews = fuzzedReviews(count, seed);
  const sendAll = async (): Promise<void> => {
    for (const bytes of reviews) {
      const reply = await send(port, bytes, { client, agent });
      figures.sent += 1;
      figures[judge(bytes, reply)] += 1;
    }
  };
  await Promise.all(Array.from({ length: 8 }, sendAll));
  agent.destroy();
  const asked = new Set(ledger.asked.map(({ attestation }) => attestation.digest.diff));
  ledger.asked.length = 0;
  if (asked.size === 0) throw new Error('no review got as far as the ledger');
  const counted = recorder.outcomes.length + recorder.refusals.length;
  if (counted !== figures.sent) throw new Error(`${figures.sent} were sent, ${counted} counted`);
  return figures;
}

/** What may be answered to these bytes. */
function judge(bytes: Uint8Array, reply: Reply): 'admitted' | 'refused' | 'errors' {
  const fail = (what: string): never => {
    throw new Error(`${what}: ${reply.status} ${reply.text.slice(0, 300)} for ${toHex(bytes)}`);
  };
  if (reply.status !== 200) {
    const { code } = (reply.json ?? {}) as { code?: string };
    if (code === undefined || !Object.hasOwn(registry, code) || code === 'WEBHOOK_INTERNAL')
      fail('an error without a code');
    return 'errors';
  }
  const { response } = reply.json as { response: { allowed: boolean; uid: string; status?: { code: number } } };
  if (response.allowed) {
    const change = attested(bytes) ?? fail('allowed what cannot be read');
    if (change.attestation.admissionUid !== response.uid) fail('another uid');
    if (toHex(sha256(change.body)) !== change.attestation.bodyHash) fail('another body');
    return 'admitted';
  }
  if (reply.text.includes('WEBHOOK_INTERNAL')) fail('a fault of the webhook');
  return 'refused';
}

function attested(bytes: Uint8Array): ReturnType<typeof attestReview> | undefined {
  try {
    return attestReview(bytes, context);
  } catch {
    return undefined;
  }
}
