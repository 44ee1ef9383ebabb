import { writeFileSync } from 'node:fs';
import { signMemberDescriptor } from '../../src/client/descriptor.ts';
import { encodePrivateKeyPem, generateSeed, signerFromSeed } from '../../src/crypto/index.ts';
import type { OrgId } from '../../src/types/brand.ts';

export interface MemberFiles {
  readonly keyFile: string;
  readonly descriptorFile: string;
}

/** A member's key without a passphrase, so that a script can vote with it (the keys of a playground protect nothing), and its descriptor. */
export function writeMemberKey(org: string, name: string, { keyFile, descriptorFile }: MemberFiles): void {
  const seed = generateSeed();
  const signer = signerFromSeed(seed);
  writeFileSync(keyFile, encodePrivateKeyPem(seed, null), { mode: 0o600, flag: 'wx' });
  const member = { name, key: signer.publicKey, roles: ['member', 'operator', 'auditor'] as const };
  writeFileSync(descriptorFile, signMemberDescriptor({ org: org as OrgId, member }, signer));
}
