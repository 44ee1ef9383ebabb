import { beforeAll, describe, expect, test } from 'vitest';
import { signBytes } from '../../../src/consensus/sign-bytes.ts';
import { toHex, utf8Decode, utf8Encode } from '../../../src/codec/index.ts';
import {
  appendLeaves,
  appHashOf,
  blockIdOf,
  blockLeafBytes,
  consistencyProof,
  decodeHeadJson,
  decodeMerkleProofJson,
  encodeHeadJson,
  encodeMerkleProofJson,
  inclusionProof,
  leafBytes,
  leafHash,
  rootOf,
  signTransaction,
  StateTree,
  validatorsHashOf,
  verifyHead,
  verifyHeadContinues,
  verifyRecord,
  verifyStateEntry,
  type CertifiedHead,
  type HeadTrust,
} from '../../../src/ledger/index.ts';
import type { Hash, Height, Round } from '../../../src/types/brand.ts';
import type { BlockHeader } from '../../../src/types/chain.ts';
import type { Json } from '../../../src/types/json.ts';
import { chain, genesisOf, hashOf, header, orgNames, payloads, sha256, signerOf, verifyEd25519 } from './fixtures.ts';
import { codeOf } from './refusal.ts';

const { validators } = genesisOf();
const crypto = { sha256, verifyEd25519, precommitBytes: signBytes };
const trust: HeadTrust = { genesisHash: chain, validators };
const validatorsHash = validatorsHashOf(validators, sha256);
const result = { decision: 'DONE', code: 'OK', proposal: null, witnesses: [], binding: null, original: null } as const;

const leaves = payloads.map((payload, index) =>
  leafBytes(
    { height: 3, index, result, prev: { object: null, namespace: null } },
    signTransaction(payload, signerOf('alpha tx'), sha256),
  ),
);
leaves.push(
  blockLeafBytes({
    height: 3,
    timeMs: 5,
    appVersion: 1,
    stateRoot: hashOf('s'),
    validatorsHash,
    nextValidatorsHash: validatorsHash,
    paramsHash: hashOf('p'),
    previous: hashOf('b2'),
  }),
);
const nodes = new Map<string, Uint8Array>();
const reader = (level: number, index: number) => nodes.get(`${level}/${index}`);
for (const [level, index, hash] of appendLeaves(
  sha256,
  0,
  reader,
  leaves.map((leaf) => leafHash(sha256, leaf)),
).nodes)
  nodes.set(`${level}/${index}`, hash);

const buckets = new Map<number, Uint8Array>();
let tree: StateTree;
let head: CertifiedHead;

function headOf(size: number, change: Partial<BlockHeader> = {}, signers = [0, 1, 2]): CertifiedHead {
  const state = { logSize: size, logRoot: toHex(rootOf(sha256, size, reader)) as Hash, stateRoot: tree.root() };
  const full = {
    ...header,
    height: 3 as Height,
    validatorsHash,
    nextValidatorsHash: validatorsHash,
    appHash: appHashOf(state, sha256),
    ...change,
  };
  return { header: full, state, certificate: certificateFor(full, signers) };
}

function certificateFor(of: BlockHeader, signers: readonly number[]): CertifiedHead['certificate'] {
  const at = { height: of.height, round: 1 as Round, blockId: blockIdOf(of, sha256) };
  const signatures = signers.map((validator) => ({
    validator,
    signature: signerOf(`${orgNames[validator]} vote`).sign(signBytes(chain, { type: 'precommit', ...at })),
  }));
  return { ...at, signatures };
}

beforeAll(() => {
  tree = StateTree.load({ readBucket: (bucket) => buckets.get(bucket) }, sha256);
  const overlay = tree.overlay();
  overlay.put('meta', utf8Encode('{"height":3}'));
  for (const [bucket, bytes] of overlay.bucketWrites()) if (bytes !== null) buckets.set(bucket, bytes);
  tree.apply(overlay);
  head = headOf(leaves.length);
});

const verdict = (changed: CertifiedHead, by = trust) => codeOf(() => verifyHead(changed, by, crypto));

describe('a certified head', () => {
  test('is believed when a quorum of the trusted set signed exactly it', () => {
    expect(verdict(head)).toBe('accepted');
  });

  test('survives its JSON form', () => {
    const json = JSON.parse(JSON.stringify(encodeHeadJson(head))) as Json;
    expect(decodeHeadJson(json)).toEqual(head);
    expect(codeOf(() => decodeHeadJson({ ...(json as object), extra: 1 } as unknown as Json))).toBe('CODEC_SCHEMA');
    expect(codeOf(() => decodeHeadJson({ ...(json as object), header: { v: 2 } } as unknown as Json))).toBe(
      'LEDGER_VERSION',
    );
    expect(codeOf(() => decodeHeadJson({ ...(json as object), certificate: { v: 2 } } as unknown as Json))).toBe(
      'LEDGER_VERSION',
    );
    expect(codeOf(() => decodeHeadJson(null))).toBe('CODEC_SCHEMA');
  });

  test('of another chain or another set is refused, each with its code', () => {
    expect(verdict(head, { ...trust, genesisHash: hashOf('other') })).toBe('LEDGER_HEAD_CHAIN');
    expect(verdict(head, { ...trust, validators: validators.toReversed() })).toBe('LEDGER_HEAD_VALIDATORS');
    expect(verdict(head, { ...trust, validators: validators.slice(0, 3) })).toBe('LEDGER_HEAD_VALIDATORS');
  });

  test('is refused when header and certificate are of different blocks', () => {
    for (const [field, value] of Object.entries({
      timeMs: 9,
      previous: hashOf('x'),
      txRoot: hashOf('x'),
      nextValidatorsHash: hashOf('x'),
      proposer: 'beta',
    })) {
      expect(verdict({ ...head, header: { ...head.header, [field]: value } })).toBe('LEDGER_HEAD_MISMATCH');
    }
    expect(verdict({ ...head, header: { ...head.header, height: 4 as Height } })).toBe('LEDGER_HEAD_MISMATCH');
    expect(verdict({ ...head, certificate: { ...head.certificate, height: 4 as Height } })).toBe(
      'LEDGER_HEAD_MISMATCH',
    );
  });

  test('is refused when its state is not what the header commits to', () => {
    for (const [field, value] of Object.entries({ logSize: 1, logRoot: hashOf('x'), stateRoot: hashOf('x') })) {
      expect(verdict({ ...head, state: { ...head.state, [field]: value } })).toBe('LEDGER_HEAD_STATE');
    }
  });

  test('is refused without a quorum, and with one bad signature', () => {
    expect(verdict(headOf(leaves.length, {}, [0, 3]))).toBe('LEDGER_CERTIFICATE_QUORUM');
    const [first, ...others] = head.certificate.signatures;
    const forged = { validator: first?.validator ?? 0, signature: new Uint8Array(64) };
    expect(verdict({ ...head, certificate: { ...head.certificate, signatures: [forged, ...others] } })).toBe(
      'LEDGER_CERTIFICATE_SIGNATURE',
    );
    const round = { ...head.certificate, round: 0 as Round };
    expect(verdict({ ...head, certificate: round })).toBe('LEDGER_CERTIFICATE_SIGNATURE');
  });
});

describe('a record', () => {
  const proofOf = (index: number) => inclusionProof(sha256, index, leaves.length, reader);
  const record = (index: number, bytes: Uint8Array, proof: readonly Uint8Array[]) =>
    codeOf(() => verifyRecord(head, index, bytes, proof, sha256));

  test('is what stands at its index in the log of the head', () => {
    leaves.forEach((leaf, index) => {
      const decoded = verifyRecord(
        head,
        index,
        leaf,
        decodeMerkleProofJson(encodeMerkleProofJson(proofOf(index))),
        sha256,
      );
      expect(decoded.kind).toBe(index === leaves.length - 1 ? 'block' : 'transaction');
    });
  });

  test('is refused with a changed byte, at another index, or with the proof of another', () => {
    const leaf = leaves[2] as Uint8Array;
    expect(record(2, leaf.with(30, (leaf[30] ?? 0) ^ 1), proofOf(2))).toBe('LEDGER_INCLUSION');
    expect(record(3, leaf, proofOf(2))).toBe('LEDGER_INCLUSION');
    expect(record(2, leaf, proofOf(3))).toBe('LEDGER_INCLUSION');
    expect(record(leaves.length, leaf, proofOf(2))).toBe('LEDGER_INCLUSION');
  });

  test('that names another index or a later height than its place is refused, though a quorum committed it', () => {
    const tx = signTransaction(payloads[0] as (typeof payloads)[number], signerOf('alpha tx'), sha256);
    const prev = { object: null, namespace: null };
    const lone = (bytes: Uint8Array) => {
      const state = { ...head.state, logSize: 1, logRoot: toHex(leafHash(sha256, bytes)) as Hash };
      return codeOf(() => verifyRecord({ ...head, state }, 0, bytes, [], sha256));
    };
    expect(lone(leafBytes({ height: 3, index: 0, result, prev }, tx))).toBe('accepted');
    expect(lone(leafBytes({ height: 3, index: 1, result, prev }, tx))).toBe('LEDGER_RECORD_MISMATCH');
    expect(lone(leafBytes({ height: 4, index: 0, result, prev }, tx))).toBe('LEDGER_RECORD_MISMATCH');
  });

  test('has a proof of hashes only', () => {
    expect(codeOf(() => decodeMerkleProofJson(['AA']))).toBe('CODEC_SCHEMA');
    expect(codeOf(() => decodeMerkleProofJson(Array.from({ length: 55 }, () => hashOf('x'))))).toBe('CODEC_SCHEMA');
  });
});

describe('a state entry', () => {
  test('is proven under the head, present or absent', () => {
    const value = verifyStateEntry(head, 'meta', tree.prove('meta'), sha256);
    expect(value === undefined ? undefined : utf8Decode(value)).toBe('{"height":3}');
    expect(verifyStateEntry(head, 'nothing', tree.prove('nothing'), sha256)).toBeUndefined();
    const other = { ...head, state: { ...head.state, stateRoot: hashOf('x') } };
    expect(codeOf(() => verifyStateEntry(other, 'meta', tree.prove('meta'), sha256))).toBe('LEDGER_STATE_PROOF');
  });
});

describe('a newer head', () => {
  test("continues the older one's log, or is refused", () => {
    const older = headOf(4);
    const proof = consistencyProof(sha256, 4, leaves.length, reader);
    expect(codeOf(() => verifyHeadContinues(older, head, proof, sha256))).toBe('accepted');
    expect(codeOf(() => verifyHeadContinues(head, older, proof, sha256))).toBe('LEDGER_CONSISTENCY');
    const rewritten = { ...older, state: { ...older.state, logRoot: hashOf('x') } };
    expect(codeOf(() => verifyHeadContinues(rewritten, head, proof, sha256))).toBe('LEDGER_CONSISTENCY');
  });
});
