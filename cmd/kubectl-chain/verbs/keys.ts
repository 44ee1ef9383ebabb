import { chmodSync, mkdirSync, existsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { openMemberDescriptor, signMemberDescriptor } from '../../../src/client/descriptor.ts';
import { encodePrivateKeyPem, generateSeed, keyIdOf, signerFromSeed } from '../../../src/crypto/index.ts';
import { ChainError } from '../../../src/errors/chain-error.ts';
import type { OrgId } from '../../../src/types/brand.ts';
import type { MemberRole } from '../../../src/types/chain.ts';
import { answer } from '../answer.ts';
import { homeFolder, keysFolder, readHomeConfig, readIfThere, writeHomeConfig } from '../home.ts';
import type { KeyOptions, ListOptions } from '../options.ts';
import { printList, type View } from '../output/print.ts';
import { firstLine, keyNames } from '../signing-key.ts';
import { agentKeys } from '../ssh-agent.ts';
import type { Terminal } from '../terminal.ts';

export interface GenerateOptions extends KeyOptions {
  readonly org: string;
  readonly out?: string;
  readonly role?: readonly string[];
  readonly output?: string;
}

const roles: readonly MemberRole[] = ['member', 'operator', 'auditor', 'emergency'];

/**
 * Makes a key pair: NAME.pem (encrypted, 0600) and NAME.descriptor.json, which the organisation gives to the others: it is signed by the key, so
 * that nobody can put somebody else's key into their own name. Nothing is overwritten.
 */
export async function generateKey(terminal: Terminal, name: string, options: GenerateOptions): Promise<void> {
  if (!/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(name))
    throw new ChainError('CLI_USAGE', { problem: `"${name}": a member's name is lowercase letters, digits, - and .` });
  if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(options.org))
    throw new ChainError('CLI_USAGE', { problem: `--org ${options.org}: must be an RFC 1123 label` });
  const wanted = options.role ?? ['member'];
  const unknown = wanted.find((role) => !roles.some((known) => known === role));
  if (unknown !== undefined)
    throw new ChainError('CLI_USAGE', { problem: `--role ${unknown}: must be one of ${roles.join(', ')}` });
  const home = homeFolder(terminal.env);
  const keyFile = options.out ?? join(keysFolder(home), `${name}.pem`);
  const descriptorFile = `${keyFile.replace(/\.pem$/, '')}.descriptor.json`;
  const taken = [keyFile, descriptorFile].find((file) => existsSync(file));
  if (taken !== undefined)
    throw new ChainError('CLI_FILE', { file: taken, reason: 'it exists already, and nothing is overwritten' });
  const passphrase = await newPassphrase(terminal, options);
  const seed = generateSeed();
  const signer = signerFromSeed(seed);
  const member = { name, key: signer.publicKey, roles: roles.filter((role) => wanted.includes(role)) };
  writeNew(
    descriptorFile,
    Buffer.concat([signMemberDescriptor({ org: options.org as OrgId, member }, signer), Buffer.from('\n')]),
    0o644,
  );
  writeNew(keyFile, encodePrivateKeyPem(seed, passphrase), 0o600);
  const config = options.out === undefined ? readHomeConfig(home) : undefined;
  if (config !== undefined && config.defaultKey === '') writeHomeConfig(home, { ...config, defaultKey: name });
  terminal.stderr(
    `key ${keyFile}\ndescriptor ${descriptorFile}: give it to whoever makes the genesis or proposes you as a member\n`,
  );
  await answer(terminal, options, `key/${name}`, 'generated', {
    keyFile,
    descriptorFile,
    publicKey: signer.publicKey,
    keyId: keyIdOf(signer.publicKey),
  });
}

export async function newPassphrase(terminal: Terminal, options: KeyOptions): Promise<string> {
  const file = options.passphraseFile ?? terminal.env['KUBECTL_CHAIN_PASSPHRASE_FILE'];
  if (file !== undefined && file !== '') return firstLine(file);
  if (!terminal.isInteractive)
    throw new ChainError('CLI_USAGE', { problem: 'a new key is encrypted: give --passphrase-file' });
  const passphrase = await terminal.ask('Passphrase for the new key: ', true);
  const again = await terminal.ask('Again: ', true);
  if (passphrase === '' || passphrase !== again)
    throw new ChainError('CLI_USAGE', { problem: 'the passphrases differ, or are empty' });
  return passphrase;
}

function writeNew(file: string, content: string | Uint8Array, mode: number): void {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, content, { flag: 'wx', mode });
    chmodSync(file, mode);
  } catch (cause) {
    throw new ChainError('CLI_FILE', { file, reason: (cause as Error).message }, { cause });
  }
}

interface KeyJson {
  readonly name: string;
  readonly source: string;
  readonly org: string;
  readonly keyId: string;
  readonly isDefault: boolean;
}

const keyView: View<KeyJson> = {
  kind: 'Key',
  name: ({ name }) => `key/${name}`,
  columns: [
    { header: 'NAME', cell: ({ name }) => name },
    { header: 'ORG', cell: ({ org }) => org },
    { header: 'SOURCE', cell: ({ source }) => source },
    { header: 'KEY', cell: ({ keyId }) => keyId.slice(0, 16) },
    { header: 'DEFAULT', cell: ({ isDefault }) => String(isDefault) },
  ],
};

/** Keys in the keys folder, which need no passphrase to be listed, and those of the agent. */
export async function listKeys(terminal: Terminal, options: ListOptions): Promise<void> {
  const home = homeFolder(terminal.env);
  const { defaultKey } = readHomeConfig(home);
  const files: KeyJson[] = [];
  for (const name of keyNames(home)) {
    const { org, keyId } = descriptorOf(join(keysFolder(home), `${name}.descriptor.json`));
    files.push({ name, org, keyId, source: 'file', isDefault: name === defaultKey });
  }
  const socket = terminal.env['SSH_AUTH_SOCK'];
  const held = socket === undefined || socket === '' ? [] : await agentKeys(socket);
  const agent = held.map(({ comment, publicKey }) => {
    const name = `ssh-agent:${comment}`;
    return { name, org: '', keyId: keyIdOf(publicKey), source: 'ssh-agent', isDefault: name === defaultKey };
  });
  await printList(terminal, options, keyView, [...files, ...agent]);
}

function descriptorOf(file: string): { readonly org: string; readonly keyId: string } {
  const text = readIfThere(file);
  if (text === undefined) return { org: '', keyId: '' };

  const { org, member } = openMemberDescriptor(file, Buffer.from(text.trimEnd()));
  return { org, keyId: keyIdOf(member.key) };
}
