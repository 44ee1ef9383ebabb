import { entry } from '../define.ts';

export const codecErrors = {
  CODEC_TOO_LARGE: entry<{ what: string; bytes: number; bytesMax: number }>(
    413,
    (p) => `${p.what} of ${p.bytes} bytes is larger than the ${p.bytesMax} bytes that are allowed`,
    'Send less at once, or split it.',
  ),
  CODEC_UTF8: entry<{ offset: number }>(
    400,
    (p) => `not valid UTF-8 at byte ${p.offset}`,
    'Send UTF-8 without overlong forms, surrogates or truncated characters.',
  ),
  CODEC_SURROGATE: entry<{ offset: number }>(
    400,
    (p) => `a string holds half of a surrogate pair at offset ${p.offset}`,
    'Send whole Unicode characters; a lone surrogate has no UTF-8 form.',
  ),
  CODEC_JSON_SYNTAX: entry<{ offset: number; expected: string }>(
    400,
    (p) => `not valid JSON at byte ${p.offset}: expected ${p.expected}`,
    'Send one well-formed JSON value in UTF-8, without a byte order mark and with nothing behind it.',
  ),
  CODEC_JSON_DEPTH: entry<{ offset: number; depthMax: number }>(
    400,
    (p) => `JSON is nested deeper than ${p.depthMax} levels at byte ${p.offset}`,
    'Flatten the value.',
  ),
  CODEC_JSON_NODES: entry<{ offset: number; nodesMax: number }>(
    413,
    (p) => `JSON holds more than ${p.nodesMax} values, at byte ${p.offset}`,
    'Send a smaller value, or split it.',
  ),
  CODEC_JSON_DUPLICATE_KEY: entry<{ offset: number; key: string }>(
    400,
    (p) => `the key ${JSON.stringify(p.key)} stands twice in one JSON object, at byte ${p.offset}`,
    'Write each key once: readers disagree about which of two counts.',
  ),
  CODEC_JSON_NUMBER: entry<{ offset: number; charsMax: number; exponentMax: number }>(
    400,
    (p) =>
      `a JSON number at byte ${p.offset} has more than ${p.charsMax} characters or an exponent beyond ${p.exponentMax}`,
    'Write the number as a string.',
  ),
  CODEC_CANONICAL: entry<{ reason: string }>(
    500,
    (p) => `a value has no canonical JSON form: ${p.reason}`,
    'This is a mistake in the program that made the value; report it.',
  ),
  CODEC_BASE64: entry<{ offset: number; reason: string }>(
    400,
    (p) => `not canonical base64 at character ${p.offset}: ${p.reason}`,
    'Use the standard alphabet with padding, zero padding bits and no line breaks (RFC 4648 section 4).',
  ),
  CODEC_HEX: entry<{ offset: number; reason: string }>(
    400,
    (p) => `not lowercase hexadecimal at character ${p.offset}: ${p.reason}`,
    'Write two digits of 0-9a-f for each byte.',
  ),
  CODEC_ENVELOPE: entry<{ reason: string }>(
    400,
    (p) => `not a DSSE envelope in its one form: ${p.reason}`,
    'Send {"payload":...,"payloadType":...,"signatures":[{"keyid":...,"sig":...}]} on one line, without other fields or white space.',
  ),
  CODEC_BINARY_SHORT: entry<{ offset: number; wanted: number; left: number }>(
    400,
    (p) => `binary data ends too early: ${p.wanted} bytes wanted at offset ${p.offset}, ${p.left} left`,
    'The data is cut off or of another version; fetch it again.',
  ),
  CODEC_BINARY_TRAILING: entry<{ offset: number; left: number }>(
    400,
    (p) => `${p.left} bytes stand behind the end of the binary data at offset ${p.offset}`,
    'The data is damaged or of another version; fetch it again.',
  ),
  CODEC_BINARY_RANGE: entry<{ field: string; value: number; max: number }>(
    400,
    (p) => `${p.field} is ${p.value}, not an integer from 0 to ${p.max}`,
    'The data is damaged or of another version; fetch it again.',
  ),
  CODEC_SCHEMA: entry<{ what: string; path: string; problem: string }>(
    400,
    (p) => `${p.what} is not as expected at ${p.path === '' ? 'its top' : p.path}: ${p.problem}`,
    'Correct the named field; unknown fields are refused, not ignored.',
  ),
} as const;
