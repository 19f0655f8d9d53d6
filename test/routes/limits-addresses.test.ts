import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { RIGHTS } from '../../src/access/rights.ts';
import { type KeyedHouse, openKeyedForTest } from './keyed-house.ts';

interface Options {
  readonly perAddress: number;
  readonly perKey?: number;
  readonly trustProxy?: readonly string[];
}

/** The clock by which rates are counted stands still, so that no second ends while a test counts. */
async function openAt({ perAddress, perKey = 0, trustProxy = ['127.0.0.1'] }: Options): Promise<KeyedHouse> {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
  onTestFinished(() => void vi.useRealTimers());
  const rates = { perAddress, perKey };
  return openKeyedForTest({ it: { rights: [...RIGHTS], tubes: ['*'] } }, { app: { rates, trustProxy } });
}

/** The status for a call with a good key that came by a proxy here, which says that it came from there. */
async function statusFrom({ calls, file }: KeyedHouse, forwardedFor: string): Promise<number> {
  const headers = { ...file.headers('it'), 'x-forwarded-for': forwardedFor };
  return (await calls.call('GET', '/v1/tubes', { headers })).status;
}

test('every call of an address counts, before its key is looked at', async () => {
  const house = await openAt({ perAddress: 4 });
  const { calls, file } = house;
  const first = await calls.call('GET', '/v1/tubes');
  expect(first.status).toBe(401);
  expect(first.headers).toMatchObject({
    'ratelimit-limit': '4',
    'ratelimit-remaining': '3',
    'ratelimit-reset': '1',
  });
  const bad = { authorization: 'Bearer bad' };
  expect((await calls.call('GET', '/v1/tubes', { headers: bad })).status).toBe(401);
  expect((await calls.call('GET', '/nowhere')).status).toBe(404);
  expect((await calls.call('PUT', '/v1/tubes')).status).toBe(401);
  for (const headers of [bad, {}, file.headers('it')]) {
    const refused = await calls.problem('too-many-requests', 'GET', '/v1/tubes', { headers });
    expect(refused.headers).toMatchObject({ 'ratelimit-remaining': '0', 'retry-after': '1' });
    expect(refused.problem).toMatchObject({ detail: 'more than 4 calls a second' });
  }
  expect((await calls.call('GET', '/nowhere')).status).toBe(429);
  for (const path of ['/livez', '/readyz']) {
    const { status, headers } = await calls.call('GET', path);
    expect([status, headers['ratelimit-limit']]).toEqual([200, undefined]);
  }
  vi.setSystemTime(Date.now() + 1_000);
  expect((await calls.call('GET', '/v1/tubes', { headers: file.headers('it') })).status).toBe(200);
});

test('beside the rate of a key, which is told where both hold', async () => {
  const house = await openAt({ perAddress: 3, perKey: 2 });
  const { calls, file } = house;
  const headers = file.headers('it');
  const answer = await calls.call('GET', '/v1/tubes', { headers });
  expect(answer.headers).toMatchObject({ 'ratelimit-limit': '2', 'ratelimit-remaining': '1' });
  await calls.call('GET', '/v1/tubes', { headers });
  const byKey = await calls.problem('too-many-requests', 'GET', '/v1/tubes', { headers });
  expect(byKey.problem).toMatchObject({ detail: 'more than 2 calls a second' });
  const byAddress = await calls.problem('too-many-requests', 'GET', '/v1/tubes', { headers });
  expect(byAddress.problem).toMatchObject({ detail: 'more than 3 calls a second' });
});

describe('whose address it is', () => {
  test('X-Forwarded-For is not looked at where no proxy is trusted', async () => {
    const house = await openAt({ perAddress: 2, trustProxy: [] });
    expect(await statusFrom(house, '203.0.113.1')).toBe(200);
    expect(await statusFrom(house, '203.0.113.2')).toBe(200);
    expect(await statusFrom(house, '203.0.113.3')).toBe(429);
  });

  test('nor from somebody who is no trusted proxy', async () => {
    const house = await openAt({ perAddress: 2, trustProxy: ['10.0.0.0/8'] });
    expect(await statusFrom(house, '203.0.113.1')).toBe(200);
    expect(await statusFrom(house, '203.0.113.2')).toBe(200);
    expect(await statusFrom(house, '203.0.113.3')).toBe(429);
  });

  test('from a trusted one it is believed', async () => {
    const house = await openAt({ perAddress: 1 });
    expect(await statusFrom(house, '203.0.113.1')).toBe(200);
    expect(await statusFrom(house, '203.0.113.1')).toBe(429);
    expect(await statusFrom(house, '203.0.113.2')).toBe(200);
    // The proxy's own, which says nothing.
    expect((await house.calls.call('GET', '/v1/tubes')).status).toBe(401);
    expect((await house.calls.call('GET', '/v1/tubes')).status).toBe(429);
  });

  test('only up to the first hop that is not trusted: what a caller has made up in front is not', async () => {
    const house = await openAt({ perAddress: 2, trustProxy: ['127.0.0.1', '10.0.0.0/8'] });
    expect(await statusFrom(house, '198.51.100.1, 203.0.113.1')).toBe(200);
    expect(await statusFrom(house, '198.51.100.2, 10.9.9.9, 203.0.113.1')).toBe(200);
    expect(await statusFrom(house, '127.0.0.1, 198.51.100.3, 203.0.113.1')).toBe(429);
    // By a second proxy of ours.
    expect(await statusFrom(house, '198.51.100.4, 203.0.113.1, 10.0.0.7')).toBe(429);
    expect(await statusFrom(house, '203.0.113.1, 203.0.113.2, 10.0.0.7, 10.0.0.8')).toBe(200);
  });

  test('an IPv6 network of 64 bits is one, and an IPv4 address the same in both forms', async () => {
    const house = await openAt({ perAddress: 1 });
    expect(await statusFrom(house, '2001:db8:1:2::1')).toBe(200);
    expect(await statusFrom(house, '2001:db8:1:2:ffff:ffff:ffff:ffff')).toBe(429);
    expect(await statusFrom(house, '2001:0DB8:0001:0002::7')).toBe(429);
    expect(await statusFrom(house, '2001:db8:1:3::1')).toBe(200);
    expect(await statusFrom(house, '203.0.113.1')).toBe(200);
    expect(await statusFrom(house, '::ffff:203.0.113.1')).toBe(429);
    expect(await statusFrom(house, '::ffff:203.0.113.2')).toBe(200);
  });

  test.each([
    ['nothing', ''],
    ['commas', ', ,'],
    ['a word', 'unknown'],
    ['a very long word', 'x'.repeat(5_000)],
    ['an address and a port', '203.0.113.1:80'],
    ['an address and its interface', 'fe80::1%eth0'],
    ['half of that', '::%'],
    ['a network', '203.0.113.0/24'],
    ['a byte', '\xff'],
  ])('what is no address is counted all the same: %s', async (_name, forwardedFor) => {
    const house = await openAt({ perAddress: 1 });
    expect(await statusFrom(house, forwardedFor)).toBe(200);
    expect(await statusFrom(house, forwardedFor)).toBe(429);
  });
});

/** As many as are remembered by the gateway. */
const COUNTED_MAX = 50_000;

test('of 60,000 addresses within a second the last 50,000 are remembered, and none more', async () => {
  const house = await openAt({ perAddress: 1 });
  const address = (n: number) => `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`;
  await callFromAll(house.calls.port, 60_000, address);
  expect(await statusFrom(house, address(60_000 - 1))).toBe(429);
  expect(await statusFrom(house, address(60_000 - COUNTED_MAX + 100))).toBe(429);
  expect(await statusFrom(house, address(60_000 - COUNTED_MAX - 100))).toBe(200);
  expect(await statusFrom(house, address(0))).toBe(200);
}, 60_000);

/** One call of each, sent ahead on one connection; of what is nowhere, which costs least. */
async function callFromAll(port: number, count: number, address: (n: number) => string): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  let answers = 0;
  let tail = '';
  socket.on('data', (chunk: Buffer) => {
    const text = tail + chunk.toString('latin1');
    answers += text.split('HTTP/1.1 404 ').length - 1;
    tail = text.slice(-'HTTP/1.1 404'.length);
  });
  for (let n = 0; n < count; n += 1) {
    const call = `GET /nowhere HTTP/1.1\r\nHost: gateway\r\nX-Forwarded-For: ${address(n)}\r\n\r\n`;
    if (!socket.write(call)) await once(socket, 'drain');
  }
  await vi.waitUntil(() => answers === count, { timeout: 50_000 });
}
