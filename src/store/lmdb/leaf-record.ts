import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { ChainError } from '../../errors/chain-error.ts';

/**
 * A leaf as it is stored. A typical one has 2.2 KiB, of which three quarters are the base64 of a JSON statement; beyond 2,038 bytes a
 * value takes whole pages of LMDB for itself. So the payload is decoded and the whole is deflated with a dictionary:
 *
 *     0x00 leaf bytes
 *     0x01 deflate with dictionary 1 of: payload offset u16, payload length u16, leaf bytes with the payload decoded
 *
 * The second form is taken only if it is smaller and gives back the identical bytes.
 */
const plain = 0;
const deflated = 1;
const headBytes = 4;
/** Leaves have at most 65,535 bytes, and what is decoded is smaller; more is damage and must not fill the memory. */
const leafBytesMax = 65_535 + headBytes;
const payloadMember = Buffer.from('"payload":"');
const quote = 0x22;
/**
 * Higher levels gain 1 %. Window and memory are just large enough for a leaf and the dictionary: the default ones cost more time in
 * the garbage collector than in deflate.
 */
const settings = { level: 3, windowBits: 13, memLevel: 5, chunkSize: 4096 };

/**
 * Dictionary 1: what most leaves have in common, the most frequent last. Part of the format: a change of one byte makes stored
 * leaves unreadable, so another dictionary needs another first byte.
 */
const dictionary = Buffer.from(
  '"evidence""observation""proposal""claim""ballot","choice":"approve","reject","abstain","reason":"","sequence":1' +
    ',"results":[{"decision":,"persisted":true,"resourceVersion":"","uid":""}]' +
    'application/vnd.kubectl-chain..v1+json"WAITING""REFUSED""DONE""EXPIRED""DUPLICATE""INVALID","original":null,"proposal":null' +
    'configmaps""secrets""services""pods""statefulsets""daemonsets""jobs""cronjobs""batch""networking.k8s.io""rbac.authorization.k8s.io' +
    '"operation":"CREATE""operation":"DELETE""operation":"CONNECT""kube-system""default"system:serviceaccount:system:masters' +
    '"paths":["/metadata/annotations/metadata/labels/spec/template/spec/containers/0/image/spec/replicas/data/' +
    '{"fieldManager":"kubectl-client-side-apply","fieldValidation":"Strict"}' +
    '{"block":{"appVersion":1,"height":,"nextValidatorsHash":"","paramsHash":"","previous":"","stateRoot":"","timeMs":1,"validatorsHash":""},"v":1}' +
    '{"height":,"index":,"prev":{"namespace":null,"object":null},"result":{"binding":null,"code":"OK","decision":"ADMITTED",' +
    '"original":null,"proposal":null,"witnesses":[]},"tx":{"payload":"{"_type":"https://in-toto.io/Statement/v1",' +
    '"predicate":{"alg":"ed25519","attestation":{"admissionUid":"","attributes":{"cluster":"","generatedName":false,"group":"apps",' +
    '"groups":["system:authenticated"],"name":"","namespace":"","operation":"UPDATE","options":"","paths":["/spec/"],' +
    '"pathsTruncated":false,"resource":"deployments","resourceVersion":"","subresource":"","uid":"","user":"","version":"v1"},' +
    '"bodyHash":"","commitment":{"diff":"","strict":""},"digest":{"diff":"","strict":""},"keyId":""},"chain":"","kind":"mutation",' +
    '"node":"","notAfterMs":1,"v":1},"predicateType":"https://kubectl-chain.dev/mutation/v1","subject":[{"digest":{"sha256":""},' +
    '"name":""}]}","payloadType":"application/vnd.in-toto+json","signatures":[{"keyid":"","sig":""}]},"v":1}',
);

export function encodeLeaf(leaf: Uint8Array): Uint8Array {
  const bytes = Buffer.from(leaf.buffer, leaf.byteOffset, leaf.length);
  const packed = unpackPayload(bytes);
  if (packed.length <= leafBytesMax) {
    const small = deflateRawSync(packed, { ...settings, dictionary });
    if (small.length < bytes.length) return Buffer.concat([Buffer.from([deflated]), small]);
  }
  return Buffer.concat([Buffer.from([plain]), bytes]);
}

/** Throws STORE_DAMAGED. */
export function decodeLeaf(index: number, record: Uint8Array): Uint8Array {
  if (record[0] === plain) return record.subarray(1);
  try {
    if (record[0] !== deflated) throw new Error(`unknown form ${record[0]}`);
    const packed = inflateRawSync(record.subarray(1), {
      dictionary,
      maxOutputLength: leafBytesMax,
      chunkSize: settings.chunkSize,
    });
    const offset = packed.readUInt16BE(0);
    const end = offset + packed.readUInt16BE(2);
    const body = packed.subarray(headBytes);
    if (end > body.length) throw new Error('the payload ends beyond the leaf');
    const payload = Buffer.from(body.toString('base64', offset, end), 'latin1');
    const leaf = Buffer.concat([body.subarray(0, offset), payload, body.subarray(end)]);
    return new Uint8Array(leaf.buffer, leaf.byteOffset, leaf.length);
  } catch (error) {
    throw new ChainError(
      'STORE_DAMAGED',
      { where: `leaf ${index}`, detail: (error as Error).message },
      { cause: error },
    );
  }
}

/** Head and leaf with the payload decoded; an empty payload if there is none, or none that its bytes would give again. */
function unpackPayload(leaf: Buffer): Buffer {
  const offset = leaf.indexOf(payloadMember) + payloadMember.length;
  const end = leaf.indexOf(quote, offset);
  if (offset >= payloadMember.length && end >= 0) {
    const text = leaf.toString('latin1', offset, end);
    const payload = Buffer.from(text, 'base64');
    if (payload.length <= 0xffff && offset <= 0xffff && payload.toString('base64') === text) {
      return Buffer.concat([headOf(offset, payload.length), leaf.subarray(0, offset), payload, leaf.subarray(end)]);
    }
  }
  return Buffer.concat([headOf(0, 0), leaf]);
}

function headOf(offset: number, length: number): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUInt16BE(offset, 0);
  head.writeUInt16BE(length, 2);
  return head;
}
