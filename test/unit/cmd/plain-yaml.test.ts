import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { plainYaml } from '../../../cmd/kubectl-chain/plain-yaml.ts';

const kubeconfig = `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: LS0tLS1CRUdJTg==
    server: https://127.0.0.1:6443
  name: kind-a
contexts:
- context:
    cluster: kind-a
    namespace: dev
    user: kind-a
  name: kind-a
current-context: kind-a
kind: Config
preferences: {}
users: []
`;

const config = stringify({
  chains: [
    {
      name: 'prod',
      genesisHash: `5e${'ab'.repeat(31)}`,
      endpoints: ['https://a.example:7001', { url: 'https://b.example:7001', caBundle: 'b.crt' }],
      caBundle: '-----BEGIN CERTIFICATE-----\nMIIB+/==\n-----END CERTIFICATE-----\n',
      kubeContexts: ['kind-a', 'admin@kind-b'],
    },
  ],
  defaultKey: 'bob',
});

test.each([
  ["kubectl's", kubeconfig],
  ['our own', config],
])('reads %s as the YAML library does', (_name, text) => {
  expect(plainYaml(text)).toEqual(parse(text));
});

test.each([
  ['a number', 'a: 12e34\n'],
  ['a number', 'a: 0x1f\n'],
  ['a boolean', 'a: True\n'],
  ['a word that is no text as a key', 'true: a\n'],
  ['a key that stands twice', 'a: b\na: c\n'],
  ['a comment', 'a: b # c\n'],
  ['an anchor', 'a: &b c\nd: *b\n'],
  ['a tag', 'a: !!int b\n'],
  ['flow style', 'a: {b: c}\n'],
  ['text of several lines', 'a: b\n  c\n'],
  ['a literal block that begins with an empty line', 'a: |\n\n  b\n'],
  ['a literal block with an indentation of its own', 'a: |1\n  b\n'],
  ['a literal block that keeps its end', 'a: |+\n  b\n\n'],
  ['a tab', 'a:\tb\n'],
  ['another line break', 'a: b\r\n'],
  ['several documents', 'a: b\n---\na: c\n'],
  ['an escape', 'a: "\\n"\n'],
  ['no line break at the end', 'a: |\n  b'],
  ['a key that JavaScript has already', '__proto__: a\n'],
])('leaves %s to the library', (_name, text) => {
  expect(plainYaml(text)).toBeUndefined();
});

const name = fc.stringMatching(/^[a-z][a-z0-9.]{0,6}$/);
const word = fc.oneof(
  { weight: 40, arbitrary: name },
  { weight: 20, arbitrary: fc.constantFrom('a\nb\n', 'https://a.example:7001', 'admin@kind') },
  fc.stringMatching(/^[a-zA-Z0-9/+=_.@:-]{0,12}$/),
  fc.constantFrom('true', 'null', '1', '0o7', '1e5', '.inf', 'a: b', 'a #b', '- a', '', 'a\nb\n', 'a\n\nb\n\n', ' a', 'a ', 'é', "'", '"', '|', '~'),
); // prettier-ignore
const tree = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 4, arbitrary: word },
    fc.constantFrom(null, 1, true),
    { weight: 4, arbitrary: fc.array(tie('value'), { maxLength: 3 }) },
    { weight: 4, arbitrary: fc.dictionary(word, tie('value'), { maxKeys: 3 }) },
  ),
})).value;

/** Undefined where the library refuses. */
function parsed(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: parse(text) };
  } catch {
    return undefined;
  }
}

test('never reads anything else than the library does: of what it writes, and of that with a mistake in it', () => {
  let read = 0;
  const mark = fc.constantFrom('', ' ', '\n', '-', ': ', '|', '#', '"', 'a', '{', '  ');
  fc.assert(
    fc.property(tree, fc.nat(), fc.nat(3), mark, fc.boolean(), (value, place, length, put, isAltered) => {
      const whole = stringify(value);
      const at = place % (whole.length + 1);
      const text = isAltered ? whole.slice(0, at) + put + whole.slice(at + length) : whole;
      const found = plainYaml(text);
      if (found === undefined) return;
      read += 1;
      expect(found).toEqual(parsed(text)?.value);
    }),
    { numRuns: 4_000 },
  );
  expect(read).toBeGreaterThan(200);
});
