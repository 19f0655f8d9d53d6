import { afterAll, beforeAll, expect, test } from 'vitest';
import * as commands from '../../src/client/commands.ts';
import { readServerStats } from '../../src/client/stats.ts';
import { Beanstalkd, poll } from '../support/beanstalkd.ts';
import { connectionTo } from '../support/connection.ts';

let beanstalkd: Beanstalkd;

beforeAll(async () => {
  beanstalkd = await Beanstalkd.start();
});

afterAll(() => beanstalkd.stop());

const job = { priority: 1, delay: 0, ttr: 60, body: Buffer.from('stats\r\n') };

test('a draining beanstalkd refuses puts, and nothing else', async () => {
  const raw = await beanstalkd.raw();
  const connection = await connectionTo(beanstalkd.address);
  const { id = '' } = await connection.execute(commands.put('t', job));
  beanstalkd.signal('SIGUSR1');
  await poll('it drains', async () =>
    Boolean(readServerStats((await connection.execute(commands.stats())).body).draining),
  );
  const [put, peek, again, taken] = await Promise.allSettled([
    connection.execute(commands.put('t', job)),
    connection.execute(commands.peek(id)),
    connection.execute(commands.put('other', { ...job, body: Buffer.alloc(40_000, 'quit\r\n') })),
    connection.execute(commands.reserveWithTimeout(['t'], 0)),
  ]);
  expect(put).toMatchObject({ status: 'rejected', reason: { code: 'DRAINING', outcome: 'none' } });
  expect(peek).toMatchObject({ status: 'fulfilled', value: { name: 'FOUND', id } });
  expect(again).toMatchObject({ status: 'rejected', reason: { code: 'DRAINING', outcome: 'none' } });
  expect(taken).toMatchObject({ status: 'fulfilled', value: { name: 'RESERVED', id } });
  expect(await connection.execute(commands.deleteJob(id))).toEqual({ name: 'DELETED' });
  expect((await raw.stats('stats-tube t'))?.['total-jobs']).toBe('1');
});
