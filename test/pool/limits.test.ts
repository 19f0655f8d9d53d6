import { expect } from 'vitest';
import { failure, putMany, reserve, reserveOne, test, tubeFigure, untilWaiting } from './house.ts';

test.concurrent('no more callers wait than allowed', async ({ open }) => {
  const { pool, raw } = await open({ waitersMax: 3 });
  const waiting = Array.from({ length: 3 }, () => reserveOne(pool, 't', { timeout: 10 }));
  await expect(reserve(pool, 'other')).rejects.toMatchObject({
    failure: { code: 'TOO_MANY_WAITERS', max: 3 },
  });
  await putMany(raw, 't', 3);
  await Promise.all(waiting);
  expect(await reserve(pool, 'other')).toEqual([]);
});

test.concurrent('no more is held than allowed, until something is let go', async ({ open }) => {
  const { pool, raw } = await open({ reservationsMax: 3 });
  const ids = await putMany(raw, 't', 5);
  const held = await Promise.all([reserveOne(pool, 't'), reserveOne(pool, 't'), reserveOne(pool, 't')]);
  await expect(reserve(pool, 't')).rejects.toMatchObject(failure('OVERLOADED'));
  await expect(pool.reserving.reserveJob(ids[4] ?? '')).rejects.toMatchObject(failure('OVERLOADED'));
  await expect(reserve(pool, 't', { timeout: 1 })).rejects.toMatchObject(failure('OVERLOADED'));
  expect(await tubeFigure(raw, 't', 'current-jobs-reserved')).toBe(3);
  await pool.reservations.delete(held[0].token);
  expect((await reserveOne(pool, 't')).job.id).toBe(ids[3]);
});

test.concurrent('a waiter that found no room is served when something is let go', async ({ open }) => {
  const { pool, raw } = await open({ reservationsMax: 1 });
  await putMany(raw, 't', 2);
  const first = await reserveOne(pool, 't');
  const waiting = reserveOne(pool, 't', { timeout: 10 });
  expect(await tubeFigure(raw, 't', 'current-jobs-reserved')).toBe(1);
  await pool.reservations.delete(first.token);
  await waiting;
});

test.concurrent('waiting on many tubes takes no more than may be held', async ({ open }) => {
  const { pool, raw } = await open({ reservationsMax: 2 });
  const tubes = ['a', 'b', 'c', 'd'];
  const leaving = new AbortController();
  const waiting = tubes.map((tube) => reserve(pool, tube, { timeout: 10, signal: leaving.signal }));
  // Those for whom there is no room may fail before the first has got its job.
  const over = Promise.allSettled(waiting);
  for (const tube of tubes) await untilWaiting(raw, tube);
  for (const tube of tubes) await raw.put(tube, '');
  await Promise.race(waiting);
  expect(pool.snapshot().reservations).toBeLessThanOrEqual(2);
  leaving.abort();
  await over;
});

test.concurrent('some too many at once fail, and the others get their jobs', async ({ open }) => {
  const { pool, raw } = await open({ reservationsMax: 5 });
  await putMany(raw, 't', 20);
  const answers = await Promise.allSettled(Array.from({ length: 10 }, () => reserve(pool, 't')));
  const got = answers.filter((answer) => answer.status === 'fulfilled').flatMap(({ value }) => value);
  expect(got).toHaveLength(5);
  for (const answer of answers) {
    if (answer.status === 'rejected') expect(answer.reason).toMatchObject(failure('OVERLOADED'));
  }
});
