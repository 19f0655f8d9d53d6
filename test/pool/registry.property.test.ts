import fc from 'fast-check';
import { expect } from 'vitest';
import { PoolError } from '../../src/pool/errors.ts';
import type { Pool } from '../../src/pool/pool.ts';
import type { Reservation } from '../../src/pool/reservation.ts';
import { poll } from '../support/beanstalkd.ts';
import type { RawConnection } from '../support/raw-connection.ts';
import { type House, reserve, test, until } from './house.ts';

const SCENARIO_MS = 4_000;

const step = fc.record({
  holdMs: fc.oneof(fc.constant(0), fc.nat(300), fc.integer({ min: 900, max: 1_200 }), fc.nat(2_200)),
  touches: fc.nat(2),
  act: fc.constantFrom('delete', 'release', 'release-later', 'bury', 'undeliver', 'nothing', 'all-at-once'),
  timeout: fc.nat(2),
  count: fc.constantFrom(1, 1, 1, 3),
  leavesAfterMs: fc.option(fc.nat(500), { freq: 6 }),
});

const scenario = fc.record({
  ttrs: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 2, maxLength: 8 }),
  callers: fc.array(fc.array(step, { minLength: 1, maxLength: 8 }), { minLength: 2, maxLength: 5 }),
});
type Scenario = typeof scenario extends fc.Arbitrary<infer S> ? S : never;
type Step = Scenario['callers'][number][number];
type Terminal = 'deleted' | 'buried' | 'delayed';

/** What the pool has said about one job, and what follows from it. */
class Job {
  /** In the order in which they were handed out. */
  readonly holds: Hold[] = [];
  terminal: { readonly state: Terminal; readonly reserves: number } | undefined;
  releases = 0;
  undelivers = 0;
}

interface Hold {
  readonly reservation: Reservation;
  /** A settle of it has been asked, so that somebody else may hold the job by rights. */
  letGo: boolean;
  ended: boolean;
}

/** Keeps who may hold which job; throws as soon as the pool says what cannot be. */
class Model {
  readonly jobs = new Map<string, Job>();

  handedOut(reservation: Reservation): Hold {
    const job = this.#job(reservation);
    const { id, reserves } = reservation.job;
    if (job.terminal !== undefined)
      throw new Error(`${id} was ${job.terminal.state}, and is handed out again`);
    const now = performance.now();
    for (const former of job.holds) {
      const { mayExpireAt } = former.reservation;
      if (former.reservation.job.reserves >= reserves) throw new Error(`${id} was handed out in no order`);
      if (!former.letGo && mayExpireAt > now) {
        throw new Error(`${id} is held twice, by the first for ${mayExpireAt - now} ms more`);
      }
    }
    const hold = { reservation, letGo: false, ended: false };
    job.holds.push(hold);
    return hold;
  }

  settled(hold: Hold, how: Terminal | 'released'): void {
    const job = this.#job(hold.reservation);
    const { id, reserves } = hold.reservation.job;
    if (hold.ended) throw new Error(`${id} was settled twice by one reservation`);
    hold.ended = true;
    if (how === 'released') {
      job.releases += 1;
      return;
    }
    if (job.terminal !== undefined) throw new Error(`${id} was ${how}, after it was ${job.terminal.state}`);
    const later = job.holds.find((other) => other.reservation.job.reserves > reserves);
    if (later !== undefined) throw new Error(`${id} was ${how} by a reservation that had ended otherwise`);
    job.terminal = { state: how, reserves };
  }

  undelivered(hold: Hold): void {
    this.#job(hold.reservation).undelivers += 1;
    hold.ended = true;
  }

  #job({ job: { id } }: Reservation): Job {
    const known = this.jobs.get(id);
    if (known === undefined) throw new Error(`${id} is no job of this tube`);
    return known;
  }
}

const isOver = (error: unknown): boolean =>
  error instanceof PoolError && error.failure.code === 'RESERVATION_ENDED';

async function act(
  pool: Pool,
  model: Model,
  hold: Hold,
  { act: what, touches, holdMs }: Step,
): Promise<void> {
  const { reservations } = pool;
  const { token } = hold.reservation;
  for (let n = 0; n <= touches; n += 1) {
    await until(performance.now() + holdMs / (touches + 1));
    if (n === touches) break;
    const before = performance.now();
    await reservations.touch(token).catch((error: unknown) => {
      if (!isOver(error)) throw error;
      // Nobody but its own expiry can have ended it.
      if (hold.reservation.mayExpireAt > before + 2_500) throw new Error('it has ended long before its time');
    });
  }
  const settle = async (how: Terminal | 'released', settling: Promise<void>): Promise<void> => {
    hold.letGo = true;
    try {
      await settling;
    } catch (error) {
      if (isOver(error)) return;
      throw error;
    }
    model.settled(hold, how);
  };
  switch (what) {
    case 'delete':
      return settle('deleted', reservations.delete(token));
    case 'release':
      return settle('released', reservations.release(token, { delay: 0 }));
    case 'release-later':
      return settle('delayed', reservations.release(token, { delay: 1_000, priority: 5 }));
    case 'bury':
      return settle('buried', reservations.bury(token, {}));
    case 'undeliver':
      hold.letGo = true;
      model.undelivered(hold);
      return reservations.undeliver(hold.reservation);
    case 'all-at-once':
      await Promise.all([
        settle('deleted', reservations.delete(token)),
        settle('buried', reservations.bury(token, {})),
        settle('released', reservations.release(token, { delay: 0 })),
      ]);
      return;
    case 'nothing':
      return;
  }
}

async function call(pool: Pool, model: Model, tube: string, step: Step): Promise<void> {
  const leaving = new AbortController();
  const { timeout, count, leavesAfterMs } = step;
  const asking = reserve(pool, tube, { timeout, count, signal: leaving.signal, deadlineMs: 20_000 });
  if (leavesAfterMs !== null) setTimeout(() => leaving.abort(), leavesAfterMs);
  const taken = await asking;
  if (taken.length > count) throw new Error('more came than were asked for');
  const holds = taken.map((reservation) => model.handedOut(reservation));
  if (step.act !== 'undeliver') for (const { reservation } of holds) pool.reservations.delivered(reservation);
  await Promise.all(holds.map((hold) => act(pool, model, hold, step)));
}

/** Every job is accounted for exactly as the calls that resolved have said. */
async function account(raw: RawConnection, model: Model): Promise<void> {
  for (const [id, job] of model.jobs) {
    const stats = await raw.stats(`stats-job ${id}`);
    if (job.terminal?.state === 'deleted') {
      expect(stats, `${id} was deleted`).toBeUndefined();
      continue;
    }
    expect(stats, `${id} was deleted by nobody`).toBeDefined();
    expect(stats).toMatchObject({ state: job.terminal?.state ?? 'ready' });
    expect(stats?.['buries']).toBe(job.terminal?.state === 'buried' ? '1' : '0');
    if (job.terminal !== undefined) expect(stats?.['reserves']).toBe(`${job.terminal.reserves}`);
    const releases = job.releases + (job.terminal?.state === 'delayed' ? 1 : 0);
    expect(Number(stats?.['releases'])).toBeGreaterThanOrEqual(releases);
  }
}

async function run(
  { beanstalkd, pool, raw }: House,
  scenarios: readonly Scenario[],
  stalls: readonly number[],
): Promise<void> {
  const models = await Promise.all(
    scenarios.map(async ({ ttrs }, n) => {
      const model = new Model();
      const putting = await beanstalkd.raw();
      for (const ttr of ttrs) model.jobs.set(await putting.put(`t${n}`, `${ttr}`, { ttr }), new Job());
      return model;
    }),
  );
  const end = performance.now() + SCENARIO_MS;
  const acting = scenarios.flatMap(({ callers }, n) =>
    callers.map(async (steps) => {
      for (let at = 0; performance.now() < end; at += 1) {
        const step = steps[at % steps.length];
        const model = models[n];
        if (step === undefined || model === undefined) return;
        await call(pool, model, `t${n}`, step);
      }
    }),
  );
  const stalling = (async () => {
    for (const ms of stalls) {
      await until(performance.now() + 300);
      beanstalkd.signal('SIGSTOP');
      await until(performance.now() + ms);
      beanstalkd.signal('SIGCONT');
    }
  })();
  await Promise.all([...acting, stalling]);
  await poll('nothing is held any more', () => pool.snapshot().reservations === 0, 5_000);
  await poll('beanstalkd says so too', async () => {
    const stats = await raw.stats('stats');
    return stats?.['current-jobs-reserved'] === '0' && stats['current-waiting'] === '0';
  });
  for (const model of models) await account(raw, model);
  expect(pool.snapshot()).toMatchObject({ waiters: 0, bodyBytes: 0, connections: { waiting: 0 } });
}

/** A failure names its seed, not the thousand lines that it stands for; time cannot be shrunk anyway. */
const withSeed = (body: (scenarios: Scenario[], stalls: number[]) => Promise<void>): Promise<void> =>
  fc.assert(
    fc.asyncProperty(fc.integer(), async (seed) => {
      const stall = fc.integer({ min: 50, max: 1_300 });
      await body(fc.sample(scenario, { seed, numRuns: 8 }), fc.sample(stall, { seed, numRuns: 4 }));
    }),
    { numRuns: 1, endOnFailure: true },
  );

test.concurrent('property: whoever settles when, each job is where the answers say it is', ({ open }) =>
  withSeed(async (scenarios) => run(await open(), scenarios, [])));

test.concurrent('property: the same with few connections', ({ open }) =>
  withSeed(async (scenarios) => run(await open({ maxConnections: 6 }), scenarios, [])));

test.concurrent('property: the same while beanstalkd stands still now and then', ({ open }) =>
  withSeed(async (scenarios, stalls) => run(await open(), scenarios, stalls)));

test('the model itself refuses what must not be', () => {
  const model = new Model();
  model.jobs.set('1', new Job());
  const held = (reserves: number, mayExpireAt: number) =>
    ({ job: { id: '1', reserves }, mayExpireAt }) as unknown as Reservation;
  const first = model.handedOut(held(1, performance.now() + 1_000));
  expect(() => model.handedOut(held(2, 0))).toThrow('held twice');
  first.letGo = true;
  model.settled(first, 'released');
  const second = model.handedOut(held(2, 0));
  const third = model.handedOut(held(3, 0));
  expect(() => model.settled(second, 'deleted')).toThrow('ended otherwise');
  model.settled(third, 'buried');
  expect(() => model.handedOut(held(4, 0))).toThrow('handed out again');
});
