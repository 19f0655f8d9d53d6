import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, describe, expect, test } from 'vitest';
import { poll } from '../support/beanstalkd.ts';
import { ask, House, reservationsIn } from './work.ts';

const house = await House.open();
afterAll(() => house.close());

const BYTES = 'Accept: application/octet-stream\r\n';
const of = (tube: string, query = '') => `/v1/tubes/${tube}/reservations${query}`;

/** Until so many callers wait for an answer. */
const untilAsking = (own: House, callers: number) =>
  poll(`${callers} ask`, () => own.gateway.pool.snapshot().waiters === callers);

describe('a caller that goes away while it waits', () => {
  test.each([
    ['alone', '?timeout=20', ''],
    ['for bytes', '?timeout=20', BYTES],
    ['for several', '?timeout=20&count=10', ''],
  ])('%s: the wait ends, and a job put afterwards is nobody’s', async (_name, query, headers) => {
    const tube = house.tube();
    const caller = house.caller(of(tube, query), headers);
    await house.untilWaiting(tube);
    caller.destroy();
    await house.untilWaiting(tube, 0);
    await house.untilNothingIsLeft();
    const id = await house.raw.put(tube, 'x');
    expect(await house.stat(id)).toMatchObject({ state: 'ready', reserves: '0' });
    expect(await house.tubeFigure(tube, 'current-watching')).toBe(0);
  });

  test('a job put at that very moment is ready again at once', async () => {
    for (let n = 0; n < 20; n += 1) {
      const tube = house.tube();
      const caller = house.caller(of(tube, '?timeout=20'));
      await house.untilWaiting(tube);
      const putting = house.raw.put(tube, 'x', { priority: 5 });
      caller.destroy();
      const id = await putting;
      await house.untilNothingIsLeft();
      await house.untilState(id, 'ready');
      expect(await house.stat(id)).toMatchObject({ pri: '5', timeouts: '0' });
    }
  });

  test('nobody else notices', async () => {
    const own = await House.forTest();
    const first = own.caller(of('t', '?timeout=20'));
    await untilAsking(own, 1);
    const second = own.reserveOne('t', '?timeout=20');
    await untilAsking(own, 2);
    await own.untilWaiting('t');
    first.destroy();
    await untilAsking(own, 1);
    const id = await own.raw.put('t', 'x');
    expect((await second).job).toMatchObject({ id, reserves: 1 });
  });

  test('of a hundred, half leave while as many jobs come: none is lost, none is held for the dead', async () => {
    const own = await House.forTest();
    const leavers = Array.from({ length: 50 }, () => own.caller(of('t', '?timeout=20')));
    const stayers = Array.from({ length: 50 }, () => own.reserveOne('t', '?timeout=20'));
    await untilAsking(own, 100);
    await own.untilWaiting('t');
    await own.raw.command('use t');
    const bodies = Array.from({ length: 50 }, (_, n) => `${n}`.padStart(2, '0'));
    own.raw.write(bodies.map((body) => `put 1 0 60 2\r\n${body}\r\n`).join(''));
    for (const leaver of leavers) leaver.destroy();
    for (const _ of bodies) await own.raw.line();
    const taken = (await Promise.all(stayers)).map(({ body }) => body);
    expect(taken.sort()).toEqual(bodies);
  });

  test('two requests sent ahead on one connection: both end with it', async () => {
    const own = await House.forTest();
    const { hostname, port } = new URL(own.gateway.url);
    const socket = connect(Number(port), hostname);
    socket.write(ask(of('first', '?timeout=20')) + ask(of('second', '?timeout=20')));
    await untilAsking(own, 2);
    await own.untilWaiting('second');
    // The answer to the second has to wait for that to the first, which never comes.
    const id = await own.raw.put('second', 'x');
    await own.untilState(id, 'reserved');
    socket.destroy();
    await own.untilState(id, 'ready');
    await own.untilNothingIsLeft();
  });
});

describe('a caller that is gone before its answer was written', () => {
  test.each([
    ['json', ''],
    ['bytes', BYTES],
  ])('the take was under way (%s): ready again within a second', async (_name, headers) => {
    const own = await House.forTest();
    await own.reserve('warm');
    const id = await own.raw.put('t', 'x', { priority: 3, ttr: 500 });
    own.beanstalkd.signal('SIGSTOP');
    const caller = own.caller(of('t', '?timeout=20'), headers);
    await poll('the take is sent', () => own.gateway.pool.snapshot().commandsInFlight > 0);
    caller.destroy();
    await untilAsking(own, 0);
    own.beanstalkd.signal('SIGCONT');
    await poll('it was taken', async () => (await own.stat(id))['reserves'] === '1');
    await own.untilState(id, 'ready');
    expect(await own.stat(id)).toMatchObject({ pri: '3', releases: '1', timeouts: '0' });
    await own.untilNothingIsLeft();
  });

  test('by its id likewise', async () => {
    const own = await House.forTest();
    await own.reserve('warm');
    const id = await own.raw.put('t', 'x', { priority: 3, ttr: 500 });
    own.beanstalkd.signal('SIGSTOP');
    const caller = own.caller(`/v1/jobs/${id}/reservation`);
    await poll('the take is sent', () => own.gateway.pool.snapshot().commandsInFlight > 0);
    caller.destroy();
    await once(caller, 'close');
    own.beanstalkd.signal('SIGCONT');
    await poll('it was taken', async () => (await own.stat(id))['reserves'] === '1');
    await own.untilState(id, 'ready');
    await own.untilNothingIsLeft();
  });

  test.each([
    ['json', 't', ''],
    ['bytes', 't', BYTES],
    ['by id', undefined, BYTES],
  ])('it never read (%s): ready again within a second', async (_name, tube, headers) => {
    // More than the buffers of the kernel take at both ends.
    const own = await House.forTest({ args: ['-z', '20000000'] });
    const id = await own.raw.put('t', Buffer.alloc(15_000_000, 'x'), { priority: 3, ttr: 500 });
    const caller = own.caller(tube === undefined ? `/v1/jobs/${id}/reservation` : of(tube), headers);
    caller.pause();
    await own.untilState(id, 'reserved', 5_000);
    await poll('the answer has begun', () => own.gateway.pool.snapshot().reservations === 1);
    await once(caller, 'readable');
    expect(await own.raw.stateOf(id)).toBe('reserved');
    caller.destroy();
    await own.untilState(id, 'ready');
    expect(await own.stat(id)).toMatchObject({ pri: '3', releases: '1', timeouts: '0' });
    await own.untilNothingIsLeft();
    // And whole for the next one.
    const [next] = reservationsIn(await own.post(of('t')));
    expect(next?.body).toHaveLength(15_000_000);
  });

  test('several jobs of one answer go back, all of them', async () => {
    const own = await House.forTest({ args: ['-z', '5000000'] });
    const ids = [];
    for (let n = 0; n < 4; n += 1) ids.push(await own.raw.put('t', Buffer.alloc(3_500_000, 'x')));
    const caller = own.caller(of('t', '?count=4'));
    caller.pause();
    await once(caller, 'readable');
    expect(await own.tubeFigure('t', 'current-jobs-reserved')).toBe(4);
    caller.destroy();
    for (const id of ids) await own.untilState(id, 'ready');
    await own.untilNothingIsLeft();
  });
});
