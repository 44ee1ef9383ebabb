import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { decodePrivateKeyPem } from '../crypto/index.ts';
import { publicKeyHexOf } from '../cluster/certificates.ts';
import { ChainError, isChainError } from '../errors/chain-error.ts';
import type { Signer } from '../ports/crypto.ts';
import type { Validator } from '../types/chain.ts';
import type { PublicKeyHex } from '../types/brand.ts';
import type { NodeConfig } from './config.ts';
import { HeldKey } from './held-key.ts';

export interface CertificateFiles {
  readonly key: string;
  readonly cert: string;
}

/** Everything secret of a node, read once and checked against what the chain registers for it. */
export interface NodeIdentity {
  readonly vote: Signer;
  readonly tx: HeldKey;
  readonly checkpoint: HeldKey;
  /** Key of the mesh certificate. */
  readonly tlsKey: PublicKeyHex;
  readonly peer: CertificateFiles;
  readonly api: CertificateFiles;
  readonly webhook: (CertificateFiles & { readonly clientCa?: string; readonly pathSecret?: string }) | null;
}

/** Everything secret of a node. Throws NODE_FILE_UNREADABLE, NODE_KEY_UNUSABLE or NODE_TLS_PAIR. */
export function loadIdentity(config: NodeConfig): NodeIdentity {
  const passphrase =
    config.keys.passphraseFile === undefined ? null : firstLine(read('passphrase file', config.keys.passphraseFile));
  const vote = opened('vote', config.keys.vote, passphrase);
  const held = (purpose: 'tx' | 'checkpoint'): HeldKey =>
    new HeldKey(config.keys[purpose], (file) => opened(purpose, file, passphrase));
  const [tx, checkpoint] = [held('tx'), held('checkpoint')];
  const peer = pair('mesh', config.peer);
  const tlsKey = publicKeyHexOf(peer.cert);
  return {
    vote,
    tx,
    checkpoint,
    tlsKey,
    peer,
    ...serverFiles(config),
  };
}

/** Throws NODE_KEY_MISMATCH unless these are the keys that are registered. */
export function checkIdentity({ vote, tx, checkpoint, tlsKey }: NodeIdentity, validator: Validator): void {
  const check = (purpose: string, expected: string, has: boolean, actual: string): void => {
    if (!has) throw new ChainError('NODE_KEY_MISMATCH', { purpose, expected, actual });
  };
  const { voteKey, txKey, checkpointKey } = validator;
  check('mesh', validator.tlsKey, tlsKey === validator.tlsKey, tlsKey);
  check('vote', voteKey, vote.publicKey === voteKey, vote.publicKey);
  check('tx', txKey, tx.of(txKey) !== undefined, tx.first.publicKey);
  check('checkpoint', checkpointKey, checkpoint.of(checkpointKey) !== undefined, checkpoint.first.publicKey);
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
