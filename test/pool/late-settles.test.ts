import { expect } from 'vitest';
import type { Pool } from '../../src/pool/pool.ts';
import {
  ended,
  jobFigure,
  reserve,
  reserveOne,
  sent,
  serverFigure,
  test,
  until,
  untilState,
} from './house.ts';

const SETTLES: Readonly<Record<string, (pool: Pool, token: string) => Promise<unknown>>> = {
  delete: (pool, token) => pool.reservations.delete(token),
  release: (pool, token) => pool.reservations.release(token, { delay: 0 }),
  bury: (pool, token) => pool.reservations.bury(token, {}),
  touch: (pool, token) => pool.reservations.touch(token),
  get: (pool, token) => pool.reservations.get(token),
};

for (const [name, settle] of Object.entries(SETTLES)) {
  test.concurrent(`a ${name} after the expiry leaves the next holder alone`, async ({ open }) => {
    const { pool, raw } = await open();
    const id = await raw.put('t', 'x', { ttr: 1 });
    const first = await reserveOne(pool, 't');
    const second = await reserveOne(pool, 't', { timeout: 5 });
    expect(second.job).toMatchObject({ id, reserves: 2 });
    await expect(settle(pool, first.token)).rejects.toMatchObject(ended('expired'));
    expect(await raw.stats(`stats-job ${id}`)).toMatchObject({
      state: 'reserved',
      reserves: '2',
      timeouts: '1',
    });
    await pool.reservations.delete(second.token);
    expect(await raw.stateOf(id)).toBeUndefined();
  });

  // beanstalkd stands still while the TTR runs out, and both wait for its answer on the same connection.
  test.concurrent(`a ${name} that waits behind the reserve of the next holder leaves it alone`, async ({
    open,
  }) => {
    const { beanstalkd, pool, raw } = await open();
    const id = await raw.put('t', 'x', { ttr: 2 });
    const first = await reserveOne(pool, 't');
    const asked = performance.now();
    await until(asked + 1_600);
    beanstalkd.signal('SIGSTOP');
    // The first that beanstalkd reads: between two commands it looks whose TTR has run out.
    raw.write('list-tube-used\r\n');
    await sent();
    const next = reserveOne(pool, 't', { timeout: 0, deadlineMs: 4_000 });
    await sent();
    const late = settle(pool, first.token).then(
      () => 'done',
      (error: unknown) => error,
    );
    await until(asked + 2_100);
    beanstalkd.signal('SIGCONT');
    await raw.line();
    const second = await next;
    expect(await late).toMatchObject(ended('expired'));
    expect(second.job).toMatchObject({ id, reserves: 2 });
    expect(await raw.stats(`stats-job ${id}`)).toMatchObject({ state: 'reserved', reserves: '2' });
    expect(await serverFigure(raw, 'cmd-touch')).toBe(0);
    expect(await pool.reservations.get(second.token)).toMatchObject({ job: { id } });
    await pool.reservations.delete(second.token);
  });
}

test.concurrent("an answer that is not delivered in time does not release the next holder's job", async ({
  open,
}) => {
  const { beanstalkd, pool, raw } = await open();
  const id = await raw.put('t', 'x', { ttr: 2 });
  const [first] = await reserve(pool, 't');
  const asked = performance.now();
  await until(asked + 1_600);
  beanstalkd.signal('SIGSTOP');
  raw.write('list-tube-used\r\n');
  await sent();
  const next = reserveOne(pool, 't', { timeout: 0, deadlineMs: 4_000 });
  await sent();
  if (first !== undefined) pool.reservations.undeliver(first);
  await until(asked + 2_100);
  beanstalkd.signal('SIGCONT');
  await raw.line();
  const second = await next;
  // A touch and a release behind it would be over by the third.
  for (let n = 0; n < 3; n += 1) await pool.reservations.get(second.token);
  expect(await raw.stats(`stats-job ${id}`)).toMatchObject({
    state: 'reserved',
    reserves: '2',
    releases: '0',
  });
  expect(pool.snapshot()).toMatchObject({ reservations: 1, bodyBytes: 0 });
});

test.concurrent('a settle is refused from the moment at which the reservation may have expired', async ({
  open,
}) => {
  const { beanstalkd, pool, raw } = await open();
  const id = await raw.put('t', 'x', { ttr: 1 });
  const { token, expiresAt } = await reserveOne(pool, 't');
  beanstalkd.signal('SIGSTOP');
  await until(performance.now() + expiresAt - Date.now() + 2);
  // It is not even asked: beanstalkd could not answer.
  await expect(pool.reservations.delete(token)).rejects.toMatchObject(ended('expired'));
  await expect(pool.reservations.touch(token)).rejects.toMatchObject(ended('expired'));
  beanstalkd.signal('SIGCONT');
  await untilState(raw, id, 'ready');
});

test.concurrent('ids begin again after a restart, and an old token never acts on the new job', async ({
  open,
}) => {
  const { beanstalkd, pool, raw } = await open();
  const id = await raw.put('t', 'old');
  const { token } = await reserveOne(pool, 't');
  await beanstalkd.kill();
  await beanstalkd.run();
  const again = await beanstalkd.raw();
  expect(await again.put('t', 'new')).toBe(id);
  const second = await reserveOne(pool, 't', { timeout: 5 });
  expect(second.job.id).toBe(id);
  for (const settle of Object.values(SETTLES)) {
    await expect(settle(pool, token)).rejects.toMatchObject(ended('connection-lost'));
  }
  expect(await again.stats(`stats-job ${id}`)).toMatchObject({ state: 'reserved', reserves: '1' });
  await pool.reservations.release(second.token, { delay: 0 });
  await expect(pool.reservations.delete(token)).rejects.toMatchObject(ended('connection-lost'));
  expect(await again.stateOf(id)).toBe('ready');
});

test.concurrent('touching keeps a job of one second for as long as it is touched', async ({ open }) => {
  const { pool, raw } = await open();
  const id = await raw.put('t', 'x', { ttr: 1 });
  const { token } = await reserveOne(pool, 't');
  const from = performance.now();
  while (performance.now() - from < 2_500) {
    await pool.reservations.touch(token);
    await until(performance.now() + 300);
  }
  expect(await jobFigure(raw, id, 'timeouts')).toBe(0);
  expect(await serverFigure(raw, 'job-timeouts')).toBe(0);
  await pool.reservations.delete(token);
});
