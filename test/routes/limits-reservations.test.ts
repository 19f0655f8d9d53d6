import { describe, expect, test } from 'vitest';
import { poll } from '../support/beanstalkd.ts';
import { at } from './contract.ts';
import { type KeyedHouse, type KeyedOptions, openKeyedForTest } from './keyed-house.ts';

const WORKER = { rights: ['consume'], tubes: ['*'] } as const;

const openWith = (maxReservations: number, options?: KeyedOptions) =>
  openKeyedForTest({ it: { ...WORKER, maxReservations }, other: WORKER }, options);

const ask = ({ calls, file }: KeyedHouse, key: string, path: string, signal?: AbortSignal) =>
  calls.call('POST', path, { headers: file.headers(key), ...(signal === undefined ? {} : { signal }) });

/** Takes so many jobs, which are there; the reservations. */
async function take(house: KeyedHouse, key: string, count: number): Promise<string[]> {
  const answer = await ask(house, key, `/v1/tubes/t/reservations?count=${count}`);
  expect(answer.status, answer.text).toBe(200);
  const taken = at(answer.json(), 'reservations');
  if (!Array.isArray(taken)) throw new Error(answer.text);
  expect(taken).toHaveLength(count);
  return taken.map((one) => String(at(one, 'reservation')));
}

async function putMany({ raw }: KeyedHouse, count: number, ttr = 60): Promise<void> {
  for (let n = 0; n < count; n += 1) await raw.put('t', `${n}`, { ttr });
}

/** Whether the key may hold so many more: a reserve of a tube without jobs is let in, or it is not. */
async function hasRoom(house: KeyedHouse, count: number, key = 'it'): Promise<boolean> {
  const answer = await ask(house, key, `/v1/tubes/none/reservations?count=${count}`);
  expect([200, 429]).toContain(answer.status);
  return answer.status === 200;
}

const untilRoom = (house: KeyedHouse, count: number) =>
  poll(`there is room for ${count}`, () => hasRoom(house, count));

/** That there is room for exactly so many more. */
async function expectRoom(house: KeyedHouse, count: number): Promise<void> {
  if (count > 0) expect(await hasRoom(house, count), `room for ${count}`).toBe(true);
  expect(await hasRoom(house, count + 1), `room for ${count + 1}`).toBe(false);
}

test('200 reserves of 3 at once never hold more than 10, and every one is answered', async () => {
  const house = await openWith(10);
  const { calls, file, gateway, raw } = house;
  await putMany(house, 60);
  let most = 0;
  let over = false;
  const look = () => {
    most = Math.max(most, gateway.pool.snapshot().reservations);
    if (!over) setImmediate(look);
  };
  look();
  const answers = await Promise.all(
    Array.from({ length: 200 }, () => ask(house, 'it', '/v1/tubes/t/reservations?count=3')),
  );
  over = true;
  const taken: string[] = [];
  for (const answer of answers) {
    if (answer.status === 429) {
      expect(answer.json()).toMatchObject({ type: '/problems/too-many-requests', outcome: 'none' });
      expect(answer.headers['retry-after']).toMatch(/^[1-9]$/);
    } else {
      expect(answer.status).toBe(200);
      const { reservations } = Object(answer.json());
      expect(reservations).toHaveLength(3);
      for (const one of reservations) taken.push(String(at(one, 'reservation')));
    }
  }
  expect(taken).toHaveLength(9);
  expect(most).toBe(9);
  expect(await raw.stats('stats-tube t')).toMatchObject({ 'current-jobs-reserved': '9' });
  await expectRoom(house, 1);
  const [last] = await take(house, 'it', 1);
  await expectRoom(house, 0);
  for (const token of [...taken, last]) {
    await calls.ok(204, 'DELETE', `/v1/reservations/${token}`, { headers: file.headers('it') });
  }
  await expectRoom(house, 10);
});

test('by the id of a job likewise, at once or not, and a refused one takes nothing', async () => {
  const house = await openWith(3);
  const { raw } = house;
  const ids: string[] = [];
  for (let n = 0; n < 20; n += 1) ids.push(await raw.put('t', 'x'));
  const byId = (id: string) => ask(house, 'it', `/v1/jobs/${id}/reservation`);
  const answers = await Promise.all(ids.map(byId));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(3);
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(17);
  expect(await raw.stats('stats-tube t')).toMatchObject({ 'current-jobs-reserved': '3' });
});

test('by an id that cannot be taken: it counts no more', async () => {
  const house = await openWith(2);
  const held = await house.raw.put('t', 'x');
  await take(house, 'other', 1);
  for (let n = 0; n < 3; n += 1) {
    expect((await ask(house, 'it', `/v1/jobs/${held}/reservation`)).status).toBe(409);
    expect((await ask(house, 'it', '/v1/jobs/999999/reservation')).status).toBe(404);
  }
  await expectRoom(house, 2);
});

describe('every way in which a reservation ends gives its room back', () => {
  test.each([
    ['a delete', 'DELETE', ''],
    ['a release', 'POST', '/release'],
    ['a release for later', 'POST', '/release?delay=100'],
    ['a bury', 'POST', '/bury'],
  ])('%s', async (_name, method, action) => {
    const house = await openWith(2);
    await putMany(house, 2);
    const [first, second] = await take(house, 'it', 2);
    await expectRoom(house, 0);
    const settle = (token = '') =>
      house.calls.ok(204, method, `/v1/reservations/${token}${action}`, {
        headers: house.file.headers('it'),
      });
    // At once: both are one ending, which counts once.
    await Promise.all([settle(first), settle(first)]);
    await settle(first);
    await expectRoom(house, 1);
    await settle(second);
    await expectRoom(house, 2);
  });

  test('a batch of them', async () => {
    const house = await openWith(3);
    await putMany(house, 3);
    const tokens = await take(house, 'it', 3);
    const settle = tokens.map((reservation, n) => ({ reservation, action: n === 0 ? 'touch' : 'release' }));
    await house.calls.ok(200, 'POST', '/v1/reservations/batch', {
      headers: { ...house.file.headers('it'), 'content-type': 'application/json' },
      body: JSON.stringify({ settle }),
    });
    await expectRoom(house, 2);
  });

  test('its expiry', async () => {
    const house = await openWith(2);
    await putMany(house, 1, 1);
    await putMany(house, 1);
    await take(house, 'it', 2);
    await expectRoom(house, 0);
    await untilRoom(house, 1);
    await expectRoom(house, 1);
  });

  test('the loss of its connection', async () => {
    const house = await openWith(4);
    await putMany(house, 3);
    await take(house, 'it', 3);
    await expectRoom(house, 1);
    await house.beanstalkd.kill();
    const asked = await ask(house, 'it', '/v1/tubes/t/reservations?deadlineMs=100');
    expect(asked.status).toBeGreaterThanOrEqual(503);
    const untilReady = (ready: 200 | 503) =>
      poll(`/readyz says ${ready}`, async () => (await house.calls.call('GET', '/readyz')).status === ready);
    await untilReady(503);
    await house.beanstalkd.run();
    await untilReady(200);
    await expectRoom(house, 4);
  });
});

describe('a reserve that brings nothing gives its room back', () => {
  test('when its caller leaves', async () => {
    const house = await openWith(3);
    const leaving = new AbortController();
    const waiting = ask(house, 'it', '/v1/tubes/t/reservations?timeout=20&count=2', leaving.signal);
    await poll('it waits', () => house.gateway.pool.snapshot().waiters === 1);
    // What it waits for counts as if it were held.
    await expectRoom(house, 1);
    leaving.abort();
    await expect(waiting).rejects.toThrow(/abort/i);
    await untilRoom(house, 3);
    await expectRoom(house, 3);
  });

  test('when its timeout is over, or its deadline without a word of beanstalkd', async () => {
    const house = await openWith(3);
    expect((await ask(house, 'it', '/v1/tubes/t/reservations?timeout=1&count=3')).status).toBe(200);
    await expectRoom(house, 3);
    house.beanstalkd.signal('SIGSTOP');
    expect((await ask(house, 'it', '/v1/tubes/t/reservations?deadlineMs=100&count=3')).status).toBe(504);
    house.beanstalkd.signal('SIGCONT');
    await expectRoom(house, 3);
  });

  test('when fewer jobs come than were asked for', async () => {
    const house = await openWith(5);
    await putMany(house, 2);
    const answer = await ask(house, 'it', '/v1/tubes/t/reservations?count=5');
    expect(at(answer.json(), 'reservations', 1, 'job', 'tube')).toBe('t');
    await expectRoom(house, 3);
  });
});

test('a job that was taken for a caller who has left, and put back, counts no more', async () => {
  const house = await openWith(2);
  const { beanstalkd, gateway, raw } = house;
  await hasRoom(house, 1);
  const id = await raw.put('t', 'x');
  beanstalkd.signal('SIGSTOP');
  const leaving = new AbortController();
  const asked = ask(house, 'it', '/v1/tubes/t/reservations?count=2&timeout=20', leaving.signal);
  await poll('the take is sent', () => gateway.pool.snapshot().commandsInFlight > 0);
  leaving.abort();
  await expect(asked).rejects.toThrow(/abort/i);
  beanstalkd.signal('SIGCONT');
  await poll('it was taken', async () => (await raw.stats(`stats-job ${id}`))?.['reserves'] === '1');
  await poll('it is ready again', async () => (await raw.stateOf(id)) === 'ready');
  await untilRoom(house, 2);
  await expectRoom(house, 2);
});

test('another key is not disturbed; the default is for those whose entry says nothing', async () => {
  const house = await openWith(1, { reservationsPerKey: 2 });
  await putMany(house, 4);
  await take(house, 'it', 1);
  await expectRoom(house, 0);
  await take(house, 'other', 2);
  expect(await hasRoom(house, 1, 'other')).toBe(false);
  expect((await ask(house, 'it', '/v1/tubes/none/reservations')).json()).toMatchObject({
    detail: 'it may hold 1 reservations, those that it waits for included',
  });
});

test('more than may ever be held is refused, too', async () => {
  const house = await openWith(2);
  await putMany(house, 5);
  expect(await hasRoom(house, 3)).toBe(false);
  expect((await ask(house, 'it', '/v1/tubes/t/reservations?count=3')).status).toBe(429);
  expect(await house.raw.stats('stats-tube t')).toMatchObject({ 'current-jobs-ready': '5' });
});
