import { readFileSync, writeFileSync } from 'node:fs';
import { encodePrivateKeyPem, generateSeed, keyIdOf, signerFromSeed } from '../crypto/index.ts';
import { ChainError } from '../errors/chain-error.ts';
import { readNodeConfig } from './config.ts';

/**
 * The key that follows a node's present one, in `<file>.next`, encrypted like that. The running node finds it there, has the chain learn of it, and puts it in the place
 * of the old one when it is in force. Nothing is overwritten. Throws NODE_FILE_EXISTS, NODE_FILE_UNREADABLE.
 */
export async function makeNextKey(configFile: string, purpose: 'tx' | 'checkpoint'): Promise<string> {
  const { keys } = readNodeConfig(configFile);
  const file = `${keys[purpose]}.next`;
  const seed = generateSeed();
  try {
    writeFileSync(file, encodePrivateKeyPem(seed, passphraseIn(keys.passphraseFile)), { mode: 0o600, flag: 'wx' });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST')
      throw new ChainError('NODE_FILE_EXISTS', { file }, { cause });
    throw cause;
  }
  return `${file} made, key ${keyIdOf(signerFromSeed(seed).publicKey)}: the running node puts it in force within seconds`;
}

function passphraseIn(file: string | undefined): string | null {
  return file === undefined ? null : (readFileSync(file, 'utf8').split('\n')[0]?.trim() ?? '');
}
