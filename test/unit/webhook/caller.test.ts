import type { TLSSocket } from 'node:tls';
import { expect, test } from 'vitest';
import { isTrusted, refuseCaller } from '../../../webhook/caller.ts';

const rule = { commonName: 'kube-apiserver', pathSecret: undefined };

function connection(shown: object | null, authorized = true) {
  let reads = 0;
  const socket = {
    authorized,
    getPeerCertificate: () => {
      reads += 1;
      return shown;
    },
  } as unknown as TLSSocket;
  return { socket, reads: () => reads };
}

test('the certificate of a connection is read once, and stands for that connection only', () => {
  const good = connection({ subject: { CN: 'kube-apiserver' } });
  for (let review = 0; review < 3; review += 1) {
    expect(refuseCaller(good.socket, '', rule)).toBeUndefined();
    expect(isTrusted(good.socket, rule)).toBe(true);
  }
  expect(good.reads()).toBe(1);
  const other = connection({ subject: { CN: 'somebody' } });
  for (let review = 0; review < 2; review += 1) {
    expect(refuseCaller(other.socket, '', rule)).toBe('wrong-certificate');
    expect(isTrusted(other.socket, rule)).toBe(false);
  }
  // The rule may change while the connection lasts.
  expect(refuseCaller(other.socket, '', { ...rule, commonName: 'somebody' })).toBeUndefined();
  expect(refuseCaller(good.socket, '', { ...rule, commonName: 'somebody' })).toBe('wrong-certificate');
});

test('who shows nothing, or what TLS did not find sound, is refused each time', () => {
  for (const shown of [{}, null]) {
    const { socket } = connection(shown);
    expect(refuseCaller(socket, '', rule)).toBe('no-certificate');
    expect(refuseCaller(socket, '', rule)).toBe('no-certificate');
    expect(isTrusted(socket, rule)).toBe(false);
  }
  const { socket } = connection({ subject: { CN: 'kube-apiserver' } }, false);
  expect(refuseCaller(socket, '', rule)).toBe('wrong-certificate');
  expect(isTrusted(socket, rule)).toBe(false);
});
