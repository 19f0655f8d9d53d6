import { afterAll, beforeAll, expect, test } from 'vitest';
import * as commands from '../../src/client/commands.ts';
import type { Connection } from '../../src/client/connection.ts';
import { readJobStats, readNames, readServerStats, readTubeStats } from '../../src/client/stats.ts';
import { Beanstalkd, poll } from '../support/beanstalkd.ts';
import { connectionTo } from '../support/connection.ts';
import type { RawConnection } from '../support/raw-connection.ts';

let beanstalkd: Beanstalkd;
let raw: RawConnection;

beforeAll(async () => {
  beanstalkd = await Beanstalkd.start();
  raw = await beanstalkd.raw();
});

afterAll(() => beanstalkd.stop());

const dial = () => connectionTo(beanstalkd.address);
const job = (body: string, { priority = 7, delay = 0, ttr = 60 } = {}) => ({
  priority,
  delay,
  ttr,
  body: Buffer.from(body),
});
const UNKNOWN_ID = '18446744073709551615';

/** Reserves what `raw` put, and tells its id. */
async function reserved(connection: Connection, tube: string, body = 'x'): Promise<string> {
  const id = await raw.put(tube, body);
  expect(await connection.execute(commands.reserveJob(id))).toMatchObject({ name: 'RESERVED', id });
  return id;
}

const field = async (command: string, name: string) => (await raw.stats(command))?.[name];

test('put: INSERTED, with its tube, numbers and body', async () => {
  const connection = await dial();
  const reply = await connection.execute(
    commands.put('put', job('hello', { priority: 4_294_967_295, delay: 5, ttr: 9 })),
  );
  expect(reply).toEqual({ name: 'INSERTED', id: expect.stringMatching(/^\d+$/) });
  expect(await raw.stats(`stats-job ${reply.id}`)).toMatchObject({
    state: 'delayed',
    pri: '4294967295',
    delay: '5',
    ttr: '9',
  });
  expect(await raw.command(`peek ${reply.id}`)).toBe(`FOUND ${reply.id} 5`);
  expect((await raw.bytes(5)).toString()).toBe('hello');
});

test('put: JOB_TOO_BIG leaves nothing behind and the connection in step', async () => {
  const connection = await dial();
  const body = 'stats\r\n'.repeat(9_363);
  expect(body.length).toBeGreaterThan(65_535);
  await expect(connection.execute(commands.put('big', job(body)))).rejects.toMatchObject({
    code: 'JOB_TOO_BIG',
    outcome: 'none',
  });
  expect(await connection.execute(commands.put('big', job('small')))).toMatchObject({ name: 'INSERTED' });
  expect(await field('stats-tube big', 'total-jobs')).toBe('1');
});

test('use, watch, ignore', async () => {
  const connection = await dial();
  expect(await connection.execute(commands.use('used'))).toEqual({ name: 'USING', tube: 'used' });
  expect(await field('stats-tube used', 'current-using')).toBe('1');
  expect(await connection.execute(commands.watch('seen'))).toEqual({ name: 'WATCHING', count: 2 });
  expect(await field('stats-tube seen', 'current-watching')).toBe('1');
  expect(await connection.execute(commands.ignore('default'))).toEqual({ name: 'WATCHING', count: 1 });
  expect(await connection.execute(commands.ignore('seen'))).toEqual({ name: 'NOT_IGNORED' });
  expect(connection.broken).toBeUndefined();
});

test('reserve: RESERVED when a job comes', async () => {
  const connection = await dial();
  const waiting = connection.execute(commands.reserve(['slow']));
  await poll('it waits', async () => (await field('stats-tube slow', 'current-waiting')) === '1');
  const id = await raw.put('slow', 'at last');
  expect(await waiting).toEqual({ name: 'RESERVED', id, body: Buffer.from('at last') });
  expect(await raw.stateOf(id)).toBe('reserved');
});

test('reserve-with-timeout: RESERVED in the order of priority, then TIMED_OUT', async () => {
  const connection = await dial();
  const later = await raw.put('order', 'later', { priority: 2 });
  const first = await raw.put('order', 'first', { priority: 1 });
  const take = () => connection.execute(commands.reserveWithTimeout(['order'], 0));
  expect(await Promise.all([take(), take(), take()])).toMatchObject([
    { name: 'RESERVED', id: first, body: Buffer.from('first') },
    { name: 'RESERVED', id: later, body: Buffer.from('later') },
    { name: 'TIMED_OUT' },
  ]);
});

test('reserve-with-timeout: DEADLINE_SOON while a job of this connection has a second left', async () => {
  const connection = await dial();
  await raw.put('soon', 'x', { ttr: 1 });
  expect(await connection.execute(commands.reserveWithTimeout(['soon'], 0))).toMatchObject({
    name: 'RESERVED',
  });
  expect(await connection.execute(commands.reserveWithTimeout(['soon'], 0))).toEqual({
    name: 'DEADLINE_SOON',
  });
});

test('reserve-job: RESERVED from any tube, NOT_FOUND once reserved', async () => {
  const connection = await dial();
  const id = await raw.put('byid', 'this one', { delay: 100 });
  expect(await connection.execute(commands.reserveJob(id))).toEqual({
    name: 'RESERVED',
    id,
    body: Buffer.from('this one'),
  });
  expect(await raw.stateOf(id)).toBe('reserved');
  expect(await connection.execute(commands.reserveJob(id))).toEqual({ name: 'NOT_FOUND' });
});

test('delete: DELETED, then NOT_FOUND', async () => {
  const connection = await dial();
  const id = await raw.put('delete', 'x');
  expect(await connection.execute(commands.deleteJob(id))).toEqual({ name: 'DELETED' });
  expect(await raw.stateOf(id)).toBeUndefined();
  expect(await connection.execute(commands.deleteJob(id))).toEqual({ name: 'NOT_FOUND' });
});

test('release: RELEASED with its priority and delay, then NOT_FOUND', async () => {
  const connection = await dial();
  const id = await reserved(connection, 'release');
  expect(await connection.execute(commands.release(id, 3, 50))).toEqual({ name: 'RELEASED' });
  expect(await raw.stats(`stats-job ${id}`)).toMatchObject({ state: 'delayed', pri: '3', delay: '50' });
  expect(await connection.execute(commands.release(id, 3, 0))).toEqual({ name: 'NOT_FOUND' });
});

test('bury: BURIED with its priority and no id, then NOT_FOUND', async () => {
  const connection = await dial();
  const id = await reserved(connection, 'bury');
  expect(await connection.execute(commands.bury(id, 4))).toEqual({ name: 'BURIED' });
  expect(await raw.stats(`stats-job ${id}`)).toMatchObject({ state: 'buried', pri: '4' });
  expect(await connection.execute(commands.bury(id, 4))).toEqual({ name: 'NOT_FOUND' });
});

test('touch: TOUCHED starts the time anew, NOT_FOUND for what is not reserved here', async () => {
  const connection = await dial();
  const id = await raw.put('touch', 'x', { ttr: 2 });
  await connection.execute(commands.reserveJob(id));
  await poll('a second is gone', async () => (await field(`stats-job ${id}`, 'time-left')) === '0');
  expect(await connection.execute(commands.touch(id))).toEqual({ name: 'TOUCHED' });
  expect(await field(`stats-job ${id}`, 'time-left')).toBe('1');
  expect(await connection.execute(commands.touch(UNKNOWN_ID))).toEqual({ name: 'NOT_FOUND' });
});

test('peek: FOUND whatever its state, NOT_FOUND', async () => {
  const connection = await dial();
  const id = await raw.put('peek', 'look', { delay: 100 });
  expect(await connection.execute(commands.peek(id))).toEqual({
    name: 'FOUND',
    id,
    body: Buffer.from('look'),
  });
  expect(await raw.stateOf(id)).toBe('delayed');
  expect(await connection.execute(commands.peek(UNKNOWN_ID))).toEqual({ name: 'NOT_FOUND' });
});

test.each(['ready', 'delayed', 'buried'] as const)('peek-%s: FOUND in its tube, NOT_FOUND', async (state) => {
  const connection = await dial();
  const tube = `next-${state}`;
  expect(await connection.execute(commands.peekNext(state, tube))).toEqual({ name: 'NOT_FOUND' });
  const id = await raw.put(tube, state, { delay: state === 'delayed' ? 100 : 0 });
  if (state === 'buried') {
    await connection.execute(commands.reserveJob(id));
    await connection.execute(commands.bury(id, 1));
  }
  const found = { name: 'FOUND', id, body: Buffer.from(state) };
  expect(await connection.execute(commands.peekNext(state, tube))).toEqual(found);
  expect(await raw.stateOf(id)).toBe(state);
});

test('kick: KICKED with the number of jobs, in its tube alone', async () => {
  const connection = await dial();
  const ids = [];
  for (let n = 0; n < 3; n += 1) ids.push(await raw.put('kick', 'x', { delay: 100 }));
  const other = await raw.put('elsewhere', 'x', { delay: 100 });
  expect(await connection.execute(commands.kick('kick', 2))).toEqual({ name: 'KICKED', count: 2 });
  expect(await Promise.all([connection.execute(commands.kick('kick', 9))])).toEqual([
    { name: 'KICKED', count: 1 },
  ]);
  expect(await connection.execute(commands.kick('kick', 9))).toEqual({ name: 'KICKED', count: 0 });
  for (const id of ids) expect(await raw.stateOf(id)).toBe('ready');
  expect(await raw.stateOf(other)).toBe('delayed');
});

test('kick-job: KICKED without a number, then NOT_FOUND', async () => {
  const connection = await dial();
  const id = await raw.put('kickjob', 'x', { delay: 100 });
  expect(await connection.execute(commands.kickJob(id))).toEqual({ name: 'KICKED' });
  expect(await raw.stateOf(id)).toBe('ready');
  expect(await connection.execute(commands.kickJob(id))).toEqual({ name: 'NOT_FOUND' });
});

test('pause-tube: PAUSED keeps its jobs back until it is resumed, NOT_FOUND', async () => {
  const connection = await dial();
  await raw.put('pause', 'x');
  const take = () => connection.execute(commands.reserveWithTimeout(['pause'], 0));
  expect(await connection.execute(commands.pauseTube('pause', 100))).toEqual({ name: 'PAUSED' });
  expect(await field('stats-tube pause', 'pause')).toBe('100');
  expect(await take()).toEqual({ name: 'TIMED_OUT' });
  expect(await connection.execute(commands.pauseTube('pause', 0))).toEqual({ name: 'PAUSED' });
  expect(await take()).toMatchObject({ name: 'RESERVED' });
  expect(await connection.execute(commands.pauseTube('nowhere', 1))).toEqual({ name: 'NOT_FOUND' });
});

test('stats, stats-tube and stats-job say what beanstalkd says', async () => {
  const connection = await dial();
  const id = await raw.put('1e3', 'x', { priority: 9, ttr: 33 });
  const server = readServerStats((await connection.execute(commands.stats())).body);
  expect(await raw.stats('stats')).toMatchObject({
    id: server.id,
    pid: `${server.pid}`,
    'total-jobs': `${server.totalJobs}`,
  });
  const tube = await connection.execute(commands.statsTube('1e3'));
  expect(tube.name === 'OK' && readTubeStats(tube.body)).toMatchObject({ name: '1e3', currentJobsReady: 1 });
  const stats = await connection.execute(commands.statsJob(id));
  expect(stats.name === 'OK' && readJobStats(stats.body)).toMatchObject({
    id,
    tube: '1e3',
    state: 'ready',
    pri: 9,
    ttr: 33,
  });
  expect(await connection.execute(commands.statsTube('nowhere'))).toEqual({ name: 'NOT_FOUND' });
  expect(await connection.execute(commands.statsJob(UNKNOWN_ID))).toEqual({ name: 'NOT_FOUND' });
});

test('list-tubes, list-tubes-watched, list-tube-used', async () => {
  const connection = await dial();
  await raw.put('listed', 'x');
  const names = readNames((await connection.execute(commands.listTubes())).body);
  expect(names.sort()).toEqual((await raw.list('list-tubes')).sort());
  expect(names).toContain('listed');
  await connection.execute(commands.watch('listed'));
  const watched = readNames((await connection.execute(commands.listTubesWatched())).body);
  expect(watched).toEqual(['default', 'listed']);
  expect(await connection.execute(commands.listTubeUsed())).toEqual({ name: 'USING', tube: 'default' });
});
