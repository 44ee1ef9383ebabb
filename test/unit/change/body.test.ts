import { describe, expect, it } from 'vitest';
import {
  attestReview,
  clusterKeyId,
  deriveClusterKeys,
  renderDiff,
  verifyBody,
  type AttestedChange,
} from '../../../src/change/index.ts';
import { isChainError } from '../../../src/errors/chain-error.ts';
import { changeDigests } from '../../../src/codec/change-digest.ts';
import { toHex } from '../../../src/codec/index.ts';
import {
  bytesOf, CLUSTER_KEY, configMapUpdate, context, deploymentCreate, deploymentDelete, deploymentUpdate, exec, hmacSha256, jobCreate, podCreate, review,
  scaleUpdate, secret, secretUpdate, serviceCreate, sha256, type Loose,
  type Plain,
} from './reviews.ts'; // prettier-ignore

const attestOf = (built: unknown): AttestedChange => attestReview(bytesOf(built), context);
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const setImage = (object: Plain): void => void (object['spec'].template.spec.containers[0].image = 'nginx:1.26');

function refusalOf(bytes: Uint8Array, attested: AttestedChange['attestation']): string {
  try {
    verifyBody(bytes, attested, sha256);
    return 'accepted';
  } catch (error) {
    if (!isChainError(error)) throw error;
    return `${error.code}: ${error.message}`;
  }
}

/** A body and attestation of which one part was changed by a node that lies, everything else recomputed to fit. */
function forged(
  change: AttestedChange,
  edit: (body: Loose) => void,
): { bytes: Uint8Array; attestation: AttestedChange['attestation'] } {
  const body = JSON.parse(textOf(change.body));
  edit(body);
  const bytes = bytesOf(body);
  return { bytes, attestation: { ...change.attestation, bodyHash: toHex(sha256(bytes)) as never } };
}

const all: Record<string, Plain> = {
  create: deploymentCreate(),
  update: deploymentUpdate(setImage),
  delete: deploymentDelete(),
  pod: podCreate('x2b4c', (pod) => Object.assign(pod['metadata'], { generateName: 'run-', name: 'run-x2b4c' })),
  job: jobCreate('uid-1'),
  service: serviceCreate('10.0.0.7', 30_001),
  scale: scaleUpdate(5),
  exec: exec(['id']),
  secret: secretUpdate(secret({ k: 'eA==' }), secret({ k: 'eQ==' })),
};

describe('a body', () => {
  it.each(Object.keys(all))('of %s convinces who has only what was signed', (name) => {
    const { body, attestation } = attestOf(all[name]);
    expect(verifyBody(body, attestation, sha256).whole.operation).toBe(attestation.attributes.operation);
  });

  it('is byte-equal in every node that was asked about the change', () => {
    const other = deploymentUpdate(setImage);
    other['request'].uid = 'asked-by-another-hook';
    expect(attestOf(other).body).toEqual(attestOf(deploymentUpdate(setImage)).body);
    const { admissionUid: first, ...rest } = attestOf(other).attestation;
    const { admissionUid: second, ...same } = attestOf(deploymentUpdate(setImage)).attestation;
    expect(rest).toEqual(same);
    expect(first).not.toBe(second);
  });

  it('says nothing of who asked', () => {
    expect(textOf(attestOf(deploymentUpdate(setImage)).body)).not.toContain('alice');
  });

  it('of which any byte was changed is refused', () => {
    const { body, attestation } = attestOf(all['update']);
    for (let i = 0; i < body.length; i += 13) {
      const changed = body.slice();
      changed[i] = (changed[i] ?? 0) ^ 1;
      expect(refusalOf(changed, attestation)).toContain('CHANGE_BODY_MISMATCH');
    }
  });

  const lies: readonly [string, Plain, string, (body: Loose) => void][] = [
    ['another new value', all['update']!, 'diff commitment', (body) => void (body.change.new.spec.template.spec.containers[0].image = 'evil')],
    ['another value outside the diff', all['update']!, 'strict commitment', (body) => { body.change.new.spec.replicas = 9; body.change.old.spec.replicas = 9; }],
    ['another old object of a DELETE', all['delete']!, 'strict commitment', (body) => void (body.change.old.spec.replicas = 9)],
    ['other options', all['delete']!, 'diff commitment', (body) => void (body.change.options = '{}')],
    ['another salt', all['update']!, 'diff commitment', (body) => void (body.salts.diff = '0'.repeat(64))],
    ['an unknown version', all['update']!, 'CHANGE_BODY_FORMAT', (body) => void (body.v = 2)],
    ['an unknown algorithm', all['update']!, 'CHANGE_BODY_FORMAT', (body) => void (body.alg = 'sha3')],
    ['an unknown field', all['update']!, 'CHANGE_BODY_FORMAT', (body) => void (body.comment = 'x')],
    ['no old object', all['update']!, 'CHANGE_BODY_FORMAT', (body) => void (body.change.old = null)],
    ['a salt that is no hexadecimal', all['update']!, 'CHANGE_BODY_FORMAT', (body) => void (body.salts.diff = 'z'.repeat(64))],
  ]; // prettier-ignore
  it.each(lies)('with %s is refused', (_name, built, expected, edit) => {
    const { bytes, attestation } = forged(attestOf(built), (body) => {
      edit(body);
      // Keys in canonical order again, as a clever liar would.
      for (const key of Object.keys(body).sort()) {
        const value = body[key];
        delete body[key];
        body[key] = value;
      }
    });
    expect(refusalOf(bytes, attestation)).toContain(expected);
  });

  it('with signed attributes that do not fit it is refused: paths, options, name, namespace, uid, version', () => {
    const { body, attestation } = attestOf(all['update']);
    const withAttributes = (changed: Plain) => {
      const attributes = { ...attestation.attributes, ...changed } as never;
      return { ...attestation, attributes, digest: changeDigests(sha256, attributes, attestation.commitment) };
    };
    for (const [part, changed] of [
      ['changed paths', { paths: [] }],
      ['changed paths', { pathsTruncated: true }],
      ['options', { options: '{}' }],
      ['operation', { operation: 'CREATE' }],
      ['name', { name: 'other' }],
      ['namespace', { namespace: 'dev' }],
      ['uid', { uid: 'other' }],
      ['apiVersion', { version: 'v2' }],
    ] as const) {
      expect(refusalOf(body, withAttributes(changed))).toContain(`its ${part} differs`);
    }
    const otherDigest = { ...attestation, digest: { ...attestation.digest, diff: '0'.repeat(64) as never } };
    expect(refusalOf(body, otherDigest)).toContain('its digest differs');
  });

  it('that is no canonical JSON is refused, although its hash was signed', () => {
    const { body, attestation } = attestOf(all['update']);
    const spaced = bytesOf(` ${textOf(body)}`);
    expect(refusalOf(spaced, { ...attestation, bodyHash: toHex(sha256(spaced)) as never })).toContain('canonical');
    const cut = body.slice(0, -1);
    expect(refusalOf(cut, { ...attestation, bodyHash: toHex(sha256(cut)) as never })).toContain('CHANGE_BODY_FORMAT');
  });
});

describe('secrets stay out of body and attestation (P5)', () => {
  const CANARY = 'CANARY-s3cr3t';
  const seen = (built: Plain): string => {
    const change = attestOf(built);
    return textOf(change.body) + JSON.stringify(change.attestation);
  };
  const cases: Record<string, Plain> = {
    'data of a Secret': secretUpdate(secret({ k: base64(CANARY) }), secret({ k: base64(`${CANARY}2`) })),
    'stringData of a Secret': secretUpdate(secret({}), { ...secret({}), stringData: { k: CANARY } }),
    'a field of a Secret that nobody knows': secretUpdate(secret({}), { ...secret({}), extra: { deep: { k: CANARY } }, flat: CANARY }),
    'data that is no map': secretUpdate(secret({}), { ...secret({}), data: [CANARY] }),
    'last-applied-configuration': secretUpdate(secret({}), secret({}, { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify({ data: { k: CANARY } }) })),
    "another tool's copy of the object": secretUpdate(secret({}), secret({}, { 'kapp.k14s.io/original': JSON.stringify({ data: { k: CANARY } }) })),
    'a packed copy of the object': secretUpdate(secret({}), secret({}, { 'objectset.rio.cattle.io/applied': base64(CANARY.repeat(9)) })),
    'an annotation that repeats a value': secretUpdate(secret({ k: base64(CANARY) }), secret({ k: base64(CANARY) }, { note: `it is ${CANARY}!` })),
    'an annotation that repeats the old value': secretUpdate(secret({ k: base64(CANARY) }), secret({ k: 'eA==' }, { note: `was ${CANARY}` })),
    'the command of an exec': exec(['sh', '-c', `echo ${CANARY}`]),
    'an issued token': review('CREATE', { resource: 'serviceaccounts', kind: 'TokenRequest', sub: 'token', name: 'ci' }, {
      object: { kind: 'TokenRequest', apiVersion: 'authentication.k8s.io/v1', metadata: { name: 'ci' }, spec: { audiences: ['x'] }, status: { token: CANARY } },
    }),
    'a token that is asked about': review('CREATE', { group: 'authentication.k8s.io', resource: 'tokenreviews', kind: 'TokenReview', namespace: '' }, {
      object: { kind: 'TokenReview', apiVersion: 'authentication.k8s.io/v1', metadata: {}, spec: { token: CANARY } },
    }),
    'a bootstrap token': review('CREATE', { resource: 'secrets', kind: 'Secret', namespace: 'kube-system', name: 'bootstrap-token-abcdef' }, {
      object: { kind: 'Secret', apiVersion: 'v1', metadata: { name: 'bootstrap-token-abcdef', namespace: 'kube-system' }, type: 'bootstrap.kubernetes.io/token', data: { 'token-secret': base64(CANARY) } },
    }),
  }; // prettier-ignore
  it.each(Object.keys(cases))('%s', (name) => {
    const text = seen(cases[name]!);
    for (const form of [CANARY, base64(CANARY), base64(CANARY).slice(0, -4)]) expect(text).not.toContain(form);
  });

  it('annotations are hidden unsearched where the search would hold up everybody else', () => {
    const values = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`k${i}`, base64(`value${i}`)]));
    const crowd = Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`a${i}`, 'harmless']));
    const annotationsOf = (built: Plain): Loose =>
      JSON.parse(textOf(attestOf(built).body)).change.new.metadata.annotations;
    expect(annotationsOf(secretUpdate(secret({}), secret({ k: base64('value') }, { a: 'harmless' })))).toEqual({
      a: 'harmless',
    });
    expect(annotationsOf(secretUpdate(secret({}), secret(values, { a: 'harmless '.repeat(10) }))).a).toMatch(
      /^hmac-sha256:/,
    );
    expect(annotationsOf(secretUpdate(secret({}), secret({ k: base64('value') }, crowd))).a0).toMatch(/^hmac-sha256:/);
  });

  it('the error of a review that is refused does not quote it', () => {
    const built = JSON.stringify(secretUpdate(secret({ k: CANARY }), secret({ k: CANARY })));
    for (const broken of [
      built.slice(0, -5),
      built.replace('"Opaque"', '}'),
      built.replace('"UPDATE"', `"${CANARY}"`),
    ]) {
      expect(() => attestReview(bytesOf(broken), context)).toThrow(expect.not.stringContaining(CANARY) as never);
    }
  });

  it('a changed value still changes the digest, and its key shows as a path', () => {
    const update = (value: string) =>
      attestOf(secretUpdate(secret({ k: base64('old') }), secret({ k: base64(value) })));
    expect(update('a').attestation.digest).not.toEqual(update('b').attestation.digest);
    expect(update('a').attestation.attributes.paths).toEqual(['/data/k']);
    expect(attestOf(secretUpdate(secret({ k: 'eA==' }), secret({ k: 'eA==' }))).empty).toBe(true);
  });

  it('equal values of two Secrets, or under two cluster keys, do not show as equal', () => {
    const redactedOf = (built: Plain, keys = context.keys) =>
      JSON.parse(textOf(attestReview(bytesOf(built), { ...context, keys }).body)).change.new.data.k as string;
    const first = secretUpdate(secret({}), secret({ k: 'eA==' }));
    const second = secretUpdate(secret({}), secret({ k: 'eA==' }));
    for (const side of ['object', 'oldObject']) second['request'][side].metadata.name = 'db2';
    second['request'].name = 'db2';
    expect(redactedOf(first)).toMatch(/^hmac-sha256:[0-9a-f]{64}$/);
    expect(redactedOf(first)).not.toBe(redactedOf(second));
    const otherKeys = deriveClusterKeys(new Uint8Array(32).fill(8), sha256, hmacSha256);
    expect(redactedOf(first)).not.toBe(redactedOf(first, otherKeys));
  });

  it('a commitment cannot be guessed without the cluster key', () => {
    const other = { ...context, keys: deriveClusterKeys(new Uint8Array(32).fill(8), sha256, hmacSha256) };
    expect(attestReview(bytesOf(all['update']), other).attestation.commitment).not.toEqual(
      attestOf(all['update']).attestation.commitment,
    );
  });
});

describe('the cluster key', () => {
  it('gives a public id and sub-keys of which none is the key or another', () => {
    const keys = deriveClusterKeys(CLUSTER_KEY, sha256, hmacSha256);
    expect(keys.keyId).toBe(clusterKeyId(CLUSTER_KEY, sha256));
    expect(new Set([toHex(CLUSTER_KEY), toHex(keys.salt), toHex(keys.redaction), keys.keyId]).size).toBe(4);
  });

  it('of another length is refused', () => {
    expect(() => deriveClusterKeys(new Uint8Array(16), sha256, hmacSha256)).toThrow('16 bytes instead of 32');
  });
});

describe('what a voter is shown', () => {
  const rendered = (built: Plain): readonly string[] => {
    const { body, attestation } = attestOf(built);
    return renderDiff(verifyBody(body, attestation, sha256));
  };

  it('of an UPDATE are the changed paths with old and new', () => {
    expect(rendered(all['update']!)).toEqual([
      '@@ /spec/template/spec/containers/[name=web]/image',
      '- "nginx:1.25"',
      '+ "nginx:1.26"',
    ]);
  });

  it('of a reorder and an insertion are the places', () => {
    const lines = rendered(
      deploymentUpdate((object) => {
        object['spec'].template.spec.initContainers.reverse();
        object['spec'].template.spec.containers.unshift({ name: 'new', image: 'x' });
      }),
    );
    expect(lines).toEqual([
      '@@ /spec/template/spec/containers: [name=new] goes before [name=web]',
      '@@ /spec/template/spec/containers/[name=new]',
      '+ image: x',
      '+ name: new',
      '@@ /spec/template/spec/initContainers (order)',
      '- [name=first] [name=second]',
      '+ [name=second] [name=first]',
    ]);
  });

  it('of a CREATE is the whole object, of a DELETE options and what goes', () => {
    const lines = rendered(all['service']!);
    expect(lines.every((line) => line.startsWith('+ '))).toBe(true);
    expect(lines).toContain('+   clusterIP: "{server-made}"');
    expect(lines).toContain('+   - nodePort: "{server-made}"');
    const gone = rendered(all['delete']!);
    expect(gone[0]).toBe('@@ options {"propagationPolicy":"Background"}');
    expect(gone.slice(1).every((line) => line.startsWith('- '))).toBe(true);
  });

  it('of a long text are the lines that differ, with some around', () => {
    const text = (line: string) => ({ f: ['a', 'b', 'c', line, 'd', 'e', 'f'].join('\n') });
    expect(rendered(configMapUpdate(text('x'), text('y')))).toEqual([
      '@@ /data/f',
      '  b',
      '  c',
      '- x',
      '+ y',
      '  d',
      '  e',
    ]);
  });

  it('cannot draw over another line: controls and direction marks are escaped', () => {
    const evil = 'safe\u001b[1A\u202e\u200b\r';
    for (const line of rendered(configMapUpdate({ [evil]: 'a', b: '1\n2' }, { [evil]: `b${evil}`, b: `1\n${evil}` }))) {
      // oxlint-disable-next-line no-control-regex
      expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e]/);
    }
  });

  it('marks texts that YAML would read as something else', () => {
    expect(rendered(configMapUpdate({ a: 'x' }, { a: 'true' }))).toEqual(['@@ /data/a', '- x', '+ "true"']);
  });

  it('of a Secret are redacted values in full, which nothing clear can hide behind', () => {
    const lines = rendered(all['secret']!);
    expect(lines[1]).toMatch(/^- hmac-sha256:[0-9a-f]{64}$/);
    expect(lines[2]).toMatch(/^\+ hmac-sha256:[0-9a-f]{64}$/);
  });
});
