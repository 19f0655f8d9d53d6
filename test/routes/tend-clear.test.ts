import { expect } from 'vitest';
import { FakeServer } from '../support/fake-server.ts';
import { startGateway } from '../support/gateway.ts';
import type { RawConnection } from '../support/raw-connection.ts';
import { Calls, type House, type HouseOptions, test } from './calls.ts';
import { at } from './contract.ts';

async function putMany(raw: RawConnection, tube: string, count: number, delay = 0): Promise<void> {
  await raw.command(`use ${tube}`);
  raw.write(`put 0 ${delay} 60 1\r\nx\r\n`.repeat(count));
  for (let n = 0; n < count; n += 1) expect(await raw.line()).toMatch(/^INSERTED/);
}

async function bury(raw: RawConnection, tube: string, count: number): Promise<void> {
  await putMany(raw, tube, count);
  for (let n = 0; n < count; n += 1) await raw.command(`bury ${(await raw.reserve(tube))?.id ?? ''} 0`);
  await raw.command('watch default');
  await raw.command(`ignore ${tube}`);
}

const figures = async (raw: RawConnection, tube: string): Promise<unknown> => {
  const stats = await raw.stats(`stats-tube ${tube}`);
  return ['ready', 'delayed', 'buried', 'reserved'].map((state) => Number(stats?.[`current-jobs-${state}`]));
};

/** 3 ready, 4 delayed, 5 buried and 1 that a worker holds; of two tubes, one to be left alone. */
async function filled(open: (options?: HouseOptions) => Promise<House>): Promise<House> {
  const opened = await open();
  const worker = await opened.beanstalkd.raw();
  for (const tube of ['t', 'other']) {
    await bury(opened.raw, tube, 5);
    await opened.raw.put(tube, 'held');
    expect(await worker.reserve(tube)).toBeDefined();
    await worker.command('watch default');
    await worker.command(`ignore ${tube}`);
    await putMany(opened.raw, tube, 3);
    await putMany(opened.raw, tube, 4, 1000);
    expect(await figures(opened.raw, tube)).toEqual([3, 4, 5, 1]);
  }
  return opened;
}

test.concurrent.for([
  ['state=ready', 3, [0, 4, 5, 1]],
  ['state=delayed', 4, [3, 0, 5, 1]],
  ['state=buried', 5, [3, 4, 0, 1]],
  ['state=ready&state=buried', 8, [0, 4, 0, 1]],
  ['state=buried&state=delayed&state=ready', 12, [0, 0, 0, 1]],
] as const)('?%s deletes these and leaves the rest', async ([query, deleted, left], { open, expect }) => {
  const { calls, raw } = await filled(open);
  expect(await calls.ok(200, 'DELETE', `/v1/tubes/t/jobs?${query}`)).toEqual({ deleted, more: false });
  expect(await figures(raw, 't')).toEqual(left);
  expect(await figures(raw, 'other')).toEqual([3, 4, 5, 1]);
  expect(await calls.ok(200, 'DELETE', `/v1/tubes/t/jobs?${query}`)).toEqual({ deleted: 0, more: false });
});

test.concurrent('at most `limit`, over all states; `more` says that some are left', async ({
  open,
  expect,
}) => {
  const { calls, raw } = await filled(open);
  const clear = (query: string) => calls.ok(200, 'DELETE', `/v1/tubes/t/jobs?${query}`);
  expect(await clear('state=ready&limit=2')).toEqual({ deleted: 2, more: true });
  expect(await figures(raw, 't')).toEqual([1, 4, 5, 1]);
  expect(await clear('state=ready&state=delayed&limit=2')).toEqual({ deleted: 2, more: true });
  expect(await figures(raw, 't')).toEqual([0, 3, 5, 1]);
  expect(await clear('state=delayed&limit=3')).toEqual({ deleted: 3, more: false });
  expect(await clear('state=buried&limit=1')).toEqual({ deleted: 1, more: true });
  expect(await clear('state=buried&limit=100000')).toEqual({ deleted: 4, more: false });
  expect(await figures(raw, 't')).toEqual([0, 0, 0, 1]);
});

test.concurrent('1000 where no limit is given; more than one batch', async ({ open, expect }) => {
  const { calls, raw } = await open();
  await putMany(raw, 'many', 1_250);
  expect(await calls.ok(200, 'DELETE', '/v1/tubes/many/jobs?state=ready')).toEqual({
    deleted: 1_000,
    more: true,
  });
  expect(await figures(raw, 'many')).toEqual([250, 0, 0, 0]);
  // The tube vanishes with its last job.
  await raw.command('use default');
  expect(await calls.ok(200, 'DELETE', '/v1/tubes/many/jobs?state=ready')).toEqual({
    deleted: 250,
    more: false,
  });
  await expect.poll(() => raw.list('list-tubes')).not.toContain('many');
  await calls.problem('tube-not-found', 'DELETE', '/v1/tubes/many/jobs?state=ready');
});

test.concurrent('a paused tube is cleared, and stays paused', async ({ open, expect }) => {
  const { calls, raw } = await filled(open);
  await calls.ok(204, 'POST', '/v1/tubes/t/pause?delay=1000');
  expect(await calls.ok(200, 'DELETE', '/v1/tubes/t/jobs?state=ready')).toEqual({ deleted: 3, more: false });
  expect(await figures(raw, 't')).toEqual([0, 4, 5, 1]);
  expect(await raw.stats('stats-tube t')).toMatchObject({ pause: '1000' });
});

test.concurrent('it takes nothing from those who wait, and leaves no connection behind', async ({
  open,
  expect,
}) => {
  const { calls, raw } = await open();
  await putMany(raw, 't', 10, 1000);
  const waiting = calls.ok(200, 'POST', '/v1/tubes/t/reservations?timeout=20');
  await expect.poll(async () => (await raw.stats('stats-tube t'))?.['current-waiting']).toBe('1');
  await calls.ok(200, 'GET', '/v1/tubes/t');
  const before = Number((await raw.stats('stats'))?.['current-connections']);
  const query = 'state=ready&state=delayed';
  expect(await calls.ok(200, 'DELETE', `/v1/tubes/t/jobs?${query}`)).toEqual({ deleted: 10, more: false });
  await expect
    .poll(async () => Number((await raw.stats('stats'))?.['current-connections']))
    .toBeLessThanOrEqual(before);
  await raw.put('t', 'for the worker');
  expect(at(await waiting, 'reservations', 0, 'body')).toBe('for the worker');
});

test.concurrent('a caller that leaves stops it', async ({ open, expect }) => {
  const { calls, raw } = await open();
  const COUNT = 6_000;
  await putMany(raw, 't', COUNT, 1000);
  const left = async () => Number((await raw.stats('stats-tube t'))?.['current-jobs-delayed']);
  const connections = async () => Number((await raw.stats('stats'))?.['current-connections']);
  await calls.ok(200, 'GET', '/v1/tubes/t');
  const before = await connections();
  const caller = new AbortController();
  const { signal } = caller;
  const asked = calls.call('DELETE', `/v1/tubes/t/jobs?state=delayed&limit=${COUNT}`, { signal });
  const refused = expect(asked).rejects.toThrow(/abort/i);
  await expect.poll(left, { interval: 1 }).toBeLessThan(COUNT);
  caller.abort();
  await refused;
  await expect.poll(connections, { timeout: 10_000 }).toBeLessThanOrEqual(before);
  expect(await left()).toBeGreaterThan(0);
});

const REFUSED = [
  ['', 'state'],
  ['?limit=1', 'state'],
  ['?state=', 'state'],
  ['?state=reserved', 'state'],
  ['?state=ready&state=reserved', 'state'],
  ['?state=ready,buried', 'state'],
  ['?state=ready&state=ready', 'state'],
  ['?state=ready&limit=0', 'limit'],
  ['?state=ready&limit=100001', 'limit'],
  ['?state=ready&all=true', 'all'],
] as const;

test.concurrent('a query that is not right is refused and deletes nothing', async ({ open, expect }) => {
  const { calls, raw } = await open();
  await raw.put('t', 'x');
  for (const [query, name] of REFUSED) {
    const { problem } = await calls.problem('invalid-request', 'DELETE', `/v1/tubes/t/jobs${query}`);
    expect(problem).toMatchObject({ outcome: 'none' });
    expect(at(problem, 'errors', 0), query).toMatchObject({ in: 'query', name });
  }
  expect(await figures(raw, 't')).toEqual([1, 0, 0, 0]);
});

/** Where jobs are gone already, `outcome: none` and "a retry is safe" would be untrue. */
test('one that fails after it has deleted something does not say that nothing was done', async ({
  onTestFinished,
}) => {
  const server = await FakeServer.start();
  const gateway = await startGateway(server);
  onTestFinished(() => gateway.stop());
  const calls = new Calls(gateway);
  const shakeHands = async () => {
    const peer = await server.peer();
    await peer.takes('list-tube-used\r\n');
    peer.says('USING default\r\n');
    return peer;
  };
  const probed = await shakeHands();
  await probed.takes('stats\r\n');

  const clearing = calls.call('DELETE', '/v1/tubes/t/jobs?state=buried&limit=1');
  const looking = await shakeHands();
  await looking.takes('stats-tube t\r\n');
  const yaml = [
    '---',
    'name: t',
    ...[
      'current-jobs-urgent',
      'current-jobs-ready',
      'current-jobs-reserved',
      'current-jobs-delayed',
      'current-jobs-buried',
      'total-jobs',
      'current-using',
      'current-watching',
      'current-waiting',
      'cmd-delete',
      'cmd-pause-tube',
      'pause',
      'pause-time-left',
    ].map((field) => `${field}: 0`),
    '',
  ].join('\n');
  looking.says(`OK ${yaml.length}\r\n${yaml}\r\n`);
  const clearer = await shakeHands();
  await clearer.takes('use t\r\npeek-buried\r\n');
  clearer.says('USING t\r\nFOUND 7 1\r\nx\r\n');
  await clearer.takes('delete 7\r\n');
  // beanstalkd is lost right behind its last answer.
  server.stop();
  looking.close();
  probed.close();
  await expect.poll(() => gateway.pool.snapshot().connections.lane).toBe(0);
  clearer.says('DELETED\r\n');
  const answer = await clearing;
  expect(answer.status).not.toBe(503);
  expect(at(answer.json(), 'outcome')).toBe('unknown');
});
