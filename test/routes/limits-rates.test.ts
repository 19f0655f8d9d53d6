import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { RIGHTS } from '../../src/access/rights.ts';
import type { Answer } from './contract.ts';
import type { Entry } from './keyed.ts';
import { type KeyedHouse, openKeyedForTest } from './keyed-house.ts';

const EVERYTHING: Entry = { rights: [...RIGHTS], tubes: ['in.*'] };

/** The clock by which rates are counted stands still, so that no second ends while a test counts. */
async function openAt(perKey: number, entries: Readonly<Record<string, Entry>>): Promise<KeyedHouse> {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
  onTestFinished(() => void vi.useRealTimers());
  return openKeyedForTest(entries, { app: { rates: { perAddress: 0, perKey } } });
}

const pass = (ms: number) => vi.setSystemTime(Date.now() + ms);

const look = ({ calls, file }: KeyedHouse, key: string, method = 'GET', path = '/v1/tubes') =>
  calls.call(method, path, { headers: file.headers(key) });

const rateOf = ({ headers }: Answer): unknown => [
  headers['ratelimit-limit'],
  headers['ratelimit-remaining'],
  headers['ratelimit-reset'],
];

test('an answer says what is left of the second, and one too many is 429 until it is over', async () => {
  const house = await openAt(0, { it: { ...EVERYTHING, ratePerSecond: 3 } });
  for (const left of ['2', '1', '0']) {
    const answer = await look(house, 'it');
    expect(answer.status).toBe(200);
    expect(rateOf(answer)).toEqual(['3', left, '1']);
    expect(answer.headers['retry-after']).toBeUndefined();
    pass(300);
  }
  for (const passes of [99, 0]) {
    const headers = house.file.headers('it');
    const refused = await house.calls.problem('too-many-requests', 'GET', '/v1/tubes', { headers });
    expect(refused.problem).toMatchObject({ detail: 'more than 3 calls a second' });
    expect(rateOf(refused)).toEqual(['3', '0', '1']);
    expect(refused.headers['retry-after']).toBe('1');
    pass(passes);
  }
  pass(1);
  expect(rateOf(await look(house, 'it'))).toEqual(['3', '2', '1']);
});

test('what is refused is not done', async () => {
  const house = await openAt(0, { it: { ...EVERYTHING, ratePerSecond: 1 } });
  const headers = house.file.headers('it');
  await house.calls.ok(201, 'POST', '/v1/tubes/in.a/jobs', { headers, body: 'x' });
  const asked = { headers, body: 'y' };
  const { problem } = await house.calls.problem('too-many-requests', 'POST', '/v1/tubes/in.a/jobs', asked);
  expect(problem).toMatchObject({ outcome: 'none' });
  expect(await house.raw.stats('stats-tube in.a')).toMatchObject({ 'total-jobs': '1' });
});

test('of calls at the same moment as many get through', async () => {
  const house = await openAt(0, { it: { ...EVERYTHING, ratePerSecond: 5 } });
  const answers = await Promise.all(Array.from({ length: 100 }, () => look(house, 'it')));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(95);
});

test('each call counts once, whatever it is and whatever comes of it', async () => {
  const house = await openAt(0, { it: { ...EVERYTHING, ratePerSecond: 10 } });
  const calls: readonly (readonly [string, string, number])[] = [
    ['HEAD', '/v1/tubes', 200],
    ['GET', '/v1/tubes/out.a', 403],
    ['GET', '/v1/tubes/in.none', 404],
    ['POST', '/v1/tubes/in.a/kick?bound=x', 400],
    ['PUT', '/v1/tubes', 405],
    ['GET', '/', 200],
    ['GET', '/problems/forbidden', 200],
    ['GET', '/openapi.json', 200],
  ];
  for (const [n, [method, path, status]] of calls.entries()) {
    const answer = await look(house, 'it', method, path);
    expect(answer.status, path).toBe(status);
    expect(answer.headers['ratelimit-remaining'], path).toBe(String(9 - n));
  }
});

test('health is exempt, and a call without a good key is no use of one', async () => {
  const house = await openAt(2, { it: EVERYTHING });
  for (let n = 0; n < 5; n += 1) {
    for (const path of ['/livez', '/readyz']) {
      const answer = await look(house, 'it', 'GET', path);
      expect(answer.status).toBe(200);
      expect(rateOf(answer)).toEqual([undefined, undefined, undefined]);
    }
    expect((await house.calls.call('GET', '/v1/tubes')).status).toBe(401);
  }
  expect((await look(house, 'it')).headers['ratelimit-remaining']).toBe('1');
});

describe('whose rate it is', () => {
  const own: Entry = { ...EVERYTHING, ratePerSecond: 5 };

  test('the entry’s own, else the default; and each key has its own', async () => {
    const house = await openAt(2, { own, usual: EVERYTHING, other: EVERYTHING });
    for (const [key, rate] of [
      ['own', 5],
      ['usual', 2],
    ] as const) {
      for (let n = 0; n < rate; n += 1) expect((await look(house, key)).status).toBe(200);
      expect((await look(house, key)).status).toBe(429);
    }
    expect(rateOf(await look(house, 'other'))).toEqual(['2', '1', '1']);
  });

  test('without a default none, but for the entry that has its own', async () => {
    const house = await openAt(0, { own, usual: EVERYTHING });
    for (let n = 0; n < 30; n += 1) {
      const answer = await look(house, 'usual');
      expect(answer.status).toBe(200);
      expect(rateOf(answer)).toEqual([undefined, undefined, undefined]);
    }
    expect(rateOf(await look(house, 'own'))).toEqual(['5', '4', '1']);
  });

  test('a file that is read again changes it, and what was used counts on', async () => {
    const house = await openAt(0, { own });
    for (let n = 0; n < 3; n += 1) await look(house, 'own');
    house.file.write({ own: { ...EVERYTHING, ratePerSecond: 4 } });
    house.file.keys.reload();
    expect(rateOf(await look(house, 'own'))).toEqual(['4', '0', '1']);
    expect((await look(house, 'own')).status).toBe(429);
  });
});
