import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { toBase64 } from '../../../src/codec/index.ts';
import { signMemberDescriptor } from '../../../src/client/descriptor.ts';
import { encodePrivateKeyPem, generateSeed, keyIdOf, signerFromSeed } from '../../../src/crypto/index.ts';
import { ChainError } from '../../../src/errors/chain-error.ts';
import { rotationBytes } from '../../../src/ledger/execute/key-rotation.ts';
import { answer } from '../answer.ts';
import { confirm } from '../confirm.ts';
import { act, identityOf } from '../identity.ts';
import type { SigningOptions } from '../options.ts';
import { withSession } from '../session.ts';
import type { Terminal } from '../terminal.ts';
import { newPassphrase } from './keys.ts';

/**
 * Puts a new key in the place of the one that is named: signed by both, in force at once, no vote. The new one is on disk before the chain learns of it, and the
 * old one stays beside it as `.previous`.
 */
export async function rotateKey(terminal: Terminal, options: SigningOptions): Promise<void> {
  await withSession(terminal, options, async (session) => {
    const identity = await identityOf(session, options);
    const { org, member, key } = identity;
    const file = key.origin;
    if (!existsSync(file))
      throw new ChainError('CLI_USAGE', {
        problem: `${file} is no file: a key in an agent is replaced by \`propose member\``,
      });
    const owner = `${org}/${member.name}`;
    await confirm(terminal, options, `replace the key of ${owner}`);
    const seed = generateSeed();
    const next = signerFromSeed(seed);
    const passphrase = await newPassphrase(terminal, options);
    const nextFile = `${file}.next`;
    writeFileSync(nextFile, encodePrivateKeyPem(seed, passphrase), { mode: 0o600, flag: 'wx' });
    const chain = session.chain.genesisHash;
    const bytes = rotationBytes({ chain, owner, purpose: 'member', from: member.key, to: next.publicKey });
    const { index } = await act(session, identity, {
      kind: 'member-key',
      to: next.publicKey,
      proof: toBase64(next.sign(bytes)),
    });
    renameSync(file, `${file}.previous`);
    renameSync(nextFile, file);
    const descriptor = signMemberDescriptor({ org, member: { ...member, key: next.publicKey } }, next);
    writeFileSync(`${file.replace(/\.pem$/, '')}.descriptor.json`, `${Buffer.from(descriptor).toString()}\n`);
    await answer(terminal, options, `key/${owner}`, 'rotated', {
      keyFile: file,
      keyId: keyIdOf(next.publicKey),
      record: index,
    });
  });
}
