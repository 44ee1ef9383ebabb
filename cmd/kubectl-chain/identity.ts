import { randomUUID } from 'node:crypto';
import {
  signRequest,
  type BodyRequest,
  type CanonicalizeRequest,
  type DetailsRequest,
} from '../../src/client/signed-request.ts';
import { keyIdOf, nativeBackend } from '../../src/crypto/index.ts';
import { ChainError } from '../../src/errors/chain-error.ts';
import { registry } from '../../src/errors/registry.ts';
import { KEY, orgKey } from '../../src/ledger/execute/keys.ts';
import { signTransaction } from '../../src/ledger/index.ts';
import type { Hash, OrgId } from '../../src/types/brand.ts';
import type { Member, Organisation } from '../../src/types/chain.ts';
import type { Payload, PayloadBase, TxResult } from '../../src/types/transaction.ts';
import { documentOf } from './document.ts';
import type { KeyOptions } from './options.ts';
import type { Session } from './session.ts';
import { hasKey, signedWith, signingKey, type SigningKey } from './signing-key.ts';

/** What a person signs may reach a block for an hour; the chain allows a day. */
const transactionLifeMs = 3_600_000;

/** Who signs: a member of an organisation, found on the chain by the key. */
export interface Identity {
  readonly org: OrgId;
  readonly member: Member;
  readonly key: SigningKey;
}

export async function organisations(session: Session): Promise<readonly Organisation[]> {
  const names = documentOf<string[]>((await session.reader.state([KEY.orgs])).values, KEY.orgs) ?? [];
  if (names.length === 0) return [];
  const { values } = await session.reader.state(names.map(orgKey));
  return names.flatMap((name) => documentOf<Organisation>(values, orgKey(name)) ?? []);
}

/** Throws CLI_KEY_FOREIGN if no member has this key, and what finding the key is refused for. */
export async function identityOf(session: Session, options: KeyOptions): Promise<Identity> {
  const key = await signingKey(session.terminal, session.home, session.config.defaultKey, options);
  for (const org of await organisations(session)) {
    const member = org.members.find((candidate) => candidate.key === key.publicKey);
    if (member !== undefined) return { org: org.name, member, key };
  }
  throw new ChainError('CLI_KEY_FOREIGN', { keyId: keyIdOf(key.publicKey) });
}

/** Undefined if no key was named. */
export async function identityIfAny(session: Session, options: KeyOptions): Promise<Identity | undefined> {
  return hasKey(session.terminal, session.config.defaultKey, options) ? identityOf(session, options) : undefined;
}

type Personal = Extract<Payload, { readonly org: OrgId }>;
type Content<P> = P extends Personal ? Omit<P, keyof PayloadBase | 'org' | 'member'> : never;

/** Signs and submits; the record is verified. Throws CLI_RECORDED_REFUSAL if it was recorded without effect. */
export async function act(
  session: Session,
  identity: Identity,
  content: Content<Personal>,
): Promise<{ readonly index: number; readonly result: TxResult }> {
  const { reader, terminal, chain } = session;
  const payload = {
    v: 1,
    alg: 'ed25519',
    chain: chain.genesisHash,
    notAfterMs: terminal.nowMs() + transactionLifeMs,
    org: identity.org,
    member: identity.member.name,
    ...content,
  } as Personal;
  const envelope = await signedWith(identity.key, (signer) => signTransaction(payload, signer, nativeBackend.sha256));
  const { index, result } = await reader.submit(envelope);
  const { decision, code } = result;
  if (decision !== 'DONE') {
    const known = registry[code as keyof typeof registry] as { remedy: string } | undefined;
    throw new ChainError('CLI_RECORDED_REFUSAL', { code, index, meaning: known?.remedy ?? decision });
  }
  return { index, result };
}

/** A request that only a member may make, for a minute, to the node with this certificate. */
export function requestFrom(
  session: Session,
  { org, member, key }: Identity,
  content: BodyRequest | CanonicalizeRequest | DetailsRequest,
  audience: Hash,
): Promise<Uint8Array> {
  const now = session.terminal.nowMs();
  return signedWith(key, (signer) =>
    signRequest(content, session.chain.genesisHash, { org, member: member.name, signer }, now, audience),
  );
}

export const freshNonce = (): string => randomUUID();
