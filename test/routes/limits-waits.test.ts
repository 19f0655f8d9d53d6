import { expect, test } from 'vitest';
import { poll } from '../support/beanstalkd.ts';
import type { Answer } from './contract.ts';
import { type KeyedHouse, type KeyedOptions, openKeyedForTest } from './keyed-house.ts';

const WORKER = { rights: ['consume'], tubes: ['*'] } as const;

const openWith = (maxWaits: number, options?: KeyedOptions) =>
  openKeyedForTest({ it: { ...WORKER, maxWaits }, other: WORKER }, options);

/** A reserve that goes on until it is left, or until the house is closed. */
class Waiting {
  readonly #leaving = new AbortController();
  readonly answer: Promise<Answer | undefined>;

  constructor({ calls, file }: KeyedHouse, key: string) {
    const { signal } = this.#leaving;
    this.answer = calls
      .call('POST', '/v1/tubes/t/reservations?timeout=20', { headers: file.headers(key), signal })
      .catch(() => undefined);
  }

  leave(): void {
    this.#leaving.abort();
  }
}

const untilWaiting = ({ gateway }: KeyedHouse, callers: number) =>
  poll(`${callers} wait`, () => gateway.pool.snapshot().waiters === callers);

const ask = ({ calls, file }: KeyedHouse, key: string, path = '/v1/tubes/t/reservations') =>
  calls.call('POST', path, { headers: file.headers(key) });

test('of 200 that want to wait at once, as many may as the entry says', async () => {
  const house = await openWith(7);
  const all = Array.from({ length: 200 }, () => new Waiting(house, 'it'));
  const refused: Answer[] = [];
  for (const { answer } of all) {
    void answer.then((each) => {
      if (each !== undefined) refused.push(each);
    });
  }
  await poll('the others are refused', () => refused.length === 193);
  expect(house.gateway.pool.snapshot().waiters).toBe(7);
  for (const answer of refused) {
    expect(answer.status).toBe(429);
    expect(answer.headers['retry-after']).toMatch(/^[1-9]$/);
    expect(answer.json()).toMatchObject({
      type: '/problems/too-many-requests',
      detail: 'it has 7 reserves under way',
      outcome: 'none',
    });
  }
  for (const each of all) each.leave();
  await untilWaiting(house, 0);
  expect((await ask(house, 'it')).status).toBe(200);
});

test('one that does not wait counts as well, while it is under way', async () => {
  const house = await openWith(1);
  const { raw } = house;
  const id = await raw.put('t2', 'x');
  const first = new Waiting(house, 'it');
  await untilWaiting(house, 1);
  expect((await ask(house, 'it', '/v1/tubes/t2/reservations')).status).toBe(429);
  expect((await ask(house, 'it', '/v1/reservations?tube=t2')).status).toBe(429);
  expect((await ask(house, 'it', `/v1/jobs/${id}/reservation`)).status).toBe(429);
  expect(await raw.stats(`stats-job ${id}`)).toMatchObject({ state: 'ready', reserves: '0' });
  first.leave();
  await untilWaiting(house, 0);
  for (let n = 0; n < 3; n += 1) expect((await ask(house, 'it')).status).toBe(200);
});

test('what is held is not under way: one that got a job leaves its place', async () => {
  const house = await openWith(1);
  await house.raw.put('t', 'x');
  await house.raw.put('t', 'x');
  for (let n = 0; n < 2; n += 1) expect((await ask(house, 'it')).status).toBe(200);
  expect(house.gateway.pool.snapshot().reservations).toBe(2);
});

test('each end of a wait makes room: a job, a caller that leaves, a deadline', async () => {
  const house = await openWith(2);
  const [first, second] = [new Waiting(house, 'it'), new Waiting(house, 'it')];
  await untilWaiting(house, 2);
  expect((await ask(house, 'it')).status).toBe(429);
  await house.raw.put('t', 'x');
  expect((await first.answer)?.status).toBe(200);
  expect((await ask(house, 'it')).status).toBe(200);
  second.leave();
  await untilWaiting(house, 0);
  house.beanstalkd.signal('SIGSTOP');
  const late = ['it', 'it'].map((key) => ask(house, key, '/v1/tubes/t/reservations?deadlineMs=200'));
  for (const { status } of await Promise.all(late)) expect(status).toBe(504);
  house.beanstalkd.signal('SIGCONT');
  const both = [new Waiting(house, 'it'), new Waiting(house, 'it')];
  await untilWaiting(house, 2);
  for (const each of both) each.leave();
});

test('the default is for those whose entry says nothing, and nobody counts for another', async () => {
  const house = await openWith(3, { waitsPerKey: 1 });
  const all = ['it', 'other', 'it', 'it'].map((key) => new Waiting(house, key));
  await untilWaiting(house, 4);
  expect((await ask(house, 'it')).json()).toMatchObject({ detail: 'it has 3 reserves under way' });
  expect((await ask(house, 'other')).json()).toMatchObject({ detail: 'other has 1 reserves under way' });
  for (const each of all) each.leave();
  await untilWaiting(house, 0);
});

test('without keys there is no such bound', async () => {
  const house = await openKeyedForTest(
    { it: WORKER },
    {
      app: {
        admission: {
          keys: undefined,
          openMetrics: false,
          openDocs: false,
          waitsPerKey: 1,
          reservationsPerKey: 1,
        },
      },
    },
  );
  const all = Array.from({ length: 5 }, () => new Waiting(house, 'it'));
  await untilWaiting(house, 5);
  for (const each of all) each.leave();
});
