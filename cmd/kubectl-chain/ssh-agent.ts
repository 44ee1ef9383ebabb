import { connect } from 'node:net';
import { publicKeyHex } from '../../src/crypto/index.ts';
import { ChainError } from '../../src/errors/chain-error.ts';
import type { PublicKeyHex } from '../../src/types/brand.ts';

/** An Ed25519 key that an agent holds. */
export interface AgentKey {
  readonly publicKey: PublicKeyHex;
  readonly comment: string;
  /** As the agent names it: string "ssh-ed25519", string 32 bytes. */
  readonly blob: Buffer;
}

/** draft-ietf-sshm-ssh-agent, section 6.1. */
const message = { failure: 5, requestIdentities: 11, identities: 12, signRequest: 13, signResponse: 14 } as const;
const ed25519 = 'ssh-ed25519';
const answerBytesMax = 1024 * 1024;
const timeoutMs = 60_000;

/** The agent's Ed25519 keys; other kinds are left out. Throws CLI_AGENT. */
export async function agentKeys(socketPath: string | undefined): Promise<readonly AgentKey[]> {
  const answer = await ask(socketPath, Buffer.from([message.requestIdentities]));
  const reader = new Fields(answer);
  if (reader.byte() !== message.identities) throw failure('it did not list its keys');
  const keys: AgentKey[] = [];
  for (let left = reader.uint32(); left > 0; left -= 1) {
    const blob = reader.string();
    const comment = reader.string().toString('utf8');
    const key = new Fields(blob);
    if (key.string().toString('latin1') === ed25519)
      keys.push({ publicKey: publicKeyHex(key.string()), comment, blob });
  }
  return keys;
}

/** 64 bytes of plain Ed25519 over `data`: for this kind of key an agent adds nothing of its own. Throws CLI_AGENT. */
export async function agentSign(socketPath: string | undefined, key: AgentKey, data: Uint8Array): Promise<Uint8Array> {
  const flags = Buffer.alloc(4);
  const answer = await ask(
    socketPath,
    Buffer.concat([Buffer.from([message.signRequest]), field(key.blob), field(data), flags]),
  );
  const reader = new Fields(answer);
  if (reader.byte() !== message.signResponse) throw failure('it refused to sign');
  const signature = new Fields(reader.string());
  if (signature.string().toString('latin1') !== ed25519) throw failure('it signed with another kind of key');
  return new Uint8Array(signature.string());
}

function field(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function ask(socketPath: string | undefined, request: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (socketPath === undefined || socketPath === '') return reject(failure('SSH_AUTH_SOCK is not set'));
    const socket = connect(socketPath);
    const fail = (reason: string): void => {
      socket.destroy();
      reject(failure(reason));
    };
    let received = Buffer.alloc(0);
    socket.setTimeout(timeoutMs, () => fail('it does not answer'));
    socket.on('error', (error) => fail(error.message));
    socket.on('close', () => fail('it closed the connection'));
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const length = received.length < 4 ? undefined : received.readUInt32BE(0);
      if (length !== undefined && length > answerBytesMax) return fail('its answer is too long');
      if (length === undefined || received.length < 4 + length) return;
      socket.removeAllListeners('close').end();
      resolve(received.subarray(4, 4 + length));
    });
    socket.write(field(request));
  });
}

function failure(reason: string): ChainError {
  return new ChainError('CLI_AGENT', { reason });
}

class Fields {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  byte(): number {
    return this.#take(1).readUInt8(0);
  }

  uint32(): number {
    return this.#take(4).readUInt32BE(0);
  }

  string(): Buffer {
    return this.#take(this.uint32());
  }

  #take(length: number): Buffer {
    if (this.#at + length > this.#bytes.length) throw failure('its answer is cut short');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}
