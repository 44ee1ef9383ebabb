import { describe, expect, test } from 'vitest';
import { canonicalJson, toHex, utf8Decode, utf8Encode } from '../../../src/codec/index.ts';
import {
  appHashOf,
  blockIdOf,
  decodeHeader,
  headerBytes,
  paramsHashOf,
  validatorsHashOf,
} from '../../../src/ledger/index.ts';
import type { BlockHeader } from '../../../src/types/chain.ts';
import { genesisOf, hashOf, header, sha256 } from './fixtures.ts';
import { codeOf } from './refusal.ts';

const domainHash = (what: string, json: string) =>
  toHex(sha256(utf8Encode(`kubectl-chain/${what}/v1`), new Uint8Array(1), utf8Encode(json)));

describe('a block header', () => {
  test('comes back as it was encoded', () => {
    expect(decodeHeader(headerBytes(header))).toEqual(header);
  });

  test('has an id over its canonical bytes, in which every field counts', () => {
    const id = blockIdOf(header, sha256);
    expect(id).toBe(domainHash('header', utf8Decode(headerBytes(header))));
    const others: Partial<Record<keyof BlockHeader, unknown>> = {
      appVersion: 2,
      chain: hashOf('x'),
      height: 2,
      previous: hashOf('x'),
      txRoot: hashOf('x'),
      appHash: hashOf('x'),
      validatorsHash: hashOf('x'),
      nextValidatorsHash: hashOf('x'),
      paramsHash: hashOf('x'),
      proposer: 'beta',
      timeMs: 1,
      lastCertificateHash: hashOf('x'),
    };
    expect([...Object.keys(others), 'v'].toSorted()).toEqual(Object.keys(header).toSorted());
    for (const [field, value] of Object.entries(others))
      expect(blockIdOf({ ...header, [field]: value }, sha256)).not.toBe(id);
  });

  test('is refused when it is of another version, not canonical, or has other fields', () => {
    const refusal = (value: unknown) => codeOf(() => decodeHeader(canonicalJson(value)));
    expect(refusal({ ...header, v: 2 })).toBe('LEDGER_VERSION');
    expect(refusal({ ...header, round: 0 })).toBe('CODEC_SCHEMA');
    expect(refusal({ ...header, height: 0 })).toBe('CODEC_SCHEMA');
    expect(refusal({ ...header, height: 2 ** 53 })).toBe('CODEC_SCHEMA');
    expect(refusal({ ...header, proposer: 'Alpha' })).toBe('CODEC_SCHEMA');
    expect(codeOf(() => decodeHeader(utf8Encode(JSON.stringify(header))))).toBe('LEDGER_NOT_CANONICAL');
    expect(codeOf(() => decodeHeader(new Uint8Array(4_097)))).toBe('CODEC_TOO_LARGE');
  });
});

describe('the hashes in a header', () => {
  test('of the app state covers log size, log root and state root', () => {
    const state = { logSize: 9, logRoot: hashOf('log'), stateRoot: hashOf('state') };
    expect(appHashOf(state, sha256)).toBe(
      domainHash('app', `{"logRoot":"${state.logRoot}","logSize":9,"stateRoot":"${state.stateRoot}","v":1}`),
    );
    expect(appHashOf({ ...state, logSize: 10 }, sha256)).not.toBe(appHashOf(state, sha256));
  });
  test('of the validators depends on their order, of the parameters on each of them', () => {
    const { validators, params } = genesisOf();
    expect(validatorsHashOf(validators.toReversed(), sha256)).not.toBe(validatorsHashOf(validators, sha256));
    expect(validatorsHashOf(validators, sha256)).toBe(domainHash('validators', utf8Decode(canonicalJson(validators))));
    for (const field of Object.keys(params)) {
      expect(paramsHashOf({ ...params, [field]: 1 }, sha256)).not.toBe(paramsHashOf(params, sha256));
    }
  });
});
