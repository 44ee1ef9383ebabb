import { describe, expect, test } from 'vitest';
import { fromHex, toBase64, toHex, utf8Encode } from '../../../src/codec/index.ts';
import {
  assembleCheckpoint,
  checkpointText,
  cosign,
  cosignatureBytes,
  cosignatureLine,
  cosignerName,
  formatNote,
  NOTE_TYPE_COSIGNATURE_V1,
  NOTE_TYPE_ED25519,
  noteKeyId,
  originOf,
  parseCheckpointText,
  parseNote,
  plainNote,
  verifierKey,
  verifyCheckpoint,
  verifyCosignature,
  verifyPlainNote,
  type Checkpoint,
  type Cosignature,
} from '../../../src/ledger/index.ts';
import type { Validator } from '../../../src/types/chain.ts';
import type { PublicKeyHex, ValidatorId } from '../../../src/types/brand.ts';
import { chain, genesisOf, hashOf, orgNames, sha256, signerOf, verifyEd25519 } from './fixtures.ts';
import { codeOf } from './refusal.ts';

const crypto = { sha256, verifyEd25519 };
const { validators } = genesisOf();
const origin = originOf('demo', chain);
const checkpoint: Checkpoint = { origin, size: 42, root: hashOf('root') };
const signerOfOrg = (org: string) => signerOf(`${org} checkpoint`);
const cosignatures = (times: Readonly<Record<string, number>>): Map<ValidatorId, Cosignature> =>
  new Map(Object.entries(times).map(([org, time]) => [org as ValidatorId, cosign(checkpoint, time, signerOfOrg(org))]));
const lineOf = (org: string, time: number, of = checkpoint) => {
  const validator = validators[orgNames.indexOf(org as (typeof orgNames)[number])] as (typeof validators)[number];
  return cosignatureLine(sha256, origin, validator, cosign(of, time, signerOfOrg(org)));
};
const noteOf = (...lines: ReturnType<typeof lineOf>[]) =>
  formatNote({ text: checkpointText(checkpoint), signatures: lines });
const verdict = (note: string, name = origin) => codeOf(() => verifyCheckpoint(note, name, validators, crypto));

describe('the examples of the C2SP pages', () => {
  // c2sp.org/signed-note and tlog-cosignature print these lines; the key ids in them are what the name and key give.
  test('parse, with the key ids that stand in them', () => {
    const note = parseNote(
      'Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n\u2014 quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n',
    );
    expect(note.text).toBe(
      'Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n',
    );
    expect(note.signatures.map(({ name, keyId, signature }) => [name, keyId, signature.length])).toEqual([
      ['quasimodo.example/salvatore', '367ba04b', 64],
    ]);
    expect(formatNote(note)).toContain('— quasimodo.example/salvatore NnugSzTj');
  });

  test('hold a checkpoint with a cosignature whose time can be read', () => {
    const { text, signatures } = parseNote(
      'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\u2014 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\u2014 witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n',
    );
    expect(parseCheckpointText(text)).toMatchObject({ origin: 'example.com/behind-the-sofa', size: 20_852_163 });
    expect(new DataView((signatures[1]?.signature ?? new Uint8Array(8)).slice().buffer).getBigUint64(0)).toBe(
      1_679_315_147n,
    );
  });

  // golang.org/x/mod/sumdb/note's documentation: a verifier key of PeterNeumann.
  test('agree on the key id and verifier key of a known Ed25519 key', () => {
    const vkey = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
    const material = Buffer.from(vkey.split('+').slice(2).join('+'), 'base64');
    const key = material.subarray(1).toString('hex') as PublicKeyHex;
    expect(verifierKey(sha256, 'PeterNeumann', NOTE_TYPE_ED25519, key)).toBe(vkey);
    const note =
      "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    const { text, signatures } = parseNote(note);
    expect(verifyEd25519(key, utf8Encode(text), signatures[0]?.signature ?? new Uint8Array())).toBe(true);
  });
});

describe('a checkpoint', () => {
  test('is three lines', () => {
    expect(checkpointText(checkpoint)).toBe(
      `kubectl-chain.dev/demo/${chain.slice(0, 16)}\n42\n${toBase64(fromHex(checkpoint.root))}\n`,
    );
    expect(parseCheckpointText(checkpointText(checkpoint))).toEqual(checkpoint);
  });

  test.each([
    'origin\n42\n',
    'origin\n042\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n',
    'origin\n-1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n',
    'origin\n9007199254740992\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n',
    '\n42\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n',
    'origin\n42\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I\n',
    'origin\n42\nAAAA\n',
    'origin\n42\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=',
    'origin\n42\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\nextension\n',
    'origin\n42\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n',
  ])('of another form is refused: %j', (text) => {
    expect(codeOf(() => parseCheckpointText(text))).toBe('LEDGER_CHECKPOINT_FORM');
  });

  test('is cosigned over header, time and the three lines', () => {
    expect(Buffer.from(cosignatureBytes('o\n1\nr\n', 1_679_315_147)).toString()).toBe(
      'cosignature/v1\ntime 1679315147\no\n1\nr\n',
    );
    const line = lineOf('alpha', 1_000);
    expect(line.name).toBe(`${origin}/alpha`);
    const key = signerOfOrg('alpha').publicKey;
    expect(line.keyId).toBe(toHex(sha256(utf8Encode(`${line.name}\n`), new Uint8Array([4]), fromHex(key))).slice(0, 8));
    expect(toHex(line.signature.slice(0, 8))).toBe('00000000000003e8');
    expect(verifyEd25519(key, cosignatureBytes(checkpointText(checkpoint), 1_000), line.signature.slice(8))).toBe(true);
  });

  test("is believed to be one validator's only with that validator's key, time and checkpoint", () => {
    const [alpha, beta] = validators as [Validator, Validator];
    const cosignature = cosign(checkpoint, 1_000, signerOfOrg('alpha'));
    const by = (validator: Validator, change: Partial<Cosignature> = {}, of = checkpoint) =>
      codeOf(() => verifyCosignature(of, validator, { ...cosignature, ...change }, verifyEd25519));
    expect(by(alpha)).toBe('accepted');
    expect(by(beta)).toBe('LEDGER_CHECKPOINT_SIGNATURE');
    expect(by(alpha, { timeSeconds: 1_001 })).toBe('LEDGER_CHECKPOINT_SIGNATURE');
    expect(by(alpha, { timeSeconds: -1 })).toBe('LEDGER_CHECKPOINT_FORM');
    expect(by(alpha, { signature: new Uint8Array(63) })).toBe('LEDGER_CHECKPOINT_SIGNATURE');
    expect(by(alpha, {}, { ...checkpoint, size: 43 })).toBe('LEDGER_CHECKPOINT_SIGNATURE');
    expect(by(alpha, {}, { ...checkpoint, root: hashOf('other') })).toBe('LEDGER_CHECKPOINT_SIGNATURE');
  });

  test('is served with exactly q lines, the newest', () => {
    const note = assembleCheckpoint(
      checkpoint,
      validators,
      cosignatures({ alpha: 10, beta: 40, gamma: 30, delta: 20 }),
      crypto,
    );
    expect(parseNote(note).signatures.map(({ name }) => name)).toEqual(
      ['beta', 'gamma', 'delta'].map((org) => cosignerName(origin, org as ValidatorId)),
    );
    expect(verifyCheckpoint(note, origin, validators, crypto)).toEqual({
      checkpoint,
      times: [
        { validator: 'beta', timeSeconds: 40 },
        { validator: 'gamma', timeSeconds: 30 },
        { validator: 'delta', timeSeconds: 20 },
      ],
    });
  });

  test('leaves out lines that do not verify, and is not served without a quorum', () => {
    const three = cosignatures({ alpha: 10, beta: 10, gamma: 10 });
    const bad = new Map([...three, ['delta' as ValidatorId, { timeSeconds: 99, signature: new Uint8Array(64) }]]);
    expect(verdict(assembleCheckpoint(checkpoint, validators, bad, crypto))).toBe('accepted');
    bad.set('alpha' as ValidatorId, {
      timeSeconds: 11,
      signature: (three.get('alpha' as ValidatorId) as Cosignature).signature,
    });
    expect(codeOf(() => assembleCheckpoint(checkpoint, validators, bad, crypto))).toBe('LEDGER_CHECKPOINT_QUORUM');
  });

  test('needs more than two thirds of the validators, not of the lines', () => {
    expect(verdict(noteOf(lineOf('alpha', 1), lineOf('beta', 1), lineOf('gamma', 1)))).toBe('accepted');
    expect(verdict(noteOf(lineOf('alpha', 1), lineOf('beta', 1)))).toBe('LEDGER_CHECKPOINT_QUORUM');
    expect(verdict(noteOf(lineOf('alpha', 1), lineOf('alpha', 2), lineOf('beta', 1)))).toBe('LEDGER_CHECKPOINT_QUORUM');
    const two = noteOf(lineOf('alpha', 1), lineOf('beta', 1));
    expect(codeOf(() => verifyCheckpoint(two, origin, validators.slice(0, 3), crypto))).toBe(
      'LEDGER_CHECKPOINT_QUORUM',
    );
    expect(codeOf(() => verifyCheckpoint(two, origin, validators.slice(0, 2), crypto))).toBe('accepted');
    const twice = verifyCheckpoint(
      noteOf(lineOf('alpha', 7), lineOf('alpha', 2), lineOf('beta', 1), lineOf('gamma', 1)),
      origin,
      validators,
      crypto,
    );
    expect(twice.times[0]).toEqual({ validator: 'alpha', timeSeconds: 7 });
  });

  test('ignores lines of strangers, and fails on a bad line of a known key', () => {
    const good = [lineOf('alpha', 1), lineOf('beta', 1), lineOf('gamma', 1)];
    const stranger = { ...lineOf('delta', 1), name: 'example.com/witness' };
    expect(verdict(noteOf(stranger, ...good))).toBe('accepted');
    expect(verdict(noteOf({ ...lineOf('delta', 1), keyId: '00000000' }, ...good))).toBe('accepted');
    expect(verdict(noteOf(...good.slice(0, 2), { ...lineOf('gamma', 1), keyId: '00000000' }))).toBe(
      'LEDGER_CHECKPOINT_QUORUM',
    );
    expect(verdict(noteOf(...good, lineOf('delta', 1, { ...checkpoint, size: 43 })))).toBe(
      'LEDGER_CHECKPOINT_SIGNATURE',
    );
    expect(
      verdict(noteOf(...good, { ...lineOf('delta', 1), signature: lineOf('delta', 1).signature.with(7, 2) })),
    ).toBe('LEDGER_CHECKPOINT_SIGNATURE');
    expect(verdict(noteOf(...good, { ...lineOf('delta', 1), signature: new Uint8Array(71) }))).toBe(
      'LEDGER_CHECKPOINT_SIGNATURE',
    );
    expect(verdict(noteOf(...good, { ...lineOf('delta', 1), signature: new Uint8Array(72).fill(255) }))).toBe(
      'LEDGER_CHECKPOINT_SIGNATURE',
    );
    expect(verdict(noteOf(...Array.from({ length: 17 }, () => lineOf('alpha', 1))))).toBe(
      'LEDGER_CHECKPOINT_SIGNATURE',
    );
  });

  test('of another log is refused', () => {
    expect(
      verdict(noteOf(lineOf('alpha', 1), lineOf('beta', 1), lineOf('gamma', 1)), originOf('demo', hashOf('other'))),
    ).toBe('LEDGER_CHECKPOINT_ORIGIN');
  });

  test('may be signed as a plain note under the name of the log', () => {
    const signer = signerOf('log');
    const note = plainNote(checkpoint, signer, sha256);
    expect(verifyPlainNote(note, origin, signer.publicKey, crypto)).toEqual(checkpoint);
    const verdictOf = (text: string, key = signer.publicKey, name = origin) =>
      codeOf(() => verifyPlainNote(text, name, key, crypto));
    expect(verdictOf(note.replace('\n42\n', '\n43\n'))).toBe('LEDGER_CHECKPOINT_SIGNATURE');
    expect(verdictOf(note, signerOf('other').publicKey)).toBe('LEDGER_CHECKPOINT_SIGNATURE');
    expect(verdictOf(note, signer.publicKey, 'example.com/log')).toBe('LEDGER_CHECKPOINT_ORIGIN');
  });

  test('of one type is never taken for the other', () => {
    const { publicKey } = signerOfOrg('alpha');
    const name = cosignerName(origin, 'alpha' as ValidatorId);
    expect(noteKeyId(sha256, name, NOTE_TYPE_ED25519, publicKey)).not.toBe(
      noteKeyId(sha256, name, NOTE_TYPE_COSIGNATURE_V1, publicKey),
    );
  });
});

describe('a signed note', () => {
  const line = '\u2014 name AAAAAAA=\n';
  test('comes back as it was written, empty lines in its text included', () => {
    const note = `a\n\nb\n\n${line}${line}`;
    const parsed = parseNote(note);
    expect(parsed).toEqual({
      text: 'a\n\nb\n',
      signatures: [1, 2].map(() => ({ name: 'name', keyId: '00000000', signature: new Uint8Array(1) })),
    });
    expect(formatNote(parsed)).toBe(note);
  });
  test.each([
    '',
    'text\n',
    `text\n${line}`,
    `text\n\n${line.slice(0, -1)}`,
    'text\n\n\n',
    `text\n\n${line}\n`,
    `te\txt\n\n${line}`,
    `text\r\n\n${line}`,
    'text\n\n- name AAAAAAA=\n',
    'text\n\n\u2014  AAAAAAA=\n',
    'text\n\n\u2014 na+me AAAAAAA=\n',
    'text\n\n\u2014 na\u00a0me AAAAAAA=\n',
    'text\n\n\u2014 name AAAA AAA=\n',
    'text\n\n\u2014 name AAAAAAA\n',
    'text\n\n\u2014 name AAAAAAB=\n',
    'text\n\n\u2014 name AAAAAA==\n',
    `text\n\n${line.repeat(101)}`,
    `${'x'.repeat(1_000_000)}\n\n${line}`,
  ])('of another form is refused (%#)', (note) => {
    expect(codeOf(() => parseNote(note))).toBe('LEDGER_NOTE_FORM');
  });
  test('is not written without a text line, a signature or a proper name', () => {
    const signature = { name: 'name', keyId: '00000000', signature: new Uint8Array(1) };
    expect(codeOf(() => formatNote({ text: 'a', signatures: [signature] }))).toBe('LEDGER_NOTE_FORM');
    expect(codeOf(() => formatNote({ text: 'a\n', signatures: [] }))).toBe('LEDGER_NOTE_FORM');
    expect(codeOf(() => formatNote({ text: 'a\n', signatures: [{ ...signature, name: 'a b' }] }))).toBe(
      'LEDGER_NOTE_FORM',
    );
  });
});
