import { afterAll, beforeAll, expect, test } from 'vitest';
import * as commands from '../../src/client/commands.ts';
import type { BeanstalkdError } from '../../src/client/errors.ts';
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

const waiting = (tube: string, count = '1') =>
  poll(
    `${count} wait for ${tube}`,
    async () => ((await raw.stats(`stats-tube ${tube}`))?.['current-waiting'] ?? '0') === count,
  );
const connections = async () => Number((await raw.stats('stats'))?.['current-connections']);

test('hanging up ends a wait at once, on both sides', async () => {
  const broken: BeanstalkdError[] = [];
  const before = await connections();
  const connection = await connectionTo(beanstalkd.address, {
    // Nothing but the hanging up ends it in this test's time.
    commandTimeoutMs: 600_000,
    onBroken: (error) => broken.push(error),
  });
  const wait = connection.execute(commands.reserveWithTimeout(['left'], 100), 110_000);
  await waiting('left');
  connection.hangUp();
  await expect(wait).rejects.toMatchObject({ code: 'CONNECTION_LOST', outcome: 'unknown' });
  expect(broken).toHaveLength(1);
  await waiting('left', '0');
  await poll('the connection is closed', async () => (await connections()) === before);
  connection.hangUp();
  expect(broken).toHaveLength(1);
  await expect(connection.execute(commands.stats())).rejects.toMatchObject({ outcome: 'none' });
});

test('a job that comes as the wait is hung up is ready again', async () => {
  for (let round = 0; round < 30; round += 1) {
    const connection = await connectionTo(beanstalkd.address, { commandTimeoutMs: 600_000 });
    const wait = connection.execute(commands.reserve(['race']), 110_000).catch(() => {});
    await waiting('race');
    const put = raw.put('race', 'x');
    connection.hangUp();
    await wait;
    const id = await put;
    await poll('it is ready', async () => (await raw.stateOf(id)) === 'ready');
    await raw.command(`delete ${id}`);
  }
});

test('quit lets what is under way come to its end, then closes', async () => {
  const broken: BeanstalkdError[] = [];
  const before = await connections();
  const connection = await connectionTo(beanstalkd.address, { onBroken: (error) => broken.push(error) });
  const job = { priority: 1, delay: 0, ttr: 60, body: Buffer.from('x') };
  const puts = Array.from({ length: 300 }, () => connection.execute(commands.put('quit', job)));
  await connection.quit();
  for (const reply of await Promise.all(puts)) expect(reply.name).toBe('INSERTED');
  expect(broken).toHaveLength(1);
  await poll('the connection is closed', async () => (await connections()) === before);
  await expect(connection.execute(commands.stats())).rejects.toMatchObject({
    code: 'CONNECTION_LOST',
    outcome: 'none',
  });
  await connection.quit();
});

test('quit closes although the queue is full', async () => {
  const connection = await connectionTo(beanstalkd.address);
  const all = Array.from({ length: 16_384 }, () => connection.execute(commands.listTubeUsed()));
  let closed = false;
  connection.quit().then(() => {
    closed = true;
  });
  await Promise.all(all);
  await poll('it is closed', () => closed, 1_000);
});

test('destroying makes what it held ready at once', async () => {
  const connection = await connectionTo(beanstalkd.address);
  const id = await raw.put('held', 'x');
  await connection.execute(commands.reserveJob(id));
  connection.destroy();
  await poll('it is ready', async () => (await raw.stateOf(id)) === 'ready');
});

test('a wait that beanstalkd ends in time does not outlive its seconds', async () => {
  const connection = await connectionTo(beanstalkd.address);
  const from = performance.now();
  expect(await connection.execute(commands.reserveWithTimeout(['nothing'], 1))).toEqual({
    name: 'TIMED_OUT',
  });
  expect(performance.now() - from).toBeGreaterThanOrEqual(990);
});

test('a beanstalkd that dies fails every wait at once', async () => {
  const mortal = await Beanstalkd.start();
  const connection = await connectionTo(mortal.address);
  const wait = connection.execute(commands.reserve(['x']), 110_000);
  const behind = await mortal.raw();
  await poll('it waits', async () => (await behind.stats('stats-tube x'))?.['current-waiting'] === '1');
  await Promise.all([
    mortal.stop(),
    expect(wait).rejects.toMatchObject({ code: 'CONNECTION_LOST', outcome: 'unknown' }),
  ]);
});
