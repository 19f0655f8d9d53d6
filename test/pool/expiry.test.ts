import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Pool } from '../../src/pool/pool.ts';
import { Beanstalkd, poll } from '../support/beanstalkd.ts';
import { poolFor } from '../support/pool.ts';

let beanstalkd: Beanstalkd;
let pool: Pool;

beforeAll(async () => {
  beanstalkd = await Beanstalkd.start();
  pool = poolFor(beanstalkd.address);
});

afterAll(async () => {
  await pool.close();
  await beanstalkd.stop();
});

const reserve = (tube: string, timeout = 0, count = 1) =>
  pool.reserving.reserve({
    tubes: [tube],
    timeout,
    deadlineMs: timeout * 1000 + 2_000,
    count,
    presence: { gone: false, waiting: undefined },
  });

test('sixty idle reservations of one second are all ready again a second after their time', async () => {
  const raw = await beanstalkd.raw();
  const ids: string[] = [];
  for (let n = 0; n < 60; n += 1) ids.push(await raw.put('idle', `${n}`, { ttr: 1 }));
  const taken = await reserve('idle', 0, 60);
  expect(taken).toHaveLength(60);
  const last = Math.max(...taken.map(({ expiresAt }) => expiresAt));
  for (const reservation of taken) pool.reservations.delivered(reservation);
  await poll(
    'all are ready',
    async () => {
      for (const id of ids) if ((await raw.stateOf(id)) !== 'ready') return false;
      return true;
    },
    last + 1_000 - Date.now(),
  );
  for (const id of ids) expect((await raw.stats(`stats-job ${id}`))?.['timeouts']).toBe('1');
  await expect(pool.reservations.delete(taken[0]?.token ?? '')).rejects.toMatchObject({
    failure: { reason: 'expired' },
  });
});

test('a waiter gets the job that is put', async () => {
  const raw = await beanstalkd.raw();
  const waiting = reserve('late', 10);
  await poll('somebody waits', async () => (await raw.stats('stats-tube late'))?.['current-waiting'] === '1');
  const id = await raw.put('late', 'hello');
  const [reservation] = await waiting;
  expect(reservation?.job.id).toBe(id);
  expect(reservation?.body.toString()).toBe('hello');
  await pool.reservations.delete(reservation?.token ?? '');
  await pool.reservations.delete(reservation?.token ?? '');
  expect(await raw.stateOf(id)).toBeUndefined();
});

test('an empty comes at the timeout', async () => {
  const from = performance.now();
  expect(await reserve('nothing', 1)).toEqual([]);
  expect(performance.now() - from).toBeGreaterThanOrEqual(1_000);
  expect(await reserve('nothing', 0)).toEqual([]);
});
