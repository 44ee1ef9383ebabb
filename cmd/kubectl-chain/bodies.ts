import { renderDiff, verifyBody, type Attested, type VerifiedBody } from '../../src/change/index.ts';
import { nativeBackend } from '../../src/crypto/index.ts';
import { ChainError, isChainError } from '../../src/errors/chain-error.ts';
import type { Hash } from '../../src/types/brand.ts';
import { requestFrom, type Identity } from './identity.ts';
import type { Session } from './session.ts';

/** Fetches a body with a member's signed request and opens it only if it is the one that was recorded. */
export async function fetchBody(session: Session, identity: Identity, attested: Attested): Promise<VerifiedBody> {
  const request = { kind: 'body-request', hash: attested.bodyHash } as const;
  const sign = (audience: Hash): Promise<Uint8Array> => requestFrom(session, identity, request, audience);
  return session.reader.signed('/v1/bodies', sign, (bytes) => verifyBody(bytes, attested, nativeBackend.sha256));
}

/** The diff of a recorded change, or why it cannot be shown. */
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
    return { diff: null, reason: `BODY_UNAVAILABLE: ${error.message}` };
  }
}

/** The diffs of all of a proposal's changes. Throws CLI_BODY if one cannot be had: then nobody should vote for it. */
export async function allDiffs(
  session: Session,
  identity: Identity,
  proposal: number,
  changes: readonly { readonly title: string; readonly attested: Attested }[],
): Promise<readonly (readonly string[])[]> {
  const diffs: (readonly string[])[] = [];
  for (const { title, attested } of changes) {
    try {
      diffs.push(renderDiff(await fetchBody(session, identity, attested)));
    } catch (error) {
      if (!isChainError(error)) throw error;
      throw new ChainError('CLI_BODY', { proposal, object: title, reason: error.message }, { cause: error });
    }
  }
  return diffs;
}
