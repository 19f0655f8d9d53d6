import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import * as commands from '../../src/client/commands.ts';
import { readNames } from '../../src/client/stats.ts';
import { Beanstalkd } from '../support/beanstalkd.ts';
import { connectionTo } from '../support/connection.ts';
import type { RawConnection } from '../support/raw-connection.ts';

let beanstalkd: Beanstalkd;
let raw: RawConnection;
let before: Sent;

interface Sent {
  readonly use: number;
  readonly watch: number;
  readonly ignore: number;
}

beforeAll(async () => {
  beanstalkd = await Beanstalkd.start();
  raw = await beanstalkd.raw();
});

afterAll(() => beanstalkd.stop());

beforeEach(async () => {
  before = await counters();
});

async function counters(): Promise<Sent> {
  const stats = (await raw.stats('stats')) ?? {};
  return {
    use: Number(stats['cmd-use']),
    watch: Number(stats['cmd-watch']),
    ignore: Number(stats['cmd-ignore']),
  };
}

/** How many of each beanstalkd has got in this test. */
async function sent(): Promise<Sent> {
  const now = await counters();
  return {
    use: now.use - before.use,
    watch: now.watch - before.watch,
    ignore: now.ignore - before.ignore,
  };
}

const job = { priority: 1, delay: 0, ttr: 60, body: Buffer.from('x') };
const dial = () => connectionTo(beanstalkd.address);

test('a put into the tube in use sends no use', async () => {
  const connection = await dial();
  await connection.execute(commands.put('default', job));
  await Promise.all([1, 2, 3].map(() => connection.execute(commands.put('a', job))));
  await connection.execute(commands.kick('a', 1));
  await connection.execute(commands.peekNext('ready', 'a'));
  expect(await sent()).toEqual({ use: 1, watch: 0, ignore: 0 });
});

test('puts of two tubes in turn send use each time, and each lands in its own', async () => {
  const connection = await dial();
  const put = (tube: string) => connection.execute(commands.put(tube, job));
  const replies = await Promise.all([put('odd'), put('even'), put('odd'), put('even')]);
  expect(await sent()).toEqual({ use: 4, watch: 0, ignore: 0 });
  const tubes = await Promise.all(
    replies.map(async ({ id }) => {
      const reply = await connection.execute(commands.statsJob(id ?? ''));
      return reply.name === 'OK' ? /tube: "?(\w+)/.exec(reply.body.toString())?.[1] : undefined;
    }),
  );
  expect(tubes).toEqual(['odd', 'even', 'odd', 'even']);
});

test('the same tubes again send nothing, whether or not the list is the same', async () => {
  const connection = await dial();
  const tubes = ['x', 'y'];
  await connection.execute(commands.reserveWithTimeout(tubes, 0));
  expect(await sent()).toEqual({ use: 0, watch: 2, ignore: 1 });
  await connection.execute(commands.reserveWithTimeout(tubes, 0));
  await connection.execute(commands.reserveWithTimeout(['x', 'y'], 0));
  await connection.execute(commands.reserveWithTimeout(['y', 'x', 'y'], 0));
  expect(await sent()).toEqual({ use: 0, watch: 2, ignore: 1 });
});

test('other tubes send only what is new and what is no longer wanted', async () => {
  const connection = await dial();
  const watched = async () => readNames((await connection.execute(commands.listTubesWatched())).body).sort();
  await connection.execute(commands.reserveWithTimeout(['x', 'y'], 0));
  await connection.execute(commands.reserveWithTimeout(['y', 'z', 'default'], 0));
  expect(await watched()).toEqual(['default', 'y', 'z']);
  expect(await sent()).toEqual({ use: 0, watch: 4, ignore: 2 });
  await connection.execute(commands.reserveWithTimeout(['other'], 0));
  expect(await watched()).toEqual(['other']);
  expect(await sent()).toEqual({ use: 0, watch: 5, ignore: 5 });
});

test('pipelined reserves of different tubes take jobs of their own tubes alone', async () => {
  const connection = await dial();
  for (const tube of ['r0', 'r1', 'r2']) await raw.put(tube, tube);
  const replies = await Promise.all(
    ['r2', 'r0', 'r1', 'r0'].map((tube) => connection.execute(commands.reserveWithTimeout([tube], 0))),
  );
  expect(replies.map((reply) => (reply.name === 'RESERVED' ? reply.body?.toString() : reply.name))).toEqual([
    'r2',
    'r0',
    'r1',
    'TIMED_OUT',
  ]);
});

test('a use that the caller sends himself is remembered as well', async () => {
  const connection = await dial();
  await connection.execute(commands.put('first', job));
  await connection.execute(commands.use('second'));
  const { id } = await connection.execute(commands.put('first', job));
  expect(await raw.stats(`stats-job ${id}`)).toMatchObject({ tube: expect.stringMatching(/^"?first"?$/) });
});

test('a watch and an ignore that the caller sends himself are remembered as well', async () => {
  const connection = await dial();
  const take = (tube: string) => connection.execute(commands.reserveWithTimeout([tube], 0));
  await connection.execute(commands.watch('mine'));
  await connection.execute(commands.ignore('default'));
  await raw.put('unwanted', 'x');
  await connection.execute(commands.watch('unwanted'));
  expect(await take('mine')).toEqual({ name: 'TIMED_OUT' });
  expect(await take('unwanted')).toMatchObject({ name: 'RESERVED' });
});

test('an ignore that is refused changes nothing: the last tube stays watched', async () => {
  const connection = await dial();
  expect(await connection.execute(commands.ignore('default'))).toEqual({ name: 'NOT_IGNORED' });
  await raw.put('default', 'not asked for');
  expect(await connection.execute(commands.reserveWithTimeout(['empty'], 0))).toEqual({ name: 'TIMED_OUT' });
});
