import { expect } from 'vitest';
import { poll } from '../support/beanstalkd.ts';
import { putMany, reserve, serverFigure, test, tubeFigure } from './house.ts';

const never = () => new AbortController().signal;

test.concurrent('ready jobs, all of them, and no other', async ({ open }) => {
  const { pool, raw } = await open();
  const held = await putMany(raw, 't', 3);
  await reserve(pool, 't', { count: 3 });
  await putMany(raw, 't', 250);
  await raw.put('t', 'x', { delay: 100 });
  await putMany(raw, 'other', 5);
  expect(await pool.tubes.clear('t', new Set(['ready']), 10_000, never())).toEqual({
    deleted: 250,
    more: false,
  });
  expect(await raw.stats('stats-tube t')).toMatchObject({
    'current-jobs-ready': '0',
    'current-jobs-reserved': `${held.length}`,
    'current-jobs-delayed': '1',
  });
  expect(await tubeFigure(raw, 'other', 'current-jobs-ready')).toBe(5);
});

test.concurrent('no more than the limit, and whether more are left', async ({ open }) => {
  const { pool, raw } = await open();
  await putMany(raw, 't', 250);
  expect(await pool.tubes.clear('t', new Set(['ready']), 150, never())).toEqual({ deleted: 150, more: true });
  expect(await tubeFigure(raw, 't', 'current-jobs-ready')).toBe(100);
  expect(await pool.tubes.clear('t', new Set(['ready']), 100, never())).toEqual({
    deleted: 100,
    more: false,
  });
});

test.concurrent('delayed and buried jobs', async ({ open }) => {
  const { pool, raw } = await open();
  await putMany(raw, 't', 30);
  for (const { token } of await reserve(pool, 't', { count: 30 })) await pool.reservations.bury(token, {});
  for (let n = 0; n < 20; n += 1) await raw.put('t', 'x', { delay: 100 });
  await putMany(raw, 't', 10);
  expect(await pool.tubes.clear('t', new Set(['delayed']), 15, never())).toEqual({ deleted: 15, more: true });
  expect(await pool.tubes.clear('t', new Set(['buried', 'delayed']), 1_000, never())).toEqual({
    deleted: 35,
    more: false,
  });
  expect(await raw.stats('stats-tube t')).toMatchObject({
    'current-jobs-ready': '10',
    'current-jobs-buried': '0',
    'current-jobs-delayed': '0',
  });
});

test.concurrent('the limit counts all states together', async ({ open }) => {
  const { pool, raw } = await open();
  await putMany(raw, 't', 5);
  for (let n = 0; n < 5; n += 1) await raw.put('t', 'x', { delay: 100 });
  expect(await pool.tubes.clear('t', new Set(['ready', 'delayed']), 7, never())).toEqual({
    deleted: 7,
    more: true,
  });
  expect(await tubeFigure(raw, 't', 'current-jobs-delayed')).toBe(3);
});

test.concurrent('a paused tube', async ({ open }) => {
  const { pool, raw } = await open();
  await putMany(raw, 't', 120);
  await pool.tubes.pause('t', 100);
  expect(await pool.tubes.clear('t', new Set(['ready']), 1_000, never())).toEqual({
    deleted: 120,
    more: false,
  });
});

test.concurrent('jobs with a ttr of one second', async ({ open }) => {
  const { pool, raw } = await open();
  await putMany(raw, 't', 300, { ttr: 1 });
  expect(await pool.tubes.clear('t', new Set(['ready']), 1_000, never())).toEqual({
    deleted: 300,
    more: false,
  });
});

test.concurrent('bodies take no memory', async ({ open }) => {
  const { pool, raw } = await open({ bufferMaxBytes: 10 });
  for (let n = 0; n < 5; n += 1) await raw.put('t', Buffer.alloc(60_000));
  await raw.put('t', Buffer.alloc(60_000), { delay: 100 });
  expect(await pool.tubes.clear('t', new Set(['ready', 'delayed']), 10, never())).toEqual({
    deleted: 6,
    more: false,
  });
  expect(pool.snapshot().bodyBytes).toBe(0);
});

test.concurrent('it stops when its caller leaves, and nothing stays reserved', async ({ open }) => {
  const { pool, raw } = await open();
  await putMany(raw, 't', 20_000);
  const leaving = new AbortController();
  const clearing = pool.tubes.clear('t', new Set(['ready']), 20_000, leaving.signal);
  await poll('it has begun', async () => (await tubeFigure(raw, 't', 'cmd-delete')) > 0);
  leaving.abort();
  const { deleted, more } = await clearing;
  expect(more).toBe(true);
  expect(deleted).toBeLessThan(20_000);
  await poll('nothing is reserved', async () => (await tubeFigure(raw, 't', 'current-jobs-reserved')) === 0);
  expect(await tubeFigure(raw, 't', 'current-jobs-ready')).toBe(20_000 - deleted);
});

test.concurrent('its connection is closed when it is over', async ({ open }) => {
  const { pool, raw } = await open();
  await putMany(raw, 't', 1);
  await pool.tubes.list();
  await poll('the probe is there', () => pool.server.health.ok);
  const before = await serverFigure(raw, 'current-connections');
  await pool.tubes.clear('t', new Set(['ready']), 10, never());
  await poll('as many as before', async () => (await serverFigure(raw, 'current-connections')) === before);
});
