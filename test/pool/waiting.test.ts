import { expect } from 'vitest';
import type { Reservation } from '../../src/pool/reservation.ts';
import { putMany, reserve, reserveOne, serverFigure, test, tubeFigure, untilWaiting } from './house.ts';

test('who comes first is served first', async ({ open }) => {
  const { pool, raw } = await open();
  const served: number[] = [];
  const callers = Array.from({ length: 20 }, async (_, n) => {
    const reservation = await reserveOne(pool, 't', { timeout: 10 + (n % 3) });
    served.push(n);
    return reservation;
  });
  await untilWaiting(raw, 't');
  for (const [n, caller] of callers.entries()) {
    const id = await raw.put('t', `${n}`);
    expect((await caller).job.id).toBe(id);
    expect(served).toHaveLength(n + 1);
  }
  expect(served).toEqual(callers.map((_, n) => n));
});

test('callers of different timeouts share one waiting connection', async ({ open }) => {
  const { pool, raw } = await open();
  const timeouts = [10, 1, 5, 2_000, 1, 60];
  const callers = timeouts.map((timeout) => reserve(pool, 't', { timeout }));
  await untilWaiting(raw, 't');
  const watched: number[] = [];
  let over = false;
  const watching = (async () => {
    while (!over) watched.push(await tubeFigure(raw, 't', 'current-waiting'));
  })();
  expect(await callers[1]).toEqual([]);
  expect(await callers[4]).toEqual([]);
  over = true;
  await watching;
  expect(new Set(watched)).toEqual(new Set([1]));
  expect(pool.snapshot()).toMatchObject({ waiters: 4, connections: { waiting: 1 } });
  pool.beginStop();
  await Promise.all(callers);
});

test('1,000 waiting callers cost at most 4 connections, and a burst of 1,000 jobs serves each with one', async ({
  open,
}) => {
  const { pool, raw } = await open();
  const callers = Array.from({ length: 1_000 }, () => reserveOne(pool, 't', { timeout: 30 }));
  await untilWaiting(raw, 't');
  expect(pool.snapshot().waiters).toBe(1_000);
  expect((await serverFigure(raw, 'current-connections')) - 1).toBeLessThanOrEqual(4);
  const ids = await putMany(raw, 't', 1_000);
  const served = await Promise.all(callers);
  expect(new Set(served.map(({ job }) => job.id))).toEqual(new Set(ids));
  expect(await tubeFigure(raw, 't', 'current-jobs-reserved')).toBe(1_000);
  expect((await serverFigure(raw, 'current-connections')) - 1).toBeLessThanOrEqual(6);
  expect(pool.snapshot()).toMatchObject({ waiters: 0, reservations: 1_000, bodyBytes: 0 });
});

test('a caller that does not wait does not disturb those who do', async ({ open }) => {
  const { pool, raw } = await open();
  const waiting = reserveOne(pool, 't', { timeout: 10 });
  await untilWaiting(raw, 't');
  expect(await reserve(pool, 't')).toEqual([]);
  const before = await serverFigure(raw, 'total-connections');
  for (let n = 0; n < 20; n += 1) expect(await reserve(pool, 't')).toEqual([]);
  expect(await tubeFigure(raw, 't', 'current-waiting')).toBe(1);
  expect(await serverFigure(raw, 'total-connections')).toBe(before);
  const id = await raw.put('t', '');
  expect((await waiting).job.id).toBe(id);
});

test('a wait for several tubes gets a job of any of them', async ({ open }) => {
  const { pool, raw } = await open();
  for (const tube of ['a', 'b', 'c']) {
    const waiting = reserveOne(pool, ['a', 'b', 'c'], { timeout: 10 });
    await untilWaiting(raw, 'a');
    expect(await tubeFigure(raw, 'c', 'current-waiting')).toBe(1);
    const id = await raw.put(tube, tube);
    const { job } = await waiting;
    expect(job).toMatchObject({ id, tube });
  }
});

test('sets of tubes are kept apart on the connections that they share', async ({ open }) => {
  const { pool, raw } = await open();
  const sets = [['a'], ['b'], ['a', 'b'], ['c', 'b'], ['default'], ['c', 'a', 'c']];
  for (const tube of ['a', 'b', 'c', 'default']) await putMany(raw, tube, 200);
  const takers = Array.from({ length: 400 }, async (_, n): Promise<[readonly string[], Reservation[]]> => {
    const set = sets[n % sets.length] ?? [];
    return [set, await reserve(pool, set, { timeout: 1 })];
  });
  const ids = new Set<string>();
  for (const [set, taken] of await Promise.all(takers)) {
    expect(taken).toHaveLength(1);
    for (const { job } of taken) {
      expect(set).toContain(job.tube);
      ids.add(job.id);
    }
  }
  expect(ids.size).toBe(400);
});

test('the same tubes in another order are the same wait', async ({ open }) => {
  const { pool, raw } = await open();
  const callers = [
    ['a', 'b'],
    ['b', 'a'],
    ['a', 'b', 'a'],
  ].map((tubes) => reserveOne(pool, tubes, { timeout: 10 }));
  await untilWaiting(raw, 'a');
  const ids = await putMany(raw, 'b', 3);
  expect((await Promise.all(callers)).map(({ job }) => job.id).sort()).toEqual(ids);
});
