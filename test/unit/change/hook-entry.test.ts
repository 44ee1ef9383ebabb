import { expect, test } from 'vitest';
import { hookEntryHash, hookEntryProblems, webhookConfiguration } from '../../../src/change/index.ts';
import { nativeBackend } from '../../../src/crypto/index.ts';
import type { JsonObject } from '../../../src/types/json.ts';

const made = (): JsonObject => {
  const configuration = webhookConfiguration({
    name: 'kubectl-chain',
    hooks: [{ name: 'east', url: 'https://east.example/admit', caBundle: 'AAAA' }],
  }) as unknown as { webhooks: JsonObject[] };
  // As the API server shows it, with its defaults.
  return { ...configuration.webhooks[0], namespaceSelector: {}, objectSelector: {} };
};

test('the entry that the code makes, anywhere and by any authority, is not narrower', () => {
  expect(hookEntryProblems(made(), 'east', undefined)).toEqual([]);
});

test.each<[string, JsonObject]>([
  ['failurePolicy', { failurePolicy: 'Ignore' }],
  ['matchConditions', { matchConditions: [] }],
  ['matchPolicy', { matchPolicy: 'Exact' }],
  ['namespaceSelector', { namespaceSelector: { matchLabels: { a: 'b' } } }],
  ['objectSelector', { objectSelector: { matchExpressions: [{ key: 'a', operator: 'Exists' }] } }],
  ['rules', { rules: [] }],
  ['sideEffects', { sideEffects: 'None' }],
  ['timeoutSeconds', { timeoutSeconds: 1 }],
  ['later', { later: true }],
])('a changed %s is named, and the entry is another one', (field, change) => {
  const entry = { ...made(), ...change };
  expect(hookEntryProblems(entry, 'east', undefined)).toEqual([field]);
  expect(hookEntryHash(entry, nativeBackend.sha256)).not.toBe(hookEntryHash(made(), nativeBackend.sha256));
});

test('another address or authority is another entry', () => {
  const entry = { ...made(), clientConfig: { url: 'https://west.example/admit', caBundle: 'AAAA' } };
  expect(hookEntryHash(entry, nativeBackend.sha256)).not.toBe(hookEntryHash(made(), nativeBackend.sha256));
});
