import { expect } from 'vitest';
import type { House } from './house.ts';
import { reserve, reserveOne, serverFigure, test, untilWaiting } from './house.ts';

/** Each job is put only when the one before was taken, and all are held. */
async function holdOneByOne({ pool, raw }: House, tube: string, jobs: number): Promise<void> {
  const callers = Array.from({ length: jobs }, () => reserveOne(pool, tube, { timeout: 60 }));
  for (const caller of callers) {
    const id = await raw.put(tube, 'x', { ttr: 600 });
    expect((await caller).job.id).toBe(id);
  }
}

test.concurrent('after 600 jobs, one by one and all held, the next caller is answered at once', async ({
  open,
}) => {
  const house = await open({ maxConnections: 256 });
  const { pool, raw } = house;
  await holdOneByOne(house, 't', 600);
  expect(pool.snapshot().reservations).toBe(600);
  expect(await serverFigure(raw, 'current-jobs-reserved')).toBe(600);
  expect(await serverFigure(raw, 'current-connections')).toBeLessThanOrEqual(256 + 1);
  const latest = reserveOne(pool, 't', { timeout: 10 });
  const id = await raw.put('t', 'latest');
  const from = performance.now();
  expect((await latest).job.id).toBe(id);
  expect(performance.now() - from).toBeLessThan(200);
  const nothing = await reserve(pool, 't');
  expect(nothing).toEqual([]);
});

test.concurrent('the same with eight connections, by several tubes that take turns', async ({ open }) => {
  const house = await open({ maxConnections: 8 });
  const { pool, raw } = house;
  await Promise.all(await spread(house, 5, 120));
  expect(pool.snapshot().reservations).toBe(600);
  expect(await serverFigure(raw, 'current-connections')).toBeLessThanOrEqual(8 + 1 + 5);
  const latest = reserveOne(pool, 't0', { timeout: 10 });
  const id = await raw.put('t0', 'latest');
  const from = performance.now();
  expect((await latest).job.id).toBe(id);
  expect(performance.now() - from).toBeLessThan(200);
});

async function spread({ beanstalkd, pool }: House, tubes: number, jobs: number): Promise<Promise<void>[]> {
  const raws = await Promise.all(Array.from({ length: tubes }, () => beanstalkd.raw()));
  return raws.map((raw, n) => holdOneByOne({ beanstalkd, pool, raw }, `t${n}`, jobs));
}

test.concurrent('with more tubes than connections each waiter gets its job within half a second', async ({
  open,
}) => {
  const { pool, raw } = await open({ maxConnections: 8 });
  const tubes = Array.from({ length: 60 }, (_, n) => `t${n}`);
  const waiters = tubes.map(async (tube) => {
    const reservation = await reserveOne(pool, tube, { timeout: 60 });
    return { tube: reservation.job.tube, at: performance.now() };
  });
  await untilWaiting(raw, 't0');
  expect(await serverFigure(raw, 'current-connections')).toBeLessThanOrEqual(8 + 1);
  // Last first, and each only when the one before has been served.
  for (const [n, tube] of [...tubes.entries()].reverse()) {
    await raw.put(tube, 'x');
    const putAt = performance.now();
    const served = await waiters[n];
    expect(served?.tube).toBe(tube);
    expect((served?.at ?? 0) - putAt).toBeLessThan(500);
  }
  expect(pool.snapshot()).toMatchObject({ waiters: 0, reservations: 60 });
});

test.concurrent('an emptied holder waits again', async ({ open }) => {
  const { pool, raw } = await open({ maxConnections: 7 });
  for (let round = 0; round < 40; round += 1) {
    const waiting = reserveOne(pool, 't', { timeout: 10 });
    await untilWaiting(raw, 't');
    await raw.put('t', 'x');
    await pool.reservations.delete((await waiting).token);
  }
  expect(await serverFigure(raw, 'current-connections')).toBeLessThanOrEqual(7 + 1);
});

test.concurrent('with one connection for it, waiting, holding and settling still go on', async ({ open }) => {
  const { pool, raw } = await open({ maxConnections: 5 });
  for (let round = 0; round < 10; round += 1) {
    const waiting = [reserveOne(pool, 'a', { timeout: 10 }), reserveOne(pool, 'b', { timeout: 10 })];
    expect(await reserve(pool, 'c')).toEqual([]);
    await raw.put('a', 'x');
    await raw.put('b', 'x');
    for (const { token } of await Promise.all(waiting)) await pool.reservations.delete(token);
  }
  expect(pool.snapshot()).toMatchObject({ waiters: 0, reservations: 0 });
});

test.concurrent('waiting never takes the last connection: who does not wait is always told', async ({
  open,
}) => {
  const { pool, raw } = await open({ maxConnections: 6 });
  for (const tube of ['a', 'b', 'c']) expect(await reserve(pool, tube)).toEqual([]);
  const first = reserveOne(pool, 'a', { timeout: 10 });
  await untilWaiting(raw, 'a');
  const second = reserveOne(pool, 'b', { timeout: 10 });
  for (let n = 0; n < 10; n += 1) expect(await reserve(pool, 'c', { deadlineMs: 1_000 })).toEqual([]);
  await raw.put('b', 'x');
  await raw.put('a', 'x');
  await Promise.all([first, second]);
});
