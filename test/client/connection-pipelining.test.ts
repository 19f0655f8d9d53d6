import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as commands from '../../src/client/commands.ts';
import type { Connection } from '../../src/client/connection.ts';
import { readJobStats } from '../../src/client/stats.ts';
import { Beanstalkd } from '../support/beanstalkd.ts';
import { connectionTo } from '../support/connection.ts';
import type { RawConnection } from '../support/raw-connection.ts';

let beanstalkd: Beanstalkd;
let raw: RawConnection;
/** Jobs that stay where they are, each with a body of its own. */
const known: { readonly id: string; readonly body: string }[] = [];

beforeAll(async () => {
  beanstalkd = await Beanstalkd.start('-z', '2000');
  raw = await beanstalkd.raw();
  for (let n = 0; n < 10; n += 1) {
    const body = `known ${n}\r\n`.repeat(n + 1);
    known.push({ id: await raw.put('known', body, { priority: n }), body });
  }
});

afterAll(() => beanstalkd.stop());

const UNKNOWN_ID = '9007199254740993';
const job = (body: string, priority = 1) => ({ priority, delay: 0, ttr: 60, body: Buffer.from(body) });

/** Sends one command, and checks that the answer is the one that it alone can have got. */
type Call = (connection: Connection) => Promise<void>;

const put = fc
  .record({ tube: fc.constantFrom('a', 'b', 'c'), body: fc.string({ unit: 'binary', maxLength: 400 }) })
  .map(({ tube, body }): Call => {
    return async (connection) => {
      const bytes = Buffer.from(body);
      const { id = '' } = await connection.execute(commands.put(tube, job(body)));
      expect(await connection.execute(commands.peek(id))).toEqual({ name: 'FOUND', id, body: bytes });
      const stats = await connection.execute(commands.statsJob(id));
      expect(stats.name === 'OK' && readJobStats(stats.body).tube).toBe(tube);
      expect(await connection.execute(commands.deleteJob(id))).toEqual({ name: 'DELETED' });
    };
  });

const tooBig = fc.nat({ max: 60_000 }).map((more): Call => {
  return async (connection) => {
    const attempt = connection.execute(commands.put('a', job('x'.repeat(2_001 + more))));
    await expect(attempt).rejects.toMatchObject({ code: 'JOB_TOO_BIG', outcome: 'none' });
  };
});

const peekKnown = fc.nat({ max: 9 }).map((n): Call => {
  return async (connection) => {
    const { id, body } = known[n] ?? { id: '', body: '' };
    const found = { name: 'FOUND', id, body: Buffer.from(body) };
    expect(await connection.execute(commands.peek(id))).toEqual(found);
  };
});

const statsKnown = fc.nat({ max: 9 }).map((n): Call => {
  return async (connection) => {
    const { id } = known[n] ?? { id: '' };
    const reply = await connection.execute(commands.statsJob(id));
    expect(reply.name === 'OK' && readJobStats(reply.body)).toMatchObject({ id, pri: n, tube: 'known' });
  };
});

const others: fc.Arbitrary<Call> = fc.constantFrom<Call>(
  async (connection) =>
    expect(await connection.execute(commands.deleteJob(UNKNOWN_ID))).toEqual({ name: 'NOT_FOUND' }),
  async (connection) =>
    expect(await connection.execute(commands.kick('nothing', 5))).toEqual({ name: 'KICKED', count: 0 }),
  async (connection) =>
    expect(await connection.execute(commands.peekNext('buried', 'known'))).toEqual({ name: 'NOT_FOUND' }),
  async (connection) =>
    expect(await connection.execute(commands.peekNext('ready', 'known'))).toMatchObject({ id: known[0]?.id }),
  async (connection) =>
    expect(await connection.execute(commands.reserveWithTimeout(['nothing'], 0))).toEqual({
      name: 'TIMED_OUT',
    }),
  async (connection) =>
    expect(await connection.execute(commands.pauseTube('known', 0))).toEqual({ name: 'PAUSED' }),
  async (connection) =>
    expect(await connection.execute(commands.touch(UNKNOWN_ID))).toEqual({ name: 'NOT_FOUND' }),
);

test('good and refused commands mixed: every answer belongs to its call', async () => {
  const connection = await connectionTo(beanstalkd.address);
  const calls = fc.array(fc.oneof(put, tooBig, peekKnown, statsKnown, others), {
    maxLength: 300,
    size: 'max',
  });
  await fc.assert(
    fc.asyncProperty(calls, async (all) => {
      await Promise.all(all.map((call) => call(connection)));
      expect(connection).toMatchObject({ underWay: 0, queued: 0, broken: undefined });
    }),
    { numRuns: 40 },
  );
});

test('beyond the window commands wait unsent, and all are answered in order', async () => {
  const connection = await connectionTo(beanstalkd.address);
  const order: number[] = [];
  const all = Array.from({ length: 1_000 }, async (_, n) => {
    const { id } = await connection.execute(commands.put('window', job(`${n}`, n)));
    order.push(n);
    return id ?? '';
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(connection.underWay).toBe(128);
  expect(connection.queued).toBe(1_000 - 127);
  const ids = await Promise.all(all);
  expect(order).toEqual(Array.from({ length: 1_000 }, (_, n) => n));
  expect(new Set(ids).size).toBe(1_000);
  expect((await raw.stats('stats-tube window'))?.['current-jobs-ready']).toBe('1000');
});

test('the queue is bounded: what does not fit is refused and was never sent', async () => {
  const connection = await connectionTo(beanstalkd.address);
  const ping = () => connection.execute(commands.listTubeUsed());
  const all = Array.from({ length: 16_384 }, ping);
  await expect(ping()).rejects.toMatchObject({ code: 'QUEUE_FULL', outcome: 'none' });
  expect(await Promise.all(all)).toHaveLength(16_384);
  expect(await ping()).toMatchObject({ name: 'USING' });
});

test('every command is told to the observer once, the failed ones as failed', async () => {
  const told: [string, boolean][] = [];
  const connection = await connectionTo(beanstalkd.address, {
    onCommand: (name, seconds, ok) => {
      expect(seconds).toBeGreaterThanOrEqual(0);
      told.push([name, ok]);
    },
  });
  told.length = 0;
  await connection.execute(commands.put('a', job('x')));
  await connection.execute(commands.put('a', job('x'.repeat(2_001)))).catch(() => {});
  await connection.execute(commands.deleteJob(UNKNOWN_ID));
  expect(told).toEqual([
    ['use', true],
    ['put', true],
    ['put', false],
    ['delete', true],
  ]);
});
