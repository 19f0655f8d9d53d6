import { expect } from 'vitest';
import { failure, putMany, reserve, reserveOne, test, tubeFigure } from './house.ts';

test.concurrent('get: the figures of a tube, or none', async ({ open }) => {
  const { pool, raw } = await open();
  await putMany(raw, 't', 3);
  await reserveOne(pool, 't');
  expect(await pool.tubes.get('t')).toMatchObject({
    name: 't',
    currentJobsReady: 2,
    currentJobsReserved: 1,
    totalJobs: 3,
  });
  await expect(pool.tubes.get('other')).rejects.toMatchObject({
    failure: { code: 'TUBE_NOT_FOUND', tube: 'other' },
  });
});

test.concurrent('list: all, sorted by name', async ({ open }) => {
  const { pool, raw } = await open();
  const names = ['b', 'a', '1e3', 'Z', '-not', '(x)', '+', '$.;/_'].filter((name) => !name.startsWith('-'));
  for (const name of names) await putMany(raw, name, 1);
  for (let n = 0; n < 600; n += 1) await putMany(raw, `many${n}`, 1);
  const tubes = await pool.tubes.list();
  const listed = tubes.map(({ name }) => name);
  expect(listed).toEqual((await raw.list('list-tubes')).sort());
  expect(listed).toHaveLength(names.length + 600 + 1);
  for (const tube of tubes) expect(tube.currentJobsReady).toBe(tube.name === 'default' ? 0 : 1);
});

test.concurrent('peek: the next job of each state, without taking it', async ({ open }) => {
  const { pool, raw } = await open();
  const buried = await raw.put('t', 'buried');
  await pool.reservations.bury((await reserveOne(pool, 't')).token, {});
  const ready = await raw.put('t', 'ready');
  const delayed = await raw.put('t', 'delayed', { delay: 100 });
  for (const [state, id] of [
    ['ready', ready],
    ['delayed', delayed],
    ['buried', buried],
  ] as const) {
    const { stats, body } = await pool.tubes.peek('t', state);
    expect(stats).toMatchObject({ id, state });
    expect(body.toString()).toBe(state);
    pool.bodies.give(body.length);
    expect(await raw.stateOf(id)).toBe(state);
  }
  expect(pool.snapshot().bodyBytes).toBe(0);
});

test.concurrent('looking at a tube does not make it', async ({ open }) => {
  const { pool, raw } = await open();
  const before = await raw.list('list-tubes');
  for (const state of ['ready', 'delayed', 'buried'] as const) {
    await expect(pool.tubes.peek('none', state)).rejects.toMatchObject(failure('TUBE_NOT_FOUND'));
  }
  await expect(pool.tubes.get('none')).rejects.toMatchObject(failure('TUBE_NOT_FOUND'));
  await expect(pool.tubes.kick('none', 1)).rejects.toMatchObject(failure('TUBE_NOT_FOUND'));
  await expect(pool.tubes.pause('none', 1)).rejects.toMatchObject(failure('TUBE_NOT_FOUND'));
  const signal = new AbortController().signal;
  await expect(pool.tubes.clear('none', new Set(['ready']), 1, signal)).rejects.toMatchObject(
    failure('TUBE_NOT_FOUND'),
  );
  expect(await raw.list('list-tubes')).toEqual(before);
});

test.concurrent('peek: a tube without such a job', async ({ open }) => {
  const { pool, raw } = await open();
  await raw.put('t', 'x');
  await expect(pool.tubes.peek('t', 'buried')).rejects.toMatchObject({
    failure: { code: 'JOB_NOT_FOUND', tube: 't' },
  });
  expect(await pool.tubes.peek('default', 'ready').catch((error: unknown) => error)).toMatchObject(
    failure('JOB_NOT_FOUND'),
  );
});

test.concurrent('peeks of many tubes at once each see their own', async ({ open }) => {
  const { pool, raw } = await open();
  for (let n = 0; n < 40; n += 1) await raw.put(`t${n}`, `${n}`);
  const peeks = Array.from({ length: 400 }, async (_, n) => {
    const { stats, body } = await pool.tubes.peek(`t${n % 40}`, 'ready');
    expect(stats.tube).toBe(`t${n % 40}`);
    expect(body.toString()).toBe(`${n % 40}`);
  });
  await Promise.all(peeks);
});

test.concurrent('kick: buried jobs first, then delayed ones, at most so many', async ({ open }) => {
  const { pool, raw } = await open();
  await putMany(raw, 't', 3);
  for (const { token } of await reserve(pool, 't', { count: 3 })) await pool.reservations.bury(token, {});
  for (let n = 0; n < 2; n += 1) await raw.put('t', 'x', { delay: 100 });
  expect(await pool.tubes.kick('t', 2)).toBe(2);
  expect(await tubeFigure(raw, 't', 'current-jobs-buried')).toBe(1);
  expect(await pool.tubes.kick('t', 10)).toBe(1);
  expect(await tubeFigure(raw, 't', 'current-jobs-delayed')).toBe(2);
  expect(await pool.tubes.kick('t', 10)).toBe(2);
  expect(await pool.tubes.kick('t', 10)).toBe(0);
  expect(await tubeFigure(raw, 't', 'current-jobs-ready')).toBe(5);
});

test.concurrent('pause: nothing is reserved until it is resumed', async ({ open }) => {
  const { pool, raw } = await open();
  const id = await raw.put('t', 'x');
  await pool.tubes.pause('t', 100);
  expect(await tubeFigure(raw, 't', 'pause')).toBe(100);
  expect(await reserve(pool, 't')).toEqual([]);
  const waiting = reserveOne(pool, 't', { timeout: 10 });
  await pool.tubes.pause('t', 0);
  expect((await waiting).job.id).toBe(id);
});
