import { expect } from 'vitest';
import {
  ended,
  failure,
  jobFigure,
  reserveOne,
  sent,
  serverFigure,
  test,
  tubeFigure,
  until,
} from './house.ts';

test.concurrent('delete: the job is gone', async ({ open }) => {
  const { pool, raw } = await open();
  const id = await raw.put('t', 'x');
  const { token } = await reserveOne(pool, 't');
  await pool.reservations.delete(token);
  expect(await raw.stateOf(id)).toBeUndefined();
  expect(pool.snapshot()).toMatchObject({ reservations: 0, endings: 1 });
});

test.concurrent('release: ready again at once, with its own priority', async ({ open }) => {
  const { pool, raw } = await open();
  const id = await raw.put('t', 'x', { priority: 4_294_967_295 });
  const { token } = await reserveOne(pool, 't');
  await pool.reservations.release(token, { delay: 0 });
  expect(await raw.stats(`stats-job ${id}`)).toMatchObject({
    state: 'ready',
    pri: '4294967295',
    releases: '1',
  });
});

test.concurrent('release: with the priority and the delay that are given', async ({ open }) => {
  const { pool, raw } = await open();
  const id = await raw.put('t', 'x', { priority: 9 });
  const { token } = await reserveOne(pool, 't');
  await pool.reservations.release(token, { priority: 0, delay: 100 });
  expect(await raw.stats(`stats-job ${id}`)).toMatchObject({ state: 'delayed', pri: '0', delay: '100' });
});

test.concurrent('bury: with its own priority, or the given one', async ({ open }) => {
  const { pool, raw } = await open();
  const own = await raw.put('t', 'x', { priority: 9 });
  await pool.reservations.bury((await reserveOne(pool, 't')).token, {});
  const given = await raw.put('t', 'x', { priority: 9 });
  await pool.reservations.bury((await reserveOne(pool, 't')).token, { priority: 3 });
  expect(await raw.stats(`stats-job ${own}`)).toMatchObject({ state: 'buried', pri: '9' });
  expect(await raw.stats(`stats-job ${given}`)).toMatchObject({ state: 'buried', pri: '3' });
});

test.concurrent('touch: the time begins anew, and expiresAt says so', async ({ open }) => {
  const { pool, raw } = await open();
  const id = await raw.put('t', 'x', { ttr: 2 });
  const reservation = await reserveOne(pool, 't');
  const first = reservation.expiresAt;
  await until(performance.now() + 1_200);
  const second = await pool.reservations.touch(reservation.token);
  expect(second - first).toBeGreaterThan(1_100);
  expect(second - Date.now()).toBeLessThanOrEqual(2_000);
  expect(await jobFigure(raw, id, 'time-left')).toBe(1);
  await until(performance.now() + 1_200);
  await pool.reservations.delete(reservation.token);
  expect(await raw.stateOf(id)).toBeUndefined();
});

test.concurrent('get: the statistics of this moment, until it has ended', async ({ open }) => {
  const { pool, raw } = await open();
  const id = await raw.put('t', 'x', { priority: 5 });
  const { token, expiresAt } = await reserveOne(pool, 't');
  const got = await pool.reservations.get(token);
  expect(got.job).toMatchObject({ id, state: 'reserved', pri: 5, reserves: 1, tube: 't' });
  expect(Math.abs(got.expiresAt - expiresAt)).toBeLessThan(5);
  await pool.reservations.bury(token, {});
  await expect(pool.reservations.get(token)).rejects.toMatchObject(ended('buried'));
});

test.concurrent('the same ending again is no error, another one says how it ended', async ({ open }) => {
  const { pool, raw } = await open();
  const { reservations } = pool;
  const endings = {
    deleted: (token: string) => reservations.delete(token),
    released: (token: string) => reservations.release(token, { delay: 0 }),
    buried: (token: string) => reservations.bury(token, { priority: 1 }),
  };
  for (const [reason, end] of Object.entries(endings)) {
    const id = await raw.put(reason, 'x');
    const { token } = await reserveOne(pool, reason);
    await end(token);
    const state = await raw.stats(`stats-job ${id}`);
    await end(token);
    for (const [other, endOther] of Object.entries(endings)) {
      if (other !== reason) await expect(endOther(token)).rejects.toMatchObject(ended(reason));
    }
    await expect(reservations.touch(token)).rejects.toMatchObject(ended(reason));
    expect(await raw.stats(`stats-job ${id}`)).toEqual(state);
  }
});

test.concurrent('the same ending with other values is another one', async ({ open }) => {
  const { pool, raw } = await open();
  const id = await raw.put('t', 'x', { priority: 9 });
  const { token } = await reserveOne(pool, 't');
  await pool.reservations.release(token, { delay: 50 });
  await expect(pool.reservations.release(token, { delay: 51 })).rejects.toMatchObject(ended('released'));
  await expect(pool.reservations.release(token, { delay: 50, priority: 9 })).rejects.toMatchObject(
    ended('released'),
  );
  expect(await raw.stats(`stats-job ${id}`)).toMatchObject({ delay: '50', pri: '9' });
});

test.concurrent('an unknown token is not found', async ({ open }) => {
  const { pool } = await open();
  const token = '00000000-0000-4000-8000-000000000000';
  const { reservations } = pool;
  const calls = [
    reservations.get(token),
    reservations.delete(token),
    reservations.touch(token),
    reservations.bury(token, {}),
    reservations.release(token, { delay: 0 }),
  ];
  await Promise.all(
    calls.map((call) => expect(call).rejects.toMatchObject(failure('RESERVATION_NOT_FOUND'))),
  );
});

test.concurrent('endings are forgotten, the oldest first', async ({ open }) => {
  const { pool, raw } = await open({ reservationsMax: 2 });
  const tokens: string[] = [];
  for (let n = 0; n < 3; n += 1) {
    await raw.put('t', 'x');
    const { token } = await reserveOne(pool, 't');
    await pool.reservations.delete(token);
    tokens.push(token);
  }
  await expect(pool.reservations.delete(tokens[0] ?? '')).rejects.toMatchObject(
    failure('RESERVATION_NOT_FOUND'),
  );
  await pool.reservations.delete(tokens[1] ?? '');
  expect(pool.snapshot().endings).toBe(2);
});

test.concurrent('simultaneous same endings share one command', async ({ open }) => {
  const { pool, raw } = await open();
  await raw.put('t', 'x');
  const { token } = await reserveOne(pool, 't');
  const before = await serverFigure(raw, 'cmd-delete');
  await Promise.all(Array.from({ length: 20 }, () => pool.reservations.delete(token)));
  expect((await serverFigure(raw, 'cmd-delete')) - before).toBe(1);
});

test.concurrent('of simultaneous different endings exactly one wins', async ({ open }) => {
  const { pool, raw } = await open();
  for (const [first, state] of [
    ['delete', undefined],
    ['release', 'ready'],
    ['bury', 'buried'],
  ] as const) {
    const id = await raw.put(first, 'x');
    const { token } = await reserveOne(pool, first);
    const ends = {
      delete: () => pool.reservations.delete(token),
      release: () => pool.reservations.release(token, { delay: 0 }),
      bury: () => pool.reservations.bury(token, {}),
    };
    const winner = ends[first]();
    const losers = Object.entries(ends).flatMap(([name, end]) => (name === first ? [] : [end(), end()]));
    const touch = pool.reservations.touch(token);
    const reason = { delete: 'deleted', release: 'released', bury: 'buried' }[first];
    const lost = [...losers, touch].map((loser) => expect(loser).rejects.toMatchObject(ended(reason)));
    await Promise.all([winner, ...lost]);
    expect(await raw.stateOf(id)).toBe(state);
  }
});

test.concurrent('an ending that cannot be put into words changes nothing', async ({ open }) => {
  const { pool, raw } = await open();
  const id = await raw.put('t', 'x');
  const { token } = await reserveOne(pool, 't');
  await expect(pool.reservations.release(token, { delay: 1.5 })).rejects.toThrow(RangeError);
  await expect(pool.reservations.bury(token, { priority: -1 })).rejects.toThrow(RangeError);
  expect(await raw.stateOf(id)).toBe('reserved');
  await pool.reservations.delete(token);
  expect(await raw.stateOf(id)).toBeUndefined();
});

test.concurrent('far from its expiry a settle is one command', async ({ open }) => {
  const { pool, raw } = await open({ commandTimeoutMs: 5_000 });
  await raw.put('t', 'x', { ttr: 60 });
  const { token } = await reserveOne(pool, 't');
  await pool.reservations.delete(token);
  expect(await serverFigure(raw, 'cmd-touch')).toBe(0);
});

test.concurrent('near its expiry a settle goes behind a touch', async ({ open }) => {
  const { pool, raw } = await open({ commandTimeoutMs: 5_000 });
  const settles = [
    (token: string) => pool.reservations.delete(token),
    (token: string) => pool.reservations.release(token, { delay: 60 }),
    (token: string) => pool.reservations.bury(token, {}),
  ];
  for (const [n, settle] of settles.entries()) {
    await raw.put('t', 'x', { ttr: 2 });
    await settle((await reserveOne(pool, 't')).token);
    expect(await serverFigure(raw, 'cmd-touch')).toBe(n + 1);
  }
  expect(await tubeFigure(raw, 't', 'cmd-delete')).toBe(1);
});

test.concurrent('an ending that is asked again while it is under way joins, also when it fails', async ({
  open,
}) => {
  const { beanstalkd, pool, raw } = await open();
  await raw.put('t', 'x');
  const { token } = await reserveOne(pool, 't');
  beanstalkd.signal('SIGSTOP');
  const both = [pool.reservations.delete(token), pool.reservations.delete(token)].map((one) =>
    expect(one).rejects.toMatchObject({ code: 'CONNECTION_LOST', outcome: 'unknown' }),
  );
  await sent();
  beanstalkd.signal('SIGKILL');
  await Promise.all(both);
});

test.concurrent('a job is reserved by its id, whatever its state', async ({ open }) => {
  const { pool, raw } = await open();
  const ready = await raw.put('t', 'r');
  const delayed = await raw.put('t', 'd', { delay: 100 });
  for (const id of [ready, delayed]) {
    const reservation = await pool.reserving.reserveJob(id);
    expect(reservation.job).toMatchObject({ id, state: 'reserved' });
    expect(await raw.stateOf(id)).toBe('reserved');
  }
  await expect(pool.reserving.reserveJob(ready)).rejects.toMatchObject({
    failure: { code: 'JOB_STATE_CONFLICT', state: 'reserved' },
  });
  await expect(pool.reserving.reserveJob('99')).rejects.toMatchObject(failure('JOB_NOT_FOUND'));
  expect(pool.snapshot().reservations).toBe(2);
});
