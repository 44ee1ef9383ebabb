import { describe, expect, test } from 'vitest';
import {
  bytesEqual,
  canonicalJson,
  concatBytes,
  encodeEnvelope,
  parseJson,
  toBase64,
  utf8Decode,
  utf8Encode,
} from '../../../src/codec/index.ts';
import { isChainError } from '../../../src/errors/chain-error.ts';
import {
  blockLeafBytes,
  certificateFromJson,
  certificateToJson,
  checkpointText,
  decodeBlock,
  decodeBucket,
  decodeCertificate,
  decodeGenesis,
  decodeHeader,
  decodeHeadJson,
  decodeLeaf,
  decodeTransaction,
  encodeBlock,
  encodeBucket,
  encodeCertificate,
  encodeHeadJson,
  formatNote,
  formatTlogProof,
  genesisBytes,
  headerBytes,
  leafBytes,
  parseCheckpointText,
  parseNote,
  parseTlogProof,
  payloadBytesOf,
  payloadTypeOf,
  signTransaction,
  stateProofFromJson,
  stateProofToJson,
} from '../../../src/ledger/index.ts';
import type { Certificate } from '../../../src/types/chain.ts';
import type { Height, Round } from '../../../src/types/brand.ts';
import { genesisOf, hashOf, header, keyIdOf, payloads, sha256, signerOf } from './fixtures.ts';

/** What a decoder is fed with, and how what it accepts is written again. */
interface Decoder {
  readonly name: string;
  readonly valid: readonly Uint8Array[];
  /** Decodes and encodes again. */
  readonly again: (bytes: Uint8Array) => Uint8Array;
  /** What must come out; the bytes themselves unless the format leaves a choice. */
  readonly expected?: (bytes: Uint8Array) => Uint8Array;
  /** Puts mutated inner bytes into a valid envelope, so that they reach what lies deeper. */
  readonly inner?: {
    readonly valid: readonly Uint8Array[];
    readonly wrap: (bytes: Uint8Array, sample: number) => Uint8Array;
  };
}

const INPUTS_EACH = 8_000;
const SEED = 0x5eed;

/** mulberry32: small, seeded, the same on every machine. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}
type Random = ReturnType<typeof randomOf>;

const TOKENS = [
  '"',
  '{}',
  '[]',
  'null',
  '0',
  '-0',
  '1e3',
  '1.0',
  '9007199254740993',
  ',"x":1',
  '"__proto__":1,',
  '\\u0000',
  '\u00e9',
  '\ud83d\ude00',
  ' ',
  '\n',
  '\n\n',
  '=',
  'A',
  ':',
  ',',
  '2',
  'true',
].map((token) => utf8Encode(token));

function mutate(sample: Uint8Array, random: Random, other: Uint8Array): Uint8Array {
  let bytes: Uint8Array = sample.slice();
  for (let i = random(3); i >= 0; i--) {
    const at = random(bytes.length + 1);
    const end = Math.min(bytes.length, at + 1 + random(random(4) === 0 ? 64 : 4));
    const [before, here, after] = [bytes.subarray(0, at), bytes.subarray(at, end), bytes.subarray(end)];
    switch (random(8)) {
      case 0:
        bytes = concatBytes(
          before,
          here.map((byte) => byte ^ (1 << random(8))),
          after,
        );
        break;
      case 1:
        bytes = concatBytes(
          before,
          here.map(() => random(256)),
          after,
        );
        break;
      case 2:
        bytes = concatBytes(before, after);
        break;
      case 3:
        bytes = concatBytes(before, here, here, after);
        break;
      case 4:
        bytes = concatBytes(
          before,
          TOKENS[random(TOKENS.length)] as Uint8Array,
          random(2) === 0 ? here : new Uint8Array(),
          after,
        );
        break;
      case 5:
        bytes = concatBytes(before, other.subarray(random(other.length + 1)));
        break;
      case 6:
        bytes = concatBytes(
          before,
          here.map((byte) => (byte >= 0x30 && byte <= 0x39 ? 0x30 + random(10) : byte)),
          after,
        );
        break;
      default:
        bytes = bytes.slice(0, at);
    }
  }
  return bytes;
}

/** Changes the JSON inside instead of the bytes, so that most results are canonical and reach the schema. */
function mutateJson(sample: Uint8Array, random: Random): Uint8Array {
  const json = JSON.parse(utf8Decode(sample)) as unknown;
  const places: { holder: Record<string, unknown>; key: string }[] = [];
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const key of Object.keys(value)) {
      places.push({ holder: value as Record<string, unknown>, key });
      walk((value as Record<string, unknown>)[key]);
    }
  };
  walk(json);
  const place = places[random(places.length)];
  if (place === undefined) return sample;
  const { holder, key } = place;
  const old = holder[key];
  const values = [
    null,
    0,
    1,
    -1,
    1.5,
    2 ** 53,
    1e300,
    '',
    'a',
    'A'.repeat(65),
    'x'.repeat(2_100),
    true,
    [],
    {},
    [old],
    [old, old],
    old,
  ];
  const how = random(4);
  if (how === 0 && Array.isArray(holder)) holder.splice(Number(key), 1);
  else if (how === 0) Reflect.deleteProperty(holder, key);
  else if (how === 1 && Array.isArray(holder)) holder.push(old);
  else if (how === 1) holder[`${key}${random(10)}`] = old;
  else holder[key] = values[random(values.length)];
  return canonicalJson(json);
}

const signer = signerOf('alpha tx');
const lines = payloads.map((payload) => signTransaction(payload, signer, sha256));
const result = {
  decision: 'REFUSED',
  code: 'OK',
  proposal: 4,
  witnesses: [],
  binding: 'strict',
  original: null,
} as const;
const certificate: Certificate = {
  height: 4 as Height,
  round: 1 as Round,
  blockId: hashOf('block'),
  signatures: [0, 2, 3].map((validator) => ({ validator, signature: new Uint8Array(64).fill(validator) })),
};
const head = { header, certificate, state: { logSize: 3, logRoot: hashOf('l'), stateRoot: hashOf('s') } };
const bucket = encodeBucket(
  ['a', 'b/c', 'd'].map((key) => ({ key: utf8Encode(key), value: utf8Encode(`{"${key}":1}`) })),
);
const note = '\u2014 example.com/a AAAAAAA=\n\u2014 example.com/b AAAAAAEC\n';
const text = checkpointText({ origin: 'example.com/log', size: 12, root: hashOf('root') });
const canonical = (bytes: Uint8Array) => canonicalJson(parseJson(bytes));
const asText = (parse: (input: string) => string) => (bytes: Uint8Array) => utf8Encode(parse(utf8Decode(bytes)));

const decoders: readonly Decoder[] = [
  {
    name: 'transaction',
    valid: lines,
    again: (bytes) => {
      const { payload, keyId, signature } = decodeTransaction(bytes, sha256);
      return encodeEnvelope({
        payloadType: payloadTypeOf(payload.kind),
        payload: payloadBytesOf(payload),
        signatures: [{ keyid: keyId, sig: signature }],
      });
    },
    inner: {
      valid: payloads.map(payloadBytesOf),
      wrap: (payload, sample) =>
        encodeEnvelope({
          payloadType: payloadTypeOf((payloads[sample] as (typeof payloads)[number]).kind),
          payload,
          signatures: [{ keyid: keyIdOf(signer), sig: new Uint8Array(64) }],
        }),
    },
  },
  {
    name: 'leaf',
    valid: [
      ...lines
        .slice(0, 3)
        .map((tx) => leafBytes({ height: 3, index: 9, result, prev: { object: 1, namespace: null } }, tx)),
      blockLeafBytes({
        height: 3,
        timeMs: 4,
        appVersion: 1,
        stateRoot: hashOf('a'),
        validatorsHash: hashOf('b'),
        nextValidatorsHash: hashOf('c'),
        paramsHash: hashOf('d'),
        previous: hashOf('e'),
      }),
    ],
    again: (bytes) => {
      const decoded = decodeLeaf(bytes);
      return decoded.kind === 'block' ? blockLeafBytes(decoded.leaf.block) : leafBytes(decoded.leaf, decoded.tx);
    },
  },
  { name: 'header', valid: [headerBytes(header)], again: (bytes) => headerBytes(decodeHeader(bytes)) },
  {
    name: 'certificate',
    valid: [encodeCertificate(certificate)],
    again: (bytes) => encodeCertificate(decodeCertificate(bytes)),
  },
  {
    name: 'certificate in JSON',
    valid: [canonicalJson(certificateToJson(certificate))],
    again: (bytes) => canonicalJson(certificateToJson(certificateFromJson(parseJson(bytes)))),
    expected: canonical,
  },
  {
    name: 'block',
    valid: [
      encodeBlock({ header, lastCertificate: null, txs: [] }),
      encodeBlock({ header, lastCertificate: certificate, txs: lines.slice(0, 2) }),
    ],
    again: (bytes) => encodeBlock(decodeBlock(bytes)),
  },
  {
    name: 'genesis',
    valid: [genesisBytes(genesisOf())],
    again: (bytes) => genesisBytes(decodeGenesis(bytes)),
    expected: canonical,
  },
  { name: 'state bucket', valid: [bucket], again: (bytes) => encodeBucket(decodeBucket(0, bytes)) },
  {
    name: 'state proof',
    valid: [
      canonicalJson(
        stateProofToJson({ bucket, siblings: Array.from({ length: 16 }, (_, i) => new Uint8Array(32).fill(i)) }),
      ),
    ],
    again: (bytes) => canonicalJson(stateProofToJson(stateProofFromJson(parseJson(bytes)))),
    expected: canonical,
  },
  {
    name: 'head',
    valid: [canonicalJson(encodeHeadJson(head))],
    again: (bytes) => canonicalJson(encodeHeadJson(decodeHeadJson(parseJson(bytes)))),
    expected: canonical,
  },
  {
    name: 'signed note',
    valid: [utf8Encode(`${text}\n${note}`), utf8Encode(`a\n\nb\n\n${note}`)],
    again: asText((input) => formatNote(parseNote(input))),
  },
  {
    name: 'checkpoint',
    valid: [utf8Encode(text)],
    again: asText((input) => checkpointText(parseCheckpointText(input))),
  },
  {
    name: 'proof file',
    valid: [
      utf8Encode(
        formatTlogProof({
          extra: new Uint8Array(5),
          index: 3,
          proof: [new Uint8Array(32)],
          checkpoint: `${text}\n${note}`,
        }),
      ),
    ],
    again: asText((input) => formatTlogProof(parseTlogProof(input))),
  },
];

const isJson = (bytes: Uint8Array): boolean => bytes[0] === 0x7b;

function inputFor(decoder: Decoder, random: Random): Uint8Array {
  const pick = (list: readonly Uint8Array[]): number => random(list.length);
  const kind = random(8);
  if (kind === 0) return new Uint8Array(random(300)).map(() => random(256));
  if (kind === 1)
    return utf8Encode(
      Array.from({ length: random(12) }, () => utf8Decode(TOKENS[random(TOKENS.length)] as Uint8Array)).join(''),
    );
  const { inner } = decoder;
  const source = inner !== undefined && random(2) === 0 ? inner.valid : decoder.valid;
  const index = pick(source);
  const sample = source[index] as Uint8Array;
  const changed =
    isJson(sample) && random(2) === 0
      ? mutateJson(sample, random)
      : mutate(sample, random, source[pick(source)] as Uint8Array);
  return inner !== undefined && source === inner.valid ? inner.wrap(changed, index) : changed;
}

describe(`${decoders.length * INPUTS_EACH} inputs, most of them mutations of valid ones`, () => {
  test.each(decoders)(
    'give the decoder of a $name nothing but coded refusals and what encodes to the same bytes',
    (decoder) => {
      const random = randomOf(SEED);
      const { name, valid, again, expected = (bytes) => bytes } = decoder;
      for (const bytes of valid) expect(again(bytes)).toEqual(bytes);
      const codes = new Map<string, number>();
      for (let i = 0; i < INPUTS_EACH; i++) {
        const bytes = inputFor(decoder, random);
        let code = 'accepted';
        try {
          const encoded = again(bytes);
          if (!bytesEqual(encoded, expected(bytes)))
            throw new Error(`${name} ${i} is accepted and written in another way: ${toBase64(bytes)}`);
        } catch (error) {
          if (!isChainError(error))
            throw new Error(`${name} ${i} is not refused with a code: ${toBase64(bytes)}`, { cause: error });
          ({ code } = error);
        }
        codes.set(code, (codes.get(code) ?? 0) + 1);
      }
      // The inputs reach further than the first check: some are accepted, and the rest is refused for several reasons.
      expect(codes.get('accepted') ?? 0).toBeGreaterThan(0);
      expect(codes.size).toBeGreaterThan(1);
    },
  );
});
