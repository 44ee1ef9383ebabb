import { renderDiff, verifyBody, type Attested, type VerifiedBody } from '../../src/change/index.ts';
import { nativeBackend } from '../../src/crypto/index.ts';
import { ChainError, isChainError } from '../../src/errors/chain-error.ts';
import { tombstoneKey } from '../../src/ledger/execute/keys.ts';
import type { Hash } from '../../src/types/brand.ts';
import { requestFrom, type Identity } from './identity.ts';
import type { Session } from './session.ts';

/** Bodies that are asked for at once. */
const fetchedAtOnceMax = 8;

/** Fetches a body with a member's signed request and opens it only if it is the one that was recorded. */
export async function fetchBody(session: Session, identity: Identity, attested: Attested): Promise<VerifiedBody> {
  const request = { kind: 'body-request', hash: attested.bodyHash } as const;
  const sign = (audience: Hash): Promise<Uint8Array> => requestFrom(session, identity, request, audience);
  return session.reader.signed('/v1/bodies', sign, (bytes) => verifyBody(bytes, attested, nativeBackend.sha256));
}

/** The diff of a recorded change, or why it cannot be shown: BODY_ERASED where a vote erased it, otherwise BODY_UNAVAILABLE. */
export async function diffOrReason(
  session: Session,
  identity: Identity | undefined,
  attested: Attested,
): Promise<{ readonly diff: readonly string[] | null; readonly reason: string }> {
  if (identity === undefined)
    return { diff: null, reason: 'BODY_UNAVAILABLE: only a member may read it; name a key with --key' };
  try {
    return { diff: renderDiff(await fetchBody(session, identity, attested)), reason: '' };
  } catch (error) {
    if (!isChainError(error)) throw error;
    return { diff: null, reason: (await whyMissing(session, attested, error)).join(': ') };
  }
}

/** Only the chain's own word counts: a node may say anything of a body that it does not show. */
export async function whyMissing(
  session: Session,
  attested: Attested,
  error: ChainError,
): Promise<readonly [code: 'BODY_ERASED' | 'BODY_UNAVAILABLE', reason: string]> {
  const key = tombstoneKey(attested.bodyHash);
  const erased = (await session.reader.state([key])).values.get(key) !== undefined;
  return erased ? ['BODY_ERASED', 'it was erased by vote'] : ['BODY_UNAVAILABLE', error.message];
}

/** The opened bodies of all of a proposal's changes, in order. Throws CLI_BODY if one cannot be had: then nobody should vote for it. */
export async function allBodies(
  session: Session,
  identity: Identity,
  proposal: number,
  changes: readonly (Attested & { readonly title: string })[],
): Promise<readonly VerifiedBody[]> {
  return inOrder(changes, fetchedAtOnceMax, async (change) => {
    try {
      return await fetchBody(session, identity, change);
    } catch (error) {
      if (!isChainError(error)) throw error;
      throw new ChainError('CLI_BODY', { proposal, object: change.title, reason: error.message }, { cause: error });
    }
  });
}

/** Results in the order of the items, `atOnce` of them in work. */
export async function inOrder<T, R>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      results[index] = await work(items[index] as T);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return results;
}
