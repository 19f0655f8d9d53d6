import { expect } from 'vitest';
import { poll } from '../support/beanstalkd.ts';
import { test } from './house.ts';

test.concurrent('health: up, away, and up again', async ({ open }) => {
  const { beanstalkd, pool } = await open();
  await poll('it is up', () => pool.server.health.ok);
  await beanstalkd.kill();
  await poll('it is away', () => !pool.server.health.ok, 2_000);
  await beanstalkd.run();
  await poll('it is up again', () => pool.server.health.ok, 3_000);
});

test.concurrent('health: a frozen beanstalkd is not healthy, long before a command gives up', async ({
  open,
}) => {
  const { beanstalkd, pool } = await open({ commandTimeoutMs: 30_000 });
  await poll('it is up', () => pool.server.health.ok);
  beanstalkd.signal('SIGSTOP');
  await poll('it is not healthy', () => !pool.server.health.ok, 3_600);
  expect(pool.server.health).toMatchObject({ reason: expect.stringContaining('no answer') });
  beanstalkd.signal('SIGCONT');
  await poll('it is up again', () => pool.server.health.ok, 500);
});

test.concurrent('what beanstalkd says of itself', async ({ open }) => {
  const { pool, raw } = await open({}, '-z', '12345');
  await poll('it was asked', () => pool.server.maxJobSize !== undefined);
  expect(pool.server.maxJobSize).toBe(12_345);
  const stats = await pool.server.stats();
  const behind = await raw.stats('stats');
  expect(stats).toMatchObject({ pid: Number(behind?.['pid']), id: behind?.['id'], draining: false });
});

test.concurrent('every command is told to the observer', async ({ open }) => {
  const { pool } = await open();
  const seen: string[] = [];
  pool.onCommand = (name, seconds, ok) => {
    expect(seconds).toBeGreaterThanOrEqual(0);
    if (ok) seen.push(name);
  };
  await pool.jobs.put('t', { priority: 0, delay: 0, ttr: 1, body: Buffer.alloc(0) });
  await pool.tubes.list();
  expect(seen).toEqual(expect.arrayContaining(['put', 'list-tubes', 'stats-tube']));
});
