import { expect } from 'vitest';
import { poll } from '../support/beanstalkd.ts';
import { ended, putMany, reserve, test, tubeFigure, until } from './house.ts';

test.concurrent('300 idle reservations of one to three seconds are each ready again a second after their time', async ({
  open,
}) => {
  const { pool, raw } = await open();
  const readyAt = new Map<string, number>();
  for (const ttr of [1, 2, 3]) {
    await putMany(raw, `ttr${ttr}`, 100, { ttr });
    // In tens, so that the deadlines lie apart, and the connections are idle in between.
    for (let n = 0; n < 10; n += 1) {
      for (const reservation of await reserve(pool, `ttr${ttr}`, { count: 10 })) {
        pool.reservations.delivered(reservation);
        readyAt.set(reservation.job.id, performance.now() + (reservation.expiresAt - Date.now()));
      }
      await until(performance.now() + 7);
    }
  }
  expect(readyAt.size).toBe(300);
  // Each is looked at when its second is over, and only then: a look at all of them wakes nobody else up.
  while (readyAt.size > 0) {
    const now = performance.now();
    for (const [id, at] of readyAt) {
      if (now < at + 1_000) continue;
      readyAt.delete(id);
      const stats = await raw.stats(`stats-job ${id}`);
      expect(stats).toMatchObject({ state: 'ready', timeouts: '1', reserves: '1' });
    }
    await until(performance.now() + 20);
  }
  expect(pool.snapshot()).toMatchObject({ reservations: 0, bodyBytes: 0 });
});

test.concurrent('a waiter gets a job whose holder has fallen silent, as soon as its time is up', async ({
  open,
}) => {
  const { pool, raw } = await open();
  await putMany(raw, 't', 20, { ttr: 1 });
  const first = await reserve(pool, 't', { count: 20 });
  const from = performance.now();
  const again = await Promise.all(first.map(() => reserve(pool, 't', { timeout: 10 })));
  expect(performance.now() - from).toBeLessThan(1_600);
  expect(new Set(again.flat().map(({ job }) => job.id)).size).toBe(20);
  for (const { token } of first) {
    await expect(pool.reservations.delete(token)).rejects.toMatchObject(ended('expired'));
  }
});

test.concurrent('what was touched is poked after its new time, not its old one', async ({ open }) => {
  const { pool, raw } = await open();
  await putMany(raw, 't', 50, { ttr: 1 });
  const taken = await reserve(pool, 't', { count: 50 });
  await until(performance.now() + 700);
  const expiries = await Promise.all(taken.map(({ token }) => pool.reservations.touch(token)));
  await until(performance.now() + Math.min(...expiries) - Date.now() - 50);
  expect(await tubeFigure(raw, 't', 'current-jobs-reserved')).toBe(50);
  await poll('all are ready', async () => (await tubeFigure(raw, 't', 'current-jobs-ready')) === 50, 1_050);
});

test.concurrent('what is held in peace is not poked', async ({ open }) => {
  const { pool, raw } = await open();
  await putMany(raw, 't', 50, { ttr: 60 });
  await reserve(pool, 't', { count: 50 });
  await until(performance.now() + 200);
  expect(pool.snapshot().pokes).toBe(0);
});
