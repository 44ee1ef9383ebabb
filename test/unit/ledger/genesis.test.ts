import { describe, expect, test } from 'vitest';
import { canonicalJson, toHex, utf8Encode } from '../../../src/codec/index.ts';
import {
  decodeGenesis,
  genesisBytes,
  genesisHashOf,
  loadGenesis,
  PARAM_RANGES,
  validateGenesis,
  VALIDATORS_MAX,
} from '../../../src/ledger/index.ts';
import type { PublicKeyHex } from '../../../src/types/brand.ts';
import { genesisOf, sha256 } from './fixtures.ts';
import { codeOf, refusalOf } from './refusal.ts';

const weak = '01'.padEnd(64, '0') as PublicKeyHex;
const crypto = { sha256, isRegistrableKey: (key: PublicKeyHex) => key !== weak };
const genesis = genesisOf();

type Edit = (genesis: unknown) => void;
type Holder = Record<string, unknown>;

/** The value at a JSON pointer of the valid genesis. */
const get = (pointer: string): unknown => walk(genesis, pointer.split('/').slice(1));
const walk = (value: unknown, keys: readonly string[]): unknown => keys.reduce((at, key) => (at as Holder)[key], value);

/** Sets the value at a JSON pointer; `-` appends to a list, undefined removes. */
function set(pointer: string, value: unknown): Edit {
  const keys = pointer.split('/').slice(1);
  const last = keys.at(-1) ?? '';
  return (edited) => {
    const holder = walk(edited, keys.slice(0, -1)) as Holder;
    if (Array.isArray(holder) && last === '-') holder.push(value);
    else if (Array.isArray(holder) && value === undefined) holder.splice(Number(last), 1);
    else if (value === undefined) Reflect.deleteProperty(holder, last);
    else holder[last] = value;
  };
}

/** What is said of a genesis after one edit. */
function after(edit: Edit) {
  const changed: unknown = structuredClone(genesis);
  edit(changed);
  return refusalOf(() => loadGenesis(canonicalJson(changed), crypto));
}

describe('a genesis', () => {
  test('has a hash over its canonical bytes, however the file is laid out', () => {
    const pretty = utf8Encode(JSON.stringify(genesis, null, 2));
    const loaded = loadGenesis(pretty, crypto);
    expect(loaded.genesis).toEqual(genesis);
    expect(loaded.bytes).toEqual(canonicalJson(genesis));
    expect(loaded.bytes).toEqual(genesisBytes(genesis));
    expect(loaded.hash).toBe(toHex(sha256(utf8Encode('kubectl-chain/genesis/v1\0'), loaded.bytes)));
    expect(loaded.hash).toBe(genesisHashOf(genesis, sha256));
  });

  test.each([1, 2, 3, 4, 7, VALIDATORS_MAX])('of %i organisations is valid', (n) => {
    const names = Array.from({ length: n }, (_, i) => `org-${i}`);
    expect(codeOf(() => loadGenesis(genesisBytes(genesisOf(names)), crypto))).toBe('accepted');
  });

  test('of another version or with other fields is refused', () => {
    expect(after(set('/v', 2)).code).toBe('LEDGER_VERSION');
    expect(after(set('/extra', 1))).toEqual({ code: 'CODEC_SCHEMA', path: '/extra' });
    expect(after(set('/policies/0/spec', undefined))).toEqual({ code: 'CODEC_SCHEMA', path: '/policies/0/spec' });
    expect(after(set('/validators/0/voteKey', 'AB'))).toEqual({
      code: 'CODEC_SCHEMA',
      path: '/validators/0/voteKey',
    });
    expect(after(set('/orgs/0/votesRequired', 0))).toEqual({
      code: 'CODEC_SCHEMA',
      path: '/orgs/0/votesRequired',
    });
    expect(codeOf(() => decodeGenesis(utf8Encode('{"v":1,"v":1}')))).toBe('CODEC_JSON_DUPLICATE_KEY');
  });

  test.each<[rule: string, edit: Edit, code: string, path: string]>([
    ['the chain has a label for a name', set('/chainName', 'Demo'), 'LEDGER_GENESIS_NAME', '/chainName'],
    ['organisations have labels', set('/orgs/1/name', 'be.ta'), 'LEDGER_GENESIS_NAME', '/orgs/1/name'],
    ['a label has at most 63 characters', set('/orgs/1/name', 'b'.repeat(64)), 'LEDGER_GENESIS_NAME', '/orgs/1/name'],
    [
      'a label does not begin with a hyphen',
      set('/clusters/0/name', '-prod'),
      'LEDGER_GENESIS_NAME',
      '/clusters/0/name',
    ],
    ['hooks have labels', set('/clusters/0/hooks/0/name', ''), 'LEDGER_GENESIS_NAME', '/clusters/0/hooks/0/name'],
    ['policies have labels', set('/policies/0/name', 'P!'), 'LEDGER_GENESIS_NAME', '/policies/0/name'],
    ['organisations are distinct', set('/orgs/1/name', 'alpha'), 'LEDGER_GENESIS_DUPLICATE', '/orgs/1/name'],
    [
      'members of an organisation are distinct',
      set('/orgs/0/members/-', get('/orgs/0/members/0')),
      'LEDGER_GENESIS_DUPLICATE',
      '/orgs/0/members/1/name',
    ],
    ['policies are distinct', set('/policies/-', get('/policies/0')), 'LEDGER_GENESIS_DUPLICATE', '/policies/1/name'],
    ['clusters are distinct', set('/clusters/-', get('/clusters/0')), 'LEDGER_GENESIS_DUPLICATE', '/clusters/1/name'],
    [
      'hooks are distinct',
      set('/clusters/0/hooks/1/name', 'h1'),
      'LEDGER_GENESIS_DUPLICATE',
      '/clusters/0/hooks/1/name',
    ],
    [
      'observers are distinct',
      set('/clusters/0/observers/-', 'alpha'),
      'LEDGER_GENESIS_DUPLICATE',
      '/clusters/0/observers/4',
    ],
    ['a user is bound once', set('/bindings/-', get('/bindings/0')), 'LEDGER_GENESIS_DUPLICATE', '/bindings/1'],
    ['there is a validator', set('/validators', []), 'LEDGER_GENESIS_VALIDATORS', '/validators'],
    [
      'a validator is of a known organisation',
      set('/validators/2/org', 'omega'),
      'LEDGER_GENESIS_UNKNOWN_ORG',
      '/validators/2/org',
    ],
    [
      'a validator is named like its organisation',
      set('/validators/2/id', 'alpha'),
      'LEDGER_GENESIS_VALIDATOR_ID',
      '/validators/2/id',
    ],
    [
      'an organisation has one validator at most',
      set('/validators/1', get('/validators/0')),
      'LEDGER_GENESIS_DUPLICATE',
      '/validators/1/org',
    ],
    [
      'an organisation has one validator at least',
      set('/validators/3', undefined),
      'LEDGER_GENESIS_ORG_WITHOUT_VALIDATOR',
      '/orgs/3',
    ],
    [
      'peer addresses have a port',
      set('/validators/0/peerAddress', 'alpha.example'),
      'LEDGER_GENESIS_ADDRESS',
      '/validators/0/peerAddress',
    ],
    [
      'ports end at 65535',
      set('/validators/0/peerAddress', 'alpha:65536'),
      'LEDGER_GENESIS_ADDRESS',
      '/validators/0/peerAddress',
    ],
    [
      'the API is served over TLS',
      set('/validators/0/apiUrl', 'http://alpha'),
      'LEDGER_GENESIS_ADDRESS',
      '/validators/0/apiUrl',
    ],
    [
      'vote keys are registrable',
      set('/validators/1/voteKey', weak),
      'LEDGER_GENESIS_KEY_WEAK',
      '/validators/1/voteKey',
    ],
    [
      'checkpoint keys are registrable',
      set('/validators/1/checkpointKey', weak),
      'LEDGER_GENESIS_KEY_WEAK',
      '/validators/1/checkpointKey',
    ],
    [
      "members' keys are registrable",
      set('/orgs/2/members/0/key', weak),
      'LEDGER_GENESIS_KEY_WEAK',
      '/orgs/2/members/0/key',
    ],
    [
      'no key has two purposes',
      set('/validators/0/txKey', get('/validators/0/voteKey')),
      'LEDGER_GENESIS_KEY_REUSED',
      '/validators/0/txKey',
    ],
    [
      'no key has two validators',
      set('/validators/1/tlsKey', get('/validators/0/tlsKey')),
      'LEDGER_GENESIS_KEY_REUSED',
      '/validators/1/tlsKey',
    ],
    [
      'no key is of a person and a validator',
      set('/orgs/3/members/0/key', get('/validators/0/txKey')),
      'LEDGER_GENESIS_KEY_REUSED',
      '/orgs/3/members/0/key',
    ],
    [
      'enough members may vote',
      set('/orgs/0/votesRequired', 2),
      'LEDGER_GENESIS_VOTES_REQUIRED',
      '/orgs/0/votesRequired',
    ],
    [
      'only members vote',
      set('/orgs/0/members/0/roles', ['auditor']),
      'LEDGER_GENESIS_VOTES_REQUIRED',
      '/orgs/0/votesRequired',
    ],
    ['a cluster has a hook', set('/clusters/0/hooks', []), 'LEDGER_GENESIS_HOOK_EMPTY', '/clusters/0/hooks'],
    [
      'a hook has an organisation',
      set('/clusters/0/hooks/1/orgs', []),
      'LEDGER_GENESIS_HOOK_EMPTY',
      '/clusters/0/hooks/1',
    ],
    [
      'hooks are disjoint',
      set('/clusters/0/hooks/1/orgs/-', 'alpha'),
      'LEDGER_GENESIS_HOOK_OVERLAP',
      '/clusters/0/hooks/1/orgs/1',
    ],
    [
      'hooks are of known organisations',
      set('/clusters/0/hooks/0/orgs/-', 'omega'),
      'LEDGER_GENESIS_UNKNOWN_ORG',
      '/clusters/0/hooks/0/orgs/1',
    ],
    [
      'observers are known',
      set('/clusters/0/observers', ['omega']),
      'LEDGER_GENESIS_UNKNOWN_ORG',
      '/clusters/0/observers/0',
    ],
    [
      'bindings name a known cluster',
      set('/bindings/0/cluster', 'test'),
      'LEDGER_GENESIS_UNKNOWN_CLUSTER',
      '/bindings/0/cluster',
    ],
    [
      'bindings name a known organisation',
      set('/bindings/0/org', 'omega'),
      'LEDGER_GENESIS_UNKNOWN_ORG',
      '/bindings/0/org',
    ],
    [
      'bindings name a known member',
      set('/bindings/0/member', 'ann-beta'),
      'LEDGER_GENESIS_UNKNOWN_MEMBER',
      '/bindings/0/member',
    ],
    [
      'voting takes a second at least',
      set('/configPolicy/votingMs', 999),
      'LEDGER_GENESIS_PARAMETER',
      '/configPolicy/votingMs',
    ],
    [
      'a delay has a cap',
      set('/configPolicy/delayMs', 31 * 86_400_000),
      'LEDGER_GENESIS_PARAMETER',
      '/configPolicy/delayMs',
    ],
  ])('is refused unless %s', (_rule, edit, code, path) => {
    expect(after(edit)).toEqual({ code, path });
  });

  test('has at most 23 validators', () => {
    const names = Array.from({ length: VALIDATORS_MAX + 1 }, (_, i) => `org-${i}`);
    expect(codeOf(() => validateGenesis(genesisOf(names), () => true))).toBe('LEDGER_GENESIS_VALIDATORS');
  });

  test('keeps every parameter between its floor and its cap, which themselves are allowed', () => {
    for (const [field, { floor, cap }] of Object.entries(PARAM_RANGES)) {
      for (const value of [floor, cap]) expect(after(set(`/params/${field}`, value)).code).toBe('accepted');
      for (const value of [floor - 1, cap + 1]) {
        expect(after(set(`/params/${field}`, value))).toEqual({
          code: 'LEDGER_GENESIS_PARAMETER',
          path: `/params/${field}`,
        });
      }
    }
  });

  test('may bind a service account to an organisation alone, publish no API and use IPv6', () => {
    expect(after(set('/bindings/0/member', null)).code).toBe('accepted');
    expect(after(set('/validators/0/apiUrl', '')).code).toBe('accepted');
    expect(after(set('/validators/0/peerAddress', '[2001:db8::1]:26600')).code).toBe('accepted');
    expect(after(set('/validators/0/org', 'beta')).code).toBe('LEDGER_GENESIS_VALIDATOR_ID');
  });
});
