import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makePeerCertificate, makeServerCertificates } from '../cluster/certificates.ts';
import { openMemberDescriptor, signNodeDescriptor } from '../client/descriptor.ts';
import type { NodeDescriptor } from '../ledger/descriptor.ts';
import { encodePrivateKeyPem, generateSeed, signerFromSeed } from '../crypto/index.ts';
import { ChainError } from '../errors/chain-error.ts';
import type { OrgId, ValidatorId } from '../types/brand.ts';
import { hostAndPort } from './config.ts';

export const serverCertificateDays = 365;

export interface KeygenOptions {
  readonly org: OrgId;
  readonly dir: string;
  /** host:port where the other validators reach this node. */
  readonly peerAddress: string;
  /** Base URL where members reach the API, for example https://chain.alpha.example:8443. */
  readonly apiUrl: string;
  /** Names and addresses in the API's and the webhook's certificates. */
  readonly hosts: readonly string[];
  /** Files that `kubectl chain keys generate` wrote for the organisation's members. */
  readonly memberFiles: readonly string[];
  readonly votesRequired: number;
  /** Encrypts the vote, transaction and checkpoint keys; null leaves them readable by the file's owner. */
  readonly passphrase: string | null;
}

/**
 * Makes all keys of one organisation's node, its certificates, and `descriptor.json`, the one file that the other
 * organisations need. Refuses to overwrite (NODE_FILE_EXISTS). No private key leaves the folder.
 */
export async function keygen(options: KeygenOptions): Promise<{ descriptorFile: string; descriptor: NodeDescriptor }> {
  const { dir, org } = options;
  const descriptorFile = join(dir, 'descriptor.json');
  for (const file of [descriptorFile, join(dir, 'keys')])
    if (existsSync(file)) throw new ChainError('NODE_FILE_EXISTS', { file });
  const members = await readMembers(options);

  const seeds = { vote: generateSeed(), tx: generateSeed(), checkpoint: generateSeed(), tls: generateSeed() };
  const signers = {
    vote: signerFromSeed(seeds.vote),
    tx: signerFromSeed(seeds.tx),
    checkpoint: signerFromSeed(seeds.checkpoint),
    tls: signerFromSeed(seeds.tls),
  };
  const peer = await makePeerCertificate(seeds.tls);
  const hosts = [...new Set([...options.hosts, hostAndPort(options.peerAddress).host])];
  const names = {
    dnsNames: hosts.filter((host) => !isAddress(host)),
    ipAddresses: hosts.filter(isAddress),
    days: serverCertificateDays,
  };
  const api = await makeServerCertificates({ ...names, commonName: `${org} chain API` });
  const webhook = await makeServerCertificates({ ...names, commonName: `${org} chain webhook` });

  await mkdir(join(dir, 'keys'), { recursive: true, mode: 0o700 });
  await mkdir(join(dir, 'tls'), { recursive: true, mode: 0o700 });
  for (const purpose of ['vote', 'tx', 'checkpoint'] as const) {
    await writeSecret(join(dir, 'keys', `${purpose}.pem`), encodePrivateKeyPem(seeds[purpose], options.passphrase));
  }
  await writeSecret(join(dir, 'tls', 'peer.key'), peer.privateKeyPem);
  await writeFile(join(dir, 'tls', 'peer.crt'), peer.certificatePem);
  for (const [name, made] of [
    ['api', api],
    ['webhook', webhook],
  ] as const) {
    await writeSecret(join(dir, 'tls', `${name}.key`), made.privateKeyPem);
    await writeFile(join(dir, 'tls', `${name}.crt`), made.certificatePem);
    await writeFile(join(dir, 'tls', `${name}-ca.crt`), made.caBundlePem);
    await writeSecret(join(dir, 'tls', `${name}-ca.key`), made.authority.privateKeyPem);
  }

  const descriptor: NodeDescriptor = {
    org,
    validator: {
      id: org as string as ValidatorId,
      org,
      voteKey: signers.vote.publicKey,
      txKey: signers.tx.publicKey,
      tlsKey: peer.publicKey,
      checkpointKey: signers.checkpoint.publicKey,
      peerAddress: options.peerAddress,
      apiUrl: options.apiUrl,
    },
    votesRequired: options.votesRequired,
    members,
    apiCa: api.caBundlePem,
    webhookCa: webhook.caBundlePem,
  };
  // Written last: a folder with a descriptor is complete.
  await writeFile(
    descriptorFile,
    signNodeDescriptor(descriptor, [signers.vote, signers.tx, signers.tls, signers.checkpoint]),
  );
  return { descriptorFile, descriptor };
}

async function readMembers({ memberFiles, org }: KeygenOptions): Promise<NodeDescriptor['members']> {
  const members = [];
  for (const file of memberFiles) {
    const bytes = await readFile(file).catch((cause: Error) => {
      throw new ChainError(
        'NODE_FILE_UNREADABLE',
        { what: 'member descriptor', file, reason: cause.message },
        { cause },
      );
    });
    const opened = openMemberDescriptor(file, trimNewline(bytes));
    if (opened.org !== org)
      throw new ChainError('DESCRIPTOR_INVALID', { file, reason: `is of ${opened.org}, not of ${org}` });
    members.push(opened.member);
  }
  return members;
}

/** Text files end in a newline, an envelope does not. */
export function trimNewline(bytes: Uint8Array): Uint8Array {
  return bytes.at(-1) === 0x0a ? bytes.subarray(0, -1) : bytes;
}

async function writeSecret(file: string, text: string): Promise<void> {
  await writeFile(file, text, { mode: 0o600, flag: 'wx' });
  await chmod(file, 0o600);
}

function isAddress(host: string): boolean {
  return /^\d+\.\d+\.\d+\.\d+$/.test(host) || host.includes(':');
}
