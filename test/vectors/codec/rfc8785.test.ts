import { describe, expect, test } from 'vitest';
import { canonicalJson, canonicalText, parseJson, toHex, utf8Encode } from '../../../src/codec/index.ts';

const doubleOf = (hex: string) => Buffer.from(hex, 'hex').readDoubleBE();
const viaDoubles = (text: string) => canonicalText(JSON.parse(text));
const lossless = (text: string) => canonicalText(parseJson(utf8Encode(text)));

describe('RFC 8785 appendix B: numbers', () => {
  test.each([
    ['0000000000000000', '0'],
    ['8000000000000000', '0'],
    ['0000000000000001', '5e-324'],
    ['8000000000000001', '-5e-324'],
    ['7fefffffffffffff', '1.7976931348623157e+308'],
    ['ffefffffffffffff', '-1.7976931348623157e+308'],
    ['4340000000000000', '9007199254740992'],
    ['c340000000000000', '-9007199254740992'],
    ['4430000000000000', '295147905179352830000'],
    ['44b52d02c7e14af5', '9.999999999999997e+22'],
    ['44b52d02c7e14af6', '1e+23'],
    ['44b52d02c7e14af7', '1.0000000000000001e+23'],
    ['444b1ae4d6e2ef4e', '999999999999999700000'],
    ['444b1ae4d6e2ef4f', '999999999999999900000'],
    ['444b1ae4d6e2ef50', '1e+21'],
    ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
    ['3eb0c6f7a0b5ed8d', '0.000001'],
    ['41b3de4355555553', '333333333.3333332'],
    ['41b3de4355555554', '333333333.33333325'],
    ['41b3de4355555555', '333333333.3333333'],
    ['41b3de4355555556', '333333333.3333334'],
    ['41b3de4355555557', '333333333.33333343'],
    ['becbf647612f3696', '-0.0000033333333333333333'],
    ['43143ff3c1cb0959', '1424953923781206.2'],
  ])('%s is %s, also when parsed again', (hex, text) => {
    expect(canonicalText(doubleOf(hex))).toBe(text);
    expect(lossless(text)).toBe(text);
    expect(parseJson(utf8Encode(text))).toBe(doubleOf(hex) === 0 ? 0 : doubleOf(hex));
  });

  test.each(['7fffffffffffffff', '7ff0000000000000', 'fff0000000000000'])('%s is an error', (hex) => {
    expect(() => canonicalText(doubleOf(hex))).toThrow(/no canonical JSON form/);
  });
});

describe('RFC 8785 section 3.2', () => {
  const sample = `{
    "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
    "string": "\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\"\\/",
    "literals": [null, true, false]
  }`;
  const rest = `"string":"€$\\u000f\\nA'B\\"\\\\\\\\\\"/"}`;

  test('the sample comes out as printed, when its numbers are doubles', () => {
    expect(viaDoubles(sample)).toBe(
      `{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],${rest}`,
    );
  });

  test('and with every digit that was written, when they are read losslessly (our extension)', () => {
    expect(lossless(sample)).toBe(
      `{"literals":[null,true,false],"numbers":[333333333.33333329,1e+30,4.5,0.002,1e-27],${rest}`,
    );
  });

  test('the sample has the UTF-8 bytes of section 3.2.4', () => {
    const expected =
      '7b226c69746572616c73223a5b6e756c6c2c747275652c66616c73655d2c226e756d62657273223a5b3333333333333333332e333333333333332c31652b33302c342e352c302e3030322c31652d32375d2c22737472696e67223a22e282ac245c75303030665c6e4127425c225c5c5c5c5c222f227d';
    expect(toHex(canonicalJson(JSON.parse(sample)))).toBe(expected);
  });

  test('members are sorted by UTF-16 code units', () => {
    const input = `{"\\u20ac":"Euro Sign","\\r":"Carriage Return","\\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One",
      "\\ud83d\\ude00":"Emoji: Grinning Face","\\u0080":"Control","\\u00f6":"Latin Small Letter O With Diaeresis"}`;
    const values = Object.values(JSON.parse(lossless(input).replace('"1"', '"x"')) as Record<string, string>);
    expect(values).toEqual([
      'Carriage Return',
      'One',
      'Control',
      'Latin Small Letter O With Diaeresis',
      'Euro Sign',
      'Emoji: Grinning Face',
      'Hebrew Letter Dalet With Dagesh',
    ]);
  });
});

describe('the test data of the RFC 8785 authors', () => {
  test.each([
    ['arrays', '[56,{"d":true,"10":null,"1":[ ]}]', '[56,{"1":[],"10":null,"d":true}]'],
    [
      'french',
      '{"peach":"This sorting order","péché":"is wrong according to French","pêche":"but canonicalization MUST","sin":"ignore locale"}',
      '{"peach":"This sorting order","péché":"is wrong according to French","pêche":"but canonicalization MUST","sin":"ignore locale"}',
    ],
    [
      'structures',
      '{"1":{"f":{"f":"hi","F":5},"\\n":56.0},"10":{ },"":"empty","a":{ },"111":[{"e":"yes","E":"no"}],"A":{ }}',
      '{"":"empty","1":{"\\n":56,"f":{"F":5,"f":"hi"}},"10":{},"111":[{"E":"no","e":"yes"}],"A":{},"a":{}}',
    ],
    ['unicode', '{"Unnormalized Unicode":"A\\u030a"}', '{"Unnormalized Unicode":"A\u030a"}'],
    [
      'weird',
      '{"\\u20ac":"Euro Sign","1":"One","\\u0080":"Control\\u007f","\\ud83d\\ude02":"Smiley","\\u00f6":"o","\\ufb33":"Dalet","</script>":"Browser Challenge"}',
      '{"1":"One","</script>":"Browser Challenge","\u0080":"Control\u007f","ö":"o","€":"Euro Sign","😂":"Smiley","\ufb33":"Dalet"}',
    ],
  ])('%s', (_, input, output) => {
    expect(lossless(input)).toBe(output);
    expect(viaDoubles(input)).toBe(output);
  });
});
