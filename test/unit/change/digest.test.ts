import { describe, expect, it } from 'vitest';
import { attestReview } from '../../../src/change/index.ts';
import {
  bytesOf, clone, configMapUpdate, context, deploymentCreate, deploymentDelete, deploymentUpdate, eviction, exec, jobCreate, podCreate,
  review, scaleUpdate, serviceCreate, type Plain,
} from './reviews.ts'; // prettier-ignore

const digestOf = (built: unknown) => attestReview(bytesOf(built), context).attestation.digest;
const attributesOf = (built: unknown) => attestReview(bytesOf(built), context).attestation.attributes;
const containers = (object: Plain): Plain[] => object['spec'].template.spec.containers;
const setImage = (object: Plain): void => void (containers(object)[0]!['image'] = 'nginx:1.26');

describe('two attempts at one change have one digest', () => {
  it('on CREATE, although uid, times and the review are new', () => {
    const again = deploymentCreate('bbbbbbbb-4f2e-4a7e-8f7e-1f6f0a9d7c01');
    Object.assign(again['request'], { uid: 'another' });
    again['request'].object.metadata.creationTimestamp = '2026-11-24T07:00:00Z';
    again['request'].object.metadata.managedFields[0].time = '2026-11-24T07:00:00Z';
    again['request'].options.fieldManager = 'terraform';
    expect(digestOf(again)).toEqual(digestOf(deploymentCreate()));
  });

  it('on UPDATE, at a later resourceVersion and after a status report', () => {
    const again = deploymentUpdate(setImage);
    for (const side of ['object', 'oldObject']) {
      Object.assign(again['request'][side].metadata, { resourceVersion: '999', generation: 77, managedFields: [] });
      again['request'][side].metadata.annotations['kubectl.kubernetes.io/last-applied-configuration'] = 'other';
      again['request'][side].status = { replicas: 1 };
    }
    expect(digestOf(again)).toEqual(digestOf(deploymentUpdate(setImage)));
  });

  it('with a generated name, which is another one each time', () => {
    const named = (suffix: string) =>
      podCreate('abcde'.replaceAll(/[ae]/g, 'x'), (pod) => {
        Object.assign(pod['metadata'], { generateName: 'run-', name: `run-${suffix}` });
      });
    expect(digestOf(named('x2b4c'))).toEqual(digestOf(named('zz9vk')));
    expect(attributesOf(named('x2b4c'))).toMatchObject({ generatedName: true, name: 'run-x2b4c' });
  });

  it('P1: a name that is written with the asterisks of a generated one is another change', () => {
    const named = (name: string) =>
      podCreate('x2b4c', (pod) => Object.assign(pod['metadata'], { generateName: 'run-', name }));
    expect(digestOf(named('run-*****'))).not.toEqual(digestOf(named('run-x2b4c')));
  });

  it('where a name only looks generated it is bound', () => {
    const named = (name: string) =>
      podCreate('x2b4c', (pod) => Object.assign(pod['metadata'], { generateName: 'run-', name }));
    expect(attributesOf(named('run-hello')).generatedName).toBe(false);
    expect(digestOf(named('run-aaaaa'))).not.toEqual(digestOf(named('run-eeeee')));
  });

  it('for a Pod with its token volume, a Job with its selector, a Service with allocated addresses', () => {
    expect(digestOf(podCreate('x2b4c'))).toEqual(digestOf(podCreate('zz9vk')));
    expect(digestOf(jobCreate('uid-1'))).toEqual(digestOf(jobCreate('uid-2')));
    expect(digestOf(serviceCreate('10.0.0.7', 30001))).toEqual(digestOf(serviceCreate('10.0.0.8', 30002)));
  });

  it('for a forced deletion, which is reviewed twice, also under strict binding', () => {
    const second = deploymentDelete();
    Object.assign(second['request'].oldObject.metadata, {
      deletionTimestamp: '2026-11-24T07:00:00Z',
      deletionGracePeriodSeconds: 0,
    });
    expect(digestOf(second)).toEqual(digestOf(deploymentDelete()));
  });

  it('P1: a token is real, also where it is asked for as a dry run', () => {
    const token = (sub: string) => {
      const target = { resource: 'serviceaccounts', kind: 'TokenRequest', name: 'robot', sub };
      const built = review('CREATE', target, {
        object: { kind: 'TokenRequest', apiVersion: 'v1', metadata: {}, spec: {} },
      });
      built['request'].dryRun = true;
      return attestReview(bytesOf(built), context).dryRun;
    };
    expect(token('token')).toBe(false);
    expect(token('other')).toBe(true);
  });

  it('where a list without elements was given, and is read back as null', () => {
    const role = (old: unknown, rules: unknown, group = 'rbac.authorization.k8s.io') => {
      const object = (value: unknown) => ({
        kind: 'Role',
        apiVersion: `${group}/v1`,
        metadata: { name: 'x', namespace: 'prod', uid: 'u' },
        rules: value,
      });
      const target = { group, resource: 'roles', kind: 'Role', name: 'x' };
      return review('UPDATE', target, { object: object(rules), oldObject: object(old) });
    };
    const isEmpty = (built: unknown) => attestReview(bytesOf(built), context).empty;
    expect(isEmpty(role(null, []))).toBe(true);
    expect(digestOf(role([{ verbs: ['get'], resourceNames: [] }], []))).toEqual(
      digestOf(role([{ verbs: ['get'], resourceNames: null }], null)),
    );
    expect(isEmpty(role(null, [{}]))).toBe(false);
    // A custom resource keeps the difference.
    expect(isEmpty(role(null, [], 'example.org'))).toBe(false);
    expect(isEmpty(role(null, [], 'apiextensions.k8s.io'))).toBe(false);
  });

  it('for an eviction and its dry run', () => {
    const dry = attestReview(bytesOf(eviction({ dryRun: ['All'], gracePeriodSeconds: 5 })), context);
    const real = attestReview(bytesOf(eviction({ gracePeriodSeconds: 5, preconditions: { uid: 'x' } })), context);
    expect(dry.attestation.digest).toEqual(real.attestation.digest);
    expect([dry.dryRun, real.dryRun]).toEqual([true, false]);
    expect(attestReview(bytesOf(eviction({ dryRun: ['All', 'Some'] })), context).dryRun).toBe(false);
  });
});

describe('what somebody gave is never taken for server-made', () => {
  it('a cluster IP or node port that the sender set', () => {
    expect(digestOf(serviceCreate('10.0.0.7', 30001, { clusterIP: true }))).not.toEqual(
      digestOf(serviceCreate('10.0.0.8', 30001, { clusterIP: true })),
    );
    expect(digestOf(serviceCreate('10.0.0.7', 30001, { nodePort: true }))).not.toEqual(
      digestOf(serviceCreate('10.0.0.7', 30002, { nodePort: true })),
    );
  });

  it('an address where managedFields do not tell', () => {
    const bare = (ip: string) => {
      const built = serviceCreate(ip, 30001);
      delete built['request'].object.metadata.managedFields;
      return built;
    };
    expect(digestOf(bare('10.0.0.7'))).not.toEqual(digestOf(bare('10.0.0.8')));
  });

  it('None, which asks for no address at all', () => {
    expect(digestOf(serviceCreate('None', 30001))).not.toEqual(digestOf(serviceCreate('10.0.0.8', 30001)));
  });

  it('a volume that only has the name of the token volume', () => {
    const other = (suffix: string) =>
      podCreate(
        suffix,
        (pod) => void (pod['spec'].volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds = 7200),
      );
    expect(digestOf(other('x2b4c'))).not.toEqual(digestOf(other('zz9vk')));
  });

  it('a mount of the token volume at another place', () => {
    const moved = (pod: Plain) => void (pod['spec'].containers[0].volumeMounts[0].mountPath = '/tmp');
    expect(digestOf(podCreate('x2b4c', moved))).not.toEqual(digestOf(podCreate('x2b4c')));
  });

  it('a Job label that is not the own uid', () => {
    const foreign = jobCreate('uid-1');
    foreign['request'].object.spec.template.metadata.labels['controller-uid'] = 'uid-9';
    expect(digestOf(foreign)).not.toEqual(digestOf(jobCreate('uid-1')));
  });
});

describe('one changed field is another change', () => {
  const base = digestOf(deploymentUpdate(setImage));
  const edits: Record<string, (object: Plain) => void> = {
    'another image': (object) => void (containers(object)[0]!['image'] = 'nginx:1.27'),
    'a label more': (object) => { setImage(object); object['metadata'].labels.tier = 'web'; },
    'an annotation more': (object) => { setImage(object); object['metadata'].annotations['example.com/x'] = ''; },
    'a finalizer less': (object) => { setImage(object); object['metadata'].finalizers = []; },
    'an owner': (object) => { setImage(object); object['metadata'].ownerReferences = [{ kind: 'App', name: 'a', uid: 'u', apiVersion: 'v1' }]; },
    'an init container later': (object) => { setImage(object); object['spec'].template.spec.initContainers.reverse(); },
    'environment in another order': (object) => { setImage(object); containers(object)[0]!['env'].reverse(); },
    'tolerations in another order': (object) => { setImage(object); object['spec'].template.spec.tolerations.reverse(); },
    'containers in another order': (object) => { setImage(object); containers(object).reverse(); },
    'an argument more': (object) => { setImage(object); containers(object)[0]!['args'].push('-v'); },
    'an empty map': (object) => { setImage(object); object['spec'].template.spec.securityContext = {}; },
  }; // prettier-ignore
  it.each(Object.keys(edits))('%s', (name) => {
    const digest = digestOf(deploymentUpdate(edits[name]));
    expect(digest.diff).not.toBe(base.diff);
    expect(digest.strict).not.toBe(base.strict);
  });

  it('a container put first is not a container put last', () => {
    const added = { name: 'new', image: 'x' };
    const first = digestOf(deploymentUpdate((object) => void containers(object).unshift(added)));
    const last = digestOf(deploymentUpdate((object) => void containers(object).push(added)));
    expect(first.diff).not.toBe(last.diff);
  });

  it('the target itself: name, namespace, uid, resource, version, cluster', () => {
    const variants = [
      deploymentUpdate(setImage, { group: 'apps2' }),
      deploymentUpdate(setImage, { version: 'v2' }),
      deploymentUpdate(setImage, { sub: 'status' }),
    ];
    for (const [field, value] of [
      ['name', 'web2'],
      ['namespace', 'prod2'],
      ['uid', 'other'],
    ] as const) {
      const built = deploymentUpdate(setImage);
      for (const side of ['object', 'oldObject']) built['request'][side].metadata[field] = value;
      if (field !== 'uid') built['request'][field] = value;
      variants.push(built);
    }
    const digests = new Set([base.diff, ...variants.map((built) => digestOf(built).diff)]);
    expect(digests.size).toBe(7);
    const elsewhere = attestReview(bytesOf(deploymentUpdate(setImage)), { ...context, cluster: 'prod-2' as never });
    expect(elsewhere.attestation.digest.diff).not.toBe(base.diff);
  });

  it('2^53 and 2^53 + 1, which one double would hold', () => {
    const widget = (size: string) => {
      const text = JSON.stringify(
        review(
          'CREATE',
          { group: 'example.com', resource: 'widgets', kind: 'Widget', name: 'w' },
          {
            object: {
              kind: 'Widget',
              apiVersion: 'example.com/v1',
              metadata: { name: 'w', namespace: 'prod' },
              spec: { size: 'SIZE' },
            },
          },
        ),
      );
      return text.replace('"SIZE"', size);
    };
    expect(digestOf(widget('9007199254740993'))).not.toEqual(digestOf(widget('9007199254740992')));
    expect(digestOf(widget('1.0'))).toEqual(digestOf(widget('1')));
  });

  it('large numbers that change by one in an UPDATE', () => {
    const text = JSON.stringify(
      deploymentUpdate((object) => void (object['spec'].size = 'NEW'), { group: 'example.com' }),
    );
    const built = (old: string, changed: string) =>
      text
        .replace('"NEW"', changed)
        .replace('"oldObject":{', `"oldObject":{"x":${old},`)
        .replace('"object":{', `"object":{"x":${changed},`);
    expect(attributesOf(built('9007199254740993', '9007199254740995')).paths).toContain('/x');
    expect(attributesOf(built('9007199254740993', '9007199254740993')).paths).not.toContain('/x');
  });

  it('the status with which a node is created', () => {
    const created = (cpu: string) =>
      review(
        'CREATE',
        { resource: 'nodes', kind: 'Node', namespace: '', name: 'n1' },
        { object: { kind: 'Node', apiVersion: 'v1', metadata: { name: 'n1' }, status: { capacity: { cpu } } } },
      );
    expect(digestOf(created('1'))).not.toEqual(digestOf(created('2')));
  });

  it('a ConfigMap key __proto__', () => {
    const update = (value: string) =>
      JSON.stringify(configMapUpdate({ a: '1' }, 'DATA')).replace('"DATA"', `{"a":"1","__proto__":"${value}"}`);
    expect(digestOf(update('x'))).not.toEqual(digestOf(update('y')));
    expect(attributesOf(update('x')).paths).toEqual(['/data/__proto__']);
  });

  it('DeleteOptions, without dry run and preconditions', () => {
    const base = digestOf(deploymentDelete());
    expect(digestOf(deploymentDelete({ propagationPolicy: 'Orphan' }))).not.toEqual(base);
    expect(digestOf(deploymentDelete({ gracePeriodSeconds: 0 }))).not.toEqual(base);
    expect(digestOf(deploymentDelete({ dryRun: ['All'], preconditions: { uid: 'x' } }))).toEqual(base);
  });

  it('the words of an exec command', () => {
    expect(digestOf(exec(['sh', '-c', 'id']))).not.toEqual(digestOf(exec(['sh', '-c', 'ls'])));
    expect(digestOf(exec(['sh', '-c', 'id']))).toEqual(digestOf(exec(['sh', '-c', 'id'])));
  });

  it('the number of replicas through /scale, whatever its status reports', () => {
    const other = scaleUpdate(5);
    other['request'].object.status.replicas = 99;
    expect(digestOf(other)).toEqual(digestOf(scaleUpdate(5)));
    expect(digestOf(scaleUpdate(5)).diff).not.toBe(digestOf(scaleUpdate(6)).diff);
    expect(attributesOf(scaleUpdate(5)).paths).toEqual(['/spec/replicas']);
  });
});

describe('binding', () => {
  it('diff lets the base move outside the changed paths, strict does not', () => {
    const moved = deploymentUpdate(setImage);
    for (const side of ['object', 'oldObject']) {
      moved['request'][side].spec.replicas = 9;
      containers(moved['request'][side]).push({ name: 'more', image: 'x' });
    }
    const base = digestOf(deploymentUpdate(setImage));
    expect(digestOf(moved).diff).toBe(base.diff);
    expect(digestOf(moved).strict).not.toBe(base.strict);
  });

  it('diff binds the old value of what changes', () => {
    const moved = deploymentUpdate(setImage);
    containers(moved['request'].oldObject)[0]!['image'] = 'nginx:1.24';
    expect(digestOf(moved).diff).not.toBe(digestOf(deploymentUpdate(setImage)).diff);
  });

  it('a DELETE binds the old object under strict only', () => {
    const moved = deploymentDelete();
    moved['request'].oldObject.spec.replicas = 9;
    expect(digestOf(moved).diff).toBe(digestOf(deploymentDelete()).diff);
    expect(digestOf(moved).strict).not.toBe(digestOf(deploymentDelete()).strict);
  });

  it('keeps the status where it may be what was asked for', () => {
    const approval = (sub: string | undefined) => {
      const csr = (status: Plain): Plain => ({
        kind: 'CertificateSigningRequest',
        apiVersion: 'certificates.k8s.io/v1',
        metadata: { name: 'c', uid: 'c' },
        spec: {},
        status,
      });
      return review(
        'UPDATE',
        {
          group: 'certificates.k8s.io',
          resource: 'certificatesigningrequests',
          kind: 'CertificateSigningRequest',
          sub: sub as string,
          namespace: '',
          name: 'c',
        },
        {
          object: csr({ conditions: [{ type: 'Approved' }] }),
          oldObject: csr({}),
        },
      );
    };
    expect(attributesOf(approval('approval')).paths).toEqual(['/status/conditions/[type=Approved]/type']);
    expect(attributesOf(approval('status')).paths).toEqual(['/status/conditions/[type=Approved]/type']);
    expect(attestReview(bytesOf(approval(undefined)), context).empty).toBe(true);
    const custom = deploymentUpdate((object) => void (object['status'].replicas = 4), { group: 'example.com' });
    expect(attributesOf(custom).paths).toEqual(['/status/replicas']);
  });
});

describe('an UPDATE that changes nothing', () => {
  it('is empty when only bookkeeping differs', () => {
    const built = deploymentUpdate((object) => void (object['metadata'].managedFields[0].manager = 'argo'));
    expect(attestReview(bytesOf(built), context)).toMatchObject({ empty: true, dryRun: false });
  });

  it('is not empty when a finalizer goes, on a terminating object as on any other', () => {
    const built = deploymentUpdate((object) => void (object['metadata'].finalizers = []));
    for (const side of ['object', 'oldObject'])
      built['request'][side].metadata.deletionTimestamp = '2026-11-24T07:00:00Z';
    expect(attestReview(bytesOf(built), context).empty).toBe(false);
  });

  it('is never assumed of finalizing a namespace, a CREATE or a DELETE', () => {
    const namespace: Plain = {
      kind: 'Namespace',
      apiVersion: 'v1',
      metadata: { name: 'prod', uid: 'n' },
      spec: { finalizers: [] },
    };
    const finalize = review(
      'UPDATE',
      { resource: 'namespaces', kind: 'Namespace', sub: 'finalize', name: 'prod' },
      { object: namespace, oldObject: clone(namespace) },
    );
    for (const built of [finalize, deploymentCreate(), deploymentDelete()]) {
      expect(attestReview(bytesOf(built), context).empty).toBe(false);
    }
  });
});

describe('attributes', () => {
  it('name what changed, an element of a keyed list by its key', () => {
    expect(attributesOf(deploymentUpdate(setImage))).toMatchObject({
      operation: 'UPDATE', group: 'apps', version: 'v1', resource: 'deployments', subresource: '', namespace: 'prod', name: 'web',
      uid: '0b5c1a52-4f2e-4a7e-8f7e-1f6f0a9d7c01', resourceVersion: '811', user: 'alice@acme.example', options: '',
      paths: ['/spec/template/spec/containers/[name=web]/image'], pathsTruncated: false, generatedName: false,
    }); // prettier-ignore
  });

  it('name the leaves of what is added, removed or replaced as a whole', () => {
    const paths = attributesOf(
      deploymentUpdate((object) => {
        containers(object).push({ name: 'new', image: 'x', securityContext: { privileged: true } });
        object['spec'].template.spec.tolerations[1].key = 'c';
        delete object['spec'].selector;
      }),
    ).paths;
    expect(paths).toEqual([
      '/spec/selector/matchLabels/app',
      '/spec/template/spec/containers/[name=new]/image',
      '/spec/template/spec/containers/[name=new]/name',
      '/spec/template/spec/containers/[name=new]/securityContext/privileged',
      '/spec/template/spec/tolerations/1/key',
    ]);
  });

  it('say of a DELETE that everything goes', () => {
    expect(attributesOf(deploymentDelete())).toMatchObject({
      paths: [''],
      pathsTruncated: true,
      options: '{"propagationPolicy":"Background"}',
    });
  });

  it('take the name from the old object in a deletecollection', () => {
    const built = deploymentDelete();
    delete built['request'].name;
    expect(digestOf(built)).toEqual(digestOf(deploymentDelete()));
  });

  it('escape keys as RFC 6901 says', () => {
    const built = deploymentUpdate((object) => void (object['metadata'].annotations['a/b~c'] = 'x'));
    expect(attributesOf(built).paths).toEqual(['/metadata/annotations/a~1b~0c']);
  });

  it('hold at most 256 paths, then their parents', () => {
    const data = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, 'v']));
    expect(attributesOf(configMapUpdate({}, data(256)))).toMatchObject({ pathsTruncated: false });
    expect(attributesOf(configMapUpdate({}, data(257)))).toMatchObject({ pathsTruncated: true, paths: ['/data'] });
    expect(attributesOf(configMapUpdate({}, data(20_000)))).toMatchObject({ pathsTruncated: true, paths: ['/data'] });
  });

  it('are no longer than a path may be: a longer one is cut to its parent', () => {
    const deep = (leaf: string) => ({ k: leaf, ['x'.repeat(1_500)]: 'same' });
    const built = deploymentUpdate(
      (object) => void (object['spec'].template.spec.volumes = [{ ['a'.repeat(1_500)]: { ['b'.repeat(1_500)]: 1 } }]),
    );
    expect(attributesOf(built)).toMatchObject({
      paths: [`/spec/template/spec/volumes/0/${'a'.repeat(1_500)}`],
      pathsTruncated: true,
    });
    expect(attributesOf(configMapUpdate(deep('1'), deep('2')))).toMatchObject({
      paths: ['/data/k'],
      pathsTruncated: false,
    });
  });

  it('stay far below the size of a transaction with the longest keys', () => {
    const data = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`${i}${'\u0001'.repeat(250)}`, 'v']));
    expect(attributesOf(configMapUpdate({}, data))).toMatchObject({ pathsTruncated: true, paths: ['/data'] });
  });
});
