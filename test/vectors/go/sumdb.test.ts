import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { toHex } from '../../../src/codec/index.ts';
import {
  appendLeaves,
  assembleCheckpoint,
  consistencyProof,
  cosign,
  cosignerName,
  entryBundle,
  formatTlogProof,
  inclusionProof,
  leafBytes,
  leafHash,
  NOTE_TYPE_COSIGNATURE_V1,
  NOTE_TYPE_ED25519,
  originOf,
  plainNote,
  rootOf,
  rootOfLeafHashes,
  signTransaction,
  tileBytes,
  tilePath,
  tileWidth,
  verifierKey,
  type Checkpoint,
} from '../../../src/ledger/index.ts';
import type { Hash } from '../../../src/types/brand.ts';
import { chain, genesisOf, payloads, sha256, signerOf, verifyEd25519 } from '../../unit/ledger/fixtures.ts';

const sourceDir = import.meta.dirname;
const cacheDir = resolve(sourceDir, '../../../.cache/vectors');

/** Builds the verifier once for each version of its source. Go must be there: without an independent verifier this file proves nothing. */
function verifier(): string {
  const source = ['main.go', 'go.mod', 'go.sum'].map((name) => readFileSync(join(sourceDir, name)));
  const version = createHash('sha256').update(Buffer.concat(source)).digest('hex').slice(0, 16);
  const binary = join(cacheDir, `sumdb-${version}`);
  if (existsSync(binary)) return binary;
  mkdirSync(cacheDir, { recursive: true });
  const unfinished = `${binary}.${process.pid}`;
  const env = { ...process.env, CGO_ENABLED: '0', GOWORK: 'off' };
  execFileSync('go', ['build', '-trimpath', '-o', unfinished, '.'], { cwd: sourceDir, env, stdio: ['ignore', 'ignore', 'pipe'] });
  renameSync(unfinished, binary);
  return binary;
}

const SIZE = 300;
const result = { decision: 'DONE', code: 'OK', proposal: null, witnesses: [], binding: null, original: null } as const;
const lines = payloads.map((payload) => signTransaction(payload, signerOf('alpha tx'), sha256));
const leaves = Array.from({ length: SIZE }, (_, index) =>
  leafBytes({ height: 1 + index, index, result, prev: { object: null, namespace: null } }, lines[index % lines.length] as Uint8Array),
);
const nodes = new Map<string, Uint8Array>();
const reader = (level: number, index: number) => nodes.get(`${level}/${index}`);
for (const [level, index, hash] of appendLeaves(sha256, 0, reader, leaves.map((leaf) => leafHash(sha256, leaf))).nodes) nodes.set(`${level}/${index}`, hash);

const { validators } = genesisOf();
const crypto = { sha256, verifyEd25519 };
const origin = originOf('demo', chain);
const checkpointOf = (size: number): Checkpoint => ({ origin, size, root: toHex(rootOf(sha256, size, reader)) as Hash });
const cosigned = (size: number): string => {
  const checkpoint = checkpointOf(size);
  const lineOf = (org: string) => cosign(checkpoint, 1_760_000_000, signerOf(`${org} checkpoint`));
  return assembleCheckpoint(checkpoint, validators, new Map(validators.map(({ id }) => [id, lineOf(id)])), crypto);
};
const cosigners = validators.map((validator) =>
  verifierKey(sha256, cosignerName(origin, validator.id), NOTE_TYPE_COSIGNATURE_V1, validator.checkpointKey),
);
const log = signerOf('log');
const logKey = verifierKey(sha256, origin, NOTE_TYPE_ED25519, log.publicKey);
const proofFile = (index: number, size: number, extra = leaves[index]) =>
  formatTlogProof({ extra, index, proof: inclusionProof(sha256, index, size, reader), checkpoint: cosigned(size) });

const base64 = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('base64');
const sizes = [1, 2, 3, 7, 8, 64, 100, 255, 256, 257, SIZE];

/** Claims that hold, in Go's eyes too. */
const claims = {
  leaves: leaves.map(base64),
  roots: Array.from({ length: SIZE + 1 }, (_, size) => toHex(rootOf(sha256, size, reader))),
  inclusion: sizes.flatMap((size) =>
    [...new Set([0, Math.floor(size / 2), size - 1])].map((index) => ({ index, size, proof: inclusionProof(sha256, index, size, reader).map(toHex) })),
  ),
  consistency: sizes.flatMap((to) =>
    sizes.filter((from) => from <= to).map((from) => ({ from, to, proof: consistencyProof(sha256, from, to, reader).map(toHex) })),
  ),
  tiles: [
    [0, 0],
    [0, 1],
    [1, 0],
  ].map(([level = 0, index = 0]) => {
    const width = tileWidth(level, index, SIZE);
    return { path: tilePath(level, index, width), bytes: base64(tileBytes(level, index, width, reader)) };
  }),
  plain: [{ note: plainNote(checkpointOf(SIZE), log, sha256), vkey: logKey }],
  cosigned: [{ note: cosigned(SIZE), vkeys: cosigners }],
  proofs: [0, 100, 255].map((index) => ({ text: proofFile(index, 256), vkeys: cosigners })),
};

type Claims = { -readonly [K in keyof typeof claims]: (typeof claims)[K] };
interface Verdict {
  readonly claim: string;
  readonly ok: boolean;
  readonly error?: string;
}

describe("golang.org/x/mod/sumdb, which shares no line with this ledger's code", { timeout: 300_000 }, () => {
  let program: string;
  beforeAll(() => {
    program = verifier();
  }, 300_000);
  const verdicts = (change: Partial<Claims> = {}): Verdict[] => {
    const none = { roots: [], inclusion: [], consistency: [], tiles: [], plain: [], cosigned: [], proofs: [] };
    const input = JSON.stringify(Object.keys(change).length === 0 ? claims : { leaves: claims.leaves, ...none, ...change });
    const output = execFileSync(program, { input, maxBuffer: 16 * 1024 * 1024 }).toString();
    return output.trimEnd().split('\n').map((line) => JSON.parse(line) as Verdict);
  };

  test('agrees with every root, proof, tile, note, cosignature and proof file', () => {
    const all = verdicts();
    expect(all.filter(({ ok }) => !ok)).toEqual([]);
    const { leaves: _leaves, ...lists } = claims;
    expect(all).toHaveLength(Object.values(lists).reduce((sum, list) => sum + list.length, 0));
  });

  test('refuses each claim once it is changed, so that its agreement means something', () => {
    const flipped = (text: string) => (text.startsWith('0') ? '1' : '0') + text.slice(1);
    const swapped = (proof: string[]) => proof.with(0, proof[1] ?? '').with(1, proof[0] ?? '');
    const [cosignedNote = { note: '', vkeys: [] as string[] }] = claims.cosigned;
    const [note = { note: '', vkey: '' }] = claims.plain;
    const inclusion = claims.inclusion.filter(({ proof }) => proof.length > 1);
    const consistency = claims.consistency.filter(({ proof }) => proof.length > 1);
    const wrong: Partial<Claims> = {
      roots: claims.roots.map(flipped),
      inclusion: [...inclusion.map((claim) => ({ ...claim, proof: swapped(claim.proof) })), ...inclusion.map((claim) => ({ ...claim, proof: claim.proof.slice(1) }))],
      consistency: consistency.map((claim) => ({ ...claim, proof: swapped(claim.proof) })),
      tiles: claims.tiles.map(({ path, bytes }) => ({ path, bytes: `${bytes.startsWith('A') ? 'B' : 'A'}${bytes.slice(1)}` })),
      plain: [
        { ...note, note: note.note.replace(`\n${SIZE}\n`, `\n${SIZE - 1}\n`) },
        { ...note, vkey: verifierKey(sha256, origin, NOTE_TYPE_ED25519, signerOf('other').publicKey) },
        { ...note, note: plainNote({ ...checkpointOf(SIZE), size: SIZE - 1 }, log, sha256) },
      ],
      cosigned: [
        { ...cosignedNote, vkeys: cosigners.slice(2) },
        { ...cosignedNote, vkeys: cosigners.map((key) => key.replace('+', '-other+')) },
        { ...cosignedNote, note: cosignedNote.note.replace(`\n${SIZE}\n`, `\n${SIZE - 1}\n`) },
      ],
      proofs: [
        { text: proofFile(5, 256, leaves[6]), vkeys: cosigners },
        { text: proofFile(5, 256).replace('index 5', 'index 6'), vkeys: cosigners },
      ],
    };
    const all = verdicts(wrong);
    expect(all.filter(({ ok }) => ok)).toEqual([]);
    expect(all).toHaveLength(Object.values(wrong).reduce((sum, list) => sum + list.length, 0));
  });

  test('reads an entry bundle as the leaves that it holds', () => {
    const bundle = entryBundle(leaves.slice(256));
    let at = 0;
    const read: string[] = [];
    while (at < bundle.length) {
      const length = new DataView(bundle.buffer, bundle.byteOffset + at, 2).getUint16(0);
      read.push(base64(bundle.slice(at + 2, at + 2 + length)));
      at += 2 + length;
    }
    const hashes = leaves.slice(256).map((leaf) => leafHash(sha256, leaf));
    const roots = Array.from({ length: hashes.length + 1 }, (_, size) => toHex(rootOfLeafHashes(sha256, hashes.slice(0, size))));
    const all = verdicts({ leaves: read, roots });
    expect(all.filter(({ ok }) => !ok)).toEqual([]);
    expect(all).toHaveLength(SIZE - 256 + 1);
  });
});
