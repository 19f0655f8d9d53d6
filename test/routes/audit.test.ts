import { pino } from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import { RIGHTS } from '../../src/access/rights.ts';
import { Gateway } from '../../src/gateway.ts';
import { readSettings } from '../../src/settings.ts';
import { Beanstalkd, freePort, poll } from '../support/beanstalkd.ts';
import { at } from './contract.ts';
import { type KeyedHouse, type KeyedOptions, openKeyedForTest } from './keyed-house.ts';

const open = (options?: KeyedOptions) =>
  openKeyedForTest(
    {
      operator: { rights: [...RIGHTS], tubes: ['in.*'] },
      worker: { rights: ['produce', 'consume', 'inspect'], tubes: ['*'] },
      slow: { rights: ['admin'], tubes: ['*'], ratePerSecond: 1 },
      expired: { rights: [...RIGHTS], tubes: ['*'], expires: '2020-01-01T00:00:00Z' },
    },
    options,
  );

/** What was audited so far, in its order. */
const audited = ({ lines }: Pick<KeyedHouse, 'lines'>): unknown[] =>
  lines.map((line): unknown => JSON.parse(line)).filter((line) => at(line, 'audit') === true);

/** The one line there is, by now or in a moment. */
async function theLine(house: KeyedHouse): Promise<unknown> {
  await poll('it is audited', () => audited(house).length > 0);
  expect(audited(house)).toHaveLength(1);
  return audited(house)[0];
}

const act = ({ calls, file }: KeyedHouse, key: string, method: string, path: string) =>
  calls.call(method, path, { headers: { ...file.headers(key), 'x-request-id': `by-${key}` } });

/** Whoever is not named does it with this. */
const BY = { level: 30, audit: true, msg: 'audit', key: 'operator', id: 'by-operator', address: '127.0.0.1' };

describe('each act of administration leaves one line', () => {
  test('deleteJob', async () => {
    const house = await open();
    const id = await house.raw.put('in.a', 'x');
    await act(house, 'operator', 'DELETE', `/v1/jobs/${id}`);
    expect(await theLine(house)).toEqual({
      ...BY,
      operation: 'deleteJob',
      params: { id },
      query: {},
      status: 204,
    });
  });

  test('kickJob', async () => {
    const house = await open();
    const id = await house.raw.put('in.a', 'x', { delay: 100 });
    await act(house, 'operator', 'POST', `/v1/jobs/${id}/kick`);
    const expected = { ...BY, operation: 'kickJob', params: { id }, query: {}, status: 204 };
    expect(await theLine(house)).toEqual(expected);
  });

  test('kickJobs', async () => {
    const house = await open();
    for (let n = 0; n < 3; n += 1) await house.raw.put('in.a', 'x', { delay: 100 });
    await act(house, 'operator', 'POST', '/v1/tubes/in.a/kick?bound=2');
    expect(await theLine(house)).toEqual({
      ...BY,
      operation: 'kickJobs',
      params: { tube: 'in.a' },
      query: { bound: 2 },
      status: 200,
      answer: '{"kicked":2}',
    });
  });

  test('pauseTube', async () => {
    const house = await open();
    await house.raw.put('in.a', 'x');
    await act(house, 'operator', 'POST', '/v1/tubes/in.a/pause?delay=7');
    expect(await theLine(house)).toEqual({
      ...BY,
      operation: 'pauseTube',
      params: { tube: 'in.a' },
      query: { delay: 7 },
      status: 204,
    });
  });

  test('clearTube', async () => {
    const house = await open();
    for (let n = 0; n < 3; n += 1) await house.raw.put('in.a', 'x');
    await act(house, 'operator', 'DELETE', '/v1/tubes/in.a/jobs?state=ready&state=buried&limit=2');
    expect(await theLine(house)).toEqual({
      ...BY,
      operation: 'clearTube',
      params: { tube: 'in.a' },
      query: { state: ['ready', 'buried'], limit: 2 },
      status: 200,
      answer: '{"deleted":2,"more":true}',
    });
  });
});

describe('an attempt likewise', () => {
  test.each([
    ['without the right', 'worker', 'POST', '/v1/tubes/in.a/pause?delay=1', 'pauseTube', 403, 'forbidden'],
    ['outside', 'operator', 'DELETE', '/v1/tubes/out/jobs?state=ready', 'clearTube', 403, 'forbidden'],
    ['what is not there', 'operator', 'DELETE', '/v1/jobs/999999', 'deleteJob', 404, 'job-not-found'],
    ['no such tube', 'operator', 'POST', '/v1/tubes/in.none/kick?bound=1', 'kickJobs', 404, 'tube-not-found'],
    ['what is not valid', 'operator', 'POST', '/v1/jobs/x/kick', 'kickJob', 400, 'invalid-request'],
  ])('%s', async (_name, key, method, path, operation, status, problem) => {
    const house = await open();
    await act(house, key, method, path);
    const line = await theLine(house);
    expect(line).toMatchObject({ key, id: `by-${key}`, address: '127.0.0.1', operation, status });
    expect(JSON.parse(String(at(line, 'answer')))).toMatchObject({ type: `/problems/${problem}` });
  });

  test('one of a job that somebody holds, and one above the rate', async () => {
    const house = await open();
    const id = await house.raw.put('t', 'x');
    expect((await house.raw.reserve('t'))?.id).toBe(id);
    await act(house, 'slow', 'DELETE', `/v1/jobs/${id}`);
    await act(house, 'slow', 'DELETE', `/v1/jobs/${id}`);
    expect(audited(house).map((line) => [at(line, 'key'), at(line, 'status')])).toEqual([
      ['slow', 409],
      ['slow', 429],
    ]);
  });
});

test('nothing else leaves one', async () => {
  const house = await open();
  const { calls, file, raw } = house;
  const headers = file.headers('operator');
  const id = await raw.put('in.a', 'x');
  for (const path of [
    '/v1/tubes',
    '/v1/tubes/in.a',
    `/v1/jobs/${id}`,
    '/v1/tubes/in.a/peek?state=ready',
    '/',
  ]) {
    await calls.ok(200, 'GET', path, { headers });
  }
  await calls.ok(201, 'POST', '/v1/tubes/in.a/jobs', { headers, body: 'x' });
  for (const action of ['/release', '/bury', '']) {
    const taken = await calls.ok(200, 'POST', '/v1/tubes/in.a/reservations', { headers });
    const path = `/v1/reservations/${at(taken, 'reservations', 0, 'reservation')}`;
    await calls.ok(204, action === '' ? 'DELETE' : 'POST', `${path}${action}`, { headers });
  }
  await calls.problem('method-not-allowed', 'PUT', '/v1/tubes/in.a/jobs', { headers });
  expect(audited(house)).toEqual([]);
});

test('nor does a call without a good key: a stranger cannot fill the log', async () => {
  const house = await open({ app: { rates: { perAddress: 3, perKey: 0 } } });
  const bad = { authorization: 'Bearer bad' };
  for (const headers of [{}, bad, house.file.headers('expired'), {}]) {
    const { status } = await house.calls.call('DELETE', '/v1/jobs/1', { headers });
    expect([401, 429]).toContain(status);
  }
  expect(audited(house)).toEqual([]);
});

test('one whose caller leaves before its answer has the line all the same', async () => {
  const house = await open();
  const { calls, file, raw } = house;
  const COUNT = 6_000;
  await raw.command('use in.a');
  raw.write('put 0 1000 60 1\r\nx\r\n'.repeat(COUNT));
  for (let n = 0; n < COUNT; n += 1) await raw.line();
  const leaving = new AbortController();
  const path = `/v1/tubes/in.a/jobs?state=delayed&limit=${COUNT}`;
  const headers = { ...file.headers('operator'), 'x-request-id': 'by-operator' };
  const asked = calls.call('DELETE', path, { headers, signal: leaving.signal });
  const refused = expect(asked).rejects.toThrow(/abort/i);
  const left = async () => Number((await raw.stats('stats-tube in.a'))?.['current-jobs-delayed']);
  await poll('some are deleted', async () => (await left()) < COUNT);
  leaving.abort();
  await refused;
  const line = await theLine(house);
  expect(line).toMatchObject({ ...BY, operation: 'clearTube', status: 200 });
  const { deleted } = Object(JSON.parse(String(at(line, 'answer'))));
  expect(deleted).toBeGreaterThan(0);
  expect(await left()).toBe(COUNT - deleted);
});

test('it has the address that a trusted proxy tells', async () => {
  const house = await open({ app: { trustProxy: ['127.0.0.1'] } });
  const headers = { ...house.file.headers('operator'), 'x-forwarded-for': '198.51.100.1, 203.0.113.9' };
  await house.calls.call('DELETE', '/v1/jobs/1', { headers });
  expect(await theLine(house)).toMatchObject({ address: '203.0.113.9' });
});

test('no secret and no body is in it', async () => {
  const house = await open();
  const { calls, file, lines } = house;
  const headers = file.headers('operator');
  const secret = headers.authorization.slice('Bearer '.length);
  await house.raw.put('in.a', 'confidential');
  const pause = '/v1/tubes/in.a/pause?delay=1';
  await calls.call('POST', pause, { headers, body: 'confidential' });
  await calls.call('POST', `${pause}&access_token=${secret}`, { headers });
  await calls.call('DELETE', '/v1/tubes/in.a/jobs?state=ready', { headers });
  await poll('all are audited', () => audited(house).length === 3);
  expect(lines.filter((line) => line.includes('confidential') || line.includes(secret))).toEqual([]);
});

test('without keys it was anyone; and LOG_LEVEL does not mute it', async () => {
  const beanstalkd = await Beanstalkd.start();
  onTestFinished(() => beanstalkd.stop());
  const port = await freePort();
  const lines: string[] = [];
  const gateway = new Gateway({
    settings: readSettings(['--beanstalkd-url', beanstalkd.url, '--port', String(port)], {}),
    logRequests: 'all',
    log: pino({ base: null, timestamp: false, level: 'silent' }, { write: (line) => lines.push(line) }),
    version: '0.0.0-test',
    path: undefined,
  });
  onTestFinished(() => gateway.stop(0));
  await gateway.start();
  const url = `http://127.0.0.1:${port}`;
  await poll('it is ready', async () => (await fetch(`${url}/readyz`)).ok);
  const answer = await fetch(`${url}/v1/jobs/1`, { method: 'DELETE' });
  expect(answer.status).toBe(404);
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    ...BY,
    key: 'anyone',
    id: answer.headers.get('x-request-id'),
    operation: 'deleteJob',
    status: 404,
  });
});
