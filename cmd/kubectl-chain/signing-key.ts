import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { nativeBackend, decodePrivateKeyPem, keyIdOf } from '../../src/crypto/index.ts';
import { ChainError, isChainError } from '../../src/errors/chain-error.ts';
import type { Signer } from '../../src/ports/crypto.ts';
import type { PublicKeyHex } from '../../src/types/brand.ts';
import { keysFolder, readIfThere } from './home.ts';
import type { KeyOptions } from './options.ts';
import { agentKeys, agentSign, type AgentKey } from './ssh-agent.ts';
import type { Terminal } from './terminal.ts';

/** A private key that this machine can use; an agent answers later, so signing is asynchronous. */
export interface SigningKey {
  readonly publicKey: PublicKeyHex;
  /** Where it comes from, for people. */
  readonly origin: string;
  readonly sign: (message: Uint8Array) => Promise<Uint8Array>;
}

const agentPrefix = 'ssh-agent';
const signatureBytes = 64;

/**
 * The key named by --key, KUBECTL_CHAIN_KEY or defaultKey: a file, a name in the keys folder, or `ssh-agent`, `ssh-agent:COMMENT`, `ssh-agent:KEY`.
 * Throws CLI_NO_KEY, CLI_KEY_UNKNOWN, CLI_PASSPHRASE, CLI_AGENT and what a PEM is refused for.
 */
export async function signingKey(
  terminal: Terminal,
  home: string,
  defaultKey: string,
  options: KeyOptions,
): Promise<SigningKey> {
  const named = options.key ?? terminal.env['KUBECTL_CHAIN_KEY'] ?? defaultKey;
  if (named === '') throw new ChainError('CLI_NO_KEY', {});
  if (named === agentPrefix || named.startsWith(`${agentPrefix}:`)) {
    return agentKey(terminal.env['SSH_AUTH_SOCK'], named.slice(agentPrefix.length + 1));
  }
  const file = [named, join(keysFolder(home), `${named}.pem`)].find(
    (path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true,
  );
  if (file === undefined) throw new ChainError('CLI_KEY_UNKNOWN', { key: named });
  const signer = await fileSigner(terminal, file, options);
  return { publicKey: signer.publicKey, origin: file, sign: async (message) => signer.sign(message) };
}

/** True if a key was named at all: what needs one only to show more can do without. */
export function hasKey(terminal: Terminal, defaultKey: string, options: KeyOptions): boolean {
  return (options.key ?? terminal.env['KUBECTL_CHAIN_KEY'] ?? defaultKey) !== '';
}

async function fileSigner(terminal: Terminal, file: string, options: KeyOptions): Promise<Signer> {
  const mode = statSync(file).mode & 0o777;
  if ((mode & 0o077) !== 0) throw new ChainError('CLI_KEY_PERMISSION', { file, mode: mode.toString(8) });
  const pem = readFileSync(file, 'utf8');
  const passphraseFile = options.passphraseFile ?? terminal.env['KUBECTL_CHAIN_PASSPHRASE_FILE'];
  if (passphraseFile !== undefined && passphraseFile !== '') return decodePrivateKeyPem(pem, firstLine(passphraseFile));
  try {
    return decodePrivateKeyPem(pem, null);
  } catch (error) {
    if (!isChainError(error, 'CRYPTO_PASSPHRASE_MISSING')) throw error;
    if (!terminal.isInteractive) throw new ChainError('CLI_PASSPHRASE', { file }, { cause: error });
    return decodePrivateKeyPem(pem, await terminal.ask(`Passphrase of ${file}: `, true));
  }
}

export function firstLine(file: string): string {
  const text = readIfThere(file);
  if (text === undefined) throw new ChainError('CLI_FILE', { file, reason: 'it does not exist' });
  return text.split(/\r?\n/)[0] ?? '';
}

async function agentKey(socket: string | undefined, wanted: string): Promise<SigningKey> {
  const keys = await agentKeys(socket);
  const fits = keys.filter(
    (key) => wanted === '' || key.comment === wanted || key.publicKey === wanted || keyIdOf(key.publicKey) === wanted,
  );
  const [key] = fits;
  if (key === undefined || fits.length > 1)
    throw new ChainError('CLI_AGENT', { reason: `${fits.length} of its ${keys.length} Ed25519 keys fit` });
  return {
    publicKey: key.publicKey,
    origin: `${agentPrefix}:${key.comment}`,
    sign: (message) => checkedSign(socket, key, message),
  };
}

/** An agent is another program: what it gives back is checked before it is sent anywhere. */
async function checkedSign(socket: string | undefined, key: AgentKey, message: Uint8Array): Promise<Uint8Array> {
  const signature = await agentSign(socket, key, message);
  if (!nativeBackend.verifyEd25519(key.publicKey, message, signature))
    throw new ChainError('CLI_AGENT', { reason: 'its signature does not verify' });
  return signature;
}

/**
 * Makes what `build` makes with a signer. Formats sign synchronously, an agent does not: a first run tells what is to be signed,
 * the second one gets the signatures. `build` must not depend on anything else that changes.
 */
export async function signedWith<T>(key: SigningKey, build: (signer: Signer) => T): Promise<T> {
  const messages: Uint8Array[] = [];
  build({
    publicKey: key.publicKey,
    sign: (message) => {
      messages.push(message);
      return new Uint8Array(signatureBytes);
    },
  });
  const signatures: Uint8Array[] = [];
  for (const message of messages) signatures.push(await key.sign(message));
  return build({
    publicKey: key.publicKey,
    sign: (message) => {
      const at = messages.findIndex((other) => Buffer.compare(other, message) === 0);
      const signature = signatures[at];
      if (signature === undefined) throw new Error('what is to be signed changed between two runs');
      return signature;
    },
  });
}

/** Names of the key files in the keys folder. */
export function keyNames(home: string): readonly string[] {
  try {
    return readdirSync(keysFolder(home))
      .flatMap((file) => (file.endsWith('.pem') ? [file.slice(0, -4)] : []))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
