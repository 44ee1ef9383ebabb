import { expect, test } from 'vitest';
import { exclusionsFor, hookEntryName, RECORD_HOOK } from '../../../src/change/index.ts';
import { AuditDetector } from '../../../src/cluster/audit-detector.ts';

let recordsPassed = 0;
const detector = () =>
  new AuditDetector({
    hooks: () => ['east'],
    exclusions: exclusionsFor(),
    recordPassed: () => (recordsPassed += 1),
    isReady: () => true,
  });
const event = (more: object) =>
  JSON.stringify({
    kind: 'Event',
    stage: 'ResponseComplete',
    auditID: 'id-1',
    verb: 'create',
    requestURI: '/api/v1/namespaces/prod/configmaps',
    user: { username: 'mallory' },
    objectRef: { resource: 'configmaps', namespace: 'prod', name: 'x' },
    responseStatus: { code: 201 },
    ...more,
  });
const failedOpen = (name: string) => ({
  annotations: { 'failed-open.validating.webhook.admission.k8s.io/round_0_index_1': name },
});
const asScheduler = { impersonatedUser: { username: 'system:kube-scheduler' } };

test.each<[string, object, string[]]>([
  ['that a hook failed open', failedOpen('east.gate.kubectl-chain.dev'), ['failed-open east']],
  ['nothing of somebody else’s hook', failedOpen('east.example.com'), []],
  ['who wrote as a control-plane actor', asScheduler, ['impersonation system:kube-scheduler']],
  ['who wrote as a node', { impersonatedUser: { username: 'system:node:n1' } }, ['impersonation system:node:n1']],
  [
    'who used another person’s approval',
    { impersonatedUser: { username: 'bob' }, annotations: { 'east.gate.kubectl-chain.dev/proposal': '7' } },
    ['impersonation bob'],
  ],
  ['nothing of other impersonation', { impersonatedUser: { username: 'bob' } }, []],
  ['nothing of reads', { ...asScheduler, verb: 'list' }, []],
  ['nothing of what was refused', { ...asScheduler, responseStatus: { code: 403 } }, []],
  ['nothing of a dry run', { ...failedOpen('east.gate.kubectl-chain.dev'), requestURI: '/x?dryRun=All&a=b' }, []],
  ['an event once, at its end', { ...asScheduler, stage: 'RequestReceived' }, []],
])('the audit stream tells %s (P4)', (_what, more, expected) => {
  const audit = detector();
  audit.read(event(more));
  audit.read('not JSON');
  expect(audit.problems().map(({ kind, subject }) => `${kind} ${subject}`)).toEqual(expected);
});

test('what is on the log is not said again, what came since is', () => {
  const audit = detector();
  audit.read(event(asScheduler));
  const [first] = audit.problems();
  audit.read(event({ ...asScheduler, auditID: 'id-2' }));
  audit.reported('impersonation', 'system:kube-scheduler', first?.objects ?? []);
  expect(audit.problems().map(({ objects }) => objects.map(({ uid }) => uid))).toEqual([['id-2']]);
  expect(first?.detail).toBe('mallory wrote as system:kube-scheduler');
});

test('an approval that somebody used under another name is named (P1)', () => {
  const audit = detector();
  audit.read(
    event({ impersonatedUser: { username: 'bob' }, annotations: { 'east.gate.kubectl-chain.dev/proposal': '7' } }),
  );
  expect(audit.problems().map(({ detail }) => detail)).toEqual([
    'mallory wrote as bob, with the approval of proposal/7',
  ]);
});

test('the record hook may fail open: that is counted, and no finding (P6)', () => {
  const audit = detector();
  recordsPassed = 0;
  audit.read(event(failedOpen(hookEntryName(RECORD_HOOK))));
  expect(recordsPassed).toBe(1);
  expect(audit.problems()).toEqual([]);
});
