import { afterAll, beforeAll, describe, expect } from 'vitest';
import { type House, openHouse, test } from './calls.ts';
import { at } from './contract.ts';

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.close());

const camelCase = (name: string) => name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** Tubes are asked about by connections that come and go. */
const OF_THE_MOMENT = new Set(['current-using', 'current-watching', 'current-waiting']);

async function buriedJobs(tube: string, count: number): Promise<string[]> {
  const { calls, raw } = house;
  const ids: string[] = [];
  for (let n = 0; n < count; n += 1) {
    ids.push(await raw.put(tube, `${n}`));
    await calls.ok(204, 'POST', `/v1/reservations/${await calls.reserve(tube)}/bury`);
  }
  return ids;
}

describe('kickJobs', () => {
  test('at most `bound` buried jobs, the first first; delayed ones only when none is buried', async () => {
    const { calls, raw } = house;
    const [first = '', second = '', third = ''] = await buriedJobs('kick', 3);
    const delayed = await raw.put('kick', 'd', { delay: 1000 });
    expect(await calls.ok(200, 'POST', '/v1/tubes/kick/kick?bound=2')).toEqual({ kicked: 2 });
    expect(await Promise.all([raw.stateOf(first)])).toEqual(['ready']);
    expect([await raw.stateOf(second), await raw.stateOf(third)]).toEqual(['ready', 'buried']);
    expect(await calls.ok(200, 'POST', '/v1/tubes/kick/kick?bound=4294967295')).toEqual({ kicked: 1 });
    expect([await raw.stateOf(third), await raw.stateOf(delayed)]).toEqual(['ready', 'delayed']);
    expect(await calls.ok(200, 'POST', '/v1/tubes/kick/kick?bound=1')).toEqual({ kicked: 1 });
    expect(await raw.stateOf(delayed)).toBe('ready');
    expect(await calls.ok(200, 'POST', '/v1/tubes/kick/kick?bound=1')).toEqual({ kicked: 0 });
  });

  test('no such tube, and none is made', async () => {
    const { calls, raw } = house;
    const before = await raw.list('list-tubes');
    const { problem } = await calls.problem('tube-not-found', 'POST', '/v1/tubes/nowhere/kick?bound=1');
    expect(at(problem, 'outcome')).toBe('none');
    await calls.problem('tube-not-found', 'POST', '/v1/tubes/nowhere/pause?delay=1');
    await calls.problem('tube-not-found', 'DELETE', '/v1/tubes/nowhere/jobs?state=ready');
    await calls.problem('tube-not-found', 'GET', '/v1/tubes/nowhere');
    expect(await raw.list('list-tubes')).toEqual(before);
  });
});

describe('pauseTube', () => {
  test('nobody gets a job while it is paused; 0 resumes', async () => {
    const { calls, raw, beanstalkd } = house;
    const id = await raw.put('pause', 'x');
    await calls.ok(204, 'POST', '/v1/tubes/pause/pause?delay=1000');
    expect(await raw.stats('stats-tube pause')).toMatchObject({ pause: '1000', 'cmd-pause-tube': '1' });
    const worker = await beanstalkd.raw();
    expect(await worker.reserve('pause')).toBeUndefined();
    expect(await calls.ok(200, 'POST', '/v1/tubes/pause/reservations')).toEqual({ reservations: [] });
    const seen = await calls.ok(200, 'GET', '/v1/tubes/pause');
    expect(seen).toMatchObject({ pause: 1000, cmdPauseTube: 1 });
    expect(Number(at(seen, 'pauseTimeLeft'))).toBeGreaterThan(990);

    await calls.ok(204, 'POST', '/v1/tubes/pause/pause?delay=0');
    expect((await worker.reserve('pause', 1))?.id).toBe(id);
    expect(await calls.ok(200, 'GET', '/v1/tubes/pause')).toMatchObject({ pause: 0, pauseTimeLeft: 0 });
  });

  test('one that waits gets its job when the tube resumes', async () => {
    const { calls, raw } = house;
    await raw.put('resume', 'x');
    await calls.ok(204, 'POST', '/v1/tubes/resume/pause?delay=1000');
    const waiting = calls.ok(200, 'POST', '/v1/tubes/resume/reservations?timeout=20');
    await expect.poll(async () => (await raw.stats('stats-tube resume'))?.['current-waiting']).toBe('1');
    await calls.ok(204, 'POST', '/v1/tubes/resume/pause?delay=0');
    expect(at(await waiting, 'reservations', 0, 'body')).toBe('x');
  });

  test('the longest pause', async () => {
    const { calls, raw } = house;
    await raw.put('long', 'x');
    await calls.ok(204, 'POST', '/v1/tubes/long/pause?delay=4294967295');
    expect(await raw.stats('stats-tube long')).toMatchObject({ pause: '4294967295' });
    expect(await calls.ok(200, 'GET', '/v1/tubes/long')).toMatchObject({ pause: 4_294_967_295 });
  });
});

describe('getTube', () => {
  test('all that stats-tube says, and nothing else', async () => {
    const { calls, raw } = house;
    await buriedJobs('tube;a', 1);
    await raw.put('tube;a', 'u', { priority: 1 });
    await raw.put('tube;a', 'held', { priority: 0 });
    await calls.reserve('tube;a');
    await raw.put('tube;a', 'r');
    await raw.put('tube;a', 'd', { delay: 1000 });
    const deleted = await raw.put('tube;a', 'x');
    await raw.command(`delete ${deleted}`);
    const stats = await raw.stats('stats-tube tube;a');
    const seen = await calls.ok(200, 'GET', '/v1/tubes/tube;a');
    expect(seen).toMatchObject({
      name: 'tube;a',
      currentJobsUrgent: 1,
      currentJobsReady: 2,
      currentJobsReserved: 1,
      currentJobsDelayed: 1,
      currentJobsBuried: 1,
      totalJobs: 6,
      cmdDelete: 1,
    });
    expect(Object.keys(Object(seen)).sort()).toEqual(Object.keys(Object(stats)).map(camelCase).sort());
    for (const [name, value] of Object.entries(stats ?? {})) {
      if (OF_THE_MOMENT.has(name)) expect(at(seen, camelCase(name))).toEqual(expect.any(Number));
      else if (name !== 'name') expect(at(seen, camelCase(name)), name).toBe(Number(value));
    }
  });

  test.for(['1e3', '0x10', 'true', 'null', '+', '$', '()', 'a/b', ';', 'a..', '_-'])(
    'a tube named %s keeps its name',
    async (name) => {
      const { calls, raw } = house;
      await raw.put(name, 'x');
      const path = `/v1/tubes/${encodeURIComponent(name)}`;
      expect(await calls.ok(200, 'GET', path)).toMatchObject({ name, currentJobsReady: 1 });
    },
  );
});

test('listTubes: all of them, sorted, each as getTube has it', async ({ open }) => {
  const { calls, raw } = await open();
  for (const name of ['b', 'a/2', 'Z', 'a', '1e3', '+', 'B-1']) await raw.put(name, name);
  await raw.put('gone', 'x');
  await raw.command(`delete ${(await raw.reserve('gone'))?.id ?? ''}`);
  await raw.command('use b');
  await raw.command('watch default');
  await raw.command('ignore gone');
  const listed = await calls.ok(200, 'GET', '/v1/tubes');
  const tubes = at(listed, 'tubes');
  const names = Array.isArray(tubes) ? tubes.map((tube) => String(at(tube, 'name'))) : [];
  expect(names).toEqual(['+', '1e3', 'B-1', 'Z', 'a', 'a/2', 'b', 'default']);
  expect(names).toEqual((await raw.list('list-tubes')).sort());
  for (const [n, name] of names.entries()) {
    const one = await calls.ok(200, 'GET', `/v1/tubes/${encodeURIComponent(name)}`);
    expect(Object.keys(Object(at(listed, 'tubes', n)))).toEqual(Object.keys(Object(one)));
    expect(at(listed, 'tubes', n, 'totalJobs')).toBe(at(one, 'totalJobs'));
  }
});

test('getServer: all that stats says, typed, and the gateway', async () => {
  const { calls, raw, gateway } = house;
  const seen = await calls.ok(200, 'GET', '/v1/server');
  const stats = await raw.stats('stats');
  const { gateway: about, ...server } = Object(seen);
  expect(Object.keys(server).sort()).toEqual(Object.keys(Object(stats)).map(camelCase).sort());
  const TEXTS = new Set(['version', 'id', 'hostname', 'os', 'platform']);
  for (const [name, value] of Object.entries(stats ?? {})) {
    const shown: unknown = server[camelCase(name)];
    if (name === 'draining') expect(shown).toBe(false);
    else if (TEXTS.has(name))
      expect(`"${String(shown)}"`.replaceAll('""', '"')).toContain(value.replaceAll('"', ''));
    else expect(shown, name).toEqual(expect.any(Number));
  }
  expect(server).toMatchObject({
    pid: Number(stats?.['pid']),
    maxJobSize: 65_535,
    totalJobs: Number(stats?.['total-jobs']),
    cmdPut: Number(stats?.['cmd-put']),
    binlogMaxSize: Number(stats?.['binlog-max-size']),
  });
  expect(about).toEqual({ version: '0.0.0-test', instance: expect.stringMatching(/^[0-9a-f-]{36}$/) });
  expect(at(await calls.ok(200, 'GET', '/v1/server'), 'gateway')).toEqual(about);
  expect(gateway.pool.snapshot().reconnects).toBe(0);
});

test('getServer: each gateway has an instance of its own, and sees what beanstalkd was started with', async ({
  open,
}) => {
  const other = await open({ args: ['-z', '1000'] });
  const here = await house.calls.ok(200, 'GET', '/v1/server');
  const there = await other.calls.ok(200, 'GET', '/v1/server');
  expect(at(there, 'maxJobSize')).toBe(1000);
  expect(at(there, 'gateway', 'instance')).not.toBe(at(here, 'gateway', 'instance'));
  expect(at(there, 'id')).not.toBe(at(here, 'id'));
  other.beanstalkd.signal('SIGUSR1');
  await expect.poll(async () => at(await other.calls.ok(200, 'GET', '/v1/server'), 'draining')).toBe(true);
});
