import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { agentKeys, agentSign } from '../../../cmd/kubectl-chain/ssh-agent.ts';
import { signedWith, signingKey } from '../../../cmd/kubectl-chain/signing-key.ts';
import type { Terminal } from '../../../cmd/kubectl-chain/terminal.ts';
import { nativeBackend } from '../../../src/crypto/index.ts';
import { signerOf } from '../ledger/test-chain.ts';

const field = (bytes: Uint8Array | string): Buffer => {
  const content = Buffer.from(bytes as Uint8Array);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([length, content]);
};
const blobOf = (name: string): Buffer =>
  Buffer.concat([field('ssh-ed25519'), field(Buffer.from(signerOf(name).publicKey, 'hex'))]);
const rsa = Buffer.concat([field('ssh-rsa'), field('e'), field('n')]);
const names = ['bob of beta', 'carol of gamma'];

/** An agent as draft-ietf-sshm-ssh-agent describes it; `isLying` makes it sign something else. */
function agent(isLying: () => boolean): Server {
  return createServer((socket) => {
    socket.on('data', (request: Buffer) => {
      const answer = request[4] === 11 ? identities() : signature(request.subarray(5), isLying());
      // In two pieces, as a stream may deliver it.
      socket.write(field(answer).subarray(0, 3));
      setImmediate(() => socket.write(field(answer).subarray(3)));
    });
  });
}

function identities(): Buffer {
  const count = Buffer.from([0, 0, 0, names.length + 1]);
  return Buffer.concat([
    Buffer.from([12]),
    count,
    field(rsa),
    field('an RSA key'),
    ...names.flatMap((name) => [field(blobOf(name)), field(name)]),
  ]);
}

function signature(body: Buffer, isLying: boolean): Buffer {
  const blobLength = body.readUInt32BE(0);
  const blob = body.subarray(4, 4 + blobLength);
  const data = body.subarray(8 + blobLength, 8 + blobLength + body.readUInt32BE(4 + blobLength));
  const name = names.find((candidate) => blobOf(candidate).equals(blob));
  if (name === undefined) return Buffer.from([5]);
  const signed = signerOf(name).sign(isLying ? Buffer.from('something else') : data);
  return Buffer.concat([Buffer.from([14]), field(Buffer.concat([field('ssh-ed25519'), field(signed)]))]);
}

const folder = mkdtempSync(join(tmpdir(), 'kubectl-chain-agent-'));
const socket = join(folder, 'agent.sock');
let lies = false;
const server = agent(() => lies);
beforeAll(() => new Promise<void>((resolve) => server.listen(socket, resolve)));
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});
const terminal = { env: { SSH_AUTH_SOCK: socket } } as unknown as Terminal;

describe('an ssh-agent', () => {
  test('lists its Ed25519 keys only', async () => {
    const keys = await agentKeys(socket);
    expect(keys.map(({ comment }) => comment)).toEqual(names);
    expect(keys.map(({ publicKey }) => publicKey)).toEqual(names.map((name) => signerOf(name).publicKey));
  });

  test('signs the raw bytes, as this key itself would', async () => {
    const [key] = await agentKeys(socket);
    const message = Buffer.from('DSSEv1 4 type 4 data');
    expect(await agentSign(socket, key as never, message)).toEqual(signerOf('bob of beta').sign(message));
  });

  test('is chosen by comment or public key, and gives signatures to what signs at once', async () => {
    const key = await signingKey(terminal, folder, '', { key: 'ssh-agent:carol of gamma' });
    expect((await signingKey(terminal, folder, '', { key: `ssh-agent:${key.publicKey}` })).publicKey).toBe(
      key.publicKey,
    );
    const message = Buffer.from('what is signed');
    const made = await signedWith(key, (signer) => signer.sign(message));
    expect(nativeBackend.verifyEd25519(key.publicKey, message, made)).toBe(true);
    await expect(signingKey(terminal, folder, '', { key: 'ssh-agent' })).rejects.toThrow('2 of its 2 Ed25519 keys fit');
  });

  test('that signs something else is found out before anything is sent', async () => {
    const key = await signingKey(terminal, folder, '', { key: 'ssh-agent:bob of beta' });
    lies = true;
    await expect(signedWith(key, (signer) => signer.sign(Buffer.from('m')))).rejects.toMatchObject({
      code: 'CLI_AGENT',
    });
    lies = false;
  });

  test('that is not there is an error with a remedy', async () => {
    await expect(agentKeys(undefined)).rejects.toMatchObject({ code: 'CLI_AGENT' });
    await expect(agentKeys(join(folder, 'none'))).rejects.toMatchObject({ code: 'CLI_AGENT' });
  });
});
