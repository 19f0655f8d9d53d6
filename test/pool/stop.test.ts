import { expect } from 'vitest';
import { Beanstalkd, poll } from '../support/beanstalkd.ts';
import { poolFor } from '../support/pool.ts';
import {
  failure,
  putMany,
  reserve,
  reserveOne,
  serverFigure,
  test,
  tubeFigure,
  untilState,
  untilWaiting,
} from './house.ts';

const job = { priority: 0, delay: 0, ttr: 60, body: Buffer.from('x') };

test.concurrent('those who wait are answered empty, at once', async ({ open }) => {
  const { pool, raw } = await open();
  const waiting = ['a', 'b', 'b'].map((tube) => reserve(pool, tube, { timeout: 60 }));
  await untilWaiting(raw, 'a');
  await untilWaiting(raw, 'b');
  const from = performance.now();
  pool.beginStop();
  expect(await Promise.all(waiting)).toEqual([[], [], []]);
  expect(performance.now() - from).toBeLessThan(100);
  expect(pool.stopping).toBe(true);
  await poll('nobody waits', async () => (await serverFigure(raw, 'current-waiting')) === 0);
});

test.concurrent('new work is refused', async ({ open }) => {
  const { pool, raw } = await open();
  const id = await raw.put('t', 'x', { delay: 100 });
  pool.beginStop();
  const signal = new AbortController().signal;
  const calls = [
    () => pool.jobs.put('t', job),
    () => pool.jobs.put('t', { ...job, body: Buffer.alloc(300_000) }),
    () => pool.jobs.delete(id),
    () => pool.jobs.kick(id),
    () => pool.tubes.kick('t', 1),
    () => pool.tubes.pause('t', 1),
    () => pool.tubes.clear('t', new Set(['delayed']), 1, signal),
    () => pool.reserving.reserveJob(id),
    () => reserve(pool, 't'),
    () => reserve(pool, 't', { timeout: 5 }),
  ];
  for (const call of calls) await expect(call()).rejects.toMatchObject(failure('SHUTTING_DOWN'));
  expect(await raw.stateOf(id)).toBe('delayed');
  expect(await pool.tubes.get('t')).toMatchObject({ currentJobsDelayed: 1 });
});

test.concurrent('settling goes on, and it is idle when the last is settled', async ({ open }) => {
  const { pool, raw } = await open();
  const ids = await putMany(raw, 't', 4);
  const taken = await reserve(pool, 't', { count: 4 });
  const tokens = taken.map(({ token }) => token);
  pool.beginStop();
  let isIdle = false;
  const idle = pool.idle(20_000).then(() => {
    isIdle = true;
  });
  await pool.reservations.touch(tokens[0] ?? '');
  await pool.reservations.delete(tokens[0] ?? '');
  await pool.reservations.release(tokens[1] ?? '', { delay: 0 });
  await pool.reservations.bury(tokens[2] ?? '', {});
  expect(isIdle).toBe(false);
  await pool.reservations.delete(tokens[3] ?? '');
  await idle;
  const states: unknown[] = [];
  for (const id of ids) states.push(await raw.stateOf(id));
  expect(states).toEqual([undefined, 'ready', 'buried', undefined]);
});

test.concurrent('it waits no longer than its grace', async ({ open }) => {
  const { pool, raw } = await open();
  await raw.put('t', 'x');
  await reserveOne(pool, 't');
  pool.beginStop();
  const from = performance.now();
  await pool.idle(200);
  expect(performance.now() - from).toBeGreaterThanOrEqual(199);
  expect(performance.now() - from).toBeLessThan(500);
});

test.concurrent('it is idle at once when nothing is held', async ({ open }) => {
  const { pool } = await open();
  const from = performance.now();
  await pool.idle(10_000);
  expect(performance.now() - from).toBeLessThan(100);
});

test.concurrent('a reserve that is under way counts as held', async ({ open }) => {
  const { beanstalkd, pool, raw } = await open();
  await reserve(pool, 'warm');
  const id = await raw.put('t', 'x');
  beanstalkd.signal('SIGSTOP');
  const asking = reserve(pool, 't');
  pool.beginStop();
  let isIdle = false;
  const idle = pool.idle(20_000).then(() => {
    isIdle = true;
  });
  expect(await asking).toEqual([]);
  expect(isIdle).toBe(false);
  beanstalkd.signal('SIGCONT');
  await idle;
  await untilState(raw, id, 'ready', 200);
  expect((await raw.stats(`stats-job ${id}`))?.['reserves']).toBe('1');
});

test.concurrent('closing leaves what was held ready at once, and no connection', async () => {
  const beanstalkd = await Beanstalkd.start();
  const raw = await beanstalkd.raw();
  const pool = poolFor(beanstalkd.address);
  await putMany(raw, 't', 50);
  await reserve(pool, 't', { count: 50 });
  const waiting = reserve(pool, 'other', { timeout: 60 });
  await pool.tubes.list();
  await pool.jobs.put('put', { ...job, body: Buffer.alloc(300) });
  await pool.close();
  expect(await waiting).toEqual([]);
  await poll('all are ready', async () => (await tubeFigure(raw, 't', 'current-jobs-ready')) === 50, 200);
  await poll(
    'no connection is left',
    async () => (await serverFigure(raw, 'current-connections')) === 1,
    200,
  );
  await beanstalkd.stop();
});

test.concurrent('closing in the midst of everything leaves no connection either', async () => {
  const beanstalkd = await Beanstalkd.start();
  const raw = await beanstalkd.raw();
  const signal = new AbortController().signal;
  for (let round = 0; round < 30; round += 1) {
    await putMany(raw, 't', 5);
    const pool = poolFor(beanstalkd.address);
    const calls = Promise.allSettled([
      reserve(pool, 't', { count: 3 }),
      reserve(pool, 'u', { timeout: 5 }),
      reserve(pool, ['u', 't'], { timeout: 5 }),
    ]);
    for (let turn = 0; turn < round; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    const more = Promise.allSettled([
      pool.jobs.put('t', job),
      pool.tubes.list(),
      pool.jobs.put('t', { ...job, body: Buffer.alloc(300_000) }),
      pool.tubes.clear('t', new Set(['ready']), 2, signal),
    ]);
    for (let turn = 0; turn < round % 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    await pool.close();
    await Promise.all([calls, more]);
    await poll(
      'no connection is left',
      async () => (await serverFigure(raw, 'current-connections')) === 1,
      1_000,
    );
    expect(await serverFigure(raw, 'current-jobs-reserved')).toBe(0);
  }
  await beanstalkd.stop();
});

test.concurrent('closing while beanstalkd is away or frozen ends soon', async () => {
  for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
    const beanstalkd = await Beanstalkd.start();
    const pool = poolFor(beanstalkd.address, { commandTimeoutMs: 500 });
    await pool.jobs.put('t', job);
    const waiting = reserve(pool, 'other', { timeout: 60 });
    await untilWaiting(await beanstalkd.raw(), 'other');
    beanstalkd.signal(signal);
    const from = performance.now();
    await pool.close();
    expect(performance.now() - from).toBeLessThan(800);
    expect(await waiting).toEqual([]);
    await beanstalkd.stop();
  }
});

test.concurrent('a beanstalkd that does not answer holds up no close', async ({ open }) => {
  const { beanstalkd, pool } = await open({ commandTimeoutMs: 3_600_000 });
  await pool.jobs.put('t', job);
  beanstalkd.signal('SIGSTOP');
  const put = expect(pool.jobs.put('t', job)).rejects.toMatchObject({ outcome: 'unknown' });
  await pool.close();
  await put;
});
