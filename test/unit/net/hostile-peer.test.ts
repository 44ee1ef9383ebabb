import { expect, test } from 'vitest';
import { encodeFrame, FRAME_TYPE, type EncodedFrame } from '../../../src/net/frame.ts';
import { decodeReason, encodeReason, encodeRequest, encodeResponseChunk } from '../../../src/net/payload.ts';
import type { NetLimits } from '../../../src/net/index.ts';
import {
  certificateOf,
  closedCount,
  entryOf,
  freePort,
  introduce,
  isFullMesh,
  rawPeer,
  startNode,
  until,
} from './nodes.ts';

/** A node and validator beta, who has introduced itself properly and may then do as it likes. */
async function nodeWithHostileBeta(limits: Partial<NetLimits> = {}) {
  let asked = 0;
  const onRequest = () => {
    asked += 1;
    return new Promise<Uint8Array>(() => undefined);
  };
  const alpha = await startNode('alpha', { limits, handlers: { onRequest } });
  alpha.mesh.setPeers([await entryOf('beta', `127.0.0.1:${await freePort()}`)]);
  const beta = await rawPeer(alpha.mesh.address, await certificateOf('beta'));
  beta.hello({ id: 'beta' });
  await until(() => alpha.mesh.connected().length === 1);
  const send = ({ header, payload }: EncodedFrame) => beta.write(header, payload);
  return { alpha, beta, send, asked: () => asked };
}

const bytes = (...values: number[]) => Uint8Array.from(values);
const request = (id: number, method = 'x') =>
  encodeFrame(FRAME_TYPE.request, 0, encodeRequest({ id, timeoutMs: 60_000, method, body: bytes() }));

test.each([
  ['a length beyond the limit', bytes(0xff, 0xff, 0xff, 0xff), 'NET_FRAME_TOO_LARGE'],
  ['a length one beyond the limit', bytes(0x00, 0x3f, 0xff, 0xfd), 'NET_FRAME_TOO_LARGE'],
  ['a length that leaves no room for the type', bytes(0, 0, 0, 1), 'NET_FRAME_MALFORMED'],
  ['a type that nobody knows', bytes(0, 0, 0, 2, 99, 0), 'NET_FRAME_UNKNOWN'],
  ['a channel that nobody knows', bytes(0, 0, 0, 2, 2, 9), 'NET_FRAME_UNKNOWN'],
  ['a message without a channel', bytes(0, 0, 0, 2, 2, 0), 'NET_FRAME_UNKNOWN'],
  ['plain HTTP', new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n'), 'NET_FRAME_TOO_LARGE'],
  ['a second hello', bytes(0, 0, 0, 2, 1, 0), 'NET_FRAME_MALFORMED'],
  ['a ping with a payload', bytes(0, 0, 0, 3, 6, 0, 1), 'NET_FRAME_MALFORMED'],
  ['a request cut short', bytes(0, 0, 0, 4, 3, 0, 0, 0), 'NET_FRAME_MALFORMED'],
  ['a closing frame without a reason', bytes(0, 0, 0, 2, 8, 0), 'NET_FRAME_MALFORMED'],
] as const)('%s ends the connection with its code', async (_what, garbage, code) => {
  const { alpha, beta } = await nodeWithHostileBeta();
  beta.write(garbage);
  expect(await beta.reason()).toBe(code);
  expect(closedCount(alpha, code)).toBe(1);
  expect(alpha.downs).toEqual(['beta']);
});

test('an answer to what was never asked and a request id that does not rise are malformed', async () => {
  const first = await nodeWithHostileBeta();
  first.send(encodeFrame(FRAME_TYPE.responseChunk, 0, encodeResponseChunk({ id: 1, last: true, body: bytes() })));
  expect(await first.beta.reason()).toBe('NET_FRAME_MALFORMED');
  const second = await nodeWithHostileBeta();
  second.send(request(2));
  second.send(request(2));
  expect(await second.beta.reason()).toBe('NET_FRAME_MALFORMED');
});

test('a method name with anything but plain characters is malformed', async () => {
  const { beta, send, asked } = await nodeWithHostileBeta();
  send(request(1, 'a\nb'));
  expect(await beta.reason()).toBe('NET_FRAME_MALFORMED');
  expect(asked()).toBe(0);
});

test('more unanswered requests than allowed end the connection, exactly as many do not', async () => {
  const { alpha, beta, send, asked } = await nodeWithHostileBeta();
  for (let id = 1; id <= 32; id += 1) send(request(id));
  await until(() => asked() === 32);
  expect(alpha.mesh.connected()).toEqual(['beta']);
  send(request(33));
  expect(await beta.reason()).toBe('NET_TOO_MANY_REQUESTS');
  expect(asked()).toBe(32);
});

test('a caller never goes beyond that limit: what is too much is refused before it is sent', async () => {
  const stuck = { onRequest: () => new Promise<Uint8Array>(() => undefined) };
  const [alpha, beta] = await Promise.all([startNode('alpha'), startNode('beta', { handlers: stuck })]);
  await introduce(alpha, beta);
  await until(() => isFullMesh(alpha, beta));
  const asked = Array.from({ length: 40 }, () => alpha.mesh.request(beta.id, 'x', bytes(), 150));
  const codes = (await Promise.allSettled(asked)).map((result) => {
    if (result.status === 'fulfilled') return 'answered';
    const { code, payload } = result.reason as { code: string; payload: { code?: string } };
    return payload.code ?? code;
  });
  expect(codes.filter((code) => code === 'NET_TIMEOUT')).toHaveLength(32);
  expect(codes.filter((code) => code === 'NET_TOO_MANY_REQUESTS')).toHaveLength(8);
  // The handlers still run, but the peer gives each up by its deadline: soon there is room again, and nobody was disconnected.
  let code = '';
  while (code !== 'NET_TIMEOUT') {
    await new Promise((resolve) => setTimeout(resolve, 5));
    const again = alpha.mesh.request(beta.id, 'x', bytes(), 150);
    code = await again.then(
      () => 'answered',
      (error: unknown) => (error as { code: string }).code,
    );
  }
  expect([alpha.downs, beta.downs]).toEqual([[], []]);
});

test('a closing reason of a peer cannot forge counters', async () => {
  const { alpha, send } = await nodeWithHostileBeta();
  send(encodeFrame(FRAME_TYPE.close, 0, encodeReason({ id: 0, code: 'MADE_UP', detail: 'line\nbreak' })));
  await until(() => alpha.downs.length === 1);
  expect(alpha.mesh.stats().closed).toMatchObject({ UNKNOWN: 1 });
  expect(alpha.mesh.stats().closed).not.toHaveProperty('MADE_UP');
});

test('more than a hello before the answer to it is not accepted', async () => {
  const alpha = await startNode('alpha');
  alpha.mesh.setPeers([await entryOf('beta', `127.0.0.1:${await freePort()}`)]);
  const beta = await rawPeer(alpha.mesh.address, await certificateOf('beta'));
  beta.write(encodeFrame(FRAME_TYPE.ping).header);
  expect(await beta.reason()).toBe('NET_FRAME_MALFORMED');
  const large = await rawPeer(alpha.mesh.address, await certificateOf('beta'));
  large.write(encodeFrame(FRAME_TYPE.hello, 0, new Uint8Array(600)).header);
  expect(await large.reason()).toBe('NET_FRAME_TOO_LARGE');
  expect(alpha.ups).toEqual([]);
});

test('a peer that neither sends nor answers pings is given up', async () => {
  const { alpha, beta } = await nodeWithHostileBeta({ pingIdleMs: 20, silenceMaxMs: 100 });
  expect(await beta.reason()).toBe('NET_SILENT');
  expect(beta.frames.some((frame) => frame.type === FRAME_TYPE.ping)).toBe(true);
  expect(alpha.downs).toEqual(['beta']);
});

test('each request is refused at its deadline, and new ones while too many handlers still run', async () => {
  const { beta, send, asked } = await nodeWithHostileBeta({ requestsMax: 1, handlersMax: 1 });
  const refusals = () =>
    beta.frames.filter(({ type }) => type === FRAME_TYPE.refusal).map(({ payload }) => decodeReason(payload));
  const ask = (id: number) =>
    send(encodeFrame(FRAME_TYPE.request, 0, encodeRequest({ id, timeoutMs: 10, method: 'x', body: bytes() })));
  ask(1);
  await until(() => refusals().length === 1);
  ask(2);
  await until(() => refusals().length === 2);
  expect(refusals()).toMatchObject([
    { id: 1, code: 'NET_TIMEOUT' },
    { id: 2, code: 'NET_BUSY' },
  ]);
  expect(asked()).toBe(1);
});
