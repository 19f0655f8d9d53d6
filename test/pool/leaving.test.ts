import { expect } from 'vitest';
import type { Pool } from '../../src/pool/pool.ts';
import { poll } from '../support/beanstalkd.ts';
import type { RawConnection } from '../support/raw-connection.ts';
import {
  putMany,
  reserve,
  reserveOne,
  sent,
  test,
  tubeFigure,
  until,
  untilState,
  untilWaiting,
} from './house.ts';

const nothingIsLeft = async (pool: Pool, raw: RawConnection): Promise<void> => {
  await untilWaiting(raw, 't', 0);
  await poll('the pool has forgotten all', () => {
    const { waiters, reservations, bodyBytes, connections } = pool.snapshot();
    return waiters === 0 && reservations === 0 && bodyBytes === 0 && connections.waiting === 0;
  });
};

test.concurrent('a caller that has already left is given nothing', async ({ open }) => {
  const { pool, raw } = await open();
  const id = await raw.put('t', 'x');
  expect(await reserve(pool, 't', { signal: AbortSignal.abort() })).toEqual([]);
  expect(await raw.stateOf(id)).toBe('ready');
  expect((await raw.stats(`stats-job ${id}`))?.['reserves']).toBe('0');
  await nothingIsLeft(pool, raw);
});

test.concurrent('leaving while beanstalkd is dialled', async ({ open }) => {
  const { pool, raw } = await open();
  const id = await raw.put('t', 'x');
  const leaving = new AbortController();
  const asking = reserve(pool, 't', { timeout: 10, signal: leaving.signal });
  leaving.abort();
  expect(await asking).toEqual([]);
  await nothingIsLeft(pool, raw);
  await untilState(raw, id, 'ready');
});

test.concurrent('leaving while a take is unanswered: its job is ready again at once', async ({ open }) => {
  const { beanstalkd, pool, raw } = await open();
  await reserve(pool, 'warm');
  const id = await raw.put('t', 'x', { priority: 3 });
  beanstalkd.signal('SIGSTOP');
  const leaving = new AbortController();
  const asking = reserve(pool, 't', { timeout: 10, signal: leaving.signal });
  await sent();
  leaving.abort();
  expect(await asking).toEqual([]);
  beanstalkd.signal('SIGCONT');
  await poll('it was taken', async () => (await raw.stats(`stats-job ${id}`))?.['reserves'] === '1');
  await untilState(raw, id, 'ready', 200);
  expect(await raw.stats(`stats-job ${id}`)).toMatchObject({ pri: '3', releases: '1' });
  await nothingIsLeft(pool, raw);
});

test.concurrent('leaving while waiting ends the wait at once', async ({ open }) => {
  const { pool, raw } = await open();
  const leaving = new AbortController();
  const asking = reserve(pool, 't', { timeout: 10, signal: leaving.signal });
  await untilWaiting(raw, 't');
  leaving.abort();
  expect(await asking).toEqual([]);
  await nothingIsLeft(pool, raw);
  const id = await raw.put('t', 'x');
  expect(await raw.stateOf(id)).toBe('ready');
});

test.concurrent('leaving while others wait disturbs nobody', async ({ open }) => {
  const { pool, raw } = await open();
  const leaving = new AbortController();
  const first = reserve(pool, 't', { timeout: 10, signal: leaving.signal });
  const second = reserveOne(pool, 't', { timeout: 10 });
  await untilWaiting(raw, 't');
  leaving.abort();
  expect(await first).toEqual([]);
  expect(await tubeFigure(raw, 't', 'current-waiting')).toBe(1);
  const id = await raw.put('t', 'x');
  expect((await second).job.id).toBe(id);
  expect((await raw.stats(`stats-job ${id}`))?.['reserves']).toBe('1');
});

test.concurrent('a job that comes for a caller who has left goes to the next one', async ({ open }) => {
  const { beanstalkd, pool, raw } = await open();
  const leaving = new AbortController();
  const first = reserve(pool, 't', { timeout: 10, signal: leaving.signal });
  const second = reserveOne(pool, 't', { timeout: 10 });
  await untilWaiting(raw, 't');
  beanstalkd.signal('SIGSTOP');
  raw.write('use t\r\nput 0 0 60 1\r\nx\r\n');
  await sent();
  leaving.abort();
  expect(await first).toEqual([]);
  beanstalkd.signal('SIGCONT');
  const { job } = await second;
  expect(job.reserves).toBe(1);
  expect(pool.snapshot().reservations).toBe(1);
});

test.concurrent('leaving while the answer is being filled gives everything back', async ({ open }) => {
  const { beanstalkd, pool, raw } = await open();
  const ids = await putMany(raw, 't', 50);
  await reserve(pool, 'warm');
  const leaving = new AbortController();
  const asking = reserve(pool, 't', { count: 50, signal: leaving.signal });
  await poll('the first is taken', () => pool.snapshot().reservations > 0);
  beanstalkd.signal('SIGSTOP');
  await sent();
  leaving.abort();
  const got = await asking;
  beanstalkd.signal('SIGCONT');
  // On a fast machine it may have been answered before; then there is nothing to give back.
  for (const reservation of got) pool.reservations.undeliver(reservation);
  await poll('all are ready', async () => (await tubeFigure(raw, 't', 'current-jobs-ready')) === ids.length);
  await nothingIsLeft(pool, raw);
});

test.concurrent('leaving in the moment in which a job comes loses no job', async ({ open }) => {
  const { pool, raw } = await open();
  for (let round = 0; round < 60; round += 1) {
    const leaving = new AbortController();
    const asking = reserve(pool, 't', { timeout: 10, signal: leaving.signal });
    await untilWaiting(raw, 't');
    const putting = raw.put('t', `${round}`);
    // From before the put leaves until well after its answer.
    for (let turn = 0; turn < round % 12; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    leaving.abort();
    const [id, got] = [await putting, await asking];
    for (const reservation of got) pool.reservations.undeliver(reservation);
    await untilState(raw, id, 'ready', 500);
    await nothingIsLeft(pool, raw);
    expect(await raw.command(`delete ${id}`)).toBe('DELETED');
  }
});

test.concurrent('leaving while no connection is free', async ({ open }) => {
  const { pool, raw } = await open({ maxConnections: 5 });
  await raw.put('held', '');
  await reserveOne(pool, 'held');
  const leaving = new AbortController();
  const asking = reserve(pool, 't', { timeout: 10, signal: leaving.signal });
  await until(performance.now() + 120);
  expect(pool.snapshot()).toMatchObject({ waiters: 1, connections: { waiting: 0 } });
  leaving.abort();
  expect(await asking).toEqual([]);
  await untilWaiting(raw, 't', 0);
  const asked = async () => (await raw.stats('stats'))?.['cmd-reserve-with-timeout'];
  // A set that goes on taking turns asks three times in that time; one more may have been under way.
  await poll('it asks no more', async () => {
    const before = await asked();
    await until(performance.now() + 150);
    return (await asked()) === before;
  });
});

test.concurrent('leaving while beanstalkd is away', async ({ open }) => {
  const { beanstalkd, pool } = await open();
  await reserve(pool, 't');
  await beanstalkd.kill();
  const leaving = new AbortController();
  const asking = reserve(pool, 't', { timeout: 10, signal: leaving.signal });
  await poll('it is known to be away', () => !pool.server.health.ok);
  leaving.abort();
  expect(await asking).toEqual([]);
  await beanstalkd.run();
  await poll('it is back', () => pool.server.health.ok);
  const raw = await beanstalkd.raw();
  await nothingIsLeft(pool, raw);
});

test.concurrent('an answer that was not delivered leaves its job ready, with its own priority', async ({
  open,
}) => {
  const { pool, raw } = await open();
  const id = await raw.put('t', 'body', { priority: 77 });
  const [reservation] = await reserve(pool, 't');
  if (reservation !== undefined) pool.reservations.undeliver(reservation);
  await untilState(raw, id, 'ready', 200);
  expect(await raw.stats(`stats-job ${id}`)).toMatchObject({ pri: '77', delay: '0' });
  await nothingIsLeft(pool, raw);
});
