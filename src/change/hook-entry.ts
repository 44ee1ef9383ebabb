import { canonicalJson, toHex, utf8Encode } from '../codec/index.ts';
import type { Sha256 } from '../ports/crypto.ts';
import type { Hash } from '../types/brand.ts';
import type { Json, JsonObject } from '../types/json.ts';
import type { ExclusionSettings } from './exclusions.ts';
import { isObject, jsonEqual, member } from './json.ts';
import { GATE_DOMAIN, RECORD_ENTRY, RECORD_HOOK, webhookConfiguration } from './webhook-configuration.ts';

const HASH_DOMAIN = utf8Encode('kubectl-chain/hook-entry/v1\0');
const CLIENT_DOMAIN = utf8Encode('kubectl-chain/hook-client/v1\0');

/** Name of a hook's entry in the ValidatingWebhookConfiguration. */
export function hookEntryName(hook: string): string {
  if (hook === RECORD_HOOK) return RECORD_ENTRY;
  return `${hook}.${GATE_DOMAIN}`;
}

/** Identity of an entry as the API server shows it, all its fields with their defaults. */
export function hookEntryHash(entry: JsonObject, sha256: Sha256): Hash {
  return toHex(sha256(HASH_DOMAIN, canonicalJson(entry))) as Hash;
}

/** Identity of what only an installation can know of an entry: its address, and whose certificates are taken there. */
export function hookClientHash(client: Json, sha256: Sha256): Hash {
  return toHex(sha256(CLIENT_DOMAIN, canonicalJson(client))) as Hash;
}

/**
 * Fields in which an entry differs from the one that the code makes for this hook, in the order of their names. Its address and authority are a matter of
 * the installation and are not looked at; a selector without content, which the API server fills in, selects everything.
 */
export function hookEntryProblems(
  entry: JsonObject,
  hook: string,
  exclusions: ExclusionSettings | undefined,
): readonly string[] {
  const endpoint = { name: hook, url: '', caBundle: '' };
  const made = webhookConfiguration({
    name: hook,
    ...(hook === RECORD_HOOK ? { hooks: [], record: endpoint } : { hooks: [endpoint] }),
    ...(exclusions === undefined ? {} : { exclusions }),
  }) as unknown as { readonly webhooks: readonly [JsonObject] };
  const expected = made.webhooks[0];
  const fields = new Set([...Object.keys(expected), ...Object.keys(entry)]);
  return [...fields]
    .filter((field) => field !== 'clientConfig' && !sameField(member(expected, field), member(entry, field)))
    .filter((field) => !isStricter(hook, field, member(entry, field)))
    .sort();
}

/** In the profile `strict` nothing goes on without the record hook either. */
function isStricter(hook: string, field: string, found: Json | undefined): boolean {
  return hook === RECORD_HOOK && field === 'failurePolicy' && found === 'Fail';
}

function sameField(expected: Json | undefined, found: Json | undefined): boolean {
  if (expected === undefined) return found === undefined || (isObject(found) && Object.keys(found).length === 0);
  return found !== undefined && jsonEqual(expected, found);
}
