import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { decodeWith, parseJson, utf8Encode } from '../../../src/codec/index.ts';
import { expectCode } from './expect-code.ts';

const change = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('put'), name: z.string(), spec: z.unknown() }),
  z.strictObject({ type: z.literal('delete'), name: z.string() }),
]);
const schema = z.strictObject({
  v: z.literal(1),
  height: z.int().min(0),
  hash: z.string().regex(/^[0-9a-f]{4}$/),
  orgs: z.array(z.strictObject({ name: z.string(), note: z.string().optional() })),
  changes: z.array(change).default([]),
  either: z
    .union([z.strictObject({ n: z.number() }), z.strictObject({ text: z.string(), more: z.string() })])
    .optional(),
});
const VALID = '{"v":1,"height":3,"hash":"00ff","orgs":[{"name":"a"}]}';
const decode = (text: string) => decodeWith(schema, parseJson(utf8Encode(text)), 'the thing');
const problemOf = (text: string) => expectCode('CODEC_SCHEMA', () => decode(text)) as { path: string; problem: string };

describe('decodeWith', () => {
  test('types a parsed value, null prototypes and all', () => {
    const value = decode(VALID);
    expect(value.height + 1).toBe(4);
    expect(value).toEqual({ v: 1, height: 3, hash: '00ff', orgs: [{ name: 'a' }], changes: [] });
  });

  test.each([
    ['a wrong type', VALID.replace('3', '"3"'), '/height'],
    ['a missing field', VALID.replace('"height":3,', ''), '/height'],
    ['another version', VALID.replace('"v":1', '"v":2'), '/v'],
    ['a value that breaks a rule', VALID.replace('00ff', '00FF'), '/hash'],
    ['a fraction', VALID.replace('3', '3.5'), '/height'],
    ['an integer beyond 2^53', VALID.replace('3', '9007199254740993'), '/height'],
    ['a wrong type deep inside', VALID.replace('"a"', 'null'), '/orgs/0/name'],
    ['an unknown field', VALID.replace('"v":1', '"v":1,"w":2'), '/w'],
    ['an unknown field deep inside', VALID.replace('"a"', '"a","x/y~z":0'), '/orgs/0/x~1y~0z'],
    ['the unknown field __proto__', VALID.replace('"v":1', '"__proto__":{"v":1},"v":1'), '/__proto__'],
    ['the unknown field constructor', VALID.replace('"v":1', '"constructor":1,"v":1'), '/constructor'],
    ['an unknown kind', VALID.replace('"v":1', '"v":1,"changes":[{"type":"move"}]'), '/changes/0/type'],
    [
      'a field of another kind',
      VALID.replace('"v":1', '"v":1,"changes":[{"type":"delete","name":"n","spec":1}]'),
      '/changes/0/spec',
    ],
    ['the nearest branch of a union', VALID.replace('"v":1', '"v":1,"either":{"text":"t","more":1}'), '/either/more'],
    ['a scalar instead of an object', '5', ''],
    ['a list instead of an object', '[]', ''],
  ])('names where the problem is: %s', (_, text, path) => {
    expect(problemOf(text).path).toBe(path);
  });

  test('says what it was about, and what is wrong', () => {
    expect(() => decode(VALID.replace('"v":1', '"v":1,"w":2'))).toThrow(
      'the thing is not as expected at /w: unknown field',
    );
    expect(() => decode('null')).toThrow('the thing is not as expected at its top');
    expect(problemOf(VALID.replace('"v":1,', ''))).toMatchObject({ path: '/v' });
    expect(problemOf(VALID.replace('"height":3,', '')).problem).toBe('a required field is missing');
  });

  test('never repeats a value', () => {
    for (const text of [
      VALID.replace('3', '"canary"'),
      VALID.replace('00ff', 'canary'),
      VALID.replace('"v":1', '"v":"canary"'),
    ]) {
      expect(JSON.stringify(problemOf(text))).not.toContain('canary');
    }
  });

  test('cuts a path that the input made long', () => {
    expect(problemOf(VALID.replace('"v":1', `"v":1,"${'k'.repeat(5_000)}":2`)).path.length).toBeLessThan(250);
  });
});
