import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { decodePrivateKeyPem } from '../crypto/index.ts';
import { publicKeyHexOf } from '../cluster/certificates.ts';
import { ChainError, isChainError } from '../errors/chain-error.ts';
import type { Signer } from '../ports/crypto.ts';
import type { Validator } from '../types/chain.ts';
import type { NodeConfig } from './config.ts';

export interface CertificateFiles {
  readonly key: string;
  readonly cert: string;
}

/** Everything secret of a node, read once and checked against what the chain registers for it. */
export interface NodeIdentity {
  readonly vote: Signer;
  readonly tx: Signer;
  readonly checkpoint: Signer;
  readonly peer: CertificateFiles;
  readonly api: CertificateFiles;
  readonly webhook: (CertificateFiles & { readonly clientCa?: string; readonly pathSecret?: string }) | null;
}

/** Throws NODE_FILE_UNREADABLE, NODE_KEY_UNUSABLE, NODE_KEY_MISMATCH or NODE_TLS_PAIR. */
export function loadIdentity(config: NodeConfig, validator: Validator): NodeIdentity {
  const passphrase =
    config.keys.passphraseFile === undefined ? null : firstLine(read('passphrase file', config.keys.passphraseFile));
  const signer = (purpose: 'vote' | 'tx' | 'checkpoint', expected: string): Signer => {
    const loaded = opened(purpose, config.keys[purpose], passphrase);
    if (loaded.publicKey !== expected)
      throw new ChainError('NODE_KEY_MISMATCH', { purpose, expected, actual: loaded.publicKey });
    return loaded;
  };
  const peer = pair('mesh', config.peer);
  const tlsKey = publicKeyHexOf(peer.cert);
  if (tlsKey !== validator.tlsKey)
    throw new ChainError('NODE_KEY_MISMATCH', { purpose: 'mesh', expected: validator.tlsKey, actual: tlsKey });
  return {
    vote: signer('vote', validator.voteKey),
    tx: signer('tx', validator.txKey),
    checkpoint: signer('checkpoint', validator.checkpointKey),
    peer,
    ...serverFiles(config),
  };
}

/** What the servers show; may change while they run. Throws NODE_FILE_UNREADABLE, NODE_TLS_PAIR. */
export function serverFiles(config: NodeConfig): Pick<NodeIdentity, 'api' | 'webhook'> {
  const { webhook } = config;
  return {
    api: pair('API', config.api),
    webhook:
      webhook === undefined
        ? null
        : {
            ...pair('webhook', webhook),
            ...(webhook.clientCa === undefined ? {} : { clientCa: read('client CA', webhook.clientCa) }),
            ...(webhook.pathSecretFile === undefined
              ? {}
              : { pathSecret: firstLine(read('path secret', webhook.pathSecretFile)) }),
          },
  };
}

/** Three keys and one passphrase: whoever reads the error must learn which file it is about. */
function opened(purpose: string, file: string, passphrase: string | null): Signer {
  const pem = read(`${purpose} key`, file);
  try {
    return decodePrivateKeyPem(pem, passphrase);
  } catch (cause) {
    if (!isChainError(cause)) throw cause;
    throw new ChainError('NODE_KEY_UNUSABLE', { purpose, file, reason: `${cause.message} [${cause.code}]` }, { cause });
  }
}

function read(what: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ChainError('NODE_FILE_UNREADABLE', { what, file, reason: (cause as Error).message }, { cause });
  }
}

/** A server would start with a pair that does not fit and fail each handshake, or throw an error that names no file. */
function pair(purpose: string, files: { key: string; certificate: string }): CertificateFiles {
  const key = read(`${purpose} key`, files.key);
  const cert = read(`${purpose} certificate`, files.certificate);
  let reason = 'it is the key of another one';
  try {
    if (new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) return { key, cert };
  } catch (error) {
    reason = (error as Error).message;
  }
  throw new ChainError('NODE_TLS_PAIR', { purpose, ...files, reason });
}

function firstLine(text: string): string {
  return text.split('\n')[0]?.trim() ?? '';
}
