import { createServer, type Server, type Socket } from 'node:net';
import { expect } from 'vitest';
import { Beanstalkd, freePort, poll } from '../support/beanstalkd.ts';
import { poolFor } from '../support/pool.ts';
import { failure, reserve, reserveOne, test, until, untilWaiting } from './house.ts';

const unreachable = { code: 'UNREACHABLE', outcome: 'none' };
const job = { priority: 0, delay: 0, ttr: 60, body: Buffer.from('x') };

test.concurrent('a port that refuses is unreachable, whatever is asked', async ({ onTestFinished }) => {
  const pool = poolFor({ host: '127.0.0.1', port: await freePort() });
  onTestFinished(() => pool.close());
  await expect(pool.jobs.put('t', job)).rejects.toMatchObject(unreachable);
  for (let n = 0; n < 20; n += 1) {
    await expect(pool.jobs.put('t', job)).rejects.toMatchObject(unreachable);
    await expect(reserve(pool, 't')).rejects.toMatchObject(unreachable);
    await expect(pool.tubes.list()).rejects.toMatchObject(unreachable);
  }
  expect(pool.server.health.ok).toBe(false);
});

test.concurrent('while it backs off, refusals cost nothing, and it dials seldom, but once a second', async ({
  onTestFinished,
}) => {
  // Accepts and hangs up: no handshake.
  const dials: number[] = [];
  const server = await listen((socket) => {
    dials.push(performance.now());
    socket.destroy();
  });
  const pool = poolFor(addressOf(server));
  onTestFinished(async () => {
    await pool.close();
    server.close();
  });
  await expect(pool.jobs.put('t', job)).rejects.toMatchObject(unreachable);
  const took: number[] = [];
  const end = performance.now() + 4_800;
  while (performance.now() < end) {
    const from = performance.now();
    await expect(pool.jobs.put('t', job)).rejects.toMatchObject(unreachable);
    took.push(performance.now() - from);
    await until(performance.now() + 10);
  }
  const slow = took.filter((ms) => ms > 20);
  // A busy machine may hold up a few.
  expect(slow.length).toBeLessThan(took.length / 50);
  expect(dials.length).toBeLessThan(20);
  const gaps = [...dials.slice(1), end].map((at, n) => at - (dials[n] ?? 0));
  expect(Math.max(...gaps)).toBeLessThan(1_250);
});

test.concurrent('a server that accepts and never answers is unreachable within the dial timeout', async ({
  onTestFinished,
}) => {
  const sockets: Socket[] = [];
  const server = await listen((socket) => sockets.push(socket));
  const pool = poolFor(addressOf(server), { connectTimeoutMs: 300 });
  onTestFinished(async () => {
    await pool.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const from = performance.now();
  await expect(pool.jobs.put('t', job)).rejects.toMatchObject(unreachable);
  expect(performance.now() - from).toBeLessThan(500);
});

test.concurrent('a server that returns is used again within two seconds, however long it was away', async ({
  open,
}) => {
  const { beanstalkd, pool } = await open();
  await pool.jobs.put('t', job);
  await beanstalkd.kill();
  await poll('it is known to be away', () => !pool.server.health.ok);
  // Longer than the longest step of the back-off.
  await until(performance.now() + 2_500);
  await expect(pool.jobs.put('t', job)).rejects.toMatchObject(unreachable);
  await beanstalkd.run();
  const from = performance.now();
  await poll(
    'a put goes through',
    () =>
      pool.jobs.put('t', job).then(
        () => true,
        () => false,
      ),
    2_000,
  );
  expect(performance.now() - from).toBeLessThan(2_000);
  expect(pool.snapshot().reconnects).toBe(1);
  await poll('it is healthy', () => pool.server.health.ok, 2_000);
});

test.concurrent('who waits survives a restart, and gets the job that is put afterwards', async ({ open }) => {
  const { beanstalkd, pool, raw } = await open();
  const waiting = [reserveOne(pool, 't', { timeout: 30 }), reserveOne(pool, 't', { timeout: 40 })];
  const other = reserveOne(pool, ['a', 'b'], { timeout: 30 });
  await untilWaiting(raw, 't');
  await beanstalkd.kill();
  await poll('it is known to be away', () => !pool.server.health.ok);
  const from = performance.now();
  await expect(reserve(pool, 't')).rejects.toMatchObject(unreachable);
  expect(performance.now() - from).toBeLessThan(100);
  expect(pool.snapshot().waiters).toBe(3);
  await beanstalkd.run();
  const again = await beanstalkd.raw();
  const ids = [await again.put('t', '1'), await again.put('t', '2')];
  const putAt = performance.now();
  expect((await Promise.all(waiting)).map(({ job: { id } }) => id)).toEqual(ids);
  expect(performance.now() - putAt).toBeLessThan(2_000);
  const third = await again.put('b', '3');
  expect((await other).job.id).toBe(third);
});

test.concurrent('who does not wait is told at once that beanstalkd is away, however many do wait', async ({
  open,
}) => {
  const { beanstalkd, pool } = await open();
  const waiting = Array.from({ length: 300 }, (_, n) => reserve(pool, `t${n}`, { timeout: 30 }));
  await poll('all wait or take turns', () => pool.snapshot().waiters === 300);
  await beanstalkd.kill();
  await poll('it is known to be away', () => !pool.server.health.ok);
  for (let n = 0; n < 20; n += 1) {
    const from = performance.now();
    await expect(reserve(pool, `t${n * 15}`)).rejects.toMatchObject(unreachable);
    expect(performance.now() - from).toBeLessThan(250);
  }
  expect(pool.snapshot().waiters).toBe(300);
  pool.beginStop();
  await Promise.all(waiting);
});

test.concurrent('a wait that ends while beanstalkd is away is an error, never an empty', async ({ open }) => {
  const { beanstalkd, pool, raw } = await open();
  const waiting = expect(reserve(pool, 't', { timeout: 1, deadlineMs: 3_000 })).rejects.toMatchObject(
    unreachable,
  );
  const short = expect(reserve(pool, 't', { timeout: 5, deadlineMs: 1_500 })).rejects.toMatchObject(
    failure('DEADLINE'),
  );
  await untilWaiting(raw, 't');
  await beanstalkd.kill();
  await Promise.all([waiting, short]);
});

test.concurrent('a frozen beanstalkd is left, and found again when it thaws', async ({ open }) => {
  const { beanstalkd, pool, raw } = await open({
    commandTimeoutMs: 300,
    connectTimeoutMs: 300,
    reserveGraceMs: 300,
    reserveSlice: 1,
  });
  const waiting = reserveOne(pool, 't', { timeout: 30 });
  await untilWaiting(raw, 't');
  beanstalkd.signal('SIGSTOP');
  await poll('it is known to be away', () => !pool.server.health.ok);
  await expect(pool.jobs.put('t', job)).rejects.toMatchObject({ outcome: 'none' });
  beanstalkd.signal('SIGCONT');
  const id = await raw.put('t', 'x');
  expect((await waiting).job.id).toBe(id);
});

test.concurrent('no more connections are made than allowed, whatever is asked', async ({
  onTestFinished,
}) => {
  const beanstalkd = await Beanstalkd.start();
  const pool = poolFor(beanstalkd.address, { maxConnections: 6 });
  onTestFinished(async () => {
    await beanstalkd.stop();
    await pool.close();
  });
  const raw = await beanstalkd.raw();
  await raw.put('cleared', 'x');
  let most = 0;
  let over = false;
  const watching = (async () => {
    while (!over) most = Math.max(most, Number((await raw.stats('stats'))?.['current-connections']) - 1);
  })();
  const asking = Array.from({ length: 200 }, (_, n) =>
    Promise.allSettled([
      reserve(pool, `t${n % 40}`, { timeout: n % 3 }),
      pool.jobs.put('put', job),
      pool.jobs.put('put', { ...job, body: Buffer.alloc(60_000) }),
      pool.tubes.list(),
      pool.tubes.clear('cleared', new Set(['ready']), 1, new AbortController().signal),
    ]),
  );
  await Promise.all(asking);
  over = true;
  await watching;
  expect(most).toBeLessThanOrEqual(6);
});

async function listen(onSocket: (socket: Socket) => void): Promise<Server> {
  const server = createServer(onSocket);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

function addressOf(server: Server): { host: string; port: number } {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { host: '127.0.0.1', port: address.port };
}
