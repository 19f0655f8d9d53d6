import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { RIGHTS } from '../../src/access/rights.ts';
import { poll } from '../support/beanstalkd.ts';
import { at } from './contract.ts';
import type { Entry } from './keyed.ts';
import { type KeyedHouse, openKeyedForTest } from './keyed-house.ts';

/*
 * A key file that changes while callers are there. That it is read again by itself is for test/access: here it is told to,
 * so that each test knows from when on it holds.
 */

const EVERYTHING: Entry = { rights: [...RIGHTS], tubes: ['*'] };

function rewrite({ file }: KeyedHouse, entries: Readonly<Record<string, Entry>>): void {
  file.write(entries);
  file.keys.reload();
}

/** Takes a job as this key; the reservation. */
async function take({ calls, raw, file }: KeyedHouse, key: string): Promise<string> {
  await raw.put('in.a', 'x');
  const answer = await calls.ok(200, 'POST', '/v1/tubes/in.a/reservations', { headers: file.headers(key) });
  return String(at(answer, 'reservations', 0, 'reservation'));
}

test('a right that is taken away', async () => {
  const house = await openKeyedForTest({ it: EVERYTHING });
  const { calls, file } = house;
  const headers = file.headers('it');
  const reservation = await take(house, 'it');
  rewrite(house, { it: { ...EVERYTHING, rights: ['produce'] } });
  await calls.ok(201, 'POST', '/v1/tubes/in.a/jobs', { headers, body: 'x' });
  await calls.problem('forbidden', 'GET', '/v1/tubes', { headers });
  await calls.problem('forbidden', 'POST', '/v1/tubes/in.a/reservations', { headers });
  await calls.problem('forbidden', 'POST', '/v1/tubes/in.a/kick?bound=1', { headers });
  await calls.problem('forbidden', 'DELETE', `/v1/reservations/${reservation}`, { headers });
  rewrite(house, { it: EVERYTHING });
  await calls.ok(204, 'DELETE', `/v1/reservations/${reservation}`, { headers });
});

test('patterns that are narrowed: new calls are refused, and what is held already can be settled', async () => {
  const house = await openKeyedForTest({ it: EVERYTHING });
  const { calls, file, raw } = house;
  const headers = file.headers('it');
  const reservation = await take(house, 'it');
  const id = await raw.put('in.a', 'x');
  rewrite(house, { it: { ...EVERYTHING, tubes: ['out.*'] } });
  await calls.problem('forbidden', 'POST', '/v1/tubes/in.a/jobs', { headers, body: 'x' });
  await calls.problem('forbidden', 'POST', '/v1/tubes/in.a/reservations', { headers });
  await calls.problem('job-not-found', 'GET', `/v1/jobs/${id}`, { headers });
  await calls.problem('forbidden', 'GET', '/v1/server', { headers });
  expect(await calls.ok(200, 'GET', '/v1/tubes', { headers })).toEqual({ tubes: [] });
  await calls.ok(201, 'POST', '/v1/tubes/out.a/jobs', { headers, body: 'x' });
  await calls.ok(204, 'DELETE', `/v1/reservations/${reservation}`, { headers });
});

describe('a key that is removed', () => {
  test('its next call is 401; whoever has another one notices nothing', async () => {
    const house = await openKeyedForTest({ it: EVERYTHING, other: EVERYTHING });
    const { calls, file } = house;
    const headers = file.headers('it');
    await calls.ok(200, 'GET', '/v1/tubes', { headers });
    rewrite(house, { other: EVERYTHING });
    await calls.problem('unauthorized', 'GET', '/v1/tubes', { headers });
    await calls.problem('unauthorized', 'POST', '/v1/tubes/in.a/jobs', { headers, body: 'x' });
    await calls.ok(200, 'GET', '/v1/tubes', { headers: file.headers('other') });
  });

  test('its reserve that waits already still gets a job, which it cannot settle any more', async () => {
    const house = await openKeyedForTest({ it: EVERYTHING, other: EVERYTHING });
    const { calls, file, raw, gateway } = house;
    const headers = file.headers('it');
    const waiting = calls.ok(200, 'POST', '/v1/tubes/in.a/reservations?timeout=20', { headers });
    await poll('it waits', () => gateway.pool.snapshot().waiters === 1);
    rewrite(house, { other: EVERYTHING });
    const id = await raw.put('in.a', 'x', { ttr: 1 });
    const answer = await waiting;
    expect(at(answer, 'reservations', 0, 'job', 'id')).toBe(id);
    const path = `/v1/reservations/${at(answer, 'reservations', 0, 'reservation')}`;
    await calls.problem('unauthorized', 'DELETE', path, { headers });
    await poll('the job is ready again', async () => (await raw.stateOf(id)) === 'ready');
  });
});

test('a new secret under the same name: the old one is 401, and what it reserved is the new one’s', async () => {
  const house = await openKeyedForTest({ it: { ...EVERYTHING, maxReservations: 2 } });
  const { calls, file } = house;
  const former = file.headers('it');
  const [held, deleted] = [await take(house, 'it'), await take(house, 'it')];
  await calls.ok(204, 'DELETE', `/v1/reservations/${deleted}`, { headers: former });
  file.renew('it');
  rewrite(house, { it: { ...EVERYTHING, maxReservations: 2 } });
  const headers = file.headers('it');
  expect(headers).not.toEqual(former);
  await calls.problem('unauthorized', 'DELETE', `/v1/reservations/${held}`, { headers: former });
  await calls.ok(200, 'GET', `/v1/reservations/${held}`, { headers });
  // It counts as the new one's too, and so does what is remembered of an ending.
  await calls.problem('too-many-requests', 'POST', '/v1/tubes/in.a/reservations?count=2', { headers });
  await calls.ok(204, 'DELETE', `/v1/reservations/${deleted}`, { headers });
  await calls.ok(204, 'DELETE', `/v1/reservations/${held}`, { headers });
  await calls.ok(200, 'POST', '/v1/tubes/in.a/reservations?count=2', { headers });
});

test('bounds that are lowered below what is held: nothing more, and nothing is taken away', async () => {
  const house = await openKeyedForTest({ it: { ...EVERYTHING, maxReservations: 5 } });
  const { calls, file } = house;
  const headers = file.headers('it');
  const held = [await take(house, 'it'), await take(house, 'it')];
  rewrite(house, { it: { ...EVERYTHING, maxReservations: 1 } });
  await calls.problem('too-many-requests', 'POST', '/v1/tubes/in.a/reservations', { headers });
  for (const token of held) await calls.ok(204, 'DELETE', `/v1/reservations/${token}`, { headers });
  await calls.ok(200, 'POST', '/v1/tubes/in.a/reservations', { headers });
});

test('a key that expires while the gateway runs: 401 from that very moment', async () => {
  const now = Date.now();
  vi.useFakeTimers({ toFake: ['Date'], now });
  onTestFinished(() => void vi.useRealTimers());
  const expires = new Date(now + 1_000).toISOString();
  const { calls, file } = await openKeyedForTest({ it: { ...EVERYTHING, expires }, other: EVERYTHING });
  const headers = file.headers('it');
  vi.setSystemTime(now + 999);
  await calls.ok(200, 'GET', '/v1/tubes', { headers });
  vi.setSystemTime(now + 1_000);
  const expired = await calls.problem('unauthorized', 'GET', '/v1/tubes', { headers });
  expect(at(expired.problem, 'detail')).toBe('the key it has expired');
  expect(expired.headers['www-authenticate']).toMatch(/, error="invalid_token"$/);
  await calls.ok(200, 'GET', '/v1/tubes', { headers: file.headers('other') });
});
