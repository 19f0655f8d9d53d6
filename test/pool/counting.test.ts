import { expect } from 'vitest';
import { poll } from '../support/beanstalkd.ts';
import { putMany, reserve, test, tubeFigure, untilState, untilWaiting } from './house.ts';

test.concurrent('what is ready is taken at once, and at most as much as asked for', async ({ open }) => {
  const { pool, raw } = await open();
  const ids = await putMany(raw, 't', 12);
  const ten = await reserve(pool, 't', { count: 10 });
  expect(ten.map(({ job }) => job.id)).toEqual(ids.slice(0, 10));
  const two = await reserve(pool, 't', { count: 10 });
  expect(two.map(({ job }) => job.id)).toEqual(ids.slice(10));
  expect(await reserve(pool, 't', { count: 10 })).toEqual([]);
});

test.concurrent('a caller who waits for many is answered by the first that comes', async ({ open }) => {
  const { pool, raw } = await open();
  const waiting = reserve(pool, 't', { count: 10, timeout: 10 });
  await untilWaiting(raw, 't');
  const id = await raw.put('t', '');
  expect((await waiting).map(({ job }) => job.id)).toEqual([id]);
});

test.concurrent('a thousand in one answer', async ({ open }) => {
  const { pool, raw } = await open();
  const ids = await putMany(raw, 't', 1_500);
  const taken = await reserve(pool, 't', { count: 1_000 });
  expect(new Set(taken.map(({ job }) => job.id)).size).toBe(taken.length);
  expect(taken.length).toBeGreaterThan(900);
  await poll(
    'nothing else is held',
    async () => (await tubeFigure(raw, 't', 'current-jobs-reserved')) === taken.length,
  );
  expect(await tubeFigure(raw, 't', 'current-jobs-ready')).toBe(ids.length - taken.length);
});

test.concurrent('the job that does not fit into the answer is ready again, as it was', async ({ open }) => {
  const { pool, raw } = await open({ responseMaxBytes: 3_500 });
  const ids: string[] = [];
  for (let n = 0; n < 6; n += 1) ids.push(await raw.put('t', Buffer.alloc(1_000, n), { priority: 10 + n }));
  const taken = await reserve(pool, 't', { count: 10 });
  expect(taken.map(({ job }) => job.id)).toEqual(ids.slice(0, 3));
  await untilState(raw, ids[3] ?? '', 'ready');
  expect((await raw.stats(`stats-job ${ids[3]}`))?.['pri']).toBe('13');
  expect(await tubeFigure(raw, 't', 'current-jobs-reserved')).toBe(3);
  for (const reservation of taken) pool.reservations.delivered(reservation);
  await poll('no body is kept', () => pool.snapshot().bodyBytes === 0);
});

test.concurrent('a first job that is larger than an answer may be comes alone', async ({ open }) => {
  const { pool, raw } = await open({ responseMaxBytes: 100 });
  const id = await raw.put('t', Buffer.alloc(1_000));
  await raw.put('t', 'x');
  expect((await reserve(pool, 't', { count: 5 })).map(({ job }) => job.id)).toEqual([id]);
});

test.concurrent('what is held is spread over connections, at most a thousand each', async ({ open }) => {
  const { pool, raw } = await open();
  await putMany(raw, 't', 2_500);
  const taken = (await Promise.all(Array.from({ length: 2_500 }, () => reserve(pool, 't')))).flat();
  expect(taken).toHaveLength(2_500);
  expect(pool.snapshot().connections.holding).toBeGreaterThanOrEqual(3);
  await Promise.all(taken.map(({ token }) => pool.reservations.delete(token)));
  expect(await tubeFigure(raw, 't', 'current-jobs-reserved')).toBe(0);
  expect(await tubeFigure(raw, 't', 'cmd-delete')).toBe(2_500);
});
