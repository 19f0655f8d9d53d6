import { expect } from 'vitest';
import { poll } from '../support/beanstalkd.ts';
import { type Asked, type Calls, type House, type HouseOptions, test } from './calls.ts';
import { at } from './contract.ts';

const batch: Asked = {
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ jobs: [{ body: 'x' }, { body: 'y' }] }),
};

/** Every call that needs beanstalkd, and what makes it short. */
const NEEDING: readonly (readonly [method: string, path: string, asked?: Asked])[] = [
  ['POST', '/v1/tubes/t/jobs', { body: 'x' }],
  ['POST', '/v1/tubes/t/jobs/batch', batch],
  ['POST', '/v1/tubes/t/reservations?deadlineMs=300'],
  ['POST', '/v1/reservations?tube=t&tube=u&deadlineMs=300'],
  ['POST', '/v1/jobs/1/reservation'],
  ['GET', '/v1/jobs/1'],
  ['DELETE', '/v1/jobs/1'],
  ['POST', '/v1/jobs/1/kick'],
  ['GET', '/v1/tubes/t/peek?state=ready'],
  ['POST', '/v1/tubes/t/kick?bound=1'],
  ['POST', '/v1/tubes/t/pause?delay=1'],
  ['GET', '/v1/tubes/t'],
  ['GET', '/v1/tubes'],
  ['DELETE', '/v1/tubes/t/jobs?state=ready'],
  ['GET', '/v1/server'],
];

const untilReady = (calls: Calls) =>
  poll('ready again', async () => (await calls.call('GET', '/readyz')).status === 200, 8_000);

test.concurrent('beanstalkd is down: 503 for everything that needs it, and all is well when it is back', async ({
  open,
}) => {
  const { calls, beanstalkd } = await open();
  await beanstalkd.kill();
  await poll('the loss is known', async () => (await calls.call('GET', '/readyz')).status === 503);
  await Promise.all(
    NEEDING.map(async ([method, path, asked]) => {
      const { problem, headers } = await calls.problem('beanstalkd-unreachable', method, path, asked);
      expect(Number(headers['retry-after'])).toBeGreaterThan(0);
      if (method !== 'GET') expect(at(problem, 'outcome')).toBe('none');
    }),
  );
  // What is wrong by itself is still the caller's.
  await calls.problem('invalid-request', 'POST', '/v1/tubes/-/jobs', { body: 'x' });
  await calls.problem('reservation-not-found', 'DELETE', '/v1/reservations/none');
  await beanstalkd.run();
  await untilReady(calls);
  await calls.ok(201, 'POST', '/v1/tubes/t/jobs', { body: 'x' });
  const raw = await beanstalkd.raw();
  expect((await raw.reserve('t'))?.body.toString()).toBe('x');
});

test.concurrent('drain mode: 503, whatever is put; everything else goes on', async ({ open, expect }) => {
  const { calls, beanstalkd, raw } = await open();
  const id = await raw.put('t', 'before');
  beanstalkd.signal('SIGUSR1');
  await expect.poll(async () => (await raw.stats('stats'))?.['draining']).toBe('true');
  const { problem, headers } = await calls.problem('beanstalkd-draining', 'POST', '/v1/tubes/t/jobs', {
    body: 'x',
  });
  expect(at(problem, 'outcome')).toBe('none');
  expect(Number(headers['retry-after'])).toBeGreaterThan(0);
  await calls.problem('beanstalkd-draining', 'POST', '/v1/tubes/t/jobs/batch', batch);
  expect(await raw.stats('stats-tube t')).toMatchObject({ 'total-jobs': '1' });
  await calls.ok(204, 'DELETE', `/v1/reservations/${await calls.reserve('t')}`);
  expect(await raw.stateOf(id)).toBeUndefined();
});

test.concurrent('overloaded: the memory for bodies is used up', async ({ open, expect }) => {
  const { calls, raw, gateway } = await open({ pool: { bufferMaxBytes: 1_000 } });
  const id = await raw.put('t', Buffer.alloc(1_001));
  for (const headers of [{}, { 'transfer-encoding': 'chunked' }]) {
    const asked = { headers: { ...headers }, body: Buffer.alloc(1_001) };
    const { problem } = await calls.problem('overloaded', 'POST', '/v1/tubes/other/jobs', asked);
    expect(at(problem, 'outcome')).toBe('none');
  }
  await calls.problem('overloaded', 'GET', `/v1/jobs/${id}`);
  await calls.problem('overloaded', 'GET', '/v1/tubes/t/peek?state=ready');
  expect(await raw.stats(`stats-job ${id}`)).toMatchObject({ state: 'ready' });
  expect(await raw.list('list-tubes')).not.toContain('other');
  await expect.poll(() => gateway.pool.snapshot().bodyBytes).toBe(0);
  await calls.ok(201, 'POST', '/v1/tubes/t/jobs', { body: Buffer.alloc(1_000) });
});

test.concurrent('overloaded: as many reservations as there may be', async ({ open, expect }) => {
  const { calls, raw } = await open({ pool: { reservationsMax: 1 } });
  await raw.put('t', 'a');
  const second = await raw.put('t', 'b');
  const held = await calls.reserve('t');
  const { problem } = await calls.problem('overloaded', 'POST', '/v1/tubes/t/reservations');
  expect(at(problem, 'outcome')).toBe('none');
  await calls.problem('overloaded', 'POST', `/v1/jobs/${second}/reservation`);
  expect(await raw.stateOf(second)).toBe('ready');
  await calls.ok(204, 'DELETE', `/v1/reservations/${held}`);
  await calls.reserve('t');
});

test.concurrent('too-many-waiters: one more than may wait', async ({ open, expect }) => {
  const { calls, raw, gateway } = await open({ pool: { waitersMax: 1 } });
  const waiting = calls.ok(200, 'POST', '/v1/tubes/t/reservations?timeout=20');
  await expect.poll(() => gateway.pool.snapshot().waiters).toBe(1);
  const { problem, headers } = await calls.problem(
    'too-many-waiters',
    'POST',
    '/v1/tubes/t/reservations?timeout=20',
  );
  expect(at(problem, 'outcome')).toBe('none');
  expect(Number(headers['retry-after'])).toBeGreaterThan(0);
  await raw.put('t', 'x');
  expect(at(await waiting, 'reservations', 0, 'body')).toBe('x');
});

test.concurrent('shutting-down: new work is refused, what is held can be settled', async ({
  open,
  expect,
}) => {
  const { calls, raw, gateway } = await open();
  const id = await raw.put('t', 'x');
  const held = await calls.reserve('t');
  gateway.pool.beginStop();
  for (const [method, path, asked] of NEEDING) {
    if (method === 'GET') continue;
    const { problem, headers } = await calls.problem('shutting-down', method, path, asked);
    expect(at(problem, 'outcome'), path).toBe('none');
    expect(headers.connection).toBe('close');
  }
  const { problem } = await calls.problem('shutting-down', 'GET', '/readyz');
  expect(at(problem, 'reason')).toEqual(expect.any(String));
  await calls.ok(200, 'GET', '/livez');
  await calls.ok(204, 'DELETE', `/v1/reservations/${held}`);
  expect(await raw.stateOf(id)).toBeUndefined();
});

/** A beanstalkd that is there and says nothing. */
const silent = (open: (options: HouseOptions) => Promise<House>): Promise<House> =>
  open({ pool: { commandTimeoutMs: 400, connectTimeoutMs: 400 } });

test.concurrent.for([
  ['POST', '/v1/tubes/t/jobs', { body: 'x' }],
  ['DELETE', '/v1/jobs/1'],
  ['POST', '/v1/jobs/1/kick'],
  ['POST', '/v1/tubes/t/pause?delay=1'],
] as const)('504 with outcome unknown: %s %s', async ([method, path, asked], { open, expect }) => {
  const { calls, beanstalkd, raw } = await silent(open);
  await raw.put('t', 'first', { delay: 1000 });
  beanstalkd.signal('SIGSTOP');
  const { problem } = await calls.problem('beanstalkd-timeout', method, path, asked);
  expect(at(problem, 'outcome')).toBe('unknown');
  beanstalkd.signal('SIGCONT');
  await untilReady(calls);
  // Whether it was carried out is chance: the bytes may be read before the connection is reset, or not. But not twice.
  const jobs = Number((await raw.stats('stats'))?.['total-jobs']);
  expect(jobs).toBeLessThanOrEqual(path === '/v1/tubes/t/jobs' ? 2 : 1);
});

test('504 of looking has no outcome; of a reserve it comes by its deadline', async ({ open }) => {
  const { calls, beanstalkd, raw } = await silent(open);
  const id = await raw.put('t', 'x');
  await calls.ok(200, 'GET', '/v1/tubes');
  beanstalkd.signal('SIGSTOP');
  const looks = Promise.all([
    calls.problem('beanstalkd-timeout', 'GET', `/v1/jobs/${id}`),
    calls.problem('beanstalkd-timeout', 'GET', '/v1/tubes'),
    calls.problem('beanstalkd-timeout', 'GET', '/v1/server'),
  ]);
  const began = performance.now();
  await calls.problem('beanstalkd-timeout', 'POST', '/v1/tubes/t/reservations?deadlineMs=300');
  expect(performance.now() - began).toBeLessThan(1_500);
  await looks;
  beanstalkd.signal('SIGCONT');
  await untilReady(calls);
  await expect.poll(() => raw.stateOf(id)).toBe('ready');
});

test.concurrent.for([
  ['POST', '/v1/tubes/t/jobs', { body: 'x' }],
  ['DELETE', '/v1/jobs/1'],
] as const)(
  '502 with outcome unknown, lost with the command under way: %s %s',
  async ([method, path, asked], { open, expect }) => {
    const { calls, beanstalkd, gateway } = await open();
    beanstalkd.signal('SIGSTOP');
    const asking = calls.problem('beanstalkd-connection-lost', method, path, asked);
    // The probe's own is one of the two.
    await expect.poll(() => gateway.pool.snapshot().commandsInFlight, { timeout: 3_000 }).toBe(2);
    beanstalkd.signal('SIGKILL');
    const { problem } = await asking;
    expect(at(problem, 'outcome')).toBe('unknown');
  },
);

test.concurrent('502 in a batch: for the items that were under way', async ({ open, expect }) => {
  const { calls, beanstalkd, gateway } = await open();
  beanstalkd.signal('SIGSTOP');
  const asking = calls.ok(200, 'POST', '/v1/tubes/t/jobs/batch', batch);
  await expect.poll(() => gateway.pool.snapshot().commandsInFlight, { timeout: 3_000 }).toBe(3);
  beanstalkd.signal('SIGKILL');
  const lost = { status: 502, type: '/problems/beanstalkd-connection-lost', outcome: 'unknown' };
  expect(at(await asking, 'results')).toMatchObject([lost, lost]);
});

test.concurrent('409 and 410 of reservations', async ({ open, expect }) => {
  const { calls, raw } = await open();
  const id = await raw.put('t', 'x');
  const token = await calls.reserve('t');
  const held = await calls.problem('job-state-conflict', 'POST', `/v1/jobs/${id}/reservation`);
  expect(held.problem).toMatchObject({ state: 'reserved', outcome: 'none' });
  await calls.ok(204, 'POST', `/v1/reservations/${token}/release`);
  for (const [method, path] of [
    ['DELETE', ''],
    ['POST', '/bury'],
    ['POST', '/touch'],
  ] as const) {
    const { problem } = await calls.problem('reservation-ended', method, `/v1/reservations/${token}${path}`);
    expect(problem).toMatchObject({ reason: 'released', outcome: 'none' });
  }
  const looked = await calls.problem('reservation-ended', 'GET', `/v1/reservations/${token}`);
  expect(at(looked.problem, 'reason')).toBe('released');
  expect(await raw.stateOf(id)).toBe('ready');
  for (const [method, path] of [
    ['GET', ''],
    ['DELETE', ''],
    ['POST', '/release'],
    ['POST', '/bury'],
    ['POST', '/touch'],
  ] as const) {
    await calls.problem('reservation-not-found', method, `/v1/reservations/never-made${path}`);
  }
});
