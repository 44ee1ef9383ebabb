import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { AdmissionOutcome } from '../../../src/ports/admission-ledger.ts';
import type { Proposal } from '../../../src/types/proposal.ts';
import {
  deploymentDelete,
  deploymentUpdate,
  eviction,
  exec,
  review,
  secret,
  secretUpdate,
  type Loose,
  type Plain,
} from '../change/reviews.ts';
import { makeCertificates, send, start, type Certificates, type Running } from './fixture.ts';

let certificates: Certificates;
let running: Running;
beforeAll(async () => {
  certificates = await makeCertificates();
});
afterEach(async () => running.webhook.close());

const scaled = (): Plain => deploymentUpdate((object) => void (object['spec'].replicas = 4));

async function ask(
  built: Plain,
  script: (running: Running) => void = () => undefined,
  options: Parameters<typeof start>[1] = {},
  path?: string,
): Promise<Loose> {
  running = await start(certificates, options);
  script(running);
  const reply = await send(running.port, JSON.stringify(built), {
    client: certificates.apiServer,
    ...(path ? { path } : {}),
  });
  expect(reply.status).toBe(200);
  expect(reply.json).toMatchObject({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: { uid: built['request'].uid },
  });
  return reply.json.response;
}

const answering = (outcome: AdmissionOutcome) => (running: Running) => void (running.ledger.outcome = outcome);

const proposal = (change: Partial<Proposal> = {}): Proposal =>
  ({
    id: 7,
    instance: 1,
    state: 'OPEN',
    requester: { user: 'alice', org: null, member: null },
    claims: [],
    votes: [{ org: 'b', member: 'bob', choice: 'approve', sequence: 1 }],
    requirements: [
      { policy: 'production', approvals: 3, requiredOrgs: ['c'], veto: [], excludeAuthor: 'org', binding: 'strict' },
    ],
    ...change,
  }) as unknown as Proposal;

describe('a change that was committed as admitted', () => {
  it('is allowed, with height, leaf, digest and proposal for the audit log', async () => {
    const response = await ask(
      scaled(),
      answering({ kind: 'admitted', height: 7, leaf: 41, proposal: 3, tx: 'f' as never }),
    );
    const [asked] = running.ledger.asked;
    expect(response).toEqual({
      uid: scaled()['request'].uid,
      allowed: true,
      auditAnnotations: { proposal: '3', digest: asked?.attestation.digest.diff, height: '7', leaf: '41' },
    });
    expect(running.recorder.outcomes).toEqual(['admitted']);
  });

  it('is given to the ledger with a deadline that leaves time to answer', async () => {
    const clock = { nowMs: () => 1_000_000, after: () => () => undefined };
    await ask(scaled(), undefined, { clock });
    expect(running.ledger.asked[0]?.deadlineMs).toBe(1_000_000 + 8_000 - 200);
    await running.webhook.close();
    await ask(scaled(), undefined, { clock }, '/admit?timeout=3s');
    expect(running.ledger.asked[0]?.deadlineMs).toBe(1_000_000 + 1_500 - 200);
  });
});

describe('a change that lacks votes', () => {
  const refused = {
    kind: 'refused',
    code: 'WEBHOOK_CANARY',
    proposal: proposal(),
    binding: 'strict',
    leaseMs: null,
    height: 9,
    leaf: 50,
  } as const;

  it('is 403 Forbidden and says what is missing and what to type', async () => {
    const response = await ask(scaled(), answering(refused));
    expect(response).toMatchObject({ allowed: false, status: { code: 403, reason: 'Forbidden' } });
    const { message } = response.status;
    expect(message).toContain('UPDATE deployments.apps prod/web needs 2 more approvals');
    expect(message).toContain('proposal/7 is OPEN');
    expect(message).toContain('policy production: 1 of 3 approvals, required: c');
    expect(message).toContain('kubectl chain vote 7 --approve');
    expect(message).toContain('kubectl chain claim 7');
    expect(response.status.details.retryAfterSeconds).toBeUndefined();
  });

  it('says the same to programs, and names the proposal in warning and audit annotation', async () => {
    const response = await ask(scaled(), answering(refused));
    const digest = running.ledger.asked[0]?.attestation.digest.strict;
    expect(response.status.details.causes).toEqual(
      expect.arrayContaining([
        { reason: 'WEBHOOK_CANARY', message: 'UPDATE deployments.apps prod/web', field: '' },
        { reason: 'Proposal', message: '7', field: 'proposal' },
        { reason: 'State', message: 'OPEN', field: 'state' },
        { reason: 'Digest', message: digest, field: 'digest' },
        { reason: 'Missing', message: '1 of 3 approvals, required: c', field: 'policy/production' },
        { reason: 'Command', message: 'kubectl chain vote 7 --approve', field: 'command' },
      ]),
    );
    expect(response.warnings).toEqual(['kubectl-chain: proposal/7 is OPEN: production: 1 of 3 approvals, required: c']);
    expect(response.auditAnnotations).toEqual({ proposal: '7', digest, height: '9', leaf: '50' });
  });

  it('says until when at the latest an earlier request holds the approval', async () => {
    const leaseMs = Date.UTC(2026, 0, 2, 3, 4, 5);
    const response = await ask(scaled(), answering({ ...refused, proposal: proposal({ state: 'APPROVED' }), leaseMs }));
    expect(response.status.message).toContain('Repeat the command in some 65 s');
    expect(response.status.message).toContain('after 2026-01-02T03:04:05.000Z it is either free or spent');
    expect(response.status.details.causes).toContainEqual({
      reason: 'FreeUntil',
      message: '2026-01-02T03:04:05.000Z',
      field: 'lease',
    });
  });

  it('offers no vote on a proposal that has ended', async () => {
    const response = await ask(scaled(), answering({ ...refused, proposal: proposal({ state: 'REJECTED' }) }));
    expect(response.status.message).toContain('was rejected');
    expect(response.status.message).not.toContain('kubectl chain vote');
  });

  it('is refused without a proposal, too', async () => {
    const response = await ask(scaled(), answering({ ...refused, proposal: null, height: null, leaf: null }));
    expect(response.status).toMatchObject({ code: 403, reason: 'Forbidden' });
    expect(Object.keys(response.auditAnnotations)).toEqual(['digest']);
  });

  it('says to send what was approved instead of a command that writes the time, and only where a repetition may differ', async () => {
    const said = async (built: Plain): Promise<string> => {
      const { status } = await ask(built, answering(refused));
      await running.webhook.close();
      return status.message as string;
    };
    const restarted = deploymentUpdate((object) => {
      object['spec'].template.metadata.annotations = { 'kubectl.kubernetes.io/restartedAt': '2026-01-02T03:04:05Z' };
    });
    expect(await said(restarted)).toContain(
      'once approved, instead of the command, which writes the time and so asks for another change each time: kubectl chain apply 7',
    );
    expect(await said(scaled())).toContain(
      'once approved, where a repeated command would differ: kubectl chain apply 7',
    );
    expect(await said(deploymentDelete())).not.toContain('kubectl chain apply');
    expect(await said(exec(['sh']))).not.toContain('kubectl chain apply');
  });

  it('warns without newline or tab and within 4,096 characters', async () => {
    const requirements = Array.from({ length: 300 }, (_, i) => ({
      ...proposal().requirements[0]!,
      policy: `p${i}\n\t`,
    }));
    const response = await ask(scaled(), answering({ ...refused, proposal: proposal({ requirements }) }));
    const all = response.warnings.join('');
    expect(all.length).toBeLessThan(4_096);
    expect(all).not.toMatch(/[\n\t]/);
  });
});

describe('when the chain cannot decide', () => {
  it('an unknown outcome is 503, says so, names the transaction and invites no silent retry', async () => {
    const tx = 'ab'.repeat(32);
    const response = await ask(scaled(), answering({ kind: 'unknown', code: 'WEBHOOK_DEADLINE', tx: tx as never }));
    expect(response).toMatchObject({ allowed: false, status: { code: 503, reason: 'ServiceUnavailable' } });
    expect(response.status.message).toContain('outcome unknown');
    expect(response.status.message).toContain(tx);
    expect(response.status.message).not.toContain('not recorded');
    expect(response.status.details.retryAfterSeconds).toBeUndefined();
  });

  it('no quorum is 503 without retryAfterSeconds', async () => {
    const response = await ask(scaled(), answering({ kind: 'unavailable', code: 'WEBHOOK_NO_CLUSTER_KEY' }));
    expect(response).toMatchObject({ allowed: false, status: { code: 503 } });
    expect(response.status.details).not.toHaveProperty('retryAfterSeconds');
  });

  it('overload is 429 with retryAfterSeconds 1', async () => {
    const response = await ask(scaled(), answering({ kind: 'overloaded', code: 'WEBHOOK_BUSY' }));
    expect(response).toMatchObject({ allowed: false, status: { code: 429, details: { retryAfterSeconds: 1 } } });
  });

  it('too many reviews at once are 429 before the ledger is asked', async () => {
    running = await start(certificates, { limits: { reviewsMax: 1 } });
    const { ledger, port } = running;
    let finish = (): void => undefined;
    const isAsked = new Promise<void>((resolve) => {
      ledger.outcome = () => {
        resolve();
        return new Promise(
          (done) => (finish = () => done({ kind: 'admitted', height: 1, leaf: 1, proposal: null, tx: 'f' as never })),
        );
      };
    });
    const first = send(port, JSON.stringify(scaled()), { client: certificates.apiServer });
    await isAsked;
    const second = await send(port, JSON.stringify(scaled()), { client: certificates.apiServer });
    expect(second.json.response).toMatchObject({
      allowed: false,
      status: { code: 429, details: { retryAfterSeconds: 1 } },
    });
    finish();
    expect((await first).json.response.allowed).toBe(true);
    expect(running.recorder.load[0]).toBe(0);
  });

  it('P6: a user who has half of all is turned away unread, and another one is served', async () => {
    running = await start(certificates, { limits: { reviewsMax: 4 } });
    const { ledger, port } = running;
    const finish: (() => void)[] = [];
    let asked = (): void => undefined;
    ledger.outcome = () => {
      asked();
      return new Promise((done) =>
        finish.push(() => done({ kind: 'admitted', height: 1, leaf: 1, proposal: null, tx: 'f' as never })),
      );
    };
    const of = (user: string, more: Plain = {}): ReturnType<typeof send> => {
      const built = scaled();
      built['request'] = { ...built['request'], userInfo: { username: user, groups: [] }, ...more };
      return send(port, JSON.stringify(built), { client: certificates.apiServer });
    };
    const held = [];
    for (const user of ['greedy', 'greedy', 'alice']) {
      const isAsked = new Promise<void>((resolve) => (asked = resolve));
      held.push(of(user));
      await isAsked;
    }
    // What is wrong with it is found by nobody.
    const { response } = (await of('greedy', { object: 'no object' })).json;
    expect(response).toMatchObject({
      uid: scaled()['request'].uid,
      allowed: false,
      status: { code: 429, details: { retryAfterSeconds: 1, causes: [{ reason: 'WEBHOOK_USER_BUSY' }] } },
    });
    for (const end of finish) end();
    for (const reply of held) expect((await reply).json.response.allowed).toBe(true);
    expect(running.recorder.load[0]).toBe(0);
  });

  it('without the cluster key nothing is decided, evaluated or allowed', async () => {
    const response = await ask(scaled(), ({ ledger }) => void (ledger.key = undefined));
    expect(response).toMatchObject({
      allowed: false,
      status: { code: 503, details: { causes: [{ reason: 'WEBHOOK_NO_CLUSTER_KEY' }] } },
    });
    expect(running.ledger.asked).toEqual([]);
  });

  it('a ledger that hangs is answered for at the deadline: outcome unknown', async () => {
    const waits: (() => void)[] = [];
    const clock = {
      nowMs: () => 5_000,
      after: (delayMs: number, callback: () => void) => (delayMs === 8_000 && waits.push(callback), () => undefined),
    };
    const response = await ask(scaled(), ({ ledger }) => {
      ledger.outcome = () => {
        for (const expire of waits) expire();
        return new Promise(() => undefined);
      };
    }, { clock }); // prettier-ignore
    expect(response).toMatchObject({ allowed: false, status: { code: 503 } });
    expect(response.status.message).toContain('outcome unknown');
  });

  it.each([
    ['rejects', (): Promise<never> => Promise.reject(new Error('password=hunter2'))],
    ['throws', (): never => { throw new TypeError('password=hunter2'); }],
    ['answers nothing known', (): Promise<never> => Promise.resolve({ kind: 'fine' } as never)],
  ])('a ledger that %s refuses, and its text is neither shown nor logged', async (_how, outcome) => {
    const response = await ask(scaled(), ({ ledger }) => void (ledger.outcome = outcome as never));
    expect(response.allowed).toBe(false);
    expect(response.status.code).toBe(500);
    expect(JSON.stringify([response, running.recorder.log])).not.toContain('hunter2');
  }); // prettier-ignore

  it('a review that cannot be understood is refused with its code, under its own uid', async () => {
    const built = scaled();
    built['request'].novelty = true;
    const response = await ask(built);
    expect(response).toMatchObject({
      allowed: false,
      status: { code: 400, details: { causes: [{ reason: 'CHANGE_REVIEW_FIELD' }] } },
    });
  });
});

describe('a dry run', () => {
  const dry = (): Plain => {
    const built = scaled();
    built['request'].dryRun = true;
    return built;
  };

  it('is allowed and recorded nowhere', async () => {
    expect(await ask(dry())).toEqual({ uid: dry()['request'].uid, allowed: true });
    expect(running.ledger).toMatchObject({ asked: [], evaluated: 1 });
    expect(running.recorder.outcomes).toEqual(['dry-run']);
  });

  it('of a matched change is allowed with a warning that says what it needs', async () => {
    const response = await ask(
      dry(),
      ({ ledger }) =>
        void (ledger.evaluation = { kind: 'needs-votes', policies: ['production'], approvals: 2, proposal: null }),
    );
    expect(response.allowed).toBe(true);
    expect(response.warnings).toEqual([
      'kubectl-chain: UPDATE deployments.apps prod/web needs 2 approvals (production): kubectl chain propose change -f FILE',
    ]);
  });

  it('names the proposal that is open or approved', async () => {
    const open = await ask(
      dry(),
      ({ ledger }) =>
        void (ledger.evaluation = { kind: 'needs-votes', policies: ['p'], approvals: 1, proposal: proposal() }),
    );
    expect(open.warnings[0]).toContain(
      'proposal/7 is OPEN; the author: kubectl chain claim 7; other organisations: kubectl chain vote 7 --approve',
    );
    await running.webhook.close();
    const approved = await ask(dry(), ({ ledger }) => void (ledger.evaluation = { kind: 'approved', proposal: 8 }));
    expect(approved.warnings[0]).toContain('approved by proposal/8');
  });

  it('is refused when it cannot be evaluated', async () => {
    const response = await ask(dry(), ({ ledger }) => {
      ledger.evaluation = () => {
        throw new Error('broken');
      };
    });
    expect(response).toMatchObject({ allowed: false, status: { code: 500 } });
  });

  it('of an eviction hides in the object and records nothing either', async () => {
    expect((await ask(eviction({ dryRun: ['All'] }))).allowed).toBe(true);
    expect(running.ledger.asked).toEqual([]);
  });
});

describe('canaries', () => {
  const canary = (hook: string, dryRun = true): Plain => {
    const name = `kubectl-chain-canary-${hook}`;
    const object = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name, namespace: 'kube-system', uid: 'c' } };
    const built = review(
      'CREATE',
      { resource: 'configmaps', kind: 'ConfigMap', namespace: 'kube-system', name },
      { object, dryRun },
    );
    return built;
  };

  it('of this hook are refused, so that the hook is proven', async () => {
    const response = await ask(canary('east'));
    expect(response).toMatchObject({
      allowed: false,
      status: { code: 403, details: { causes: [{ reason: 'WEBHOOK_CANARY', message: 'east', field: 'hook' }] } },
    });
  });

  it('of another hook pass here, and so does a real ConfigMap of that name on the usual way', async () => {
    expect((await ask(canary('west'))).allowed).toBe(true);
    await running.webhook.close();
    expect((await ask(canary('east', false))).allowed).toBe(true);
    expect(running.ledger.asked).toHaveLength(1);
  });
});

describe('what is not recorded', () => {
  it('an UPDATE that changes nothing but bookkeeping', async () => {
    expect((await ask(deploymentUpdate())).allowed).toBe(true);
    expect(running.recorder.outcomes).toEqual(['empty']);
    expect(running.ledger.asked).toEqual([]);
  });

  it('a lease, although the API server should not have asked', async () => {
    const object = {
      kind: 'Lease',
      apiVersion: 'coordination.k8s.io/v1',
      metadata: { name: 'n1', namespace: 'kube-node-lease' },
    };
    const built = review(
      'CREATE',
      { group: 'coordination.k8s.io', resource: 'leases', kind: 'Lease', namespace: 'kube-node-lease', name: 'n1' },
      { object },
    );
    expect((await ask(built, answering({ kind: 'unavailable', code: 'WEBHOOK_BUSY' }))).allowed).toBe(true);
    expect(running.recorder.outcomes).toEqual(['excluded']);
  });
});

describe('secrets (P5)', () => {
  it('appear in no answer, log line or attestation', async () => {
    const canary = 'CANARY-9f1c';
    const base64 = Buffer.from(canary).toString('base64');
    for (const built of [
      secretUpdate(secret({ k: base64 }), secret({ k: 'eA==' })),
      exec(['sh', '-c', canary]),
      deploymentDelete(),
    ]) {
      const response = await ask(built, answering({ kind: 'unknown', code: 'WEBHOOK_DEADLINE', tx: 'f' as never }));
      const [asked] = running.ledger.asked;
      const seen = JSON.stringify([
        response,
        running.recorder.log,
        asked?.attestation,
        Buffer.from(asked?.body ?? []).toString(),
      ]);
      expect(seen).not.toContain(canary);
      expect(seen).not.toContain(base64);
      await running.webhook.close();
    }
  });
});
