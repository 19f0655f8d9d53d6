import { expect } from 'vitest';
import { type Calls, test } from './calls.ts';
import { openKeyedForTest } from './keyed-house.ts';

const JOBS = '/v1/tubes/t/jobs';

const putFrom = async (calls: Calls, headers: Readonly<Record<string, string>>) =>
  (await calls.call('POST', JOBS, { headers, body: 'x' })).status;

test('without keys, a page of another origin puts nothing', async ({ open }) => {
  const { calls, raw } = await open();
  for (const headers of [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: 'nonsense' },
    { origin: `http://127.0.0.1:${calls.port + 1}` },
    { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    // What a page pretends counts for nothing beside what its browser says.
    { origin: `http://127.0.0.1:${calls.port}`, 'sec-fetch-site': 'cross-site' },
  ]) {
    const { problem } = await calls.problem('forbidden', 'POST', JOBS, { headers, body: 'x' });
    expect(problem, JSON.stringify(headers)).toMatchObject({ outcome: 'none' });
    await calls.problem('forbidden', 'DELETE', `${JOBS}?state=ready`, { headers });
    expect((await calls.call('GET', '/v1/tubes', { headers })).status).toBe(200);
  }
  expect(await raw.stats('stats-tube t')).toBeUndefined();
});

test('its own pages do, and whoever is no page', async ({ open }) => {
  const { calls } = await open();
  for (const headers of [
    {},
    { origin: `http://127.0.0.1:${calls.port}` },
    { origin: 'https://queue.example', 'sec-fetch-site': 'same-origin' },
    { 'sec-fetch-site': 'none' },
  ]) {
    expect(await putFrom(calls, headers), JSON.stringify(headers)).toBe(201);
  }
});

test('and those of origins that are named', async ({ open }) => {
  const { calls } = await open({ app: { corsOrigins: ['https://app.example'] } });
  const site = { 'sec-fetch-site': 'cross-site' };
  expect(await putFrom(calls, { origin: 'https://app.example', ...site })).toBe(201);
  expect(await putFrom(calls, { origin: 'https://other.example', ...site })).toBe(403);
  const all = await open({ app: { corsOrigins: '*' } });
  expect(await putFrom(all.calls, { origin: 'https://other.example', ...site })).toBe(201);
});

test('with keys it is the key that counts: no browser sends one by itself', async () => {
  const { calls, file } = await openKeyedForTest({ it: { rights: ['produce'], tubes: ['*'] } });
  expect(await putFrom(calls, { origin: 'https://other.example', ...file.headers('it') })).toBe(201);
});
