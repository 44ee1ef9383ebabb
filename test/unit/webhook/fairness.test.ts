import { describe, expect, it } from 'vitest';
import { BodyBudget, type Reservation } from '../../../webhook/body-budget.ts';
import { Load } from '../../../webhook/load.ts';
import { userInFront } from '../../../webhook/reading.ts';
import { bytesOf, configMapUpdate, deploymentDelete, exec, review } from '../change/reviews.ts';

/** Reviews of users that stay in progress until they are ended. */
class Reviews {
  readonly #load: Load;
  readonly #ends = new Map<string, (() => void)[]>();
  refused = 0;

  constructor(max: number) {
    this.#load = new Load(max);
  }

  /** As the server does it: counted before it is known whose it is. False if it was turned away. */
  async begin(user: string): Promise<boolean> {
    if (this.#load.isFull) return false;
    this.#load.reviews++;
    let isTaken = false;
    const done = this.#load.ofUser(user, () => {
      isTaken = true;
      return new Promise<void>((resolve) => this.#ends.set(user, [...(this.#ends.get(user) ?? []), resolve]));
    });
    const ended = done.finally(() => this.#load.reviews--);
    if (isTaken) return true;
    await expect(ended).rejects.toMatchObject({ code: 'WEBHOOK_USER_BUSY' });
    return false;
  }

  async end(user: string): Promise<void> {
    this.#ends.get(user)?.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }

  of(user: string): number {
    return this.#ends.get(user)?.length ?? 0;
  }

  get total(): number {
    return this.#load.reviews;
  }
}

describe('P6: reviews in progress', () => {
  it('one user alone has half of all places, and another one finds as many as it needs', async () => {
    const reviews = new Reviews(512);
    for (let i = 0; i < 1_000; i += 1) await reviews.begin('greedy');
    expect(reviews.of('greedy')).toBe(256);
    for (let i = 0; i < 100; i += 1) expect(await reviews.begin('alice')).toBe(true);
  });

  it('however many ask for all there is, each has its share, and whoever comes next is let in', async () => {
    const reviews = new Reviews(512);
    const greedy = Array.from({ length: 7 }, (_, i) => `greedy-${i}`);
    for (let i = 0; i < 300; i += 1) for (const user of greedy) await reviews.begin(user);
    // The same work goes on: each ends one now and then, and asks for more.
    for (let i = 0; i < 300; i += 1) {
      for (const user of greedy) if (reviews.of(user) > 0) await reviews.end(user);
      for (const user of greedy) for (let more = 0; more < 3; more += 1) await reviews.begin(user);
    }
    for (const user of greedy) expect(Math.abs(reviews.of(user) - 64)).toBeLessThan(8);
    for (let i = 0; i < 20; i += 1) expect(await reviews.begin('alice')).toBe(true);
    expect(reviews.total).toBeLessThanOrEqual(512);
  });

  it('and what was turned away holds no place', async () => {
    const reviews = new Reviews(4);
    for (let i = 0; i < 10; i += 1) await reviews.begin('greedy');
    expect([reviews.of('greedy'), reviews.total]).toEqual([2, 2]);
    await reviews.end('greedy');
    await reviews.end('greedy');
    expect(reviews.total).toBe(0);
  });
});

describe('P6: bodies', () => {
  const SMALL = 10;
  const take = (budget: BodyBudget, bytes: number): Reservation | null => {
    const reservation = budget.reserve();
    try {
      reservation.growTo(bytes);
      return reservation;
    } catch {
      return null;
    }
  };

  it('large ones leave a quarter to the small ones, which may have all', () => {
    const budget = new BodyBudget(400, SMALL);
    const large = Array.from({ length: 10 }, () => take(budget, 100));
    expect(large.filter((taken) => taken !== null)).toHaveLength(3);
    for (let i = 0; i < 10; i += 1) expect(take(budget, SMALL)).not.toBe(null);
    expect([take(budget, SMALL), budget.used]).toEqual([null, 400]);
    for (const taken of large) taken?.release();
    expect(budget.used).toBe(100);
    for (let i = 0; i < 30; i += 1) take(budget, SMALL);
    expect(budget.used).toBe(400);
  });

  it('one that grows is large from its first byte too many on', () => {
    const budget = new BodyBudget(400, SMALL);
    for (let i = 0; i < 29; i += 1) take(budget, SMALL);
    const growing = take(budget, SMALL);
    expect(() => growing?.growTo(SMALL + 1)).toThrowError(expect.objectContaining({ code: 'WEBHOOK_BODIES_FULL' }));
    expect(budget.used).toBe(300);
  });
});

describe('whose a review is, before it is read', () => {
  it('is where an API server writes it', () => {
    const named = review('CREATE', { resource: 'pods', kind: 'Pod', sub: 'exec' }, {});
    for (const built of [configMapUpdate({ a: '1' }, { a: '2' }), deploymentDelete(), exec(['ls']), named])
      expect(userInFront(bytesOf(built))).toBe('alice@acme.example');
    named['request'].userInfo = { username: 'a"b\\\u003c', groups: [] };
    expect(userInFront(bytesOf(named))).toBe(JSON.stringify('a"b\\\u003c').slice(1, -1));
  });

  it('is nobody where it is not, and what an object says is no user', () => {
    const { userInfo, ...request } = configMapUpdate({}, {})['request'];
    const object = { userInfo: userInfo };
    expect(
      userInFront(
        bytesOf({ kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', request: { ...request, object } }),
      ),
    ).toBe('');
    expect(userInFront(bytesOf('{"kind":"AdmissionReview"'))).toBe('');
    expect(
      userInFront(bytesOf(`{"kind":"AdmissionReview","apiVersion":"v1","request":{${'"a":"b",'.repeat(50_000)}`)),
    ).toBe('');
  });
});
