import type { Fault } from '../fault.ts';

const json = 'test/unit/codec/json-parse.test.ts';
const bytes = 'test/unit/codec/bytes.test.ts';
const binary = 'test/unit/codec/binary.test.ts';
const dsse = 'test/unit/codec/dsse.test.ts';
const rule = 'test/unit/crypto/signature-rule.test.ts';
const keys = 'test/unit/crypto/keys.test.ts';

/** One act, one text; and the one signature rule. */
export const codecFaults: readonly Fault[] = [
  {
    fault: 'A key may stand twice in a JSON object.',
    file: 'src/codec/json-parse.ts',
    find: 'if (object[key] !== undefined) {',
    replace: 'if (object[key] === null) {',
    tests: [json],
    project: 'unit',
  },
  {
    fault: 'Bytes behind a JSON value are ignored.',
    file: 'src/codec/json-parse.ts',
    find: 'if (this.#at !== this.#text.length) throw',
    replace: 'if (this.#at > this.#text.length) throw',
    tests: [json],
    project: 'unit',
  },
  {
    fault: '2^53 + 1 is read as 2^53.',
    file: 'src/codec/json-parse.ts',
    find: 'PLAIN_DIGITS_MAX = 15',
    replace: 'PLAIN_DIGITS_MAX = 16',
    tests: [json],
    project: 'unit',
  },
  {
    fault: 'Lone surrogates are let in.',
    file: 'src/codec/json-parse.ts',
    find: 'if (!value.isWellFormed())',
    replace: "if (value === '')",
    tests: [json],
    project: 'unit',
  },
  {
    fault: 'Base64 whose spare bits are not zero is decoded.',
    file: 'src/codec/base64.ts',
    find: 'if (spareBits !== 0) {',
    replace: 'if (spareBits < 0) {',
    tests: [bytes],
    project: 'unit',
  },
  {
    fault: 'Bytes behind a binary structure are ignored.',
    file: 'src/codec/binary.ts',
    find: 'if (this.left !== 0) throw',
    replace: 'if (this.left < 0) throw',
    tests: [binary],
    project: 'unit',
  },
  {
    fault: 'An envelope may be written in several ways.',
    file: 'src/codec/dsse.ts',
    find: "if (text !== envelopeText(payloadType, textOf(top, 'payload'), texts)) {",
    replace: "if (text === '') {",
    tests: [dsse],
    project: 'unit',
  },
  {
    fault: 'The signed encoding leaves out the length of the payload.',
    file: 'src/codec/dsse.ts',
    find: '` ${payload.length} `',
    replace: '` `',
    tests: [dsse],
    project: 'unit',
  },
  {
    fault: 'A signature with S >= L is accepted.',
    file: 'src/crypto/noble.ts',
    find: 'littleEndian(signature.subarray(POINT_BYTES));\n  if (s >= ORDER) return false;',
    replace: 'littleEndian(signature.subarray(POINT_BYTES)) % ORDER;',
    tests: [rule],
    project: 'unit',
  },
  {
    fault: 'A signature is checked with the cofactor, as OpenSSL does not.',
    file: 'src/crypto/noble.ts',
    find: 'return expected.toBytes().every((byte, i) => byte === r[i]);',
    replace: 'return expected.subtract(Point.fromBytes(r)).clearCofactor().is0();',
    tests: [rule],
    project: 'unit',
  },
  {
    fault: 'A key of small order verifies on old releases of OpenSSL.',
    file: 'src/crypto/native.ts',
    find: 'raw === undefined || spellsSmallOrder(raw)',
    replace: 'raw === undefined',
    tests: ['test/unit/crypto/older-openssl.test.ts', rule],
    project: 'unit',
  },
  {
    fault: 'A key with a torsion component can be registered.',
    file: 'src/crypto/registrable-key.ts',
    find: '!point.isSmallOrder() && point.isTorsionFree()',
    replace: '!point.isSmallOrder()',
    tests: [rule, keys],
    project: 'unit',
  },
  {
    fault: 'A key of small order can be registered.',
    file: 'src/crypto/registrable-key.ts',
    find: '!point.isSmallOrder() && point.isTorsionFree()',
    replace: '!point.is0()',
    tests: [rule, keys],
    project: 'unit',
  },
  {
    fault: 'What another thread found sound is believed for any message.',
    file: 'src/crypto/ahead.ts',
    find: 'if (known === undefined || Buffer.compare(known, message) !== 0) return false;',
    replace: 'if (known === undefined) return false;',
    tests: ['test/unit/crypto/ahead.test.ts'],
    project: 'unit',
  },
  {
    fault: 'What another thread looked at is remembered, sound or not.',
    file: 'src/crypto/ahead.ts',
    find: 'if (areSound[i] === true) this.#keep(name, message);',
    replace: 'if (areSound[i] !== undefined) this.#keep(name, message);',
    tests: ['test/unit/crypto/ahead.test.ts'],
    project: 'unit',
  },
];
