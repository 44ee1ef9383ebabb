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
import type { Genesis, Validator } from '../../../src/types/chain.ts';
import type { OrgId, PublicKeyHex } from '../../../src/types/brand.ts';
import { genesisOf, sha256 } from './fixtures.ts';
import { codeOf, refusalOf } from './refusal.ts';

const weak = '01'.padEnd(64, '0') as PublicKeyHex;
const crypto = { sha256, isRegistrableKey: (key: PublicKeyHex) => key !== weak };
const genesis = genesisOf();

/** What is said of a genesis after one edit. */
function after(edit: (genesis: any) => void, from: Genesis = genesis) {
  const changed: unknown = structuredClone(from);
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
    expect(after((g) => (g.v = 2)).code).toBe('LEDGER_VERSION');
    expect(after((g) => (g.extra = 1))).toEqual({ code: 'CODEC_SCHEMA', path: '/extra' });
    expect(after((g) => delete g.policies[0].spec)).toEqual({ code: 'CODEC_SCHEMA', path: '/policies/0/spec' });
    expect(after((g) => (g.validators[0].voteKey = 'AB'))).toEqual({
      code: 'CODEC_SCHEMA',
      path: '/validators/0/voteKey',
    });
    expect(after((g) => (g.orgs[0].votesRequired = 0))).toEqual({
      code: 'CODEC_SCHEMA',
      path: '/orgs/0/votesRequired',
    });
    expect(codeOf(() => decodeGenesis(utf8Encode('{"v":1,"v":1}')))).toBe('CODEC_JSON_DUPLICATE_KEY');
  });

  test.each<[rule: string, edit: (g: any) => void, code: string, path: string]>([
    ['the chain has a label for a name', (g) => (g.chainName = 'Demo'), 'LEDGER_GENESIS_NAME', '/chainName'],
    ['organisations have labels', (g) => (g.orgs[1].name = 'be.ta'), 'LEDGER_GENESIS_NAME', '/orgs/1/name'],
    [
      'a label has at most 63 characters',
      (g) => (g.orgs[1].name = 'b'.repeat(64)),
      'LEDGER_GENESIS_NAME',
      '/orgs/1/name',
    ],
    [
      'a label does not begin with a hyphen',
      (g) => (g.clusters[0].name = '-prod'),
      'LEDGER_GENESIS_NAME',
      '/clusters/0/name',
    ],
    ['hooks have labels', (g) => (g.clusters[0].hooks[0].name = ''), 'LEDGER_GENESIS_NAME', '/clusters/0/hooks/0/name'],
    ['policies have labels', (g) => (g.policies[0].name = 'P!'), 'LEDGER_GENESIS_NAME', '/policies/0/name'],
    ['organisations are distinct', (g) => (g.orgs[1].name = 'alpha'), 'LEDGER_GENESIS_DUPLICATE', '/orgs/1/name'],
    [
      'members of an organisation are distinct',
      (g) => g.orgs[0].members.push(g.orgs[0].members[0]),
      'LEDGER_GENESIS_DUPLICATE',
      '/orgs/0/members/1/name',
    ],
    ['policies are distinct', (g) => g.policies.push(g.policies[0]), 'LEDGER_GENESIS_DUPLICATE', '/policies/1/name'],
    ['clusters are distinct', (g) => g.clusters.push(g.clusters[0]), 'LEDGER_GENESIS_DUPLICATE', '/clusters/1/name'],
    [
      'hooks are distinct',
      (g) => (g.clusters[0].hooks[1].name = 'h1'),
      'LEDGER_GENESIS_DUPLICATE',
      '/clusters/0/hooks/1/name',
    ],
    [
      'observers are distinct',
      (g) => g.clusters[0].observers.push('alpha'),
      'LEDGER_GENESIS_DUPLICATE',
      '/clusters/0/observers/4',
    ],
    ['a user is bound once', (g) => g.bindings.push(g.bindings[0]), 'LEDGER_GENESIS_DUPLICATE', '/bindings/1'],
    ['there is a validator', (g) => (g.validators = []), 'LEDGER_GENESIS_VALIDATORS', '/validators'],
    [
      'a validator is of a known organisation',
      (g) => (g.validators[2].org = 'omega'),
      'LEDGER_GENESIS_UNKNOWN_ORG',
      '/validators/2/org',
    ],
    [
      'a validator is named like its organisation',
      (g) => (g.validators[2].id = 'alpha'),
      'LEDGER_GENESIS_VALIDATOR_ID',
      '/validators/2/id',
    ],
    [
      'an organisation has one validator at most',
      (g) => (g.validators[1] = { ...g.validators[0] }),
      'LEDGER_GENESIS_DUPLICATE',
      '/validators/1/org',
    ],
    [
      'an organisation has one validator at least',
      (g) => g.validators.pop(),
      'LEDGER_GENESIS_ORG_WITHOUT_VALIDATOR',
      '/orgs/3',
    ],
    [
      'peer addresses have a port',
      (g) => (g.validators[0].peerAddress = 'alpha.example'),
      'LEDGER_GENESIS_ADDRESS',
      '/validators/0/peerAddress',
    ],
    [
      'ports end at 65535',
      (g) => (g.validators[0].peerAddress = 'alpha:65536'),
      'LEDGER_GENESIS_ADDRESS',
      '/validators/0/peerAddress',
    ],
    [
      'the API is served over TLS',
      (g) => (g.validators[0].apiUrl = 'http://alpha'),
      'LEDGER_GENESIS_ADDRESS',
      '/validators/0/apiUrl',
    ],
    [
      'vote keys are registrable',
      (g) => (g.validators[1].voteKey = weak),
      'LEDGER_GENESIS_KEY_WEAK',
      '/validators/1/voteKey',
    ],
    [
      'checkpoint keys are registrable',
      (g) => (g.validators[1].checkpointKey = weak),
      'LEDGER_GENESIS_KEY_WEAK',
      '/validators/1/checkpointKey',
    ],
    [
      "members' keys are registrable",
      (g) => (g.orgs[2].members[0].key = weak),
      'LEDGER_GENESIS_KEY_WEAK',
      '/orgs/2/members/0/key',
    ],
    [
      'no key has two purposes',
      (g) => (g.validators[0].txKey = g.validators[0].voteKey),
      'LEDGER_GENESIS_KEY_REUSED',
      '/validators/0/txKey',
    ],
    [
      'no key has two validators',
      (g) => (g.validators[1].tlsKey = g.validators[0].tlsKey),
      'LEDGER_GENESIS_KEY_REUSED',
      '/validators/1/tlsKey',
    ],
    [
      'no key is of a person and a validator',
      (g) => (g.orgs[3].members[0].key = g.validators[0].txKey),
      'LEDGER_GENESIS_KEY_REUSED',
      '/orgs/3/members/0/key',
    ],
    [
      'enough members may vote',
      (g) => (g.orgs[0].votesRequired = 2),
      'LEDGER_GENESIS_VOTES_REQUIRED',
      '/orgs/0/votesRequired',
    ],
    [
      'only members vote',
      (g) => (g.orgs[0].members[0].roles = ['auditor']),
      'LEDGER_GENESIS_VOTES_REQUIRED',
      '/orgs/0/votesRequired',
    ],
    ['a cluster has a hook', (g) => (g.clusters[0].hooks = []), 'LEDGER_GENESIS_HOOK_EMPTY', '/clusters/0/hooks'],
    [
      'a hook has an organisation',
      (g) => (g.clusters[0].hooks[1].orgs = []),
      'LEDGER_GENESIS_HOOK_EMPTY',
      '/clusters/0/hooks/1',
    ],
    [
      'hooks are disjoint',
      (g) => g.clusters[0].hooks[1].orgs.push('alpha'),
      'LEDGER_GENESIS_HOOK_OVERLAP',
      '/clusters/0/hooks/1/orgs/1',
    ],
    [
      'hooks are of known organisations',
      (g) => g.clusters[0].hooks[0].orgs.push('omega'),
      'LEDGER_GENESIS_UNKNOWN_ORG',
      '/clusters/0/hooks/0/orgs/1',
    ],
    [
      'observers are known',
      (g) => (g.clusters[0].observers = ['omega']),
      'LEDGER_GENESIS_UNKNOWN_ORG',
      '/clusters/0/observers/0',
    ],
    [
      'bindings name a known cluster',
      (g) => (g.bindings[0].cluster = 'test'),
      'LEDGER_GENESIS_UNKNOWN_CLUSTER',
      '/bindings/0/cluster',
    ],
    [
      'bindings name a known organisation',
      (g) => (g.bindings[0].org = 'omega'),
      'LEDGER_GENESIS_UNKNOWN_ORG',
      '/bindings/0/org',
    ],
    [
      'bindings name a known member',
      (g) => (g.bindings[0].member = 'ann-beta'),
      'LEDGER_GENESIS_UNKNOWN_MEMBER',
      '/bindings/0/member',
    ],
    [
      'voting takes a second at least',
      (g) => (g.configPolicy.votingMs = 999),
      'LEDGER_GENESIS_PARAMETER',
      '/configPolicy/votingMs',
    ],
    [
      'a delay has a cap',
      (g) => (g.configPolicy.delayMs = 31 * 86_400_000),
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
      for (const value of [floor, cap]) expect(after((g) => (g.params[field] = value)).code).toBe('accepted');
      for (const value of [floor - 1, cap + 1]) {
        expect(after((g) => (g.params[field] = value))).toEqual({
          code: 'LEDGER_GENESIS_PARAMETER',
          path: `/params/${field}`,
        });
      }
    }
  });

  test('may bind a service account to an organisation alone, publish no API and use IPv6', () => {
    expect(after((g) => (g.bindings[0] = { ...g.bindings[0], member: null })).code).toBe('accepted');
    expect(after((g) => (g.validators[0].apiUrl = '')).code).toBe('accepted');
    expect(after((g) => (g.validators[0].peerAddress = '[2001:db8::1]:26600')).code).toBe('accepted');
    expect(after((g) => (g.validators[0] = { ...(g.validators[0] as Validator), org: 'beta' as OrgId })).code).toBe(
      'LEDGER_GENESIS_VALIDATOR_ID',
    );
  });
});
