import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalText, parseJson } from '../../../src/codec/index.ts';
import { verifyBody } from '../../../src/change/index.ts';
import { difference } from '../../../src/change/difference.ts';
import { replayed, withChanges } from '../../../src/change/replay.ts';
import { nativeBackend } from '../../../src/crypto/index.ts';
import type { Json, JsonObject } from '../../../src/types/json.ts';
import { attested, updateRequest } from '../cmd/world.ts';

const parsed = (value: unknown): JsonObject => parseJson(Buffer.from(JSON.stringify(value))) as JsonObject;
const opened = (request: Json) => {
  const { change, body } = attested(request);
  return verifyBody(body, change, nativeBackend.sha256);
};

const element = fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd'), image: fc.constantFrom('v1', 'v2') });
const list = fc.uniqueArray(element, { selector: ({ name }) => name, maxLength: 4 });
const object = fc.record({
  metadata: fc.record({ labels: fc.dictionary(fc.constantFrom('x', 'y', '__proto__'), fc.constantFrom('1', '2')) }),
  spec: fc.record({
    containers: list,
    replicas: fc.nat(3),
    args: fc.array(fc.constantFrom('p', 'q'), { maxLength: 3 }),
  }),
});

describe('a change that is asked for again from its body', () => {
  it('gives exactly the object that was approved', () => {
    fc.assert(
      fc.property(object, object, (old, changed) => {
        const [before, after] = [parsed(old), parsed(changed)];
        const made = withChanges(before, difference(before, after));
        expect(canonicalText(made as Json)).toBe(canonicalText(after));
      }),
      { numRuns: 500, seed: 7 },
    );
  });

  it('keeps what has moved outside of it since', () => {
    const before = parsed({ spec: { replicas: 1, containers: [{ name: 'web', image: 'v1' }] } });
    const after = parsed({ spec: { replicas: 1, containers: [{ name: 'web', image: 'v2' }] } });
    const now = parsed({
      spec: {
        replicas: 5,
        containers: [
          { name: 'side', image: 's' },
          { name: 'web', image: 'v1' },
        ],
      },
    });
    expect(JSON.parse(canonicalText(withChanges(now, difference(before, after)) as Json))).toEqual({
      spec: {
        replicas: 5,
        containers: [
          { name: 'side', image: 's' },
          { name: 'web', image: 'v2' },
        ],
      },
    });
  });

  it('is not made up where the object has lost what it is about', () => {
    const before = parsed({ spec: { containers: [{ name: 'web', image: 'v1' }] } });
    const after = parsed({ spec: { containers: [{ name: 'web', image: 'v2' }] } });
    expect(withChanges(parsed({ spec: { containers: [] } }), difference(before, after))).toBeUndefined();
  });

  it('has one digest with what was approved, and fills in the present version', () => {
    const body = opened(updateRequest('v1', 'v2'));
    const live = (updateRequest('v1', 'v2') as JsonObject)['oldObject'] as JsonObject;
    const asked = replayed(body, live) as JsonObject;
    const again = attested({ ...(updateRequest('v1', 'v2') as JsonObject), object: asked });
    expect(again.change.digest).toEqual(attested(updateRequest('v1', 'v2')).change.digest);
    expect((asked['metadata'] as JsonObject)['resourceVersion']).toBe('1');
  });

  const secret = (value: string): Json => ({
    ...(updateRequest('v1', 'v2') as JsonObject),
    kind: { group: '', version: 'v1', kind: 'Secret' },
    resource: { group: '', version: 'v1', resource: 'secrets' },
    operation: 'CREATE',
    oldObject: null,
    options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
    object: {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'web', namespace: 'prod-web' },
      data: { key: value },
    },
  });

  it('P5: is none where the body hides a value: a mark is never sent in the place of a secret', () => {
    expect(replayed(opened(secret('cGFzcw==')), undefined)).toBeUndefined();
  });
});
