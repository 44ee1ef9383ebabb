import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Door, doorLimits, type DoorLimits } from '../../../src/api/door.ts';
import { pauses } from '../../../src/api/pauses.ts';
import { createApi } from '../../../src/api/server.ts';
import { httpsTransport } from '../../../src/client/transport.ts';
import { makeServerCertificates } from '../../../src/cluster/certificates.ts';
import { isChainError } from '../../../src/errors/chain-error.ts';
import type { ApiBackend } from '../../../src/ports/api-backend.ts';
import { header } from '../ledger/fixtures.ts';

const codeOf = (act: () => unknown): string => {
  try {
    act();
    return 'OK';
  } catch (error) {
    return isChainError(error) ? error.code : String(error);
  }
};

describe('who may ask how much', () => {
  const doorWith = (limits: Partial<DoorLimits> = {}) => {
    const seen = { nowMs: 0, turned: [] as string[] };
    const door = new Door({ ...doorLimits, ...limits }, () => seen.nowMs, (reason) => void seen.turned.push(reason)); // prettier-ignore
    return { door, seen };
  };

  it('one address that asks without end is turned away, another one is not, and a second later it may again', () => {
    const { door, seen } = doorWith({ costAtOnce: 100, costPerSecond: 10 });
    const codes = Array.from({ length: 30 }, () => codeOf(() => door.enter('a', 10)()));
    expect(codes.filter((code) => code === 'OK')).toHaveLength(10);
    expect(new Set(codes.slice(10))).toEqual(new Set(['API_TOO_FAST']));
    expect(codeOf(() => door.enter('b', 10))).toBe('OK');
    seen.nowMs = 1_000;
    expect(codeOf(() => door.enter('a', 10))).toBe('OK');
    expect(codeOf(() => door.enter('a', 10))).toBe('API_TOO_FAST');
    expect(seen.turned).toHaveLength(21);
  });

  it('heavy answers have few places, light ones go on beside them; a place is given back once', () => {
    const { door, seen } = doorWith({ heavyMax: 2, costAtOnce: 10_000 });
    const leave = [door.enter('a', 100), door.enter('b', 100)];
    expect(codeOf(() => door.enter('c', 100))).toBe('API_OVERLOADED');
    expect(codeOf(() => door.enter('c', 1)())).toBe('OK');
    leave[0]?.();
    leave[0]?.();
    expect(codeOf(() => door.enter('c', 100))).toBe('OK');
    expect(codeOf(() => door.enter('d', 100))).toBe('API_OVERLOADED');
    expect(seen.turned).toEqual(['heavy-busy', 'heavy-busy']);
  });

  it('one address has not all places, and all addresses together not more than there are', () => {
    const { door, seen } = doorWith({ requestsMax: 6, requestsPerAddressMax: 4 });
    for (let i = 0; i < 4; i += 1) door.enter('a', 1);
    expect(codeOf(() => door.enter('a', 1))).toBe('API_OVERLOADED');
    for (let i = 0; i < 2; i += 1) door.enter('b', 1);
    expect(codeOf(() => door.enter('c', 1))).toBe('API_OVERLOADED');
    expect(seen.turned).toEqual(['address-busy', 'busy']);
  });
});

/** A node whose every leaf costs a millisecond. */
async function slowNode(limits: Partial<DoorLimits> = {}) {
  const { certificatePem, privateKeyPem, caBundlePem } = await makeServerCertificates({
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
    commonName: 'node',
    days: 1,
  });
  const leaf = (index: number) => {
    for (const untilMs = performance.now() + 1; performance.now() < untilMs;);
    return { index, leaf: new Uint8Array(10), proof: [] };
  };
  const head = { header, certificate: { height: 1, round: 0, blockId: header.chain, signatures: [] }, state: { logSize: 1_000, logRoot: header.chain, stateRoot: header.chain } }; // prettier-ignore
  const backend = {
    head: () => head,
    status: () => ({}),
    leaf,
    records: async ({ limit }: { limit: number }) => {
      const items = [];
      const pause = pauses();
      for (let i = 0; i < limit; i += 1) {
        items.push({ ...leaf(i), observations: [] });
        await pause();
      }
      return { items, observations: [], blocks: [], next: null };
    },
  } as unknown as ApiBackend;
  const turned: string[] = [];
  const app = await createApi({
    backend,
    tls: { key: privateKeyPem, cert: certificatePem },
    readiness: () => ({ ready: true, reasons: [] }),
    onTurned: (reason) => turned.push(reason),
    limits,
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const transport = httpsTransport({ caBundle: caBundlePem, timeoutMs: 60_000 });
  onTestFinished(async () => {
    transport.close();
    await app.close();
  });
  const endpoint = `https://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  return { turned, transport, endpoint };
}

const indexes = Array.from({ length: 400 }, (_, i) => i).join(',');

describe('P8: a flood of reads', () => {
  it.each([
    ['leaves', `/v1/leaves?indexes=${indexes}`],
    ['records', '/v1/records?limit=400'],
  ])(
    '400 %s take their time in slices: the event loop, and consensus in it, goes on in between',
    async (_what, path) => {
      const { transport, endpoint } = await slowNode();
      await transport.get(endpoint, '/v1/status');
      const delay = monitorEventLoopDelay({ resolution: 1 });
      delay.enable();
      const startedMs = performance.now();
      const answer = await transport.get(endpoint, path);
      const tookMs = performance.now() - startedMs;
      delay.disable();
      expect(answer.status).toBe(200);
      expect(tookMs).toBeGreaterThan(400);
      // Of the whole, a small part at once; whatever else the machine does prolongs both.
      expect(delay.max / 1e6).toBeLessThan(tookMs / 2);
    },
  );

  it('is turned away with a code and a time to wait, counted, and waited out by the client', async () => {
    const { transport, endpoint, turned } = await slowNode({ costAtOnce: 2.5, costPerSecond: 1 });
    const answers = await Promise.all(Array.from({ length: 4 }, () => transport.get(endpoint, '/v1/status')));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(turned.length).toBeGreaterThan(0);
    expect(new Set(turned)).toEqual(new Set(['too-fast']));
    // Probes are answered whatever the load.
    expect((await transport.get(endpoint, '/livez')).status).toBe(200);
    const never = await slowNode({ costAtOnce: 0.5, costPerSecond: 0 });
    const refused = await never.transport.get(never.endpoint, '/v1/status');
    expect(refused.status).toBe(429);
    expect(JSON.parse(new TextDecoder().decode(refused.body))).toMatchObject({ code: 'API_TOO_FAST' });
    expect(never.turned).toHaveLength(4);
  });
});
