import { expect, test } from 'vitest';
import { type KeyedHouse, openKeyedForTest } from './keyed-house.ts';

/* What OPEN_DOCS and OPEN_METRICS open to those without a key, and what they do not. */

const PAGES = [
  '/',
  '/docs',
  '/docs/static/index.css',
  '/openapi.json',
  '/openapi.yaml',
  '/problems/forbidden',
];
const API = ['/v1/tubes', '/v1/tubes/t', '/v1/jobs/1', '/v1/server', '/v1/reservations/x'];
const ALWAYS = ['/livez', '/readyz'];

const openTo = (openDocs: boolean, openMetrics: boolean) =>
  openKeyedForTest({ putter: { rights: ['produce'], tubes: ['t'] } }, { opened: { openDocs, openMetrics } });

const statuses = async ({ calls }: KeyedHouse, paths: readonly string[], headers = {}): Promise<number[]> => {
  const found = [];
  for (const path of paths) found.push((await calls.call('GET', path, { headers })).status);
  return found;
};

test.each([
  [false, false],
  [true, false],
  [false, true],
  [true, true],
])('docs %s, metrics %s', async (openDocs, openMetrics) => {
  const house = await openTo(openDocs, openMetrics);
  for (const status of await statuses(house, PAGES)) {
    if (openDocs) expect(status).toBeLessThan(400);
    else expect(status).toBe(401);
  }
  expect(await statuses(house, ['/metrics'])).toEqual([openMetrics ? 200 : 401]);
  expect(await statuses(house, API)).toEqual(API.map(() => 401));
  expect(await statuses(house, ALWAYS)).toEqual([200, 200]);
  // A key that may not see them is no worse off than no key at all.
  const headers = house.file.headers('putter');
  expect(await statuses(house, ['/metrics'], headers)).toEqual([openMetrics ? 200 : 403]);
  for (const status of await statuses(house, PAGES, headers)) expect(status).toBeLessThan(400);
  // Nor is one that is wrong.
  const bad = { authorization: 'Bearer bad' };
  expect(await statuses(house, ['/metrics'], bad)).toEqual([openMetrics ? 200 : 401]);
});

test('no other method is opened with them', async () => {
  const house = await openTo(true, true);
  for (const [method, path] of [
    ['POST', '/v1/tubes/t/jobs'],
    ['PUT', '/v1/tubes'],
    ['DELETE', '/v1/jobs/1'],
  ] as const) {
    expect((await house.calls.call(method, path)).status).toBe(401);
  }
});
