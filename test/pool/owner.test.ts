import fc from 'fast-check';
import { describe, expect, test as plain } from 'vitest';
import type { Presence } from '../../src/pool/caller.ts';
import { PoolError } from '../../src/pool/errors.ts';
import { Owner } from '../../src/pool/owner.ts';
import type { Pool } from '../../src/pool/pool.ts';
import type { Reservation } from '../../src/pool/reservation.ts';
import { poll } from '../support/beanstalkd.ts';
import { failure, putMany, reserveOne, test } from './house.ts';

/** What an owner is asked and told. A claim ends with fewer reservations than it was for, or as many. */
const step = fc.oneof(
  fc.record({ what: fc.constant('claim' as const), count: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ what: fc.constant('bring' as const), which: fc.nat(20) }),
  fc.record({ what: fc.constant('unclaim' as const), which: fc.nat(20) }),
  fc.record({ what: fc.constant('end' as const) }),
  fc.record({
    what: fc.constant('rebound' as const),
    maxWaits: fc.integer({ min: 1, max: 6 }),
    maxReservations: fc.integer({ min: 1, max: 12 }),
  }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

interface Claim {
  readonly count: number;
  brought: number;
}

/** The same by lists of what there is, where the owner has numbers. */
class Model {
  claims: Claim[] = [];
  held = 0;
  bounds = { maxWaits: 3, maxReservations: 8 };
  /** The highest bound so far. */
  most = 8;

  get claimed(): number {
    return this.claims.reduce((sum, { count }) => sum + count, 0);
  }

  get outstanding(): number {
    return this.claims.reduce((sum, { count, brought }) => sum + count - brought, 0);
  }

  mayClaim(count: number): boolean {
    const { maxWaits, maxReservations } = this.bounds;
    return this.claims.length < maxWaits && this.held + this.claimed + count <= maxReservations;
  }
}

const claims = (owner: Owner, count: number): boolean => {
  try {
    owner.claim(count);
    return true;
  } catch (error) {
    expect(error).toMatchObject({ ...failure('QUOTA'), outcome: 'none' });
    expect(error).toBeInstanceOf(PoolError);
    return false;
  }
};

plain('in any order of claims, reservations and their ends the bounds are kept, and nothing is lost', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const model = new Model();
      const owner = new Owner('it', model.bounds);
      for (const each of steps) {
        take(model, owner, each);
        expect(owner.held).toBe(model.held);
        // Also when every claim will bring all that it is for.
        expect(owner.held + model.outstanding).toBeLessThanOrEqual(model.most);
      }
      // All that is over gives its room back, to the last place.
      for (const { count } of model.claims) owner.unclaim(count);
      for (; model.held > 0; model.held -= 1) owner.ended();
      owner.bounds = { maxWaits: 1, maxReservations: 5 };
      expect(claims(owner, 6)).toBe(false);
      expect(claims(owner, 5)).toBe(true);
      expect(claims(owner, 1)).toBe(false);
    }),
    { numRuns: 1_000 },
  );
});

function take(model: Model, owner: Owner, next: Step): void {
  switch (next.what) {
    case 'claim': {
      const may = model.mayClaim(next.count);
      expect(claims(owner, next.count)).toBe(may);
      if (!may) return;
      model.claims.push({ count: next.count, brought: 0 });
      return;
    }
    case 'bring': {
      const claim = model.claims[next.which % Math.max(1, model.claims.length)];
      if (claim === undefined || claim.brought === claim.count) return;
      claim.brought += 1;
      model.held += 1;
      owner.began();
      return;
    }
    case 'unclaim': {
      const [claim] = model.claims.splice(next.which % Math.max(1, model.claims.length), 1);
      if (claim !== undefined) owner.unclaim(claim.count);
      return;
    }
    case 'end':
      if (model.held === 0) return;
      model.held -= 1;
      owner.ended();
      return;
    case 'rebound':
      model.bounds = next;
      model.most = Math.max(model.most, next.maxReservations);
      owner.bounds = next;
  }
}

describe('in a pool', () => {
  const unbounded = () => new Owner('it', { maxWaits: 1_000, maxReservations: 1_000 });

  const reserve = (
    pool: Pool,
    owner: Owner,
    asked: { readonly timeout?: number; readonly count?: number; readonly signal?: AbortSignal } = {},
  ): Promise<Reservation[]> => {
    const { timeout = 0, count = 1, signal } = asked;
    const presence: Presence = { gone: false, waiting: undefined };
    signal?.addEventListener('abort', () => presence.waiting?.leave());
    const deadlineMs = timeout * 1000 + 3_000;
    return pool.reserving.reserve({ tubes: ['t'], timeout, deadlineMs, count, presence, owner });
  };

  test.concurrent('a reservation that has ended already is handed to nobody', async ({ open, expect }) => {
    const { pool, raw } = await open();
    await raw.put('t', 'x');
    const reservation = await reserveOne(pool, 't');
    await pool.reservations.delete(reservation.token);
    const owner = unbounded();
    pool.reservations.handTo(owner, reservation);
    expect(owner.held).toBe(0);
    expect(reservation.owner).toBeUndefined();
    // Its ending is still that of the one who had it.
    await pool.reservations.delete(reservation.token);
    await expect(pool.reservations.delete(reservation.token, owner)).rejects.toMatchObject(
      failure('RESERVATION_NOT_FOUND'),
    );
  });

  test.concurrent('one that is held is, and nobody else can find it', async ({ open, expect }) => {
    const { pool, raw } = await open();
    await raw.put('t', 'x');
    const owner = unbounded();
    const [reservation] = await reserve(pool, owner);
    const { token } = reservation ?? { token: '' };
    expect(owner.held).toBe(1);
    const notFound = failure('RESERVATION_NOT_FOUND');
    for (const other of [undefined, unbounded()]) {
      await expect(pool.reservations.get(token, other)).rejects.toMatchObject(notFound);
      await expect(pool.reservations.touch(token, other)).rejects.toMatchObject(notFound);
      await expect(pool.reservations.delete(token, other)).rejects.toMatchObject(notFound);
      await expect(pool.reservations.bury(token, {}, other)).rejects.toMatchObject(notFound);
      await expect(pool.reservations.release(token, { delay: 0 }, other)).rejects.toMatchObject(notFound);
    }
    await pool.reservations.delete(token, owner);
    expect(owner.held).toBe(0);
  });

  test.concurrent('a reserve of many counts once while they come', async ({ open, expect }) => {
    const { pool, raw } = await open();
    await putMany(raw, 't', 100);
    const owner = new Owner('it', { maxWaits: 2, maxReservations: 110 });
    const looks: boolean[] = [];
    let over = false;
    const look = () => {
      if (over) return;
      const hasRoom = claims(owner, 10);
      if (hasRoom) owner.unclaim(10);
      looks.push(hasRoom);
      setImmediate(look);
    };
    const taken = reserve(pool, owner, { count: 100 }).finally(() => {
      over = true;
    });
    look();
    expect(await taken).toHaveLength(100);
    expect(looks.length).toBeGreaterThan(2);
    expect(looks).not.toContain(false);
    expect(owner.held).toBe(100);
    expect(claims(owner, 10)).toBe(true);
    expect(claims(owner, 1)).toBe(false);
  });

  test.concurrent('whatever becomes of two hundred reserves, none of their room is lost', async ({
    open,
    expect,
  }) => {
    const { beanstalkd, pool, raw } = await open();
    const owner = new Owner('it', { maxWaits: 50, maxReservations: 60 });
    await putMany(raw, 't', 100, { ttr: 2 });
    const held: Reservation[] = [];
    let refused = 0;
    const one = async (n: number): Promise<void> => {
      const leaving = new AbortController();
      if (n % 3 === 0) setTimeout(() => leaving.abort(), n);
      try {
        const asked = { timeout: n % 2, count: 1 + (n % 4), signal: leaving.signal };
        held.push(...(await reserve(pool, owner, asked)));
      } catch (error) {
        // Or beanstalkd was away.
        if (error instanceof PoolError && error.failure.code === 'QUOTA') refused += 1;
      }
      expect(owner.held).toBeLessThanOrEqual(60);
    };
    const settle = ({ token }: Reservation, n: number): Promise<unknown> | undefined => {
      const { reservations } = pool;
      if (n % 4 === 0) return reservations.delete(token, owner);
      if (n % 4 === 1) return reservations.release(token, { delay: 0 }, owner);
      return n % 4 === 2 ? reservations.bury(token, {}, owner) : undefined;
    };
    for (const round of [0, 1, 2]) {
      const asking = Array.from({ length: 70 }, (_, n) => one(n));
      if (round === 1) {
        await beanstalkd.kill();
        await beanstalkd.run();
        await putMany(await beanstalkd.raw(), 't', 50, { ttr: 2 });
      }
      await Promise.all(asking);
      // What came for those who have left is nobody's until it is ready again.
      await poll('all that is held is its own', () => owner.held === pool.snapshot().reservations);
      // Some of them are over by now.
      await Promise.allSettled(held.splice(0).map(settle));
    }
    expect(refused).toBeGreaterThan(0);
    await poll('the rest has expired', () => pool.snapshot().reservations === 0, 8_000);
    expect(owner.held).toBe(0);
    expect(claims(owner, 60)).toBe(true);
    owner.unclaim(60);
    expect(claims(owner, 61)).toBe(false);
  });
});
