import { describe, expect, it } from 'vitest';
import { attestReview, decodeReview } from '../../../src/change/index.ts';
import { isChainError } from '../../../src/errors/chain-error.ts';
import {
  bytesOf,
  context,
  deploymentCreate,
  deploymentDelete,
  deploymentUpdate,
  exec,
  podCreate,
  review,
  type Plain,
} from './reviews.ts';

function codeOf(built: unknown): string {
  try {
    attestReview(bytesOf(built), context);
    return 'accepted';
  } catch (error) {
    if (!isChainError(error)) throw error;
    return error.code;
  }
}

const edited = (edit: (request: Plain, whole: Plain) => void, base: Plain = deploymentUpdate()): Plain => {
  edit(base['request'], base);
  return base;
};

describe('a review is read strictly', () => {
  const cases: readonly [string, string, Plain][] = [
    ['another version', 'CHANGE_REVIEW_SHAPE', edited((_, whole) => void (whole['apiVersion'] = 'admission.k8s.io/v1beta1'))],
    ['another kind', 'CHANGE_REVIEW_SHAPE', edited((_, whole) => void (whole['kind'] = 'Pod'))],
    ['no request', 'CHANGE_REVIEW_SHAPE', edited((_, whole) => delete whole['request'])],
    ['an unknown operation', 'CHANGE_REVIEW_SHAPE', edited((request) => void (request['operation'] = 'PATCH'))],
    ['an unknown field', 'CHANGE_REVIEW_FIELD', edited((request) => void (request['force'] = true))],
    ['an unknown field of the user', 'CHANGE_REVIEW_FIELD', edited((request) => void (request['userInfo'] = { username: 'a', admin: true }))],
    ['a dry run that is no boolean', 'CHANGE_REVIEW_SHAPE', edited((request) => void (request['dryRun'] = 'true'))],
    ['an UPDATE without the old object', 'CHANGE_REVIEW_SHAPE', edited((request) => void (request['oldObject'] = null))],
    ['a DELETE with a new object', 'CHANGE_REVIEW_SHAPE', edited((request) => void (request['object'] = {}), deploymentDelete())],
    ['a CREATE with an old object', 'CHANGE_REVIEW_SHAPE', edited((request) => void (request['oldObject'] = {}), podCreate('x2b4c'))],
    ['a list as object', 'CHANGE_REVIEW_SHAPE', edited((request) => void (request['object'] = []))],
    ['an object of another name', 'CHANGE_REVIEW_MISMATCH', edited((request) => void (request['object'].metadata.name = 'db'))],
    ['an object of another namespace', 'CHANGE_REVIEW_MISMATCH', edited((request) => void (request['oldObject'].metadata.namespace = 'dev'))],
    ['no uid', 'CHANGE_REVIEW_SHAPE', edited((request) => delete request['uid'])],
    ['an endless user name', 'CHANGE_LIMIT', edited((request) => void (request['userInfo'] = { username: 'a'.repeat(513) }))],
    ['more groups than can be recorded', 'CHANGE_LIMIT', edited((request) => void (request['userInfo'] = { username: 'a', groups: Array(65).fill('g') }))],
    ['longer groups than can be recorded', 'CHANGE_LIMIT', edited((request) => void (request['userInfo'] = { username: 'a', groups: Array(64).fill('g'.repeat(400)) }))],
    ['endless DeleteOptions', 'CHANGE_LIMIT', edited((request) => void (request['options'].x = 'y'.repeat(5_000)), deploymentDelete())],
  ]; // prettier-ignore
  it.each(cases)('%s is %s', (_name, code, built) => {
    expect(codeOf(built)).toBe(code);
  });

  it('a key that stands twice, trailing data and broken UTF-8 are codec errors', () => {
    const text = JSON.stringify(deploymentUpdate());
    expect(codeOf(text.replace('"replicas":3', '"replicas":3,"replicas":4'))).toBe('CODEC_JSON_DUPLICATE_KEY');
    expect(codeOf(`${text}{}`)).toBe('CODEC_JSON_SYNTAX');
    expect(() => decodeReview(new Uint8Array([0x7b, 0xff]))).toThrow('UTF-8');
  });
});

describe('unusual requests', () => {
  it('a Namespace is reviewed in the namespace of its own name', () => {
    const object = { kind: 'Namespace', apiVersion: 'v1', metadata: { name: 'dev', uid: 'n' } };
    const built = review(
      'CREATE',
      { resource: 'namespaces', kind: 'Namespace', namespace: 'dev', name: 'dev' },
      { object },
    );
    expect(decodeReview(bytesOf(built))).toMatchObject({ namespace: 'dev', name: 'dev', unnamed: false });
  });

  it('the name of a proxy request carries scheme and port', () => {
    const object = { kind: 'ServiceProxyOptions', apiVersion: 'v1', path: '/metrics' };
    const built = review(
      'CONNECT',
      { resource: 'services', kind: 'ServiceProxyOptions', sub: 'proxy', name: 'http:s1:80' },
      { object },
    );
    expect(attestReview(bytesOf(built), context).attestation.attributes).toMatchObject({
      name: 'http:s1:80',
      subresource: 'proxy',
      uid: '',
    });
  });

  it('an exec has neither target uid nor options, and stands for every path', () => {
    const { attributes } = attestReview(bytesOf(exec(['id'])), context).attestation;
    expect(attributes).toMatchObject({ operation: 'CONNECT', uid: '', options: '', paths: [''], pathsTruncated: true });
  });

  it('a CREATE stands for every path, so that a large object makes no large transaction', () => {
    const { attributes } = attestReview(bytesOf(deploymentCreate()), context).attestation;
    expect(attributes).toMatchObject({ operation: 'CREATE', paths: [''], pathsTruncated: true });
  });

  it('an access review has no name', () => {
    const object = {
      kind: 'SubjectAccessReview',
      apiVersion: 'authorization.k8s.io/v1',
      metadata: {},
      spec: { user: 'x' },
    };
    const built = review(
      'CREATE',
      { group: 'authorization.k8s.io', resource: 'subjectaccessreviews', kind: 'SubjectAccessReview', namespace: '' },
      { object },
    );
    expect(attestReview(bytesOf(built), context).attestation.attributes.name).toBe('');
  });
});
