import { afterAll, describe, expect, test } from 'vitest';
import { poll } from '../support/beanstalkd.ts';
import {
  type Answer,
  bytesIn,
  expectProblem,
  House,
  jsonOf,
  type Reservation,
  reservationsIn,
  resultsIn,
} from './work.ts';

const house = await House.open();
afterAll(() => house.close());

const BYTES = { headers: { accept: 'application/octet-stream' } };
const TOKEN = /^[A-Za-z0-9._~-]{20,200}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

const of = (tube: string, query = '') => `/v1/tubes/${tube}/reservations${query}`;
const ofTubes = (tubes: readonly string[], query = '') =>
  `/v1/reservations?${tubes.map((tube) => `tube=${encodeURIComponent(tube)}`).join('&')}${query}`;
const textOf = (reservations: readonly Reservation[]) => reservations.map(({ body }) => body);
const applied = (answer: Answer) => answer.headers['reserve-timeout'];

describe('one tube', () => {
  test('nothing there: an empty list at once', async () => {
    const from = performance.now();
    const answer = await house.post(of(house.tube()));
    expect(performance.now() - from).toBeLessThan(1_000);
    expect(answer.status).toBe(200);
    expect(jsonOf(answer)).toEqual({ reservations: [] });
    expect(applied(answer)).toBe('0');
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  test('a job: its members, and that nobody else gets it', async () => {
    const tube = house.tube();
    const id = await house.raw.put(tube, 'hällo', { priority: 7, ttr: 100 });
    const from = Date.now();
    const answer = await house.post(of(tube));
    expect(jsonOf(answer)).toEqual({
      reservations: [
        {
          reservation: expect.stringMatching(TOKEN),
          job: {
            id,
            tube,
            priority: 7,
            ttr: 100,
            delay: 0,
            age: expect.any(Number),
            reserves: 1,
            timeouts: 0,
            releases: 0,
            buries: 0,
            kicks: 0,
          },
          body: 'hällo',
          encoding: 'utf-8',
          expiresAt: expect.stringMatching(TIME),
        },
      ],
    });
    const [one] = reservationsIn(answer);
    const expiresIn = Date.parse(one?.expiresAt ?? '') - from;
    expect(expiresIn).toBeGreaterThanOrEqual(100_000 - 2);
    expect(expiresIn).toBeLessThan(102_000);
    expect(await house.stat(id)).toMatchObject({ state: 'reserved', reserves: '1' });
    expect(await house.raw.reserve(tube)).toBeUndefined();
    expect(reservationsIn(await house.post(of(tube)))).toEqual([]);
  });

  test('a delayed or buried job is not taken', async () => {
    const tube = house.tube();
    await house.raw.put(tube, 'x', { delay: 100 });
    expect(await house.reserve(tube)).toEqual([]);
  });

  test('the order is that of beanstalkd', async () => {
    const tube = house.tube();
    await house.raw.put(tube, 'last', { priority: 9 });
    await house.raw.put(tube, 'first', { priority: 1 });
    await house.raw.put(tube, 'second', { priority: 1 });
    const taken = [];
    for (let n = 0; n < 3; n += 1) taken.push(await house.reserveOne(tube));
    expect(textOf(taken)).toEqual(['first', 'second', 'last']);
    expect(new Set(taken.map(({ reservation }) => reservation)).size).toBe(3);
  });

  test('the name percent-encoded', async () => {
    await house.raw.put('a/b', 'x');
    expect((await house.reserveOne('a/b')).job.tube).toBe('a/b');
  });

  test('a body is refused, an empty one is fine', async () => {
    const tube = house.tube();
    const id = await house.raw.put(tube, 'x');
    expectProblem(await house.post(of(tube), { body: '{}' }), 400, 'invalid-request', { outcome: 'none' });
    expect(await house.stat(id)).toMatchObject({ state: 'ready', reserves: '0' });
    const headers = { 'content-type': 'application/json' };
    expect(reservationsIn(await house.post(of(tube), { headers }))).toHaveLength(1);
  });
});

describe('waiting', () => {
  test('the job that comes is answered at once', async () => {
    const tube = house.tube();
    const asking = house.post(of(tube, '?timeout=10'));
    await house.untilWaiting(tube);
    const from = performance.now();
    const id = await house.raw.put(tube, 'came');
    const answer = await asking;
    expect(performance.now() - from).toBeLessThan(500);
    expect(reservationsIn(answer)).toMatchObject([{ job: { id, reserves: 1 }, body: 'came' }]);
    expect(applied(answer)).toBe('10');
    expect(await house.stat(id)).toMatchObject({ state: 'reserved', reserves: '1', releases: '0' });
  });

  test('nothing comes: an empty list, not before the timeout and not much later', async () => {
    const from = performance.now();
    const answer = await house.post(of(house.tube(), '?timeout=1'));
    const took = performance.now() - from;
    expect(reservationsIn(answer)).toEqual([]);
    expect(applied(answer)).toBe('1');
    expect(took).toBeGreaterThanOrEqual(1_000);
    expect(took).toBeLessThan(2_000);
  });

  test('callers of one tube are served in the order in which they came', async () => {
    const tube = house.tube();
    const asking = [];
    for (let n = 1; n <= 5; n += 1) {
      asking.push(house.reserveOne(tube, '?timeout=10'));
      await poll('it waits', () => house.gateway.pool.snapshot().waiters === n);
    }
    await house.untilWaiting(tube);
    for (let n = 0; n < 5; n += 1) await house.raw.put(tube, `${n}`);
    expect(textOf(await Promise.all(asking))).toEqual(['0', '1', '2', '3', '4']);
  });

  test('1000 callers of one tube cost beanstalkd at most 4 connections, and each gets a job of its own', async () => {
    const own = await House.forTest();
    const asking = Array.from({ length: 1_000 }, () => own.reserveOne('t', '?timeout=30'));
    await poll('all wait', () => own.gateway.pool.snapshot().waiters === 1_000, 10_000);
    await own.untilWaiting('t');
    // One of them is ours.
    expect((await own.figure('current-connections')) - 1).toBeLessThanOrEqual(4);
    await own.raw.command('use t');
    const bodies = Array.from({ length: 1_000 }, (_, n) => `${n}`.padStart(4, '0'));
    own.raw.write(bodies.map((body) => `put 1 0 60 4\r\n${body}\r\n`).join(''));
    for (const _ of bodies) expect(await own.raw.line()).toMatch(/^INSERTED /);
    expect(textOf(await Promise.all(asking)).sort()).toEqual(bodies);
    expect(await own.tubeFigure('t', 'current-jobs-reserved')).toBe(1_000);
  });
});

describe('the timeout that is applied', () => {
  test.each([
    ['', 0],
    ['?timeout=0', 0],
    ['?timeout=7', 7],
    ['?timeout=300', 300],
    ['?timeout=10&deadlineMs=5250', 5],
    ['?timeout=10&deadlineMs=5249', 4],
    ['?timeout=10&deadlineMs=10250', 10],
    ['?timeout=10&deadlineMs=10249', 9],
    ['?timeout=3&deadlineMs=1250', 1],
    ['?timeout=3&deadlineMs=1249', 0],
    ['?timeout=3&deadlineMs=500', 0],
    ['?timeout=2&deadlineMs=360000', 2],
    ['?deadlineMs=360000', 0],
  ])('%s: %d', async (query, seconds) => {
    const tube = house.tube();
    await house.raw.put(tube, 'x');
    const json = await house.post(of(tube, query));
    expect(reservationsIn(json)).toHaveLength(1);
    expect(applied(json)).toBe(`${seconds}`);
    await house.raw.put(tube, 'x');
    const bytes = await house.post(ofTubes([tube], query.replace('?', '&')), BYTES);
    expect(bytes.status).toBe(201);
    expect(applied(bytes)).toBe(`${seconds}`);
  });

  test('the limits follow the settings', async () => {
    const own = await House.forTest({ limits: { reserveTimeoutMax: 2, reserveGraceMs: 500 } });
    await own.raw.put('t', 'x');
    expect(applied(await own.post(of('t', '?timeout=2&deadlineMs=62000')))).toBe('2');
    expectProblem(await own.post(of('t', '?timeout=3')), 400, 'invalid-request');
    expectProblem(await own.post(of('t', '?deadlineMs=62001')), 400, 'invalid-request');
  });
});

describe('the deadline', () => {
  test('leaves less than the timeout: empty when the shorter one is over', async () => {
    const from = performance.now();
    const answer = await house.post(of(house.tube(), '?timeout=10&deadlineMs=1400'));
    const took = performance.now() - from;
    expect(reservationsIn(answer)).toEqual([]);
    expect(took).toBeGreaterThanOrEqual(1_000);
    expect(took).toBeLessThan(1_400 + 100);
  });

  test('no word from beanstalkd: 504, and a job that comes too late goes back', async () => {
    const own = await House.forTest();
    const id = await own.raw.put('t', 'x', { priority: 3 });
    // So that there is a connection already.
    expect(await own.reserve('warm')).toEqual([]);
    own.beanstalkd.signal('SIGSTOP');
    const from = performance.now();
    const answers = await Promise.all([
      own.post(of('t', '?deadlineMs=300')),
      own.post(of('t', '?timeout=9&deadlineMs=300'), BYTES),
    ]);
    const took = performance.now() - from;
    expect(took).toBeGreaterThanOrEqual(300);
    expect(took).toBeLessThan(600);
    for (const answer of answers)
      expectProblem(answer, 504, 'beanstalkd-timeout', {
        outcome: expect.stringMatching(/^(none|unknown)$/),
      });
    own.beanstalkd.signal('SIGCONT');
    await poll('it was taken', async () => (await own.stat(id))['reserves'] !== '0');
    await own.untilState(id, 'ready');
    expect(await own.stat(id)).toMatchObject({ pri: '3' });
    await own.untilNothingIsLeft();
  });

  test('lost while waiting: goes on waiting through the reconnect', async () => {
    const own = await House.forTest();
    const asking = own.reserveOne('t', '?timeout=20');
    await own.untilWaiting('t');
    await own.beanstalkd.kill();
    await own.beanstalkd.run();
    const raw = await own.beanstalkd.raw();
    await raw.put('t', 'after');
    expect((await asking).body).toBe('after');
  });

  test('gone for good: 503 or 504 by the deadline, not empty', async () => {
    const own = await House.forTest();
    const asking = own.post(of('t', '?timeout=1&deadlineMs=1500'));
    await own.untilWaiting('t');
    const from = performance.now();
    await own.beanstalkd.kill();
    const answer = await asking;
    expect([503, 504]).toContain(answer.status);
    expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(performance.now() - from).toBeLessThan(1_600);
  });
});

describe('count', () => {
  const fill = async (tube: string, count: number) => {
    for (let n = 0; n < count; n += 1) await house.raw.put(tube, `${n}`);
  };

  test.each([
    ['count=3', ['0', '1', '2']],
    ['count=100', ['0', '1', '2', '3', '4']],
    ['count=1', ['0']],
    ['count=5&timeout=10', ['0', '1', '2', '3', '4']],
    ['count=6&timeout=10', ['0', '1', '2', '3', '4']],
  ])('%s of 5', async (query, bodies) => {
    const tube = house.tube();
    await fill(tube, 5);
    const from = performance.now();
    expect(textOf(await house.reserve(tube, `?${query}`))).toEqual(bodies);
    expect(performance.now() - from).toBeLessThan(1_000);
    expect(await house.tubeFigure(tube, 'current-jobs-reserved')).toBe(bodies.length);
    expect(await house.tubeFigure(tube, 'current-jobs-ready')).toBe(5 - bodies.length);
  });

  test('waits for the first, not for the others', async () => {
    const tube = house.tube();
    const asking = house.reserve(tube, '?timeout=10&count=10');
    await house.untilWaiting(tube);
    const from = performance.now();
    await house.raw.put(tube, 'only');
    expect(textOf(await asking)).toEqual(['only']);
    expect(performance.now() - from).toBeLessThan(500);
  });

  test('also where one connection to beanstalkd is full', async () => {
    const own = await House.forTest();
    resultsIn(
      await own.batch(
        't',
        Array.from({ length: 1_000 }, () => ({ body: 'x' })),
      ),
    );
    for (let n = 0; n < 5; n += 1) await own.reserveOne('t');
    const counts = [];
    for (let n = 0; n < 9; n += 1) counts.push((await own.reserve('t', '?count=100')).length);
    expect(counts).toEqual(Array.from({ length: 9 }, () => 100));
    await own.batch(
      't',
      Array.from({ length: 5 }, () => ({ body: 'x' })),
    );
    expect(await own.reserve('t', '?count=100')).toHaveLength(100);
  });

  test('takes no more bodies than an answer may have; the rest stays ready', async () => {
    const own = await House.forTest({
      pool: { responseMaxBytes: 1_000 },
      limits: { responseMaxBytes: 1_000 },
    });
    for (let n = 0; n < 5; n += 1) await own.raw.put('t', Buffer.alloc(400, `${n}`));
    expect((await own.reserve('t', '?count=5')).map(({ body }) => body[0])).toEqual(['0', '1']);
    await poll('the rest is ready', async () => (await own.tubeFigure('t', 'current-jobs-ready')) === 3);
    expect((await own.reserve('t', '?count=5')).map(({ body }) => body[0])).toEqual(['2', '3']);
    await own.raw.put('large', Buffer.alloc(5_000));
    await own.raw.put('large', 'x');
    expect((await own.reserve('large', '?count=5')).map(({ body }) => body.length)).toEqual([5_000]);
    await poll('the rest is ready', async () => (await own.tubeFigure('large', 'current-jobs-ready')) === 1);
  });
});

describe('as bytes', () => {
  test('201, the body, and all headers', async () => {
    const tube = house.tube();
    const body = Buffer.of(0, 255, 13, 10, 0xef, 0xbb, 0xbf);
    const id = await house.raw.put(tube, body, { priority: 4_294_967_295, ttr: 90 });
    const answer = await house.post(of(tube, '?timeout=4'), BYTES);
    expect(answer.status).toBe(201);
    expect(answer.bytes).toEqual(body);
    const token = String(answer.headers['reservation']);
    expect(token).toMatch(TOKEN);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-length': '7',
      location: `/v1/reservations/${token}`,
      'reserve-timeout': '4',
      'job-id': id,
      'job-tube': tube,
      'job-priority': '4294967295',
      'job-ttr': '90',
      'job-reserves': '1',
      'reservation-expires': expect.stringMatching(TIME),
      'cache-control': 'no-store',
    });
    const got = await house.call('GET', String(answer.headers.location));
    expect(jsonOf(got)).toMatchObject({ reservation: token, job: { id, state: 'reserved' } });
    expect((await house.call('DELETE', String(answer.headers.location))).status).toBe(204);
    expect(await house.raw.stateOf(id)).toBeUndefined();
  });

  test('an empty body', async () => {
    const tube = house.tube();
    await house.raw.put(tube, '');
    const answer = await house.post(of(tube), BYTES);
    expect([answer.status, answer.bytes.length, answer.headers['content-length']]).toEqual([201, 0, '0']);
  });

  test('nothing came: 204', async () => {
    const answer = await house.post(of(house.tube()), BYTES);
    expect([answer.status, answer.bytes.length, applied(answer)]).toEqual([204, 0, '0']);
  });

  test('a tube whose name needs no escape in a header', async () => {
    const tube = 'AZaz09-+/;.$_()';
    await house.raw.put(tube, 'x');
    expect((await house.post(of(encodeURIComponent(tube)), BYTES)).headers['job-tube']).toBe(tube);
  });

  test('of several: refused before a job is taken', async () => {
    const tube = house.tube();
    const id = await house.raw.put(tube, 'x');
    expectProblem(await house.post(of(tube, '?count=2'), BYTES), 400, 'invalid-request', {
      errors: [{ in: 'query', name: 'count', message: expect.any(String) }],
    });
    expect((await house.stat(id))['reserves']).toBe('0');
  });

  test.each([
    ['application/octet-stream;q=0.9, application/json;q=0.5', 201],
    ['application/octet-stream;q=0.1, application/json;q=0.5', 200],
    ['application/*', 200],
    ['*/*', 200],
    ['text/html, application/octet-stream', 201],
    ['application/octet-stream, application/json;q=0', 201],
  ])('Accept: %s is %d', async (accept, status) => {
    const tube = house.tube();
    await house.raw.put(tube, 'x');
    expect((await house.post(of(tube), { headers: { accept } })).status).toBe(status);
  });

  test.each(['text/html', 'application/xml', 'application/json;q=0', 'image/*'])(
    'Accept: %s is 406 before a job is taken',
    async (accept) => {
      const tube = house.tube();
      const id = await house.raw.put(tube, 'x');
      const { headers } = { headers: { accept } };
      for (const path of [of(tube), ofTubes([tube]), `/v1/jobs/${id}/reservation`])
        expectProblem(await house.post(path, { headers }), 406, 'not-acceptable', { outcome: 'none' });
      expect(await house.stat(id)).toMatchObject({ state: 'ready', reserves: '0' });
    },
  );
});

describe('encodings', () => {
  const bodies: [string, Uint8Array, string, string][] = [
    ['text', Buffer.from('a€😀\0\r\n"\\'), 'utf-8', 'a€😀\0\r\n"\\'],
    ['a BOM is kept', Buffer.of(0xef, 0xbb, 0xbf, 0x78), 'utf-8', '\uFEFFx'],
    ['nothing', Buffer.alloc(0), 'utf-8', ''],
    ['no UTF-8', Buffer.of(0xff, 0x00), 'base64', '/wA='],
    ['half a character', Buffer.of(0xe2, 0x82), 'base64', '4oI='],
    ['a surrogate in UTF-8', Buffer.of(0xed, 0xa0, 0x80), 'base64', '7aCA'],
    ['an overlong form', Buffer.of(0xc0, 0x80), 'base64', 'wIA='],
  ];
  test.each(bodies)('%s', async (_name, bytes, encoding, body) => {
    const tube = house.tube();
    for (let n = 0; n < 3; n += 1) await house.raw.put(tube, Buffer.from(bytes));
    expect(await house.reserveOne(tube)).toMatchObject({ encoding, body });
    expect(await house.reserveOne(tube, '?encoding=utf-8')).toMatchObject({ encoding, body });
    const forced = await house.reserveOne(tube, '?encoding=base64');
    expect(forced).toMatchObject({ encoding: 'base64', body: Buffer.from(bytes).toString('base64') });
    expect(bytesIn(forced)).toEqual(Buffer.from(bytes));
  });
});

describe('several tubes', () => {
  test('the most urgent job of any of them; a tube given twice is one', async () => {
    const [a, b, c] = [house.tube(), house.tube(), house.tube()];
    await house.raw.put(a, 'second', { priority: 2 });
    await house.raw.put(b, 'first', { priority: 1 });
    await house.raw.put(c, 'not asked for', { priority: 0 });
    const answers = [];
    for (let n = 0; n < 3; n += 1) answers.push(...reservationsIn(await house.post(ofTubes([a, b, a, a]))));
    expect(textOf(answers)).toEqual(['first', 'second']);
    expect(answers.map(({ job }) => job.tube)).toEqual([b, a]);
  });

  test('waiting, with a count, from whichever it comes', async () => {
    const [a, b] = [house.tube(), house.tube()];
    const asking = house.post(ofTubes([a, b], '&timeout=10&count=5'));
    await house.untilWaiting(b);
    const id = await house.raw.put(b, 'x');
    expect(reservationsIn(await asking)).toMatchObject([{ job: { id, tube: b } }]);
  });

  test('the same set in another order or another set: each caller gets only what it asked for', async () => {
    const [a, b, c] = [house.tube(), house.tube(), house.tube()];
    await house.raw.put(c, 'x');
    expect(reservationsIn(await house.post(ofTubes([a, b])))).toEqual([]);
    expect(reservationsIn(await house.post(ofTubes([c, b])))).toHaveLength(1);
    await house.raw.put(a, 'y');
    expect(reservationsIn(await house.post(ofTubes([b, c])))).toEqual([]);
    expect(reservationsIn(await house.post(ofTubes([b, a])))).toHaveLength(1);
  });

  test('100 of them, 100 of 1 name, and default', async () => {
    const tubes = Array.from({ length: 99 }, () => house.tube());
    await house.raw.put('default', 'd', { priority: 1 });
    await house.raw.put(tubes[98] ?? '', 'l', { priority: 2 });
    expect(textOf(reservationsIn(await house.post(ofTubes([...tubes, 'default'], '&count=2'))))).toEqual([
      'd',
      'l',
    ]);
    const same = Array.from({ length: 100 }, () => tubes[0] ?? '');
    expect(reservationsIn(await house.post(ofTubes(same)))).toEqual([]);
  });

  test('100 of them with the longest names', async () => {
    const tubes = Array.from({ length: 100 }, (_, n) => `${n}`.padStart(200, 'x'));
    await house.raw.put(tubes[99] ?? '', 'x');
    expect(reservationsIn(await house.post(ofTubes(tubes)))).toHaveLength(1);
  });

  const many = Array.from({ length: 101 }, (_, n) => `tube=m${n}`).join('&');
  test.each([
    ['none', ''],
    ['101', many],
    ['an empty name', 'tube='],
    ['a bad name', 'tube=a&tube=-b'],
    ['a line end', 'tube=a%0D%0Aquit'],
    ['a space', 'tube=a+b'],
    ['.', 'tube=.'],
    ['..', 'tube=..'],
    ['one of 201 bytes', `tube=${'x'.repeat(201)}`],
  ])('%s: refused', async (_name, query) => {
    const before = await house.figure('cmd-watch');
    expectProblem(await house.post(`/v1/reservations?${query}`), 400, 'invalid-request', {
      outcome: 'none',
      errors: expect.arrayContaining([{ in: 'query', name: 'tube', message: expect.any(String) }]),
    });
    expect(await house.figure('cmd-watch')).toBe(before);
  });
});

describe('refused, with nothing taken', () => {
  test.each([
    ['timeout', 'timeout=301'],
    ['timeout', 'timeout=-1'],
    ['timeout', 'timeout=1.5'],
    ['timeout', 'timeout='],
    ['timeout', 'timeout=1&timeout=1'],
    ['deadlineMs', 'deadlineMs=99'],
    ['deadlineMs', 'deadlineMs=360001'],
    ['deadlineMs', 'deadlineMs=1e3'],
    ['count', 'count=0'],
    ['count', 'count=101'],
    ['encoding', 'encoding=hex'],
    ['encoding', 'encoding=UTF-8'],
    ['wait', 'wait=1'],
    ['deadlinems', 'deadlinems=1000'],
  ])('%s: %s', async (name, query) => {
    const tube = house.tube();
    const id = await house.raw.put(tube, 'x');
    for (const path of [of(tube, `?${query}`), ofTubes([tube], `&${query}`)]) {
      expectProblem(await house.post(path), 400, 'invalid-request', {
        outcome: 'none',
        errors: expect.arrayContaining([{ in: 'query', name, message: expect.any(String) }]),
      });
    }
    expect(await house.stat(id)).toMatchObject({ state: 'ready', reserves: '0' });
  });

  test('one caller more than may wait: 503', async () => {
    const own = await House.forTest({ pool: { waitersMax: 1 } });
    const asking = own.reserveOne('t', '?timeout=20');
    await own.untilWaiting('t');
    const answer = await own.post(of('t', '?timeout=20'));
    expectProblem(answer, 503, 'too-many-waiters', { outcome: 'none' });
    expect(answer.headers['retry-after']).toMatch(/^[1-9][0-9]*$/);
    await own.raw.put('t', 'x');
    expect((await asking).body).toBe('x');
  });

  test('one reservation more than may be held: 503, and the job stays ready', async () => {
    const own = await House.forTest({ pool: { reservationsMax: 1 } });
    await own.raw.put('t', 'first');
    const id = await own.raw.put('t', 'second');
    const { reservation } = await own.reserveOne('t');
    expectProblem(await own.post(of('t')), 503, 'overloaded', { outcome: 'none' });
    expect(await own.raw.stateOf(id)).toBe('ready');
    await own.call('DELETE', `/v1/reservations/${reservation}`);
    expect((await own.reserveOne('t')).body).toBe('second');
  });
});
