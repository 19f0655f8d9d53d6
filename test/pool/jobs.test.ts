import { expect } from 'vitest';
import { failure, reserveOne, sent, test } from './house.ts';

const job = { priority: 10, delay: 0, ttr: 60, body: Buffer.from('x') };
const conflict = (state: string) => ({ failure: { code: 'JOB_STATE_CONFLICT', state } });

test.concurrent('put: what was said is what beanstalkd has', async ({ open }) => {
  const { pool, raw } = await open();
  const body = Buffer.from('\r\n\0put 0 0 1 1\r\n\xff', 'latin1');
  const { id, state } = await pool.jobs.put('t', { priority: 4_294_967_295, delay: 0, ttr: 7, body });
  expect(state).toBe('ready');
  expect(await raw.stats(`stats-job ${id}`)).toMatchObject({
    tube: 't',
    state: 'ready',
    pri: '4294967295',
    ttr: '7',
  });
  expect((await raw.reserve('t'))?.body).toEqual(body);
});

test.concurrent('put: delayed, and with an empty body', async ({ open }) => {
  const { pool, raw } = await open();
  const { id, state } = await pool.jobs.put('t', { priority: 0, delay: 100, ttr: 0, body: Buffer.alloc(0) });
  expect(state).toBe('delayed');
  expect(await raw.stats(`stats-job ${id}`)).toMatchObject({ state: 'delayed', delay: '100', ttr: '1' });
});

test.concurrent('put: each in its own tube, however many at once', async ({ open }) => {
  const { pool, raw } = await open();
  const puts = Array.from({ length: 1_500 }, async (_, n) => {
    const tube = `t${(n * 7) % 31}`;
    // A few go by the lane for large bodies.
    const body = n % 500 === 0 ? Buffer.alloc(300_000, `${n}`) : Buffer.from(`${n}`);
    return { tube, n, ...(await pool.jobs.put(tube, { ...job, body }).catch(() => ({ id: 'big' }))) };
  });
  for (const { tube, n, id } of await Promise.all(puts)) {
    if (id === 'big') {
      expect(n % 500).toBe(0);
      continue;
    }
    expect((await raw.stats(`stats-job ${id}`))?.['tube']).toBe(tube);
    const [, , length] = (await raw.command(`peek ${id}`)).split(' ');
    expect((await raw.bytes(Number(length))).toString()).toBe(`${n}`);
  }
});

test.concurrent('put: what is larger than beanstalkd takes is refused, and nothing else suffers', async ({
  open,
}) => {
  const { pool, raw } = await open({}, '-z', '400000');
  await expect(pool.jobs.put('t', { ...job, body: Buffer.alloc(400_001) })).rejects.toMatchObject({
    code: 'JOB_TOO_BIG',
    outcome: 'none',
  });
  const { id } = await pool.jobs.put('t', { ...job, body: Buffer.alloc(400_000, 'a') });
  const found = await raw.reserve('t');
  expect(found?.id).toBe(id);
  expect(found?.body).toHaveLength(400_000);
});

test.concurrent('put: what would be no command is not sent', async ({ open }) => {
  const { pool, raw } = await open();
  for (const bad of [{ priority: 1.5 }, { priority: -1 }, { delay: 4_294_967_296 }, { ttr: Number.NaN }]) {
    await expect(pool.jobs.put('t', { ...job, ...bad })).rejects.toThrow(RangeError);
  }
  await expect(pool.jobs.put('a\r\nb', job)).rejects.toThrow(RangeError);
  expect(await raw.list('list-tubes')).toEqual(['default']);
});

test.concurrent('put: a draining beanstalkd says so, and the rest goes on', async ({ open }) => {
  const { beanstalkd, pool, raw } = await open();
  const { id } = await pool.jobs.put('t', job);
  beanstalkd.signal('SIGUSR1');
  await expect(pool.jobs.put('t', job)).rejects.toMatchObject({ code: 'DRAINING', outcome: 'none' });
  const { token, job: taken } = await reserveOne(pool, 't');
  expect(taken.id).toBe(id);
  await pool.reservations.delete(token);
  expect(await raw.stateOf(id)).toBeUndefined();
});

test.concurrent('get: statistics and body, and the memory is given back by who got it', async ({ open }) => {
  const { pool, raw } = await open();
  const id = await raw.put('t', 'hello', { priority: 3, delay: 50 });
  const { stats, body } = await pool.jobs.get(id);
  expect(stats).toMatchObject({ id, tube: 't', state: 'delayed', pri: 3 });
  expect(body.toString()).toBe('hello');
  expect(pool.snapshot().bodyBytes).toBe(5);
  pool.bodies.give(body.length);
});

test.concurrent('get: a job that does not exist', async ({ open }) => {
  const { pool } = await open();
  await expect(pool.jobs.get('1')).rejects.toMatchObject(failure('JOB_NOT_FOUND'));
  await expect(pool.jobs.get('18446744073709551615')).rejects.toMatchObject(failure('JOB_NOT_FOUND'));
  expect(pool.snapshot().bodyBytes).toBe(0);
});

test.concurrent('get: a half-written job is none', async ({ open }) => {
  const { beanstalkd, pool, raw } = await open();
  const secret = await raw.put('t', 'secret '.repeat(100));
  await raw.command(`delete ${secret}`);
  const uploading = await beanstalkd.raw();
  uploading.write('put 0 0 60 700\r\n');
  const id = `${Number(secret) + 1}`;
  // From behind it is there, with the bytes of somebody else.
  const peeked = await pollPeek(raw, id);
  expect(peeked).toBe(`FOUND ${id} 700`);
  await raw.bytes(700);
  expect(await raw.stateOf(id)).toBe('invalid');
  await expect(pool.jobs.get(id)).rejects.toMatchObject(failure('JOB_NOT_FOUND'));
  await expect(pool.jobs.delete(id)).rejects.toMatchObject(failure('JOB_NOT_FOUND'));
  await expect(pool.jobs.kick(id)).rejects.toMatchObject(failure('JOB_NOT_FOUND'));
  await expect(pool.reserving.reserveJob(id)).rejects.toMatchObject(failure('JOB_NOT_FOUND'));
  expect(pool.snapshot().bodyBytes).toBe(0);
});

test.concurrent('delete: of every state but reserved', async ({ open }) => {
  const { pool, raw } = await open();
  const ready = await raw.put('t', 'x');
  const delayed = await raw.put('t', 'x', { delay: 100 });
  const held = await raw.put('held', 'x');
  const { token } = await reserveOne(pool, 'held');
  for (const id of [ready, delayed]) {
    await pool.jobs.delete(id);
    expect(await raw.stateOf(id)).toBeUndefined();
    await expect(pool.jobs.delete(id)).rejects.toMatchObject({ failure: { code: 'JOB_NOT_FOUND', id } });
  }
  await expect(pool.jobs.delete(held)).rejects.toMatchObject(conflict('reserved'));
  await pool.reservations.bury(token, {});
  await pool.jobs.delete(held);
  expect(await raw.stateOf(held)).toBeUndefined();
});

test.concurrent('kick: of buried and delayed jobs', async ({ open }) => {
  const { pool, raw } = await open();
  const delayed = await raw.put('t', 'x', { delay: 100 });
  await pool.jobs.kick(delayed);
  expect(await raw.stateOf(delayed)).toBe('ready');
  await expect(pool.jobs.kick(delayed)).rejects.toMatchObject(conflict('ready'));
  const { token } = await reserveOne(pool, 't');
  await expect(pool.jobs.kick(delayed)).rejects.toMatchObject(conflict('reserved'));
  await pool.reservations.bury(token, {});
  await pool.jobs.kick(delayed);
  expect(await raw.stats(`stats-job ${delayed}`)).toMatchObject({ state: 'ready', kicks: '2' });
  await expect(pool.jobs.kick('99')).rejects.toMatchObject(failure('JOB_NOT_FOUND'));
});

async function pollPeek(raw: { command(line: string): Promise<string> }, id: string): Promise<string> {
  for (let tries = 0; tries < 100; tries += 1) {
    const reply = await raw.command(`peek ${id}`);
    if (reply !== 'NOT_FOUND') return reply;
    await sent();
  }
  return 'NOT_FOUND';
}
