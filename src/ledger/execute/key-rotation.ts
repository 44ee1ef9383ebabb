import type { PublicKeyHex } from '../../types/brand.ts';
import type { Member, Validator } from '../../types/chain.ts';
import type { KeyRotationPayload, MemberKeyPayload, NodeKeyPurpose } from '../../types/transaction.ts';
import { canonicalJson, concatBytes, fromBase64, utf8Encode } from '../../codec/index.ts';
import { ChainError } from '../../errors/chain-error.ts';
import { memberOf, organisation, validatorById } from './committee.ts';
import { done, type Execution, type Outcome } from './execution.ts';
import { keysInUse } from './keys-in-use.ts';
import { orgKey } from './keys.ts';
import { changeSet } from './validator-sets.ts';

const DOMAIN = utf8Encode('kubectl-chain/key-rotation/v1\0');

const FIELD = { tx: 'txKey', checkpoint: 'checkpointKey', tls: 'tlsKey' } as const satisfies Record<
  NodeKeyPurpose,
  keyof Validator
>;

export interface Rotation {
  readonly chain: string;
  /** A node's id, or `<organisation>/<member>`. */
  readonly owner: string;
  readonly purpose: NodeKeyPurpose | 'member';
  readonly from: PublicKeyHex;
  readonly to: PublicKeyHex;
}

/** What the keys sign to say that one takes the place of the other: "kubectl-chain/key-rotation/v1" 0x00 RFC 8785 of the rotation. */
export function rotationBytes({ chain, owner, purpose, from, to }: Rotation): Uint8Array {
  return concatBytes(DOMAIN, canonicalJson({ chain, owner, purpose, from, to }));
}

/**
 * A node's next key: from the next height on it counts, and the old one no longer. The key to vote with is no part of it: that one is replaced by a vote, so that no
 * node alone decides what is signed with at which height. Throws LEDGER_KEY_ROTATION, GOVERNANCE_SET_PENDING.
 */
export function executeKeyRotation(x: Execution, payload: KeyRotationPayload): Outcome {
  const { node, purpose, from, to, proofs } = payload;
  const refuse = (reason: string): ChainError => new ChainError('LEDGER_KEY_ROTATION', { owner: node, reason });
  const validator = validatorById(x.validators, node);
  const field = FIELD[purpose];
  if (validator[field] !== from) throw refuse(`its ${purpose} key is another one`);
  checkNewKey(x, to, refuse);
  const bytes = rotationBytes({ chain: x.chain.hash, owner: node, purpose, from, to });
  for (const [key, proof] of [
    [from, proofs.from],
    [to, proofs.to],
  ] as const) {
    if (!x.chain.verifyEd25519(key, bytes, fromBase64(proof))) throw refuse(`key ${key} has not signed it`);
  }
  changeSet(
    x,
    x.validators.map((other) => (other.id === node ? { ...other, [field]: to } : other)),
    [],
  );
  return done();
}

/** A member's next key, at once. What was signed with the old one stays. Throws LEDGER_KEY_ROTATION. */
export function executeMemberKey(x: Execution, payload: MemberKeyPayload): Outcome {
  const { org: name, member: who, to, proof } = payload;
  const owner = `${name}/${who}`;
  const refuse = (reason: string): ChainError => new ChainError('LEDGER_KEY_ROTATION', { owner, reason });
  const member = memberOf(x.docs, name, who);
  checkNewKey(x, to, refuse);
  const bytes = rotationBytes({ chain: x.chain.hash, owner, purpose: 'member', from: member.key, to });
  if (!x.chain.verifyEd25519(to, bytes, fromBase64(proof))) throw refuse(`key ${to} has not signed it`);
  const org = organisation(x.docs, name);
  if (org === undefined) throw refuse('there is no such organisation');
  const members = org.members.map((other): Member => (other.name === who ? { ...other, key: to } : other));
  x.docs.put(orgKey(name), { ...org, members });
  return done();
}

function checkNewKey(x: Execution, key: PublicKeyHex, refuse: (reason: string) => ChainError): void {
  if (!x.chain.isRegistrableKey(key)) throw refuse(`${key} is not a registrable Ed25519 key`);
  if (keysInUse(x).has(key)) throw refuse(`${key} is in use already`);
}
