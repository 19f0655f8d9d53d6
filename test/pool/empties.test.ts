import { expect } from 'vitest';
import { poll } from '../support/beanstalkd.ts';
import { failure, putMany, reserve, reserveOne, sent, serverFigure, test, untilWaiting } from './house.ts';

test.concurrent('an empty never comes before its timeout, whatever the others do', async ({ open }) => {
  const { pool } = await open({ reserveSlice: 1 });
  const callers = Array.from({ length: 60 }, async (_, n) => {
    await new Promise((resolve) => setTimeout(resolve, n * 13));
    const timeout = n % 3;
    const from = performance.now();
    expect(await reserve(pool, n % 2 === 0 ? 'even' : 'odd', { timeout })).toEqual([]);
    const took = performance.now() - from;
    expect(took).toBeGreaterThanOrEqual(timeout * 1000);
    expect(took).toBeLessThan(timeout * 1000 + 1_000);
  });
  await Promise.all(callers);
  expect(pool.snapshot().waiters).toBe(0);
});

test.concurrent('nobody is told that nothing is there while a job is ready', async ({ open }) => {
  const { pool, raw } = await open();
  // As many callers as jobs, all at once, none of them waiting.
  for (let round = 0; round < 20; round += 1) {
    await putMany(raw, 't', 30);
    const answers = await Promise.all(Array.from({ length: 30 }, () => reserve(pool, 't')));
    expect(answers.map((taken) => taken.length)).toEqual(answers.map(() => 1));
  }
});

test.concurrent('one caller more than jobs gets nothing', async ({ open }) => {
  const { pool, raw } = await open();
  await putMany(raw, 't', 10);
  const answers = await Promise.all(Array.from({ length: 11 }, () => reserve(pool, 't')));
  expect(answers.flat()).toHaveLength(10);
});

test.concurrent('a wait longer than a slice goes on', async ({ open }) => {
  const { pool, raw } = await open({ reserveSlice: 1 });
  const waiting = reserveOne(pool, 't', { timeout: 20 });
  await untilWaiting(raw, 't');
  const before = await serverFigure(raw, 'cmd-reserve-with-timeout');
  await poll(
    'a second slice',
    async () => (await serverFigure(raw, 'cmd-reserve-with-timeout')) >= before + 1,
  );
  await untilWaiting(raw, 't');
  const id = await raw.put('t', 'late');
  expect((await waiting).job.id).toBe(id);
});

test.concurrent('a slice that ends is no answer for those who have time left', async ({ open }) => {
  const { pool } = await open({ reserveSlice: 1 });
  const from = performance.now();
  expect(await reserve(pool, 't', { timeout: 2 })).toEqual([]);
  expect(performance.now() - from).toBeGreaterThanOrEqual(2_000);
});

test.concurrent('a silent beanstalkd is a missed deadline, never an empty', async ({ open }) => {
  const { beanstalkd, pool, raw } = await open();
  const early = reserve(pool, 'early', { timeout: 1, deadlineMs: 1_300 });
  const told = expect(early).rejects.toMatchObject(failure('DEADLINE'));
  await untilWaiting(raw, 'early');
  beanstalkd.signal('SIGSTOP');
  const from = performance.now();
  await expect(reserve(pool, 't', { timeout: 20, deadlineMs: 400 })).rejects.toMatchObject(
    failure('DEADLINE'),
  );
  const took = performance.now() - from;
  expect(took).toBeGreaterThanOrEqual(400);
  expect(took).toBeLessThan(600);
  await expect(reserve(pool, 't', { deadlineMs: 300 })).rejects.toMatchObject(failure('DEADLINE'));
  await told;
  expect(pool.snapshot().waiters).toBe(0);
});

test.concurrent('one impatient caller does not tear down the wait of the others', async ({ open }) => {
  const { beanstalkd, pool, raw } = await open();
  const patient = reserveOne(pool, 't', { timeout: 20 });
  await untilWaiting(raw, 't');
  beanstalkd.signal('SIGSTOP');
  await expect(reserve(pool, 't', { deadlineMs: 200 })).rejects.toMatchObject(failure('DEADLINE'));
  beanstalkd.signal('SIGCONT');
  expect(await serverFigure(raw, 'current-waiting')).toBe(1);
  const id = await raw.put('t', '');
  expect((await patient).job.id).toBe(id);
});

test.concurrent('a job that a late empty would have hidden is found', async ({ open }) => {
  const { beanstalkd, pool, raw } = await open();
  const first = reserve(pool, 't', { timeout: 1, deadlineMs: 5_000 });
  await untilWaiting(raw, 't');
  beanstalkd.signal('SIGSTOP');
  raw.write('use t\r\nput 0 0 60 1\r\nx\r\n');
  await sent();
  const second = reserve(pool, 't', { deadlineMs: 5_000 });
  await sent();
  beanstalkd.signal('SIGCONT');
  expect(await raw.line()).toBe('USING t');
  expect(await raw.line()).toMatch(/^INSERTED /);
  expect([...(await first), ...(await second)]).toHaveLength(1);
});
